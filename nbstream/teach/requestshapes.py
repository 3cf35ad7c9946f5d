"""What of a request may be shown or stand on a tape: what was asked, and not who asked it."""

from __future__ import annotations

from .tapeshapes import ANY, NUMBER, TEXT, WORD, Shape

_COMMON = (
    "temperature max_tokens top_p top_k seed stop thinking"
    " presence_penalty frequency_penalty reasoning_effort"
)


def _named(*names: str) -> dict[str, Shape]:
    """Parameters of a request."""
    return dict.fromkeys(" ".join(names).split(), ANY)


REQUEST: Shape = {
    # Spark
    "header": {},
    "parameter": {"chat": _named("domain tools search_disable show_ref_label auditing", _COMMON)},
    "payload": {"message": {"text": [{"role": WORD, "content": TEXT}]}, "functions": ANY},
    # all others
    "model": WORD,
    "messages": ANY,
    "contents": ANY,
    "system": ANY,
    "systemInstruction": ANY,
    "stream": NUMBER,
    "stream_options": ANY,
    "tools": ANY,
    "functions": ANY,
    "generationConfig": _named(
        "temperature maxOutputTokens topP topK candidateCount stopSequences seed responseMimeType"
        " responseJsonSchema responseSchema thinkingConfig presencePenalty frequencyPenalty"
    ),
    "options": _named("num_predict num_ctx min_p repeat_penalty", _COMMON),
    **_named(
        "max_completion_tokens max_output_tokens penalty_score keep_alive enable_thinking think"
        " tool_calls_switch response_format format output_config tool_choice web_search disable_search",
        _COMMON,
    ),
}
"""What of a request's body is shown or kept: what was asked. Not who asked it (ids, keys, metadata)."""
OPTIONS = frozenset(REQUEST) - {"header", "parameter", "payload", "messages", "contents", "system"} | {
    *("n", "delay", "logprobs", "top_logprobs", "auditing", "num_ctx", "thinkingConfig", "generationConfig"),
    *("domain", "search_disable", "show_ref_label"),
}
"""Names in ``options`` that belong to the question."""
