"""iFlytek's own client, over its WebSocket."""

import json

from sparkai.core.messages import ChatMessage
from sparkai.llm.llm import ChatSparkLLM
from talk import Said, converse


def ask(job: dict, model: str, prompt: str, said: Said) -> None:
    client = ChatSparkLLM(
        spark_api_url=job["url"],
        spark_app_id=job["app_id"],
        spark_api_key=job["key"],
        spark_api_secret=job["api_secret"],
        spark_llm_domain=model,
        streaming=True,
        request_timeout=8,
    )
    functions = {"function_definition": job["functions"]} if model in job.get("calling", ()) else {}
    for chunk in client.stream([ChatMessage(role="user", content=prompt)], **functions):
        if usage := chunk.additional_kwargs.get("token_usage"):
            said.usage = [usage["prompt_tokens"], usage["completion_tokens"]]
        said.text += chunk.content or ""
        call = getattr(chunk, "function_call", None)
        if call and not said.tools:  # it says a call twice, and no reasoning at all
            said.tools = [[call["name"], json.loads(call["arguments"])]]


converse(ask)
