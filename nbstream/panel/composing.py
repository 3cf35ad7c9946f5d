"""The composer's side in the kernel: takes what is written, sends it when it is its turn, stops answers."""

from __future__ import annotations

import logging
import weakref
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from ..chat.shelf import stands
from ..errors import NbstreamError, fail
from ..i18n import t
from .interrupting import Stopped
from .kinds import detail
from .opening import about_failure, opening
from .part import Part, wish
from .waiting import Entry, Line, line_of, running, runs

if TYPE_CHECKING:
    from ..chat.conversation import Conversation
    from ..magics.template import Prepared
    from .desk import Desk

NAMES = 50
"""Completions that are offered."""
LONGEST_DRAFT = 200_000
"""Characters of a draft that are kept while its page is away."""
log = logging.getLogger("nbstream")


class Composing(Part):
    """What is written in a panel, on its way to becoming a turn."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._draft = ""
        self._opening: dict[str, Any] | None = None
        self._looking = self._look_again = False
        self._talk = desk.talk
        self.line = line_of(desk.talk)
        self._join()

    def _join(self) -> None:
        with self.line.lock:
            self.line.panels.add(self)
            if not self._draft:
                self._draft, self.line.draft = self.line.draft, ""

    def _here(self) -> tuple[Conversation, Line]:
        """The conversation that the panel shows now, and what waits in it."""
        if self.desk.talk is not self._talk:
            before, stood = self.line, stands(self.desk.session, self._talk)
            before.panels.discard(self)
            self._talk = self.desk.talk
            self.line = line_of(self._talk)
            self._join()
            if not stood:
                before.move(self.line)
                self.line.changed()
        return self._talk, self.line

    def state(self) -> dict[str, Any]:
        if self._opening is not None:
            self._begin_look()  # the notebook may hold other things by now
        self._join()  # a panel that this one takes the place of has left its draft
        return {**self._told(), "draft": self._draft}

    def _told(self) -> dict[str, Any]:
        line = self.line
        opening = None if self._talk.turns else self._opening  # found out while somebody asked
        return {"queue": [*line.told_busy(), *line.told()], "sending": line.busy, "opening": opening}

    def changed(self) -> None:
        talk, _ = self._here()
        if talk.turns:
            self._opening = None
        else:
            self._begin_look()
        self._next()
        self._tell()

    def close(self) -> None:
        with self.line.lock:
            self.line.panels.discard(self)
            self.line.draft = self._draft or self.line.draft
        self.line.filling.interrupt(self)
        self.line.changed()  # the others send what waits

    def _begin_look(self) -> None:
        """Look at what is there to be offered; once more, where somebody looks already."""
        self._look_again = self._looking
        if not self._looking:
            self._looking = True
            self.desk.aside(self._look)

    def _look(self) -> None:
        """Find out what to offer in an empty conversation. An error is asked what it says, which may last."""
        found = None
        try:
            found = opening(self.desk.session, self.desk.model)
        except Exception:  # an unknown model in the settings: whoever sends something is told
            log.debug("no opening", exc_info=True)
        finally:
            self.desk.on_loop(self._looked, found)

    def _looked(self, found: dict[str, Any] | None) -> None:
        self._looking = False
        if found is not None:
            self._opening = None if self.desk.talk.turns else found
            self._tell()
        if self._look_again and not self.desk.closed:
            self._begin_look()

    def _tell(self) -> None:
        self.desk.tell(self._told())

    # --- sending ----------------------------------------------------------------------------------------

    @wish("send", now=True)
    def send(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        about = [one for one in wish.get("files") or () if isinstance(one, dict)]
        files = [
            (str(one.get("name", "")), str(one.get("type", "")), data)
            for one, data in zip(about, buffers, strict=False)
        ]
        entry = Entry(str(wish.get("text", "")), tuple(files), weakref.ref(self))
        talk, line = self._here()
        self._draft = ""
        view, meant = str(wish.get("view")), wish.get("of")
        if meant is not None and meant != talk.name:  # another is shown by now, which may go elsewhere
            entry.held = True
            with line.lock:
                line.entries.insert(0, entry)
            if meant not in self.desk.session.conversations:
                self.desk.notice(fail("config.conversation_gone", name=str(meant)))
            self._tell()
            return self.desk.tell({"back": {"view": view, "entry": entry.number}})
        with line.lock:
            waits = any(not one.held for one in line.entries)
            if waits or line.busy or running(talk):
                line.entries.append(entry)
            else:
                line.sending = entry
                self._put_together(entry, talk, line, view)
        line.changed()
        self._tell()

    def _next(self) -> None:
        """Send what is due. On the io loop."""
        talk, line = self._talk, self.line
        going = running(talk)
        entry = line.due(going[-1] if going else None, self)
        if entry is not None:
            self._put_together(entry, talk, line)

    def _put_together(self, entry: Entry, talk: Conversation, line: Line, view: str = "") -> None:
        """Make `entry` a turn: aside, since it may take for ever, but as all is that was wished before."""

        def begin() -> None:
            presets = {"model": self.desk.model, **talk.presets}
            self.desk.aside(partial(self._ask_for, entry, talk, line, presets, view))

        entry.stops = line.stops

        self.desk.later(begin)

    def _ask_for(
        self, entry: Entry, talk: Conversation, line: Line, presets: dict[str, Any], view: str
    ) -> None:
        """Make `entry` a turn; where that fails it is held, and `view` puts it back into its box."""
        asked = False
        try:
            self._ask(entry, talk, line, presets)
            asked = True
        except NbstreamError as error:
            self.desk.notice(error)
        except Stopped:
            self.desk.notice(t("composer.stopped"))
        except BaseException:
            self.desk.notice(t("panel.failed"))
            raise
        finally:
            if not asked:
                line.back(entry)
                if not stands(self.desk.session, talk):
                    line.move(line_of(self.desk.talk))
                    self.desk.changed()
                self.desk.tell({"back": view and {"view": view, "entry": entry.number}})
            line.sent(entry)

    def _ask(self, entry: Entry, talk: Conversation, line: Line, presets: dict[str, Any]) -> None:
        """Make `entry` a turn, and start it."""
        from ..magics.above import undecided

        prepared = line.filling.run(self, partial(self._prepared, entry, line))
        if line.stops != entry.stops:
            raise Stopped
        if not stands(self.desk.session, talk):
            raise fail("config.conversation_gone", name=talk.name)
        turn, run = talk.begin(
            prepared.prompt,
            sent=prepared.sent,
            attachments=prepared.attachments,
            template=prepared.template,
            **presets,
        )
        with line.lock:
            line.behind = turn
        run.start()
        if line.stops != entry.stops:
            talk.stop(turn)
        self.desk.notice(" ".join([*prepared.hints, *undecided(talk, turn)]) or None)

    def _prepared(self, entry: Entry, line: Line) -> Prepared:
        """What is typed, with what the user's expressions give and what the files hold."""
        from ..magics.files import taken_in
        from ..magics.template import Prepared, prepared

        if line.stops != entry.stops:  # before there was anything to interrupt
            raise Stopped
        if not entry.files and (told := about_failure(entry.text)) is not None:
            return Prepared(entry.text, told)
        return prepared(entry.text, Namespace(), taken_in((name, data) for name, _, data in entry.files))

    # --- stopping, and what waits -----------------------------------------------------------------------

    @wish("stop", now=True)
    def stop(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        talk, line = self._here()
        with talk.lock:
            seen = next((turn for turn in talk.history.every() if turn.id == wish.get("turn")), None)
        if seen is not None and not runs(talk, seen):
            return  # it is over by now; what runs instead is not meant
        line.stop()
        for turn in running(talk, anywhere=True):  # also what one has gone away from
            talk.stop(turn)

    @wish("sendnow")
    def send_now(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        talk, line = self._here()
        with line.lock:
            if (entry := line.find(wish.get("entry"))) is None:
                return
            line.go_on(entry)
        for turn in running(talk):
            talk.stop(turn)
        line.changed()

    @wish("unqueue")
    def unqueue(self, wish: dict[str, Any], buffers: list[bytes]) -> dict[str, Any]:
        _, line = self._here()
        with line.lock:
            if (entry := line.find(wish.get("entry"))) is None:
                return {}
            line.entries.remove(entry)
        line.changed()
        about = [{"name": name, "type": kind} for name, kind, _ in entry.files]
        return {"text": entry.text, "files": about, "buffers": [data for _, _, data in entry.files]}

    # --- writing ----------------------------------------------------------------------------------------

    @wish("draft", now=True)
    def draft(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        self._draft = str(wish.get("text", ""))[:LONGEST_DRAFT]

    @wish("complete")
    def complete(self, wish: dict[str, Any], buffers: list[bytes]) -> dict[str, Any]:
        """Names that may stand where `text` ends, behind its last ``{{``."""
        from ..magics.cursor import at
        from ..magics.sources import names

        shell, text = get_ipython(), str(wish.get("text", ""))
        lines = ["%%llm", *text.split("\n")]
        cursor = at("\n".join(lines), len(lines) - 1, len(lines[-1]))
        if shell is None or cursor is None:
            return {"items": [], "fragment": ""}
        known = shell.user_ns
        found = names(cursor.fragment, shell)[:NAMES]
        items = [{"text": name, "detail": detail(known[name]) if name in known else ""} for name in found]
        return {"items": items, "fragment": cursor.fragment}
