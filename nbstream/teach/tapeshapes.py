"""What of each dialect's frames may stand on a tape: the fields that its decoder reads, and no others.

A shape is a dict (an object with these fields), a list of one shape (an array), a tuple of shapes (whichever
fits the value), or a `Leaf`. What stands in none of them is left out, so that nothing unknown is ever kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..providers.base import Provider

Shape = Any


class Leaf(Enum):
    """What a field holds."""

    TEXT = "text"
    """Words of a model or of a service, kept without what looks like a secret."""
    WORD = "word"
    """One short word or a number: a role, a code, the name of a function."""
    NUMBER = "number"
    ID = "id"
    """What the service calls a request: its signs are replaced, its form stays."""
    SEALED = "sealed"
    """A signature, which only the service can read: a stand-in is kept."""
    ANY = "any"
    """JSON that the model made, such as the arguments of a call; its texts as `TEXT`."""
    JSON = "json"
    """The same as text."""
    URL = "url"
    """An address, without what stands behind its question mark."""
    EMPTY = "empty"
    """Only that there is something."""


TEXT, WORD, NUMBER, ID, SEALED = Leaf.TEXT, Leaf.WORD, Leaf.NUMBER, Leaf.ID, Leaf.SEALED
ANY, JSON, URL, EMPTY = Leaf.ANY, Leaf.JSON, Leaf.URL, Leaf.EMPTY


def numbers(names: str) -> dict[str, Shape]:
    """A shape of counts."""
    return dict.fromkeys(names.split(), NUMBER)


INNER: Shape = {
    **dict.fromkeys(("code", "type", "status", "param"), WORD),
    "message": TEXT,
    "msg": TEXT,
    "request_id": ID,
    "metadata": {"raw": TEXT},
    "details": [
        {"@type": WORD, "reason": WORD, "retryDelay": WORD, "violations": [{"quotaId": WORD}]},
    ],
}
"""An error, as it stands in an object of its own."""
ERROR: dict[str, Shape] = {
    "error": (TEXT, INNER),
    "detail": (TEXT, {"message": TEXT}, [{"loc": [WORD], "msg": TEXT}]),
    "message": TEXT,
    "msg": TEXT,
    **dict.fromkeys(("code", "type", "object", "error_code"), WORD),
    "error_msg": TEXT,
    "error_description": TEXT,
    **dict.fromkeys(("id", "sid", "Sid", "request_id"), ID),
}
"""An error in any of the forms that services have for it."""

SOURCE: Shape = {"index": WORD, "title": TEXT, "url": URL}
CALL: Shape = {
    **dict.fromkeys(("index", "id", "type"), WORD),
    "function": {"index": NUMBER, "name": WORD, "arguments": (JSON, ANY)},
}
FUNCTION: Shape = {"name": WORD, "arguments": (JSON, ANY)}
USAGE: Shape = {
    **numbers("prompt_tokens completion_tokens total_tokens question_tokens prompt_cache_hit_tokens"),
    "completion_tokens_details": numbers("reasoning_tokens"),
    "prompt_tokens_details": numbers("cached_tokens"),
}
DELTA: Shape = {
    "role": WORD,
    "content": (
        TEXT,
        [(TEXT, {"type": WORD, "text": TEXT, "thinking": (TEXT, [{"type": WORD, "text": TEXT}])})],
    ),
    "reasoning_content": TEXT,
    "reasoning": TEXT,
    "reasoning_details": [{"type": WORD, "text": TEXT, "summary": TEXT}],
    "refusal": TEXT,
    "tool_calls": ([CALL], CALL),
    "function_call": FUNCTION,
}
MODERATED: dict[str, Shape] = numbers("flag ban_round need_clear_history is_end")
OPENAI: Shape = {
    **ERROR,
    "object": WORD,
    "created": NUMBER,
    "model": WORD,
    "choices": [
        {
            **numbers("index"),
            "delta": DELTA,
            "message": DELTA,
            "finish_reason": WORD,
            "usage": USAGE,
            "error": (TEXT, INNER),
            **MODERATED,
        }
    ],
    "usage": USAGE,
    "x_groq": {"usage": USAGE},
    **MODERATED,
    "search_results": [SOURCE],
    "web_search": {"search_results": [SOURCE]},
}
ERNIE_V1: Shape = {
    **ERROR,
    "object": WORD,
    **numbers("created sentence_id is_truncated"),
    **MODERATED,
    "result": TEXT,
    "finish_reason": WORD,
    "usage": USAGE,
    "function_call": FUNCTION,
    "search_info": {"search_results": [SOURCE]},
    "tools_info": {"search_results": [SOURCE]},
}
SPARK: Shape = {
    **ERROR,
    "header": {"code": WORD, "message": TEXT, "sid": ID, "status": NUMBER},
    "payload": {
        "choices": {
            "status": WORD,
            "seq": NUMBER,
            "text": [
                {
                    "content": TEXT,
                    "reasoning_content": TEXT,
                    "role": WORD,
                    "index": NUMBER,
                    "function_call": FUNCTION,
                }
            ],
        },
        "usage": {"text": USAGE},
        "plugins": {"text": [{"name": WORD, "content": (("json", [SOURCE]),)}]},
    },
}
_COUNTS = "input_tokens output_tokens cache_creation_input_tokens cache_read_input_tokens"
_BLOCK: Shape = {
    **dict.fromkeys(("type", "id", "name"), WORD),
    "text": TEXT,
    "thinking": TEXT,
    "signature": SEALED,
    "data": SEALED,
    "input": ANY,
}
_END: dict[str, Shape] = {
    "stop_reason": WORD,
    "stop_details": {"explanation": TEXT, "category": WORD},
}
ANTHROPIC: Shape = {
    **ERROR,
    **numbers("index"),
    **dict.fromkeys(("model", "role"), WORD),
    "message": (TEXT, {"type": WORD, "role": WORD, "model": WORD, "id": ID, "usage": numbers(_COUNTS)}),
    "content_block": _BLOCK,
    "content": [_BLOCK],
    "delta": {
        "type": WORD,
        "text": TEXT,
        "thinking": TEXT,
        "signature": SEALED,
        "partial_json": TEXT,
        **_END,
    },
    **_END,
    "usage": numbers(_COUNTS),
}
_CHUNK: Shape = {
    **ERROR,
    "candidates": [
        {
            "index": NUMBER,
            "content": {
                "role": WORD,
                "parts": [
                    {
                        "text": TEXT,
                        "thought": NUMBER,
                        "thoughtSignature": SEALED,
                        "functionCall": {"id": WORD, "name": WORD, "args": ANY},
                        # Of these the decoder only says that they are there.
                        **dict.fromkeys(
                            ("inlineData", "fileData", "executableCode", "codeExecutionResult"), EMPTY
                        ),
                    }
                ],
            },
            "finishReason": WORD,
            "finishMessage": TEXT,
        }
    ],
    "usageMetadata": numbers(
        "promptTokenCount candidatesTokenCount totalTokenCount thoughtsTokenCount"
        " cachedContentTokenCount toolUsePromptTokenCount"
    ),
    "promptFeedback": {"blockReason": WORD, "blockReasonMessage": TEXT},
    "modelVersion": WORD,
}
OLLAMA: Shape = {
    **ERROR,
    "model": WORD,
    "message": (
        TEXT,
        {
            "role": WORD,
            "content": TEXT,
            "thinking": TEXT,
            "reasoning_content": TEXT,
            "tool_calls": [CALL],
        },
    ),
    "response": TEXT,
    "thinking": TEXT,
    "done_reason": WORD,
    **numbers("done prompt_eval_count eval_count"),
    **numbers("total_duration load_duration prompt_eval_duration eval_duration"),
}
DEMO: Shape = {"text": TEXT, "done": WORD, "usage": numbers("input_tokens output_tokens")}

SHAPES: Mapping[str, Shape] = {
    "openai": OPENAI,
    "ernie": OPENAI,
    "spark-http": OPENAI,
    "spark": SPARK,
    "ernie-v1": ERNIE_V1,
    "anthropic": ANTHROPIC,
    "gemini": (_CHUNK, [_CHUNK]),
    "ollama": OLLAMA,
    "demo": DEMO,
}
"""By dialect."""


def shape_of(provider: Provider) -> Shape | None:
    """The shape of a provider's frames; None: nobody has said what of them is safe to keep.

    A provider of another package may say it, in ``frame_shape``: fields by name, their leaves as words
    (``{"text": "text", "done": "word"}``). One that we do not understand says nothing.
    """
    given = getattr(provider, "frame_shape", None)
    if given is not None:
        try:
            return _read(given)
        except (ValueError, TypeError, IndexError, RecursionError):
            return None
    return SHAPES.get(provider.dialect or provider.name)


def _read(given: Any) -> Shape:
    if isinstance(given, Mapping):
        return {str(name): _read(one) for name, one in given.items()}
    if isinstance(given, list):
        return [_read(given[0])]
    if isinstance(given, tuple):
        return (_read(given[0]), *map(_read, given[1:]))
    return Leaf(given)


EVENTS = frozenset(
    {
        *("body", "bare", "error", "message", "ping", "done", "message_start", "message_delta"),
        *("message_stop", "content_block_start", "content_block_delta", "content_block_stop"),
    }
)
"""Names of events that decoders know."""
