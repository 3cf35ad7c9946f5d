"""What both of Baidu's fakes can do beside ``behaviours.py``; in V1 the word in the path says what.

call                 a tool call, whether or not there was a tool; search: text with sources
moderated:FLAG       two words, then moderation's mark and the end
cut-short            ends for length
refuse:CODE          the error of that code, as it comes there; flaky:K:CODE  the first K times only
broken:CODE          three words, then that error in the stream; bare:CODE  as a bare line
pause:N              N words, then nothing more
slow:N               N words, byte by byte
cut:N, reset:N       N words, then the body ends, or the connection is lost, in mid-frame
transcript:NAME      replays a transcript; transcript-bytes:NAME  byte by byte
"""

from __future__ import annotations

import asyncio
import base64
import json
from abc import abstractmethod
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from . import texts
from .behaviours import Behaving, Speech
from .loopback import Exchange

TRANSCRIPTS = Path(__file__).resolve().parents[1] / "vectors/ernie_transcripts.json"
SSE = {"Content-Type": "text/event-stream", "X-Baidu-Request-Id": "fake-request"}
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


class Voice(Speech):
    """One answer in one of Baidu's dialects."""

    @abstractmethod
    async def end(self, reason: str, **marks: Any) -> None:
        """The last frames, with more in them than an end: `flag`, `sources`, a call."""

    async def called(self) -> None:
        """The end of an answer that is a call, where the call did not bring it."""

    @abstractmethod
    def error(self, code: str) -> bytes:
        """What stands for the error of that code, as JSON."""

    async def finish(self, reason: str = "stop") -> None:
        await self.end(reason)

    async def fail(self, message: str) -> None:
        raise NotImplementedError("an error has a code here: broken:CODE")


class Baidu(Behaving):
    """Behaviours, whichever dialect they are told in."""

    speech: ClassVar[type[Voice]]

    async def refuse_with(self, exchange: Exchange, code: str) -> None:
        """The error of that code before any stream."""
        raise NotImplementedError

    async def play_call(self, exchange: Exchange, argument: str) -> None:
        voice = self.speech(exchange)
        await voice.open()
        await voice.call("get_weather", {"city": "上海"})
        await voice.called()

    async def play_search(self, exchange: Exchange, argument: str) -> None:
        voice = self.speech(exchange)
        await voice.open()
        await voice.tokens(["晴^[1]^。"], 0)
        await voice.end("stop", sources=SOURCES)

    async def play_moderated(self, exchange: Exchange, argument: str) -> None:
        voice = self.speech(exchange)
        await voice.open()
        await voice.tokens(["一些", "文字"], 0)
        await voice.end("content_filter", flag=int(argument or 1), ban_round=-1, need_clear_history=True)

    async def play_cut_short(self, exchange: Exchange, argument: str) -> None:
        voice = self.speech(exchange)
        await voice.open()
        await voice.tokens(["没说完"], 0)
        await voice.end("length")

    async def play_slow(self, exchange: Exchange, argument: str) -> None:
        await self.play_drip(exchange, argument)

    # --- faults ---------------------------------------------------------------------------------------

    async def play_refuse(self, exchange: Exchange, argument: str) -> None:
        await self.refuse_with(exchange, argument)

    async def play_flaky(self, exchange: Exchange, argument: str) -> None:
        count, _, code = argument.partition(":")
        self._refused[argument] += 1
        if self._refused[argument] <= int(count):
            await self.refuse_with(exchange, code)
        else:
            await self.answer(exchange, texts.words(10), 0)

    async def _some(self, exchange: Exchange, count: str) -> Voice:
        voice = self.speech(exchange)
        await voice.open()
        await voice.tokens(texts.words(int(count or 3)), 0)
        return voice

    async def play_broken(self, exchange: Exchange, argument: str) -> None:
        voice = await self._some(exchange, "3")
        await exchange.send(b"data: " + voice.error(argument) + b"\n\n")
        await exchange.end()

    async def play_bare(self, exchange: Exchange, argument: str) -> None:
        voice = await self._some(exchange, "3")
        await exchange.send(voice.error(argument) + b"\n")
        await exchange.end()

    async def play_pause(self, exchange: Exchange, argument: str) -> None:
        await self._some(exchange, argument)
        await asyncio.Event().wait()

    async def play_cut(self, exchange: Exchange, argument: str) -> None:
        await self._some(exchange, argument)
        await exchange.send(b'data: {"id":"as-fake","resu')
        await exchange.incomplete()

    async def play_reset(self, exchange: Exchange, argument: str) -> None:
        await self._some(exchange, argument)
        await exchange.send('data: {"id":"as-fake","result":"半'.encode()[:-1])
        await exchange.reset()

    # --- transcripts ----------------------------------------------------------------------------------

    async def play_transcript(self, exchange: Exchange, argument: str) -> None:
        await self.replay(exchange, argument)

    async def play_transcript_bytes(self, exchange: Exchange, argument: str) -> None:
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


def arguments_of(call: Mapping[str, Any]) -> str:
    """A call's arguments, as the text that they are."""
    return compact(call).decode()
