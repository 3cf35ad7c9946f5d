"""What is done with a turn in the transcript: it is asked again, changed, taken out, gone on with."""

from __future__ import annotations

import threading
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..chat.conversation import Conversation
from ..chat.history import Turn
from ..errors import NbstreamError, fail
from ..i18n import t
from . import fixes
from .composing import Composing
from .heading import Heading
from .interrupting import Stopped
from .part import Part, wish
from .waiting import line_of, runs

if TYPE_CHECKING:
    from ..chat.engine import Run
    from ..messages import Answer

Wish = dict[str, Any]
_one_at_a_time = threading.Lock()
"""Held from looking at what runs in a turn's place to asking there: two panels may wish it at once."""


class Deeds(Part):
    """The wishes that are about one turn. What cannot be done is said."""

    def fixes(self, error: NbstreamError, turn: Turn | None = None) -> list[dict[str, Any]]:
        """The buttons that mend `error`; see `fixes.fixes`."""
        return fixes.fixes(error, turn)

    @wish("retry")
    def retry(self, wish: Wish, buffers: list[bytes]) -> None:
        """Ask the same once more, of the same model or another; the first answer stays as a version."""
        from ..magics.asking import begun
        from ..magics.editing import as_it_was, asked_with

        talk, turn = self._ended(wish)
        model = wish.get("model")
        options = asked_with(turn, talk.name, model if isinstance(model, str) else None)
        here = self.desk.session
        if wish.get("use") and model and here.named(self.desk.model) == turn.model:
            self.desk.part(Heading).use(str(model))  # or the next question would fail as this one did
        with _one_at_a_time:
            if not self._asked(talk, turn, turn.prompt, options.model):
                begun(talk, as_it_was(turn), options, at=turn)[1].start()

    @wish("edit", aside=True)
    def edit(self, wish: Wish, buffers: list[bytes]) -> dict[str, Any]:
        """Ask something else in this place, of the model that the panel shows; files go along again."""
        from ..magics.asking import begun
        from ..magics.files import taken_again
        from ..magics.template import prepared

        talk, turn = self._ended(wish)
        presets = {"system": None, "temperature": None, "max_tokens": None, **self.desk.presets}
        options = Namespace(model=self.desk.model, new=turn.fresh, **presets)
        filled = Namespace(raw=turn.literal)  # braces that nobody here typed are left alone
        line, text = line_of(talk), str(wish.get("text", ""))
        with line.editing(text):
            stops = line.stops
            files = taken_again(turn.attachments, turn.asked)
            fill = partial(prepared, text, filled, files)
            try:
                found = line.filling.run(self.desk.part(Composing), fill)
                if line.stops != stops:
                    raise Stopped
            except Stopped:
                line.hold()
                self.desk.notice(t("composer.stopped"))
                return {"error": t("composer.stopped")}
            if found.hints:
                self.desk.notice(" ".join(found.hints))
            with _one_at_a_time:
                if not self._asked(talk, turn, found.prompt, options.model):
                    begun(talk, found, options, at=turn)[1].start()
        return {}

    @wish("remove")
    def remove(self, wish: Wish, buffers: list[bytes]) -> None:
        """Take it out, this version of it, and offer to bring it back."""
        talk, turn = self._turn(wish)
        with talk.lock:
            others = len(talk.history.versions(turn)) - 1
            after = len(talk.remove(turn)) - 1
        said = t("deeds.removed", turn=turn.number)
        if others:
            said = t("deeds.branch_removed" if after else "deeds.version_removed", others=others, after=after)
        self.desk.notice(said, [{"label": t("deeds.undo"), "wish": {"do": "redo", "of": talk.name}}])

    @wish("redo")
    def redo(self, wish: Wish, buffers: list[bytes]) -> None:
        """Bring back what was taken out last."""
        self.desk.notice(None)
        if (talk := self.desk.session.conversations.get(str(wish.get("of")))) is not None:
            talk.redo()

    @wish("continue")
    def go_on(self, wish: Wish, buffers: list[bytes]) -> None:
        """Go on with an answer that was stopped, cut, or too long."""
        talk, turn = self._ended(wish)
        with _one_at_a_time:
            run = talk.resume(turn)
        run.when_done(partial(_ask_instead, talk, turn))
        run.start()

    @wish("version")
    def version(self, wish: Wish, buffers: list[bytes]) -> None:
        """Show what else was asked or answered in this place, and what followed that."""
        talk, turn = self._turn(wish)
        versions = talk.history.versions(turn)
        place = versions.index(turn) + (1 if str(wish.get("step")) == "1" else -1)
        if 0 <= place < len(versions):
            talk.go_to(versions[place])

    def _asked(self, talk: Conversation, turn: Turn, prompt: str, model: str) -> bool:
        """Whether just this is being asked in the place of `turn`: a double click means one question.

        Refuses to ask while a version of it runs that asks something else.
        """
        with talk.lock:
            going = [one for one in talk.history.versions(turn) if runs(talk, one)]
        if any(one.prompt == prompt and one.model == self.desk.session.named(model) for one in going):
            return True
        if going:
            raise fail("config.turn_running", given=turn.number)
        return False

    def _turn(self, wish: Wish) -> tuple[Conversation, Turn]:
        """The turn that is meant, in the conversation that the panel shows."""
        talk = self.desk.talk
        self.desk.notice(None)  # it was about something before this
        with talk.lock:
            found = next((turn for turn in talk.history.every() if turn.id == wish.get("turn")), None)
        if found is None:  # another panel or a cell was quicker
            raise fail("config.turn_gone")
        return talk, found

    def _ended(self, wish: Wish) -> tuple[Conversation, Turn]:
        talk, turn = self._turn(wish)
        if turn.answer is None:
            raise fail("config.turn_running", given=turn.number)
        return talk, turn


def _ask_instead(talk: Conversation, turn: Turn, run: Run, answer: Answer) -> None:
    """Where the service does not go on from a beginning of its own, it is asked to, as a cell does."""
    if talk.balked(run):
        talk.resume(turn, again=True).start()
