"""A loopback server that speaks Qianfan V2.

The `model` says how it behaves: see ``behaviours.py`` and ``baidu.py``.

It refuses as the service does: no ``Bearer`` key, blank content, or roles out of order.

``python -m tests.fakes.ernie_server [--key KEY] [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .baidu import SSE, Baidu, Voice, arguments_of, as_event, compact
from .behaviours import unanswered
from .loopback import Exchange, main
from .scripted import Scripted

CREDENTIALS = {"api_key": "bce-v3/ALTAK-contract0123456789/abcdef0123456789abcdef"}
MODELS = ("words:200@50", "rich:400@100", "think:50@50", "search", "call", "echo", "ernie-5.1")
LIMITS = {
    "X-Ratelimit-Limit-Requests": "60",
    "X-Ratelimit-Limit-Input-Tokens": "100000",
    "X-Ratelimit-Limit-Output-Tokens": "100000",
    "X-Ratelimit-Remaining-Requests": "0",
    "X-Ratelimit-Remaining-Input-Tokens": "99000",
    "X-Ratelimit-Remaining-Output-Tokens": "99000",
}
ERRORS = {  # code: status, type, message
    "invalid_iam_token": (401, "invalid_request_error", "IAM Certification failed"),
    "invalid_model": (
        401,
        "invalid_request_error",
        "The model does not exist or you do not have access to it.",
    ),
    "invalid_appid": (401, "invalid_request_error", "No permission to use the appid"),
    "no_parameter_permission": (401, "access_denied", "You do not have permission to use the parameter"),
    "malformed_json": (400, "invalid_request_error", "Invalid JSON"),
    "invalid_messages": (
        400,
        "invalid_request_error",
        "the role of message must be alternating, content not blank",
    ),
    "invalid_argument": (400, "invalid_request_error", "temperature is out of range"),
    "characters_too_long": (400, "invalid_request_error", "the max input characters is 516096"),
    "tokens_too_long": (400, "invalid_request_error", "Prompt tokens too long"),
    "image_url_unsafe": (400, "unsafe_request", "the image is not safe"),
    "system_unsafe": (403, "unsafe_request", "the content of system field is invalid"),
    "user_setting_unsafe": (403, "unsafe_request", "user setting is invalid"),
    "functions_unsafe": (403, "unsafe_request", "functions is invalid"),
    "account_overdue": (403, "access_denied", "Access denied due to overdue account"),
    "model_offline": (403, "access_denied", "the model is offline"),
    "method_not_supported": (405, "invalid_request_error", "Only POST requests are accepted"),
    "rpm_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for RPM"),
    "tpm_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for TPM"),
    "input_tpm_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for input TPM"),
    "output_tpm_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for output TPM"),
    "preemptible_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached"),
    "user_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for user"),
    "cluster_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for cluster"),
    "cluster_rpm_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for cluster RPM"),
    "cluster_tpm_rate_limit_exceeded": (429, "rate_limit_exceeded", "Rate limit reached for cluster TPM"),
    "Offline_batch_reasoning_refused": (429, "rate_limit_exceeded", "Offline batch reasoning refused"),
    "internal_error": (500, "Internal_error", "Internal error"),
    "dispatch_internal_error": (500, "Internal_error", "Internal error"),
}


class Chunks(Voice):
    """An answer as V2's chunks: the role in the first only, `flag` in each, usage null until the end."""

    _first = True

    async def open(self) -> None:
        await self.exchange.start(200, SSE | LIMITS)

    async def token(self, text: str, *, thought: bool) -> None:
        await self._chunk({"content": "", "reasoning_content": text} if thought else {"content": text})

    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        function = {"name": name, "arguments": arguments_of(arguments)}
        _, id_ = self.next_id("c1")
        await self._chunk(
            {"content": "", "tool_calls": [{"id": id_, "type": "function", "function": function}]}
        )

    async def called(self) -> None:
        await self.end("tool_calls")

    async def end(self, reason: str, **marks: Any) -> None:
        sources = marks.pop("sources", None)
        extra = {"search_results": sources} if sources else {}
        await self._chunk({"content": ""}, {"finish_reason": reason} | marks, extra)
        if (self.body.get("stream_options") or {}).get("include_usage"):
            await self.exchange.send(as_event(self._shape() | {"choices": [], "usage": self._usage()}))
        await self.exchange.send(b"data: [DONE]\n\n")
        await self.exchange.end()

    async def whole(self, text: str) -> None:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = self._shape() | {"choices": [choice | {"flag": 0}], "usage": self._usage()}
        await self.exchange.json(200, body | {"object": "chat.completion"})

    def error(self, code: str) -> bytes:
        return compact(_error(code))

    async def _chunk(
        self, delta: dict[str, Any], marks: dict[str, Any] | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        role = {"role": "assistant"} if self._first else {}
        self._first = False
        choice = {"index": 0, "delta": role | delta, "flag": 0} | (marks or {})
        await self.exchange.send(
            as_event(self._shape() | {"choices": [choice], "usage": None} | (extra or {}))
        )

    def _shape(self) -> dict[str, Any]:
        shape = {"id": "as-fake", "object": "chat.completion.chunk", "created": int(time.time())}
        return shape | {"model": self.body.get("model")}

    def _usage(self) -> dict[str, int]:
        made = self.said + self.thought
        return {"prompt_tokens": self.asked, "completion_tokens": made, "total_tokens": self.asked + made}


class ErnieServer(Baidu):
    """Speaks Qianfan V2 over loopback."""

    path = "/v2"
    speech = Chunks

    async def respond(self, exchange: Exchange) -> None:
        record = exchange.record
        path = record.path.partition("?")[0]
        if path == "/v2/models":
            listed = [{"id": name, "object": "model", "owned_by": "baidu"} for name in MODELS]
            await exchange.json(200, {"object": "list", "data": listed})
        elif path != "/v2/chat/completions" or record.method != "POST":
            await self.refuse_with(exchange, "method_not_supported")
        elif not isinstance(record.body, dict):
            await self.refuse_with(exchange, "malformed_json")
        elif not _in_order(record.body.get("messages")):
            await self.refuse_with(exchange, "invalid_messages")
        else:
            await self.behave(exchange, str(record.body.get("model")))

    def authorized(self, headers: dict[str, str]) -> bool:
        given = headers.get("authorization", "")
        return given == f"Bearer {self.key}" if self.key else given.startswith("Bearer ")

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        known = {401: "invalid_iam_token", 404: "invalid_model", 429: "rpm_rate_limit_exceeded"}
        await self.refuse_with(exchange, known.get(status, "internal_error"))

    async def refuse_with(self, exchange: Exchange, code: str) -> None:
        status = ERRORS[code][0]
        headers = {"X-Baidu-Request-Id": "fake-request"} | (LIMITS if status == 429 else {})
        await exchange.json(status, _error(code), headers)


def _error(code: str) -> dict[str, Any]:
    _, type_, message = ERRORS[code]
    return {"error": {"code": code, "message": message, "type": type_}, "id": "as-fake"}


def _in_order(messages: Any) -> bool:
    """The service's rule: system first if at all, then user and assistant in turn, nothing blank."""
    if not isinstance(messages, list) or not messages:
        return False
    talk = messages[1:] if messages[0]["role"] == "system" else messages
    if not talk or talk[0]["role"] != "user" or talk[-1]["role"] not in ("user", "tool"):
        return False
    for before, after in zip([None, *talk], talk, strict=False):
        if not (str(after.get("content") or "").strip() or after.get("tool_calls")):
            return False
        if before and before["role"] == after["role"] != "tool":
            return False
    return not unanswered(talk)


def scripted() -> Scripted:
    """For the contract suite."""

    def chunk(**choice: Any) -> bytes:
        return as_event({"id": "as-fake", "choices": [{"index": 0, "flag": 0} | choice], "usage": None})

    def fails(message: str) -> bytes:
        error = {"code": "internal_error", "message": message, "type": "Internal_error"}
        return as_event({"error": error, "id": "as-fake"})

    return Scripted(
        "/v2",
        said=lambda text: chunk(delta={"content": text}),
        ends=chunk(delta={"content": ""}, finish_reason="stop") + b"data: [DONE]\n\n",
        fails=fails,
    )


if __name__ == "__main__":
    main(ErnieServer)
