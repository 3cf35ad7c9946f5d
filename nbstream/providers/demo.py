"""The embedded provider: no key, no network, no language model.

It plays short lessons (``lessons/``) as a stream, at the pace of a real model, so that everything around
an answer can be tried and tested. Each answer says so in its first line. What it says depends on the
messages alone (and on which providers this version has): the same conversation, the same pieces.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..credentials import Credentials
from ..errors import NbstreamError, fail
from ..messages import ChatRequest, Event, Finish, Message, TextDelta, Usage
from ..wire.request import Frame, WireRequest, WireResponse
from . import lessons, registry
from .base import Provider
from .prefill import Prefill
from .sample import sample

LABEL = {
    "en": "*demo: an embedded script, not a language model*",
    "zh": "*demo：内置脚本，不是语言模型*",
}
FIRST = 0.3
"""Seconds before the first piece."""
RATE = 50.0
"""Pieces per second, on average; each one takes between 0.6 and 1.4 times its share."""
SPEED = "NBSTREAM_DEMO_SPEED"
"""The variable that makes all of it so many times as fast (``4``), or gives it at once (``max``): for
runs that nobody watches. What is said stays the same."""
SHOWN, LONG = 6, 120
"""How many earlier messages `recall` lists, and how much of each."""

_HAN = "\u2e80-\u9fff\uf900-\uffef\U00020000-\U0003ffff"
_PIECE = re.compile(rf"\s*(?:(?P<han>[{_HAN}]+)|[^\W{_HAN}]+|[^\w\s{_HAN}]{{1,4}})|\s+")
_MARKS = re.compile(r"[\\`*_\[\]<>#$|~&!]")


class Demo(Provider):
    """Plays lessons. ``options={"delay": seconds}`` sets the pause before each piece; 0 means at once."""

    name = "demo"
    label = "demo"

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        delay = chat.options.get("delay")
        if delay is not None and not (type(delay) in (int, float) and 0 <= delay <= 60):
            raise fail("config.demo_delay", provider=self.name, given=repr(delay)[:40])
        return WireRequest("local", script=Script(chat, delay))

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        for frame in frames:
            data: dict[str, Any] = json.loads(frame.data)
            if "text" in data:
                yield TextDelta(data["text"])
            if "done" in data:
                yield Usage(**data["usage"])
                yield Finish(data["done"], data["done"])
                return
            yield None

    def prefill(self, chat: ChatRequest) -> Prefill | None:
        return Prefill()  # it knows its lessons by heart

    def refused(self, response: WireResponse) -> NbstreamError:
        # Only a mistake of ours could bring an HTTP answer here; it must read well all the same.
        return fail("protocol.demo", provider=self.name, status=response.status)


@dataclass(frozen=True, slots=True)
class Script:
    """The pauses and frames of one answer, made one at a time as they are asked for.

    Iterating again plays the same answer again from its start.
    """

    chat: ChatRequest
    delay: float | None = None

    def __iter__(self) -> Iterator[tuple[float, Frame]]:
        chat, text = self.chat, _said(self.chat)
        # Seeded by the text: natural to look at, the same in each run.
        chance = random.Random(zlib.crc32(text.encode()))
        told, faster = 0, speed()
        pieces = split(text, chance)
        for piece in islice(pieces, chat.max_tokens):
            if self.delay is not None:
                pause = float(self.delay)
            else:
                pause = (chance.uniform(0.6, 1.4) / RATE if told else FIRST) / faster
            told += 1
            yield pause, Frame(json.dumps({"text": piece}, ensure_ascii=False))
        done = "stop" if next(pieces, None) is None else "length"
        asked = [chat.system or "", *(message.content for message in chat.messages)]
        usage = {"input_tokens": sum(count(content) for content in asked), "output_tokens": told}
        yield 0.0, Frame(json.dumps({"done": done, "usage": usage}))


def speed() -> float:
    """How many times as fast as a model it is to be; what is no such number means 1."""
    wanted = os.environ.get(SPEED, "").strip().lower()
    if wanted == "max":
        return math.inf
    try:
        return factor if (factor := float(wanted)) > 0 else 1.0
    except ValueError:
        return 1.0


def _said(chat: ChatRequest) -> str:
    """What it says to this request; where JSON is wanted, a sample that fits."""
    if chat.schema is None:
        return answer_to(chat.messages)
    language = lessons.language_of(chat.messages[-1].content)
    made = json.dumps(sample(chat.schema) if chat.schema else {"demo": True}, ensure_ascii=False, indent=2)
    return f"{LABEL[language]}\n\n```json\n{made}\n```\n"


def answer_to(messages: tuple[Message, ...]) -> str:
    """What demo says next in this conversation.

    An answer of its own that was cut short, by Stop or by ``max_tokens``, is gone on with: when it stands
    last, or when the user says "continue".
    """
    said = [index for index, message in enumerate(messages) if message.role == "assistant"]
    asked = [index for index, message in enumerate(messages) if message.role == "user"]
    if not asked:
        return _dress("fallback", "en")
    prompt = messages[asked[-1]].content
    lesson = lessons.find(prompt)
    resumes = lesson is not None and lesson.name == "resume"
    if said and (resumes or said[-1] > asked[-1]):
        before = messages[: said[-1]]
        rest = _rest(answer_to(before), messages[said[-1]].content)
        if rest:
            # Said anew it is an answer of its own, which must say what it is; standing last, it is not.
            return f"{LABEL[lessons.language_of(prompt)]}\n\n…{rest}" if resumes else rest
    earlier = [message for message in messages[: asked[-1]] if message.role in ("user", "assistant")]
    if lesson is None:
        return _dress("fallback", lessons.language_of(prompt))
    if lesson.name == "recall":
        return _recall(earlier, lesson.language)
    return _dress(lesson.name, lesson.language)


def split(text: str, chance: random.Random) -> Iterator[str]:
    """`text` in pieces such as a model sends: words with the blank before them, one or two characters
    of Chinese, a few marks. The pieces joined are `text` to the letter.

    >>> "".join(split("Hi 你好吗, *ok*", random.Random(1))) == "Hi 你好吗, *ok*"
    True
    """
    for match in _PIECE.finditer(text):
        if match["han"] is None:
            yield match[0]
            continue
        place = match.start()
        size = match.start("han") - place
        while place < match.end():
            size += chance.choice((1, 2))
            yield text[place : min(place + size, match.end())]
            place, size = place + size, 0


def count(text: str) -> int:
    """How many pieces `text` is, about: a word or mark is one, three characters of Chinese are two."""
    runs = (match["han"] for match in _PIECE.finditer(text))
    return sum(1 if han is None else -(-2 * len(han) // 3) for han in runs)


def _dress(name: str, language: str, **fields: str) -> str:
    body = lessons.lesson(name, language).text(registry.names())
    if name == "fallback":
        fields["lessons"] = "\n".join(f"- {lessons.lesson(n, language).title}" for n in lessons.LISTED)
    for field, value in fields.items():
        body = body.replace(f"[[{field}]]", value)
    return f"{LABEL[language]}\n\n{body}"


def _recall(earlier: list[Message], language: str) -> str:
    questions = [message for message in earlier if message.role == "user"]
    if not questions:
        return _dress("recall_first", language)
    head = {"en": "| # | who | what |", "zh": "| # | 谁 | 内容 |"}[language]
    who = {"en": {"user": "you", "assistant": "me"}, "zh": {"user": "您", "assistant": "我"}}[language]
    shown = list(enumerate(earlier, 1))[-SHOWN:]
    rows = [f"| {number} | {who[message.role]} | {_quote(message.content)} |" for number, message in shown]
    if len(shown) < len(earlier):
        rows.insert(0, "| … | | |")
    turns = "\n".join([head, "|---:|---|---|", *rows])
    return _dress("recall", language, last=_quote(questions[-1].content), turns=turns)


def _quote(text: str) -> str:
    # One line, shortened, and literal: what was asked must not become a heading or a table here.
    line = " ".join(text.split())
    label = next((mark for mark in LABEL.values() if line.startswith(mark)), "")
    line = line.removeprefix(label).strip()
    return _MARKS.sub(_literal, line if len(line) <= LONG else line[:LONG] + "…") or "…"


def _literal(mark: re.Match[str]) -> str:
    # A backslash before these would itself begin TeX for some readers of Markdown: \\[ and \\(.
    return f"&#{ord(mark[0])};" if mark[0] in "\\[]()" else f"\\{mark[0]}"


def _rest(whole: str, part: str) -> str:
    # History may hold the text with blanks trimmed at its end.
    part = part.rstrip()
    return whole[len(part) :] if part and whole.startswith(part) and whole.rstrip() != part else ""
