"""What both of Baidu's fakes can do on demand; the `model` (in V1 the word in the path) says what.

words:N@R  rich:N@R  think:N@R    N random words, a document, N words of reasoning and then N, at R a second
echo, say:R          the messages as JSON; the last message itself
call, search         a tool call; text with sources
moderated:FLAG       two words, then moderation's mark and the end
cut-short            ends for length
whole                a whole answer that is no stream
refuse:CODE          the error of that code, as it comes there; flaky:K  the first K times only
broken:CODE          three words, then that error in the stream; bare:CODE  as a bare line
stall, silent:N      no answer at all; N words, then nothing
slow-first:S         S seconds of silence before the first token
slow:N               N words, byte by byte
cut:N, reset:N       N words, then the body ends, or the connection is lost, in mid-frame
garbage, html        bytes that are nothing; a web page
endless              streams until the client goes away
transcript:NAME      replays a transcript; transcript-bytes:NAME  byte by byte
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from . import texts
from .loopback import Exchange, Loopback, paced

TRANSCRIPTS = Path(__file__).resolve().parents[1] / "vectors/ernie_transcripts.json"
SSE = {"Content-Type": "text/event-stream", "X-Baidu-Request-Id": "fake-request"}
GARBAGE = b"\x00\xff\xfe{]}\r\ndata\r\n\x1b[2J" * 40
CITY = '{"city":"上海"}'
SOURCES = [{"index": 1, "url": "https://example.org/a", "title": "天气"}]


@cache
def transcripts(*transports: str) -> dict[str, dict[str, Any]]:
    """The transcripts of these transports, by name."""
    listed = json.loads(TRANSCRIPTS.read_text("utf-8"))["transcripts"]
    return {one["name"]: one for one in listed if one["transport"] in transports}


def written(frame: dict[str, Any]) -> bytes:
    """The bytes of one frame of a transcript; none for what is no writing."""
    if "text" in frame:
        return str(frame["text"]).encode()
    return base64.b64decode(frame.get("b64", ""))


class Voice(Protocol):
    """One answer in a dialect."""

    async def open(self) -> None: ...
    async def say(self, token: str, field: str = "content") -> None: ...
    async def call(self, name: str, arguments: str) -> None: ...
    async def end(self, reason: str = "stop", **marks: Any) -> None: ...
    def error(self, code: str) -> bytes: ...


class Baidu(Loopback):
    """Behaviours, whichever dialect they are told in."""

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        super().__init__(key, tls=tls)
        self._refused: Counter[str] = Counter()

    # --- what a dialect says --------------------------------------------------------------------------

    def voice(self, exchange: Exchange) -> Voice:
        raise NotImplementedError

    async def refuse(self, exchange: Exchange, code: str) -> None:
        raise NotImplementedError

    async def unknown(self, exchange: Exchange, model: str) -> None:
        raise NotImplementedError

    async def whole(self, exchange: Exchange, text: str) -> None:
        raise NotImplementedError

    # --- behaviours -----------------------------------------------------------------------------------

    async def behave(self, exchange: Exchange, model: str) -> None:
        name, _, argument = model.partition(":")
        behaviour = getattr(self, "_be_" + name.replace("-", "_"), None)
        await (behaviour(exchange, argument) if behaviour else self.unknown(exchange, model))

    async def _told(self, exchange: Exchange, tokens: list[str], rate: float = 0, thought: int = 0) -> None:
        voice = self.voice(exchange)
        await voice.open()
        for field, said in (("reasoning_content", texts.words(thought)), ("content", tokens)):
            async for batch in paced(said, rate):
                for token in batch:
                    await voice.say(token, field)
        await voice.end()

    async def _be_words(self, exchange: Exchange, argument: str) -> None:
        count, rate = _numbers(argument)
        await self._told(exchange, texts.words(count), rate)

    async def _be_rich(self, exchange: Exchange, argument: str) -> None:
        count, rate = _numbers(argument)
        await self._told(exchange, texts.rich(count), rate)

    async def _be_think(self, exchange: Exchange, argument: str) -> None:
        count, rate = _numbers(argument)
        await self._told(exchange, texts.words(count), rate, count)

    async def _be_echo(self, exchange: Exchange, argument: str) -> None:
        said = json.dumps(exchange.record.body["messages"], ensure_ascii=False)
        await self._told(exchange, texts.tokenized(said))

    async def _be_say(self, exchange: Exchange, argument: str) -> None:
        said = str(exchange.record.body["messages"][-1]["content"])
        await self._told(exchange, texts.tokenized(said), float(argument or 0))

    async def _be_call(self, exchange: Exchange, argument: str) -> None:
        voice = self.voice(exchange)
        await voice.open()
        await voice.call("get_weather", CITY)

    async def _be_search(self, exchange: Exchange, argument: str) -> None:
        voice = self.voice(exchange)
        await voice.open()
        await voice.say("晴^[1]^。")
        await voice.end(sources=SOURCES)

    async def _be_moderated(self, exchange: Exchange, argument: str) -> None:
        voice = self.voice(exchange)
        await voice.open()
        await voice.say("一些")
        await voice.say("文字")
        await voice.end("content_filter", flag=int(argument or 1), ban_round=-1, need_clear_history=True)

    async def _be_cut_short(self, exchange: Exchange, argument: str) -> None:
        voice = self.voice(exchange)
        await voice.open()
        await voice.say("没说完")
        await voice.end("length")

    async def _be_whole(self, exchange: Exchange, argument: str) -> None:
        await self.whole(exchange, "".join(texts.words(20)))

    # --- faults ---------------------------------------------------------------------------------------

    async def _be_refuse(self, exchange: Exchange, argument: str) -> None:
        await self.refuse(exchange, argument)

    async def _be_flaky(self, exchange: Exchange, argument: str) -> None:
        self._refused[argument] += 1
        if self._refused[argument] <= int(argument.partition(":")[0]):
            await self.refuse(exchange, argument.partition(":")[2])
        else:
            await self._told(exchange, texts.words(10))

    async def _some(self, exchange: Exchange, count: int) -> Voice:
        voice = self.voice(exchange)
        await voice.open()
        for token in texts.words(count):
            await voice.say(token)
        return voice

    async def _be_broken(self, exchange: Exchange, argument: str) -> None:
        voice = await self._some(exchange, 3)
        await exchange.send(b"data: " + voice.error(argument) + b"\n\n")
        await exchange.end()

    async def _be_bare(self, exchange: Exchange, argument: str) -> None:
        voice = await self._some(exchange, 3)
        await exchange.send(voice.error(argument) + b"\n")
        await exchange.end()

    async def _be_stall(self, exchange: Exchange, argument: str) -> None:
        await asyncio.Event().wait()

    async def _be_silent(self, exchange: Exchange, argument: str) -> None:
        await self._some(exchange, int(argument or 0))
        await asyncio.Event().wait()

    async def _be_slow_first(self, exchange: Exchange, argument: str) -> None:
        await asyncio.sleep(float(argument or 1))
        await self._told(exchange, texts.words(5))

    async def _be_slow(self, exchange: Exchange, argument: str) -> None:
        whole = exchange.send

        async def piecewise(data: bytes) -> None:
            for at in range(len(data)):
                await whole(data[at : at + 1])
                await asyncio.sleep(0)

        exchange.send = piecewise  # type: ignore[method-assign]
        await self._told(exchange, texts.words(int(argument or 3)))

    async def _be_cut(self, exchange: Exchange, argument: str) -> None:
        await self._some(exchange, int(argument or 3))
        await exchange.send(b'data: {"id":"as-fake","resu')
        await exchange.incomplete()

    async def _be_reset(self, exchange: Exchange, argument: str) -> None:
        await self._some(exchange, int(argument or 3))
        await exchange.send('data: {"id":"as-fake","result":"半'.encode()[:-1])
        await exchange.reset()

    async def _be_garbage(self, exchange: Exchange, argument: str) -> None:
        await exchange.start(200, SSE)
        await exchange.send(GARBAGE)
        await exchange.end()

    async def _be_html(self, exchange: Exchange, argument: str) -> None:
        page = b"<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>"
        await exchange.whole(200, page, {"Content-Type": "text/html; charset=utf-8"})

    async def _be_endless(self, exchange: Exchange, argument: str) -> None:
        voice = await self._some(exchange, 1)
        while True:
            for token in texts.words(64):
                await voice.say(token)
            exchange.record.text = ""  # only its end would ever be of use, and it has none

    # --- transcripts ----------------------------------------------------------------------------------

    async def _be_transcript(self, exchange: Exchange, argument: str) -> None:
        await self.replay(exchange, argument)

    async def _be_transcript_bytes(self, exchange: Exchange, argument: str) -> None:
        await self.replay(exchange, argument, single=True)

    async def replay(self, exchange: Exchange, name: str, *, single: bool = False) -> None:
        one = transcripts("ernie-v1", "ernie-v2", "baidu-oauth")[name]
        await exchange.start(one["response"]["status"], one["response"]["headers"])
        for frame in one["frames"]:
            if frame.get("abort"):
                await exchange.reset()
                return
            await asyncio.sleep(frame.get("delay_ms", 0) / 1000)
            raw = written(frame)
            for piece in [raw[at : at + 1] for at in range(len(raw))] if single else [raw]:
                await exchange.send(piece)
                await asyncio.sleep(0)
        await exchange.end()


def as_event(value: Any) -> bytes:
    """`value` as one event, without blanks between its parts, as Baidu writes."""
    return b"data: " + compact(value) + b"\n\n"


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _numbers(argument: str) -> tuple[int, float]:
    count, _, rate = argument.partition("@")
    return int(count or 50), float(rate or 0)
