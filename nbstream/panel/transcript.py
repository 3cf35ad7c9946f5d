"""The transcript: turns of the branch in use as operations for the views, those that run as they come.

``["turn", id, after, info]``, ``["info", id, partial]``, ``["gone", id]`` place a turn; ``["ops", id, …]``,
``["think", id, text]``, ``["clear", id]`` fill it. Only the newest turns are shown at first, the others as
one scrolls up; and only what differs is sent. All of it happens on the io loop, but for rendering much.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..chat.background import io_loop
from ..chat.kept import Turn
from ..errors import NbstreamError
from ..i18n import language, t
from ..show import words
from ..show.clean import clean
from ..show.pacer import Pacer
from .following import Op, Shown
from .infos import PICTURES, asked, came, code_line, weight
from .part import Part, wish
from .waiting import runs
from .window import AT_ONCE, LONGEST, begin, first, newest, size

if TYPE_CHECKING:
    from ..chat.conversation import Conversation
    from ..chat.watching import Relay
    from .desk import Desk


class Transcript(Part):
    """What is said in the conversation, for the views of one panel."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: dict[str, Shown] = {}  # the newest turns of the path, the oldest first
        self._ready: dict[Turn, Shown] = {}  # rendered, and not shown yet
        self._reach: Turn | None = None  # somebody wants to see what was said from here on
        self._preparing = self._wanted = False
        self._live: list[Shown] = []  # those that run, or whose tools do
        self._away: list[Turn] = []  # others that do: on another branch, or above
        self._hidden = 0  # turns of the path before those that are shown
        self._busy: dict[str, Any] | None = None
        self._since = 0.0
        self._pacer = Pacer()
        self._timer: asyncio.TimerHandle | None = None
        self._woken = False

    def state(self) -> dict[str, Any]:
        self._shorten()
        return {"busy": self._now(), "more": self._hidden > 0}

    def snapshot(self) -> list[Op]:
        ops: list[Op] = []
        after: str | None = None
        for id, shown in self._shown.items():
            ops += [["turn", id, after, shown.info], *shown.whole()]
            after = id
        return ops

    def close(self) -> None:
        for shown in self._shown.values():
            shown.leave()
        if self._timer is not None:
            self._timer.cancel()

    # --- which turns are shown --------------------------------------------------------------------------

    def changed(self) -> None:
        """Show what the conversation is now."""
        talk = self.desk.talk
        with talk.lock:
            path = talk.turns
            start = begin(path, self._is_shown, self._ready.__contains__, self._hidden, self._reach)
            window = path[start:]
            places = {turn: self._place(talk, turn) for turn in window}
            self._away = [turn for turn in talk.history.every() if runs(talk, turn)]
        if self._preparing or self._prepare([turn for turn in window if not self._is_shown(turn)]):
            return
        self._hidden = start
        kept = self._keep(window)
        ops: list[Op] = [["gone", id] for id in self._shown if id not in kept]
        for id, shown in self._shown.items():
            if id not in kept:
                shown.leave()
        self._shown, after = kept, None
        for turn in window:
            if turn.id in kept:
                ops += self._update(kept[turn.id], talk, places[turn])
            else:
                ops += self._add(turn, after, talk, places[turn])
            after = turn.id
        self._shown = {turn.id: kept[turn.id] for turn in window}
        self._ready, self._reach = {}, None
        self._live = [*filter(self._lives, self._shown.values())]
        self._say(ops)

    def _is_shown(self, turn: Turn) -> bool:
        shown = self._shown.get(turn.id)
        return shown is not None and shown.turn is turn

    def _keep(self, window: Sequence[Turn]) -> dict[str, Shown]:
        """Those that are shown and stay: all in the same order, or none."""
        kept = {turn.id: self._shown[turn.id] for turn in window if self._is_shown(turn)}
        return kept if list(kept) == [id for id in self._shown if id in kept] else {}

    def _prepare(self, new: Sequence[Turn]) -> bool:
        """Have much that is to be rendered rendered beside the loop; whether that is to be waited for."""
        new = [turn for turn in new if turn not in self._ready and turn.answer is not None]
        if size(new) <= AT_ONCE:
            return False
        self._preparing = True

        def work() -> None:
            made = {turn: Shown(turn) for turn in new}
            for shown in made.values():
                shown.build()
            self.desk.on_loop(self._prepared, made)

        threading.Thread(target=work, name="nbstream-panel-pages", daemon=True).start()
        return True

    def _prepared(self, made: dict[Turn, Shown]) -> None:
        self._preparing = False
        self._ready |= made
        if not self.desk.closed:
            self.changed()
        if self._wanted:
            self._reach_back()

    def _shorten(self) -> None:
        """Let go of old turns where very much is shown: whoever scrolls up gets them again."""
        turns = [shown.turn for shown in self._shown.values()]
        if size(turns) <= LONGEST:
            return
        gone = turns[: newest(turns)]
        for turn in gone:
            self._shown.pop(turn.id).leave()
        self._hidden += len(gone)
        self.desk.tell({"more": True}, [["gone", turn.id] for turn in gone])

    # --- one turn ---------------------------------------------------------------------------------------

    def _add(self, turn: Turn, after: str | None, talk: Conversation, place: dict[str, Any]) -> list[Op]:
        shown = self._ready.get(turn)
        if shown is None:
            shown = Shown(turn)
            shown.build()
        self._shown[turn.id] = shown
        self._update(shown, talk, place)
        return [["turn", turn.id, after, shown.info], *shown.whole()]

    def _update(self, shown: Shown, talk: Conversation, place: dict[str, Any] | None = None) -> list[Op]:
        """Bring one turn up to date; what to tell the views."""
        turn, ops = shown.turn, []
        relay = talk.relay(turn)
        if relay is not None:
            ops += shown.follow(relay, self._bell)
        if shown.over and turn.answer is not None:
            ops += shown.settle()
        news = self._info(shown, place or {})
        if news:
            shown.info |= news
            ops.append(["info", turn.id, news])
        return ops

    def _info(self, shown: Shown, place: dict[str, Any]) -> dict[str, Any]:
        """What of the turn's facts views have not been told."""
        turn, told = shown.turn, shown.info
        footer = bool(self.desk.session.settings.footer)
        running = turn.answer is None or not shown.over or self._calls(shown)
        key = (None if running else turn.answer, language(), footer)
        now = dict(place)
        if not told:
            now |= asked(turn)
        facts = shown.facts
        if facts is None or facts[0] is not key[0] or facts[1:] != key[1:]:
            shown.facts = key
            now |= came(turn, running=running, footer=footer, fixes=self._fixes)
        return {name: value for name, value in now.items() if name not in told or told[name] != value}

    def _lives(self, shown: Shown) -> bool:
        return shown.relay is not None or self._calls(shown)

    def _calls(self, shown: Shown) -> bool:
        """Whether tools run that the turn has called."""
        return shown.turn.answer is not None and self.desk.talk.goes_on(shown.turn)

    def _fixes(self, error: NbstreamError, turn: Turn) -> list[dict[str, Any]]:
        """The buttons that an error has, by the part that knows how to mend one."""
        mends = next((part.fixes for part in self.desk.parts if hasattr(part, "fixes")), None)
        return mends(error, turn) if mends is not None else []

    @staticmethod
    def _place(talk: Conversation, turn: Turn) -> dict[str, Any]:
        versions = talk.history.versions(turn)
        number, place = turn.number, versions.index(turn) + 1
        return {"number": number, "versions": [place, len(versions)], "code": code_line(number, talk.name)}

    # --- as it comes ------------------------------------------------------------------------------------

    def ran(self, turn: Turn, relay: Relay) -> None:
        if (shown := self._shown.get(turn.id)) is not None and shown.turn is turn:
            ops = shown.follow(relay, self._bell)
            if shown not in self._live:
                self._live.append(shown)
            self._say([*ops, *self._update(shown, self.desk.talk)])

    def _bell(self) -> None:
        """Something has come: in the run's loop, whichever that is."""
        if not self._woken:
            self._woken = True
            self.desk.on_loop(self._wake)

    def _wake(self) -> None:
        loop = io_loop()
        if self.desk.answered:  # as long as no view is open there is nobody to wait for
            self._pacer.acked(self.desk.answered)
        delay = self._pacer.due(loop.time())
        if delay <= 0:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(delay, self._flush)

    def _flush(self) -> None:
        self._timer, self._woken = None, False
        began = time.thread_time()
        ops: list[Op] = []
        for shown in self._live:
            ops += shown.drain()
            if shown.over:
                ops += self._update(shown, self.desk.talk)
        self._say(ops, time.thread_time() - began)

    def _say(self, ops: list[Op], spent: float = 0.0) -> None:
        """Tell the views, with the status line where it has become another."""
        state: dict[str, Any] = {"more": self._hidden > 0}
        last = next((one for one in reversed(self._live) if not one.over or self._calls(one)), None)
        busy = None if last is None else {"turn": last.turn.id, "status": last.status}
        if busy is None and (away := [turn for turn in self._away if runs(self.desk.talk, turn)]):
            busy = {"turn": away[-1].id, "status": _elsewhere(away[-1])}
        if busy != self._busy:
            self._busy, self._since = busy, io_loop().time()
            state["busy"] = busy
        before = self.desk.seq
        self.desk.tell(state, ops)
        if self.desk.seq > before:
            pieces = sum(shown.pieces for shown in self._live)
            self._pacer.sent(self.desk.seq, weight(ops) + 100, io_loop().time(), pieces, spent)
        for shown in self._live:
            shown.pieces = 0
        self._live = [*filter(self._lives, self._live)]

    def _now(self) -> dict[str, Any] | None:
        """What runs, its seconds counted on."""
        if self._busy is None:
            return None
        status = self._busy["status"]
        passed = io_loop().time() - self._since
        return self._busy | {"status": status | {"seconds": status["seconds"] + status["step"] * passed}}

    # --- wishes -----------------------------------------------------------------------------------------

    @wish("older", now=True)
    def older(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        """Show what was said before."""
        self._reach_back()

    def _reach_back(self) -> None:
        talk, self._wanted = self.desk.talk, self._preparing
        with talk.lock:
            path = talk.turns
        above = path[: first(path, self._is_shown)]
        if above and not self._preparing:
            portion = above[newest(above) :]
            self._reach = portion[0]
            if not self._prepare(portion):
                self.changed()

    @wish("copy", now=True)
    def copy(self, wish: dict[str, Any], buffers: list[bytes]) -> dict[str, Any]:
        """An answer's Markdown, as the model wrote it."""
        turn = self._find(wish)
        if turn is None:
            return {"text": ""}
        shown = self._shown.get(turn.id)
        answer = turn.answer or (shown.so_far() if shown is not None else None)
        return {"text": clean(turn.whole(answer).text) if answer is not None else ""}

    @wish("picture", now=True)
    def picture(self, wish: dict[str, Any], buffers: list[bytes]) -> dict[str, Any]:
        """A picture that went along with a prompt."""
        turn, index = self._find(wish), wish.get("index")
        if turn is None or not isinstance(index, int) or not 0 <= index < len(turn.attachments):
            return {"type": ""}
        one = turn.attachments[index]
        if one.media_type not in PICTURES:
            return {"type": ""}
        return {"type": one.media_type, "buffers": [one.data]}

    def _find(self, wish: dict[str, Any]) -> Turn | None:
        talk = self.desk.talk
        with talk.lock:
            return next((turn for turn in talk.turns if turn.id == wish.get("turn")), None)


def _elsewhere(turn: Turn) -> dict[str, Any]:
    """The status of a turn whose words do not come here: of several models, it says how many go on."""
    status = words.status(turn.model, None)
    if turn.candidates:
        left = sum(one.answer is None for one in turn.candidates)
        status["text"] = t("compare.answering", left=left, count=len(turn.candidates))
    return status
