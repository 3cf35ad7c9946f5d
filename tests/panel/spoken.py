"""A provider that says what a test has it say, when the test has it say so: ``spoken:NAME`` is a `Line`."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from typing import Any

from nbstream.credentials import Credentials
from nbstream.errors import NbstreamError, fail
from nbstream.messages import ChatRequest, Event, Finish, ReasoningDelta, Retract, TextDelta, ToolCallDelta
from nbstream.providers import registry
from nbstream.providers.base import Provider
from nbstream.wire.request import Frame, WireRequest, WireResponse

IDLE = Frame("")
LOOK = 0.001


class Line:
    """What one model says: from the test's thread, one thing after the other, each heard before the next."""

    def __init__(self, name: str) -> None:
        self.model = f"spoken:{name}"
        self._waiting: deque[dict[str, Any]] = deque()
        self._heard = threading.Condition()
        self._idle = 0
        LINES[name] = self

    def __iter__(self) -> Iterator[tuple[float, Frame]]:
        """The frames of a run, which has nothing to say until it is given something."""
        while True:
            if self._waiting:
                yield 0.0, Frame(json.dumps(self._waiting.popleft()))
            else:
                yield LOOK, IDLE
                with self._heard:
                    self._idle += 1
                    self._heard.notify_all()

    def say(self, **what: Any) -> None:
        """``retract``, ``think``, ``text``, ``call`` (index, name, arguments), ``fail`` or ``done``."""
        self._waiting.append(what)
        if not {"fail", "done"} & what.keys():
            self.heard()

    def heard(self) -> None:
        """Wait until all that was said has come through."""
        with self._heard:
            until = self._idle + 2
            assert self._heard.wait_for(lambda: self._idle >= until, 5), "nobody listens"


LINES: dict[str, Line] = {}


class Spoken(Provider):
    name = "spoken"
    label = "spoken"

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        return WireRequest("local", script=LINES[chat.model])

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        for frame in frames:
            said = json.loads(frame.data) if frame.data else {}
            if "retract" in said:
                yield Retract(said["retract"])
            if "think" in said:
                yield ReasoningDelta(said["think"])
            if "text" in said:
                yield TextDelta(said["text"])
            if "call" in said:
                index, name, arguments = said["call"]
                yield ToolCallDelta(index, f"id{index}", name, json.dumps(arguments))
            if "fail" in said:
                raise fail(f"protocol.{said['fail']}", provider=self.name, reason="as asked")
            if "done" in said:
                yield Finish(said["done"], said["done"])
                return
            yield None

    def refused(self, response: WireResponse) -> NbstreamError:
        raise AssertionError("it has no server")


@contextmanager
def brought() -> Iterator[None]:
    """The provider is there, as another package brings its own."""
    known = registry._others()
    known["spoken"] = EntryPoint("spoken", f"{__name__}:Spoken", registry.GROUP)
    try:
        yield
    finally:
        del known["spoken"]
