"""Test servers that say what they are told, at the pace of a model: for tapes of lessons (tools/tapes.py).

A `Lesson` is what one cell of a notebook gets: ``{"en": text}`` (or ``zh``), ``{"error": code}``, ``clock``,
``call``; a list of them where the cell asks several times.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import zlib
from collections.abc import Iterator
from typing import Any

from nbstream.providers.demo import count

from .baidu import Baidu
from .behaviours import Behaving
from .ernie_server import Chunks, ErnieServer
from .ernie_v1_server import ErnieV1Server, Frames
from .loopback import Exchange
from .openai_server import OpenAIServer, Stream
from .spark_frames import failed, piece
from .spark_server import SparkServer
from .ws import Line

FIRST = 0.45
"""Seconds to the first piece of an answer."""
PACE = (0.04, 0.11)
"""Seconds between its pieces."""


class Lesson:
    """What the servers say now, one for all of them; `cell` is called before each cell is run.

    Parameters
    ----------
    pace : float
        By how much the pauses of a model are multiplied.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self.pace = pace
        self.language = "en"
        self._rounds: list[dict[str, Any]] = [{}]
        self._asked = 0

    def cell(self, told: dict[str, Any] | list[dict[str, Any]] | None) -> None:
        self._rounds = told if isinstance(told, list) else [told or {}]
        self._asked = 0

    @property
    def clock(self) -> float:
        """How many seconds a server's clock is ahead."""
        return float(self._rounds[0].get("clock", 0))

    def next(self, provider: str) -> Told:
        """What is said to the next question."""
        here = self._rounds[min(self._asked, len(self._rounds) - 1)]
        here = here.get(provider, here)
        if isinstance(self._rounds[0], dict) and provider not in self._rounds[0]:
            self._asked += 1
        return Told(here, self.language, self.pace)


class Told:
    """One answer: text, calls, and how it ends."""

    def __init__(self, told: dict[str, Any], language: str, pace: float) -> None:
        self._pace = pace
        self.text = str(told.get(language, ""))
        self.error: str | None = told.get("error")
        message = told.get("message", "")
        self.message = str(message[language] if isinstance(message, dict) else message)
        call: dict[str, Any] = told.get("call") or {}
        self.call: dict[str, Any] | None = call.get(language, call) or None

    def pieces(self) -> Iterator[tuple[float, str]]:
        """The text in pieces such as a service sends, each with the pause before it; the same in each run."""
        chance = random.Random(zlib.crc32(self.text.encode()))
        at = 0
        while at < len(self.text):
            wide = self.text[at] > "\u2e7f"
            size = chance.randint(2, 7) if wide else chance.randint(6, 20)
            pause = FIRST if not at else chance.uniform(*PACE)
            yield pause, self.text[at : at + size]
            at += size

    async def paced(self) -> Any:
        for pause, text in self.pieces():
            await asyncio.sleep(pause * self._pace)
            yield text
        if not self.text:
            await asyncio.sleep(FIRST / 3 * self._pace)


class LessonSpark(SparkServer):
    """Spark's WebSocket."""

    def __init__(self, lesson: Lesson) -> None:
        super().__init__()
        self._lesson = lesson
        self.clock = lambda: time.time() + lesson.clock

    async def answer(self, line: Line) -> None:
        told = self._lesson.next("spark")
        seq = 0
        async for text in told.paced():
            await line.text(_numbered(piece(text, status=min(seq, 1)), seq))
            seq += 1
        if told.error:
            await self._fail(line, int(told.error), told.message)
            return
        asked = sum(count(one["content"]) for one in line.record.body["payload"]["message"]["text"])
        last = count(line.record.body["payload"]["message"]["text"][-1]["content"])
        made = count(told.text)
        call = told.call and {"name": told.call["name"], "arguments": json.dumps(told.call["arguments"])}
        usage = {
            "question_tokens": last,
            "prompt_tokens": asked,
            "completion_tokens": made,
            "total_tokens": asked + made,
        }
        await line.text(_numbered(piece("", status=2, call=call or None, usage=usage), seq))
        await line.close()

    async def _fail(self, line: Line, code: int, message: str) -> None:
        await line.text(failed(code, message))
        await line.close()


def _numbered(frame: str, seq: int) -> str:
    data = json.loads(frame)
    data["payload"]["choices"]["seq"] = seq
    return json.dumps(data, ensure_ascii=False)


class _Says(Behaving):
    """Any of the others: HTTP."""

    provider = ""

    def __init__(self, lesson: Lesson) -> None:
        super().__init__()
        self._lesson = lesson

    async def behave(self, exchange: Exchange, model: str) -> None:
        told = self._lesson.next(self.provider)
        if told.error and isinstance(self, Baidu):
            await self.refuse_with(exchange, told.error)
            return
        if told.error:
            await self.refuse(exchange, int(told.error), told.message)
            return
        speech = self.speech(exchange)
        if not speech.streamed:
            speech.said = count(told.text)
            await speech.whole(told.text)
            return
        await speech.open()
        async for text in told.paced():
            await speech.tokens([text], 0)
        speech.said = count(told.text)
        if told.call:
            await speech.call(told.call["name"], told.call["arguments"])
        await speech.finish("tool_calls" if told.call else "stop")


class _Counted:
    """Counts as a service counts, not by blanks."""

    messages: list[Any]

    @property
    def asked(self) -> int:
        return sum(count(str(message.get("content"))) for message in self.messages)


class _Chunks(_Counted, Chunks):
    pass


class _Frames(_Counted, Frames):
    pass


class _Stream(_Counted, Stream):
    pass


class LessonErnie(_Says, ErnieServer):
    """Qianfan V2."""

    provider, speech = "ernie", _Chunks


class LessonErnieV1(_Says, ErnieV1Server):
    """Baidu's V1."""

    provider, speech = "ernie-v1", _Frames


class LessonOpenAI(_Says, OpenAIServer):
    """OpenAI's chat completions, and whoever speaks them."""

    provider, speech = "openai", _Stream


class LessonDeepSeek(LessonOpenAI):
    """DeepSeek's."""

    provider = "deepseek"
