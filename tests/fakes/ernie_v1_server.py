"""A loopback server that speaks Baidu's V1: its chat, its tokens, and its request signatures.

The word in the path says how it behaves: see ``behaviours.py`` and ``baidu.py``. Who calls must bring a
token that ``/oauth/2.0/token`` gave and that is still good, or a signature; POST /control/expire and
/control/revoke say what becomes of the tokens that were given. The rules for messages are the service's.

``python -m tests.fakes.ernie_v1_server [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from .baidu import SSE, Baidu, Voice, arguments_of, as_event, compact
from .bce_verify import refusal
from .loopback import Exchange, main
from .scripted import Scripted

CREDENTIALS = {"api_key": "AKcontract0123456789abcd", "secret_key": "SKcontract0123456789abcdefgh"}
IAM = {"access_key": "ALTAKfake0123456789abcd", "secret_key": "5f4dcc3b5aa765d61d8327deb882cf99"}
ROOT = "/rpc/2.0/ai_custom/v1/wenxinworkshop"
TOKEN_PATH = "/oauth/2.0/token"
MONTH = 2_592_000
LIMITS = {
    "X-Ratelimit-Limit-Requests": "300",
    "X-Ratelimit-Limit-Tokens": "300000",
    "X-Ratelimit-Remaining-Requests": "0",
    "X-Ratelimit-Remaining-Tokens": "298000",
}
ERRORS = {
    "1": "Unknown error",
    "2": "Service temporarily unavailable",
    "3": "Unsupported openapi method",
    "4": "Open api request limit reached",
    "6": "No permission to access data",
    "13": "Get service token failed",
    "14": "IAM Certification failed",
    "15": "app not exists or create failed",
    "17": "Open api daily request limit reached",
    "18": "Open api qps request limit reached",
    "19": "Open api total request limit reached",
    "100": "Invalid parameter",
    "110": "Access token invalid or no longer valid",
    "111": "Access token expired",
    "336000": "Internal error",
    "336001": "Invalid Argument",
    "336002": "Invalid JSON",
    "336003": "the length of messages must be an odd number",
    "336004": "Permission Error",
    "336005": "API name not exist",
    "336006": "the role of message with even index in the messages must be user or function",
    "336007": "the max input characters is 20000",
    "336100": "the server is currently overloaded with other requests",
    "336101": "Invalid http method",
    "336103": "Prompt tokens too long",
    "336104": "the content of system field is invalid",
    "336105": "the content of user field is invalid",
    "336501": "Rate limit reached for RPM",
    "336502": "Rate limit reached for TPM",
}


class Frames(Voice):
    """An answer as V1's frames: `normal` in each, the last with `is_end`. It knows no thoughts."""

    async def open(self) -> None:
        await self.exchange.start(200, SSE | LIMITS)

    async def token(self, text: str, *, thought: bool) -> None:
        if not thought:
            await self._frame(text)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        call = {"name": name, "arguments": arguments_of(arguments), "thoughts": "…"}
        await self.end("function_call", function_call=call)

    def told(self) -> list[tuple[str, str]]:
        kinds = {"user": "ask", "function": "result", "assistant": "call"}
        return [
            (kinds[one["role"]], str(one["content"]))
            for one in self.messages
            if one["role"] != "assistant" or "function_call" in one
        ]

    async def finish(self, reason: str = "stop") -> None:
        if reason != "tool_calls":  # the call itself was the end
            await self.end(reason)

    async def end(self, reason: str, **marks: Any) -> None:
        if sources := marks.pop("sources", None):
            marks["search_info"] = {"search_results": sources}
        reason = "normal" if reason == "stop" else reason
        await self._frame("", is_end=True, finish_reason=reason, is_truncated=reason == "length", **marks)
        await self.exchange.end()

    async def whole(self, text: str) -> None:
        await self.exchange.json(200, frame(text, 0, is_end=True))

    def error(self, code: str) -> bytes:
        return compact(error(code))

    async def _frame(self, text: str, **marks: Any) -> None:
        await self.exchange.send(as_event(frame(text, self.said, **marks)))


class ErnieV1Server(Baidu):
    """Speaks V1 over loopback.

    Attributes
    ----------
    expires_in : float
        Seconds that the next tokens live.
    token_answer : str or None
        Name of a transcript that is played in place of a token; with `token_answer_single` byte by byte.
    token_status : int
        HTTP status of a refused token: not documented, so both 401 and 200 must do.
    """

    path = ROOT
    speech = Frames

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        super().__init__(None, tls=tls)
        self.expires_in: float = MONTH
        self.token_answer: str | None = None
        self.token_answer_single = False
        self.token_status = 401
        self._good: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._gathering: int = 0
        self._gathered: list[asyncio.Future[None]] = []

    # --- the face for tests ---------------------------------------------------------------------------

    def expire(self) -> None:
        """All tokens that were given so far have expired."""
        self._good = dict.fromkeys(self._good, 0.0)

    def revoke(self) -> None:
        """All tokens that were given so far are unknown."""
        self._good = {}

    def gather(self, count: int) -> None:
        """Hold refusals of a token back until there are `count` of them: the worst moment to expire."""
        self._gathering = count

    def fetches(self) -> int:
        """How often a token was asked for."""
        return sum(record.path.startswith(TOKEN_PATH) for record in self.log)

    def chats(self) -> list[Any]:
        """The records of all that was no request for a token."""
        return [record for record in self.log if not record.path.startswith(TOKEN_PATH)]

    # --- answers --------------------------------------------------------------------------------------

    async def respond(self, exchange: Exchange) -> None:
        record = exchange.record
        path, _, query = record.path.partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if path in ("/control/expire", "/control/revoke"):
            (self.expire if path.endswith("expire") else self.revoke)()
            await exchange.json(200, {})
            return
        if path == TOKEN_PATH:
            await self._token(exchange, asked)
            return
        if "authorization" in record.headers:
            if (code := refusal(record.method, record.path, record.headers, IAM)) is not None:
                headers = {"X-Bce-Error-Code": code, "X-Bce-Error-Message": f"{code}: see the documentation"}
                await exchange.whole(400 if code == "RequestExpired" else 403, b"", headers)
                return
        elif (dead := self._dead(asked.get("access_token", ""))) is not None:
            await self._together()
            await self.refuse_with(exchange, dead)
            return
        name = unquote(path.removeprefix(ROOT + "/chat/"))
        if not path.startswith(ROOT + "/chat/"):
            await self.refuse_with(exchange, "3")
        elif record.method != "POST":
            await self.refuse_with(exchange, "336101")
        elif not isinstance(record.body, dict):
            await self.refuse_with(exchange, "336002")
        elif (wrong := _out_of_order(record.body)) is not None:
            await self.refuse_with(exchange, wrong)
        else:
            await self.behave(exchange, name)

    async def _token(self, exchange: Exchange, asked: dict[str, str]) -> None:
        if self.token_answer is not None:
            await self.replay(exchange, self.token_answer, single=self.token_answer_single)
        elif asked.get("client_id") != CREDENTIALS["api_key"]:
            await self._no_token(exchange, "unknown client id")
        elif asked.get("client_secret") != CREDENTIALS["secret_key"]:
            await self._no_token(exchange, "Client authentication failed")
        else:
            number = next(self._numbers)
            token = f"24.{number:032x}.{MONTH}.{int(time.time()) + MONTH}.282335-{number}"
            self._good[token] = time.monotonic() + self.expires_in
            await exchange.json(200, token_answer(token, self.expires_in))

    async def _no_token(self, exchange: Exchange, description: str) -> None:
        body = {"error": "invalid_client", "error_description": description}
        await exchange.json(self.token_status, body)

    def _dead(self, token: str) -> str | None:
        if token not in self._good:
            return "110"
        return "111" if time.monotonic() >= self._good[token] else None

    async def _together(self) -> None:
        """Wait for the others, where so many are to be refused at the same moment."""
        if self._gathering:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._gathered.append(waiting)
            if len(self._gathered) == self._gathering:
                self._gathering = 0
                for one in self._gathered:
                    one.set_result(None)
                self._gathered = []
            await waiting

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        known = {404: "336005", 429: "336501", 503: "336100"}
        await self.refuse_with(exchange, known.get(status, "336000"))

    async def refuse_with(self, exchange: Exchange, code: str) -> None:
        """As it comes there: JSON with HTTP 200."""
        limits = LIMITS if code in ("336501", "336502") else {}
        await exchange.json(200, error(code), {"X-Baidu-Request-Id": "fake-request"} | limits)


def frame(text: str, number: int, **marks: Any) -> dict[str, Any]:
    """One piece of an answer."""
    shape = {"id": "as-fake", "object": "chat.completion", "created": int(time.time())}
    made = number if marks.get("is_end") else 0
    usage = {"prompt_tokens": 1, "completion_tokens": made, "total_tokens": made + 1}
    middle = {"sentence_id": number, "is_end": False, "is_truncated": False, "result": text}
    return shape | middle | {"need_clear_history": False, "finish_reason": "normal", "usage": usage} | marks


def error(code: str) -> dict[str, Any]:
    told = {"error_code": int(code), "error_msg": ERRORS[code]}
    return told | ({"id": "as-fake"} if len(code) > 3 else {})


def token_answer(token: str, seconds: float) -> dict[str, Any]:
    """What the token comes in: other secrets stand around it."""
    others = {
        "refresh_token": "25.fake",
        "session_key": "fake==",
        "session_secret": "fake",
        "scope": "public",
    }
    return others | {"access_token": token, "expires_in": seconds}


def _out_of_order(body: dict[str, Any]) -> str | None:
    """The code for messages that break the service's rules."""
    messages = body.get("messages")
    if not isinstance(messages, list) or len(messages) % 2 == 0:
        return "336003"
    for index, message in enumerate(messages):
        wanted = ("user", "function") if index % 2 == 0 else ("assistant",)
        if message.get("role") not in wanted or (index == 0 and message["role"] == "function"):
            return "336006"
        if not str(message.get("content") or "").strip() and "function_call" not in message:
            return "336003"
    temperature = body.get("temperature")
    return "336003" if temperature is not None and not 0 < temperature <= 1 else None


class WithTokens(Scripted):
    """Plays a scene to whoever comes, and gives tokens."""

    async def respond(self, exchange: Exchange) -> None:
        if exchange.record.path.startswith(TOKEN_PATH):
            await exchange.json(200, token_answer("24.contract", MONTH))
        else:
            await super().respond(exchange)


def scripted() -> Scripted:
    """For the contract suite."""
    return WithTokens(
        ROOT,
        said=lambda text: as_event(frame(text, 1)),
        ends=as_event(frame("", 2, is_end=True)),
        fails=lambda message: as_event({"error_code": 336000, "error_msg": message, "id": "as-fake"}),
    )


if __name__ == "__main__":
    main(ErnieV1Server)
