"""Anthropic's own client."""

import anthropic
from talk import Said, converse


def ask(job: dict, model: str, prompt: str, said: Said) -> None:
    client = anthropic.Anthropic(base_url=job["url"], api_key=job["key"], max_retries=0, timeout=10)
    more = {"tools": job["tools"]} if "tools" in job else {}
    messages = [{"role": "user", "content": prompt}]
    with client.messages.stream(model=model, max_tokens=1000, messages=messages, **more) as stream:
        for event in stream:
            if counts := getattr(event, "usage", None):
                said.usage[1] = counts.output_tokens
            elif event.type == "message_start":
                said.usage = [event.message.usage.input_tokens, event.message.usage.output_tokens]
            if event.type == "text":
                said.text += event.text
            elif event.type == "thinking":
                said.reasoning += event.thinking
            elif event.type == "content_block_stop" and event.content_block.type == "tool_use":
                said.tools.append([event.content_block.name, event.content_block.input])
            elif event.type == "message_delta":
                said.finish = event.delta.stop_reason or said.finish
        whole = stream.get_final_message()
        assert "".join(block.text for block in whole.content if block.type == "text") == said.text


converse(ask)
