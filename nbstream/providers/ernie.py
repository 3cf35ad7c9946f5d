"""Baidu ERNIE on Qianfan V2: chat completions with an accent.

What OpenAI's dialect does not have: an ``appid`` header, moderation marks beside the text, the word
``normal`` where there is no end yet, sources of a web search, and error codes that say more than status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..credentials import Credentials, Secret
from ..errors import NbstreamError
from ..i18n import t
from ..messages import (
    ChatRequest,
    Event,
    Finish,
    ReasoningDelta,
    Retract,
    TextDelta,
    ToolCallDelta,
)
from ..wire.request import BODY, Frame, WireRequest, WireResponse
from .addresses import plain
from .chunks import chat_events
from .ernie_asides import Asides
from .ernie_turns import orderly, system_of
from .openai import OpenAICompatible
from .parsing import documents
from .refusals import clean

REQUEST_ID = "x-baidu-request-id"
WORKSHOP = "/wenxinworkshop"
"""In the path of V1's addresses, which old guides still give."""

_MARKED = re.compile(
    r'"(?:flag|ban_round)"\s*:\s*-?[1-9]|"(?:need_clear_history|is_end)"\s*:\s*true|"search_results"'
)
"""Stands in frames that hold more than chunks do: nearly none, so nearly none is parsed twice."""


class Ernie(OpenAICompatible):
    """Qianfan V2."""

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        system = system_of(chat.system, chat.messages) or None
        orderly_chat = replace(chat, system=system, messages=tuple(orderly(chat.messages)))
        return super().request(orderly_chat, credentials)

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        aside = _Aside(frames)
        source = chat_events(self.host, aside)
        normal = ended = called = told = plain = False
        try:
            for event in source:
                if isinstance(event, Finish) and event.raw_reason == "normal" and not (plain or aside.end):
                    normal = True  # it may stand in every frame, long before the end
                    continue
                if isinstance(event, Finish):
                    ended = True
                    yield from aside.withdrawal()
                    yield from aside.notes()
                    yield _finish(event, aside.said, called)
                    continue
                if isinstance(event, ToolCallDelta):
                    called = True
                if event is None:
                    yield from aside.withdrawal()
                    plain, told = plain or (told and not normal), False
                    if aside.more:
                        continue  # the next part of the same frame
                elif isinstance(event, (TextDelta, ReasoningDelta)):
                    told = True
                yield event
        except NbstreamError as error:
            error.request_id = error.request_id or aside.id()
            raise
        if normal and aside.done and not ended:
            yield from aside.notes()
            yield _finish(Finish("stop", "normal"), aside.said, called)

    def refused(self, response: WireResponse) -> NbstreamError:
        error = super().refused(response)
        error.request_id = response.headers.get(REQUEST_ID) or error.request_id or _id(response.text)
        return error

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        again = super().again(request, error)
        # Only here is it known where it was asked.
        if WORKSHOP in plain(request.url) and error.kind in ("auth", "permission", "not_found", "protocol"):
            error.why = f"{error.why} {t('refusal.ernie_v1_address.why')}".strip()
            error.fix = t("refusal.ernie_v1_address.fix")
        return again

    def _headers(self, credentials: Credentials, accept: str) -> dict[str, str | Secret]:
        headers = super()._headers(credentials, accept)
        if app := credentials.get("app_id"):
            headers["appid"] = app
        return headers


def _finish(event: Finish, said: Asides, called: bool) -> Finish:
    """`event` with Baidu's words, and with what moderation said."""
    if said.filtered:
        return Finish("content_filter", event.raw_reason)
    if event.raw_reason == "normal":
        return Finish("tool_calls" if called else "stop", "normal")
    return event


class _Aside(Iterator[Frame]):
    """Hands frames on, and keeps what is in them that chunks do not have."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._frame = Frame("")
        self.more: list[Frame] = []
        """What is left of a frame that was meant to be several."""
        self.said = Asides()
        self.done = False
        """``[DONE]`` has come."""
        self.end = False
        """``is_end``, of the answers of 2024, has come, or a body that is the whole answer."""
        self._withdraw = self._noted = False

    def __next__(self) -> Frame:
        if not self.more:
            self.more = documents(next(self._frames))
        self._frame = frame = self.more.pop(0)
        self.end = self.end or frame.event == BODY  # a whole answer
        if _MARKED.search(frame.data):
            self._look(frame.data)
        elif frame.data.strip() == "[DONE]":
            self.done = True
        return frame

    def _look(self, text: str) -> None:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return  # the reader of chunks will say so
        if not isinstance(data, Mapping):
            return
        choices = data.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        for holder in (data, choice):
            if isinstance(holder, Mapping):
                self._withdraw = self.said.judged(holder) or self._withdraw
                self.end = self.end or holder.get("is_end") is True
        self.said.found(data)
        self.said.found(data.get("web_search"))

    def withdrawal(self) -> Iterator[Event]:
        """What moderation does to the text, up to and with that of the frame just read."""
        if self._withdraw:
            self._withdraw = False
            yield Retract(t("note.withdrawn"))

    def notes(self) -> Iterator[Event]:
        """What must be said before the end, once."""
        if not self._noted:
            self._noted = True
            yield from self.said.notes()

    def id(self) -> str | None:
        return _id(self._frame.data)


def _id(text: str) -> str | None:
    """The answer's id, which Baidu asks for in a report: ``{"error": …, "id": "as-…"}``."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = data.get("id") if isinstance(data, Mapping) else None
    return clean(found, 100) if isinstance(found, str) and found else None
