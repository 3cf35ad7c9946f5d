"""Baidu's own client, for both of its interfaces: V1 with ``"version": 1`` in the job."""

import json
import os

from talk import Said, converse

os.environ["QIANFAN_ENABLE_STRESS_TEST"] = "false"


def ask(job: dict, model: str, prompt: str, said: Said) -> None:
    import qianfan

    qianfan.disable_log()
    messages = [{"role": "user", "content": prompt}]
    if job["version"] == 1:
        qianfan.get_config().BASE_URL = job["url"]
        if "access_key" in job:
            qianfan.get_config().ACCESS_KEY, qianfan.get_config().SECRET_KEY = (
                job["access_key"],
                job["secret_key"],
            )
            client = qianfan.ChatCompletion(endpoint=model)
        else:
            client = qianfan.ChatCompletion(endpoint=model, ak=job["key"], sk=job["secret_key"])
        for answer in client.do(messages=messages, stream=True, retry_count=1, request_timeout=8):
            piece = answer.body
            said.text += piece.get("result") or ""
            said.finish = piece.get("finish_reason") or said.finish
            if call := piece.get("function_call"):
                said.tools.append([call["name"], json.loads(call["arguments"])])
            if usage := piece.get("usage"):
                said.usage = [usage["prompt_tokens"], usage["completion_tokens"]]
        return
    client = qianfan.Qianfan(
        api_key=job["key"], console_api_base_url=job["url"], retry_count=1, request_timeout=8
    )
    calls: dict[int, list[str]] = {}
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        if chunk.usage:
            said.usage = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
        for choice in chunk.choices or []:
            delta = choice.delta
            said.text += delta.content or ""
            said.reasoning += getattr(delta, "reasoning_content", None) or ""
            said.finish = choice.finish_reason or said.finish
            for call in delta.tool_calls or []:
                calls.setdefault(len(calls), [call.function.name, call.function.arguments])
    said.tools = [[name, json.loads(arguments)] for name, arguments in calls.values()]


converse(ask)
