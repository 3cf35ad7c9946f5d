"""OpenAI's own client."""

import json

import openai
from talk import Said, converse


def ask(job: dict, model: str, prompt: str, said: Said) -> None:
    client = openai.OpenAI(base_url=job["url"], api_key=job["key"], max_retries=0, timeout=10)
    calls: dict[int, list[str]] = {}
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        if chunk.usage:
            said.usage = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
        for choice in chunk.choices or []:
            if choice.delta is None:  # Azure's word about its filter
                continue
            said.text += choice.delta.content or ""
            said.reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            said.finish = choice.finish_reason or said.finish
            for call in choice.delta.tool_calls or []:
                if isinstance(call, str):  # Spark's one object where a list should be
                    continue
                place = len(calls) if call.index is None else call.index  # Baidu's have none
                name, arguments = calls.setdefault(place, ["", ""])
                calls[place] = [
                    name or call.function.name or "",
                    arguments + (call.function.arguments or ""),
                ]
    said.tools = [[name, json.loads(arguments)] for name, arguments in calls.values()]


converse(ask)
