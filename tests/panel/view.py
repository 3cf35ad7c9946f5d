"""A panel's view in Python: what its messages make of a page. And a desk that tells one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nbstream.chat.background import io_loop
from nbstream.chat.session import Session
from nbstream.panel.desk import Desk
from nbstream.panel.part import Part
from nbstream.panel.transcript import Transcript
from tests.unit.pages import StringPage


class Article:
    """One turn of the transcript."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = dict(info)
        self.clear()

    def clear(self) -> None:
        self.page, self.think = StringPage(), ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Article) and self.seen == other.seen

    @property
    def seen(self) -> tuple[Any, ...]:
        return self.info, self.page.blocks, self.think

    def __repr__(self) -> str:
        return f"{self.seen}"


class View:
    """Applies messages as the page does, and fails where it would."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.turns: dict[str, Article] = {}
        self.replies: list[tuple[dict[str, Any], list[bytes]]] = []
        self.seq = -1

    def take(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        if message.get("full"):
            self.state, self.turns = {}, {}
        else:
            assert self.seq < 0 or message["seq"] == self.seq + 1
        self.seq = message["seq"]
        self.state |= message.get("state", {})
        for name, id, *rest in message.get("turns", []):
            getattr(self, f"_{name}")(id, *rest)
        if reply := message.get("reply"):
            self.replies.append((reply, list(buffers)))

    def _turn(self, id: str, after: str | None, info: dict[str, Any]) -> None:
        self.turns.pop(id, None)
        there = list(self.turns.items())
        place = 0 if after is None else [one for one, _ in there].index(after) + 1
        self.turns = dict([*there[:place], (id, Article(info)), *there[place:]])

    def _info(self, id: str, news: dict[str, Any]) -> None:
        self.turns[id].info |= news

    def _gone(self, id: str) -> None:
        self.turns.pop(id, None)

    def _ops(self, id: str, ops: list[Any]) -> None:
        self.turns[id].page.apply(ops)

    def _think(self, id: str, text: str) -> None:
        self.turns[id].think += text

    def _clear(self, id: str) -> None:
        self.turns[id].clear()

    @property
    def prompts(self) -> list[str]:
        return [article.info["prompt"] for article in self.turns.values()]

    def html(self, place: int = -1) -> str:
        return "".join(list(self.turns.values())[place].page.blocks)


class Seen:
    """A desk with one view, which is open from the beginning; what it was told is in `messages`."""

    def __init__(
        self, here: Session | None = None, parts: Iterable[type[Part]] = (Transcript,), **options: Any
    ) -> None:
        self.session = here or Session()
        self.view = View()
        self.messages: list[dict[str, Any]] = []
        self.failed: list[Exception] = []
        self._news = threading.Condition()
        self._count = 0
        self.desk = Desk(self._carry, parts, here=self.session, **options)
        self.say("sync")

    def _carry(self, message: dict[str, Any], buffers: Sequence[bytes]) -> None:
        with self._news:
            self.messages.append(message)
            try:
                json.dumps(message, ensure_ascii=False, allow_nan=False).encode()  # as Jupyter sends it
                self.view.take(message, buffers)
            except Exception as error:
                self.failed.append(error)
            self._news.notify_all()

    def say(self, do: str, **wish: Any) -> None:
        self._count += 1
        self.desk.hear({"do": do, "view": "v", "id": self._count, **wish})

    def ask(self, do: str, **wish: Any) -> tuple[dict[str, Any], list[bytes]]:
        before = len(self.view.replies)
        self.say(do, ask=True, **wish)
        self.wait_for(lambda view: len(view.replies) > before)
        return self.view.replies[-1]

    def wait_for(self, condition: Callable[[View], bool], seconds: float = 10) -> View:
        """The view, as soon as it shows this."""
        with self._news:
            good = self._news.wait_for(lambda: self.failed or condition(self.view), seconds)
        if self.failed:
            raise self.failed[0]
        assert good, f"not within {seconds} s: {self.view.state} {self.view.turns}"
        return self.view

    def rest(self) -> View:
        """The view, when all that is under way has been told."""
        part = self.desk.part(Transcript)
        end = time.monotonic() + 10
        while True:
            quiet = threading.Event()
            looks: list[bool] = []

            def look(looks: list[bool] = looks, quiet: threading.Event = quiet) -> None:
                looks.append(not (part._preparing or part._woken or self.desk._looking))
                quiet.set()

            io_loop().call_soon_threadsafe(look)
            assert quiet.wait(5)
            if looks[0]:
                break
            assert time.monotonic() < end, "the transcript does not come to rest"
        if self.failed:
            raise self.failed[0]
        return self.view

    def fresh(self) -> View:
        """What a new view of the same desk sees."""
        made, done = View(), threading.Event()

        def snapshot() -> None:
            message: dict[str, Any] = {"seq": 0, "full": True, "state": {}, "turns": []}
            for part in self.desk.parts:
                message["state"] |= part.state()
                message["turns"] += part.snapshot()
            made.take(message)
            done.set()

        io_loop().call_soon_threadsafe(snapshot)
        assert done.wait(5)
        return made

    def close(self) -> None:
        self.desk.close()
