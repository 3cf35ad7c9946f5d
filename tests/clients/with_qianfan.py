"""Baidu's own client, for both of its interfaces: V1 with ``"version": 1`` in the job."""

import json

from talk import Said, converse

clients: dict = {}


def ask(job: dict, model: str, prompt: str, said: Said) -> None:
    import qianfan

    qianfan.disable_log()
    messages = [{"role": "user", "content": prompt}]
    if job["version"] == 1:
        config = qianfan.get_config()
        config.BASE_URL, config.ACCESS_TOKEN_REFRESH_MIN_INTERVAL = job["url"], 0
        if "access_key" in job:
            config.ACCESS_KEY, config.SECRET_KEY = job["access_key"], job["secret_key"]
            known = {}  # it reads them there
        else:
            config.ACCESS_KEY = config.SECRET_KEY = None
            known = {"ak": job["key"], "sk": job["secret_key"]}
        # One for all, so that it keeps its token.
        client = clients.setdefault((job["url"], job["key"]), qianfan.ChatCompletion(**known))
        for answer in client.do(messages, endpoint=model, stream=True, retry_count=1, request_timeout=8):
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
