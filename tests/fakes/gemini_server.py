"""A loopback server that speaks Gemini's generateContent; see `behaviours` for the models it has.

``python -m tests.fakes.gemini_server [--key KEY] [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .behaviours import MODELS, Behaving, Speech
from .loopback import Exchange, main
from .scripted import Scripted

CREDENTIALS = {"api_key": "AIza-contract-0123456789"}

SSE = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# Google's own client writes the colon as %3A, and /v1 where it is given a base URL.
PATHS = re.compile(r"/v1(?:beta)?/models/(.+):(streamGenerateContent|generateContent)")
SIGNATURE = "c2lnbmF0dXJl"
UNSIGNED = "skip_thought_signature_validator"


def data(value: Any) -> bytes:
    """One event, with the line ends that Google sends."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"


class Stream(Speech):
    """An answer as candidates made of parts: an event each, or one array where nobody asks for events."""

    _array: list[Any] | None = None

    @property
    def streamed(self) -> bool:
        return "streamGenerateContent" in unquote(self.exchange.record.path)

    @property
    def messages(self) -> list[Any]:
        return list(self.body.get("contents") or [])

    @property
    def prompt(self) -> str:
        return "".join(part.get("text", "") for part in self.messages[-1]["parts"])

    @property
    def asked(self) -> int:
        texts = [part.get("text", "") for message in self.messages for part in message["parts"]]
        return sum(len(text.split()) for text in texts)

    def tool(self) -> str:
        return str(self.body["tools"][0]["functionDeclarations"][0]["name"])

    def told(self) -> list[tuple[str, str]]:
        told = []
        for message in self.messages:
            parts = message["parts"]
            if message["role"] == "model":
                told += [("call", "")] if any("functionCall" in part for part in parts) else []
                continue
            for part in parts:
                if "functionResponse" in part:
                    response = part["functionResponse"]["response"]
                    told.append(("result", json.dumps(response, ensure_ascii=False)))
                else:
                    told.append(("ask", part.get("text", "")))
        return told

    async def open(self) -> None:
        if parse_qs(urlsplit(self.exchange.record.path).query).get("alt") == ["sse"]:
            await self.exchange.start(200, SSE)
        else:
            self._array = []

    async def token(self, text: str, *, thought: bool) -> None:
        if thought:
            config = self.body.get("generationConfig") or {}
            wanted = config.get("thinkingConfig") or {}
            # Either spelling is good; Google's own client sends the second.
            if not (wanted.get("includeThoughts") or wanted.get("include_thoughts")):
                return  # thought, and counted, but not told
        await self._part({"text": text} | ({"thought": True} if thought else {}))

    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        # Of calls in one step only the first is signed.
        signed = {} if self.next_id("")[0] else {"thoughtSignature": SIGNATURE}
        await self._part({"functionCall": {"name": name, "args": arguments}} | signed)

    async def finish(self, reason: str = "stop") -> None:
        last = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"}
        await self._chunk(candidates=[last], usageMetadata=self._usage())
        if self._array is not None:
            # As Google writes its arrays: a line for each, the comma before the next.
            raw = "[" + "\n,\r\n".join(json.dumps(one, ensure_ascii=False) for one in self._array) + "\n]\n"
            await self.exchange.whole(200, raw.encode(), {"Content-Type": "application/json"})
        else:
            await self.exchange.end()

    async def fail(self, message: str) -> None:
        await self.exchange.send(data({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}))

    async def whole(self, text: str) -> None:
        self.exchange.record.text = text
        self.said = len(text.split())
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
        await self.exchange.json(200, {"candidates": [candidate], "usageMetadata": self._usage()})

    def _usage(self) -> dict[str, int]:
        counts = {
            "promptTokenCount": self.asked,
            "candidatesTokenCount": self.said,
            "thoughtsTokenCount": self.thought,
            "totalTokenCount": self.asked + self.said + self.thought,
        }
        return {name: count for name, count in counts.items() if count}  # zeros are left out

    async def _part(self, part: dict[str, Any]) -> None:
        await self._chunk(candidates=[{"content": {"role": "model", "parts": [part]}}])

    async def _chunk(self, **fields: Any) -> None:
        chunk = fields | {"modelVersion": "fake", "responseId": "fake"}
        if self._array is None:
            await self.exchange.send(data(chunk))
        else:
            self._array.append(chunk)


class GeminiServer(Behaving):
    """Speaks Gemini over loopback, and insists on what the service insists on."""

    speech = Stream

    def authorized(self, headers: dict[str, str]) -> bool:
        return self.key is None or headers.get("x-goog-api-key") == self.key

    async def unauthorized(self, exchange: Exchange) -> None:
        # A wrong key is a 400, told by its reason.
        error = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}
        reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        await exchange.json(400, {"error": error | {"details": [reason]}})

    async def respond(self, exchange: Exchange) -> None:
        record, body = exchange.record, exchange.record.body
        path = unquote(urlsplit(record.path).path)
        found = PATHS.fullmatch(path)
        if path in ("/v1beta/models", "/v1/models"):
            await exchange.json(200, {"models": [*map(_model, MODELS), _model("embed", "embedContent")]})
        elif found is None or not isinstance(body, dict):
            await self.refuse(exchange, 404, f"Unknown path {path}")
        elif wrong := _wrong(body):
            await self.refuse(exchange, 400, wrong)
        else:
            # Under such a name a client signs what another model called.
            await self.behave(exchange, found.group(1).removeprefix("gemini-3-"))

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        headers = dict(headers or {})
        error: dict[str, Any] = {"code": status, "message": message, "status": STATUS.get(status, "UNKNOWN")}
        if wait := headers.pop("Retry-After", None):
            info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait}s"}
            error["details"] = [info]
        raw = json.dumps({"error": error}, indent=2).encode()
        await exchange.whole(status, raw, {"Content-Type": "application/json; charset=UTF-8"} | headers)


def _model(name: str, method: str = "generateContent") -> dict[str, Any]:
    return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": [method]}


def _wrong(body: dict[str, Any]) -> str:
    """What the service would not accept, in its manner; "" where all is well."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        return "* GenerateContentRequest.contents: contents is not specified"
    waiting = 0
    for content in contents:
        given = sum("functionResponse" in part for part in content.get("parts") or ())
        if given != waiting:
            return (
                "Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )
        waiting = sum("functionCall" in part for part in content.get("parts") or ())
        if content.get("role") not in ("user", "model", None):
            return "Please use a valid role: user, model."
        if not content.get("parts"):
            return "* GenerateContentRequest.contents: contents.parts must not be empty."
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and calls[0].get("thoughtSignature") not in (SIGNATURE, UNSIGNED):
            return "Function call is missing a thought_signature in functionCall parts."
        for part in content["parts"]:
            response = part.get("functionResponse", {}).get("response", {})
            if not isinstance(response, dict):
                return "Invalid value at 'contents.parts.function_response.response' (Struct)"
    return ""


def scripted() -> Scripted:
    """For the contract suite."""

    def candidate(text: str, **more: Any) -> bytes:
        return data({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}} | more]})

    return Scripted(
        "/v1beta",
        said=candidate,
        ends=candidate("", finishReason="STOP"),
        fails=lambda message: data({"error": {"code": 500, "message": message, "status": "INTERNAL"}}),
    )


SERVER = GeminiServer

if __name__ == "__main__":
    main(GeminiServer)
