"""Ollama's own client."""

import ollama
from talk import Said, converse


def ask(job: dict, model: str, prompt: str, said: Said) -> None:
    client = ollama.Client(host=job["url"], headers={"Authorization": f"Bearer {job['key']}"}, timeout=10)
    messages = [{"role": "user", "content": prompt}]
    for chunk in client.chat(model=model, messages=messages, stream=True, tools=job.get("tools")):
        said.text += chunk.message.content or ""
        said.reasoning += chunk.message.thinking or ""
        said.tools += [
            [call.function.name, dict(call.function.arguments)] for call in chunk.message.tool_calls or []
        ]
        if chunk.done:
            said.finish = chunk.done_reason
            said.usage = [chunk.prompt_eval_count, chunk.eval_count]


converse(ask)
