"""A conversation: history that can be asked to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from ..errors import NbstreamError, fail
from ..messages import Answer, Attachment, Message
from .again import Again
from .album import Album
from .context import fitted
from .history import History, Turn
from .mending import Mendable
from .resuming import How, Rest, messages_for, unfinished
from .totals import added
from .watching import Feed, Relay

if TYPE_CHECKING:
    from pathlib import Path

    from .call import Call
    from .engine import Observer, Run
    from .loading import Loaded
    from .session import Session
    from .store import Saved
    from .stream import Stream


_GIVEN: WeakKeyDictionary[Turn, dict[str, Any]] = WeakKeyDictionary()
"""What each turn was asked with, for whoever goes on with it: beyond what the turn itself tells."""


def _as_it_is(answer: Answer) -> Answer:
    return answer


class Conversation(Mendable):
    """A conversation: its turns, and ways to go on. The magics and the panel write to it too.

    Examples
    --------
    >>> from nbstream.chat.session import Session
    >>> talk = Session().conversation()
    >>> answer = talk.ask("hello", model="demo", options={"delay": 0})
    >>> [turn.status for turn in talk.turns]
    ['done']
    """

    def __init__(self, name: str, session: Session) -> None:
        super().__init__()
        self.name = name
        self._session = session
        self.branched_in: str | None = None
        """The id of the cell that branched it off, and may do so anew."""
        self._carried: WeakSet[Turn] = WeakSet()
        self._album = Album()
        self.presets: dict[str, Any] = {}
        """What the panels on this conversation ask with: ``system``, ``temperature``, ``max_tokens``."""

    def begin(
        self,
        prompt: str,
        *,
        cell: str | None = None,
        execution: str | None = None,
        fresh: bool = False,
        at: Turn | None = None,
        sent: str | None = None,
        attachments: tuple[Attachment, ...] = (),
        line: str = "",
        template: bool = False,
        raw: bool = False,
        observer: Observer | None = None,
        **options: Any,
    ) -> tuple[Turn, Run]:
        """A new turn and its run, not yet started. `options` are those of `nbstream.stream`.

        `sent` is the prompt as it goes out, where variables were put into what was typed; `at` a turn whose
        place the new one takes, on a branch of its own. A key in it is refused; if `raw`, it is sent, and
        kept masked. Nothing changes in the history when the call cannot be put together.
        """
        asked = self._asked(prompt, sent, attachments, options.get("system"), raw=raw)
        call = self._session.call(asked, **options)
        if options.get("credentials"):
            options["credentials"] = call.credentials
        turn = self._made(
            prompt, call.model, options, cell=cell, fresh=fresh, sent=sent, attachments=attachments,
            line=line, execution=execution, template=template,
        )  # fmt: skip
        with self.lock:
            self.history.begin(turn, at)
            earlier, turn.context = fitted(self.history, turn, call, self._session.sizes)
        for before in (turn.replaced, *turn.replaced.candidates) if turn.replaced is not None else ():
            if (run := self._running.get(before.id)) is not None:
                run.cancel()  # its cell runs again: nobody will read the rest
        self._session.audit_attachments((asked,))
        self._album.add(turn)
        relay = self._relay(turn, observer)
        return turn, self._run(turn, call.with_history(earlier, turn.context), relay)

    def _asked(
        self, prompt: str, sent: str | None, attachments: tuple[Attachment, ...], system: Any, *, raw: bool
    ) -> Message:
        """What goes out. Raises `NbstreamError` for a key in it, unless it is to be `raw`."""
        if not isinstance(prompt, str):  # what was said before comes from the history, not from a list
            raise fail("config.message", given=type(prompt).__name__)
        asked = Message("user", prompt if sent is None else sent, attachments=attachments)
        if not raw:
            self._session.keys.refuse_in(
                "\n".join(text for text in (prompt, asked.content, system) if isinstance(text, str))
            )
        return asked

    def _made(self, prompt: str, model: str, options: dict[str, Any], /, **facts: Any) -> Turn:
        """The turn that keeps `prompt`, without keys in it; whoever goes on with it finds its `options`."""
        masked, system = self._session.keys.masked, options.get("system")
        kept = {
            name: options[name] for name in ("temperature", "max_tokens") if options.get(name) is not None
        }
        facts |= {"sent": facts["sent"] and masked(facts["sent"]), "line": masked(facts["line"])}
        turn = Turn(masked(prompt), model, system and masked(system), kept, **facts)
        # The taps saw this run.
        _GIVEN[turn] = {name: option for name, option in options.items() if name != "taps"}
        return turn

    def _given(self, turn: Turn) -> dict[str, Any]:
        """What `turn` was asked with, beyond what it tells itself."""
        return _GIVEN.get(turn, {})

    def go_on(self, turn: Turn, messages: tuple[Message, ...], observer: Observer | None = None) -> Run:
        """Another round of the same turn: what it answered, and what is said to that, in `messages`.

        They join ``turn.rounds``, and the turn runs again. Its last run must still be held by somebody.
        """
        call = self._running[turn.id].call
        call = replace(call, chat=replace(call.chat, messages=call.chat.messages + messages))
        turn.rounds += messages
        before, turn.answer = turn.answer, None
        whole = partial(added, before) if before is not None else _as_it_is
        return self._run(turn, call, self._relay(turn, observer), whole)

    def break_off(self, turn: Turn, messages: tuple[Message, ...]) -> None:
        """End `turn` between two rounds: `messages` are its last answer and what was said to that."""
        if (before := turn.answer) is not None:
            turn.rounds += messages
            # What it said and called stands in the rounds now; what it took is known.
            turn.answer = replace(
                before, text="", reasoning="", tool_calls=[], opaque=(), finish_reason="cancelled"
            )

    def resume(self, turn: Turn, observer: Observer | None = None, *, again: bool = False) -> Run:
        """Go on with an answer that was stopped, cut or too long: what comes joins it.

        The model is given the beginning of its answer, where its provider goes on from there; else it is
        asked to go on. Observers see the whole answer. After a run that `balked`, `again` asks.
        """
        before = turn.answer
        if before is None:
            raise fail("config.turn_running", given=turn.number)
        if not unfinished(turn):
            case = "continue_whole" if before.text.strip() else "continue_empty"
            raise fail(f"config.{case}", number=turn.number)
        known = {"system": turn.system, **turn.options, **_GIVEN.get(turn, {}), "model": turn.model}
        call = self._session.call(messages_for(turn, "asked"), **known)
        # A form that the answer must fit holds from its first character on: no rest of one fits.
        prefill = None if again or call.chat.schema else call.provider.prefill(call.chat)
        if prefill is not None:
            call = replace(call, chat=replace(call.chat, messages=messages_for(turn, "prefilled")))
        how: How = "asked" if prefill is None else "prefilled"
        relay = self._relay(turn, observer, again=again)
        rest = Rest(before, how, Feed(relay), echoes=prefill is not None and prefill.echoes, again=again)
        with self.lock:
            earlier, turn.context = fitted(self.history, turn, call, self._session.sizes)
        turn.answer = None
        return self._run(turn, call.with_history(earlier, turn.context), relay, rest.whole, rest)

    def balked(self, run: Run) -> bool:
        """Whether the service would not go on from the beginning that `resume` gave it, as newer ones do."""
        rest = run.observer
        return isinstance(rest, Rest) and rest.refused(run.progress.answer())

    def so_far(self, turn: Turn, run: Run) -> Answer:
        """The answer of `turn`, which `run` carries: whole, or as far as it has come."""
        if turn.answer is not None:
            return turn.answer
        answer = replace(run.progress.answer(), finish_reason="cancelled")
        return run.observer.whole(answer) if isinstance(run.observer, Rest) else answer

    def branch(self, name: str, count: int | None = None) -> Conversation:
        """A conversation `name` that begins with the first `count` turns of this one, or all."""
        turns = self.turns[:count]
        if running := [turn for turn in turns if turn.answer is None]:
            raise fail("config.turn_running", given=running[0].number)
        there = self._session.conversation(name)
        there.reset()
        there.adopt(self.history.copy(count))
        for turn, copied in zip(turns, there.turns, strict=True):
            _GIVEN[copied] = _GIVEN.get(turn, {})
        there.presets = dict(self.presets)
        there.watchers.changed()
        return there

    def relay(self, turn: Turn) -> Relay | None:
        """What the run of `turn` tells, while it runs."""
        return self._relays.get(turn.id) if turn.answer is None else None

    def run_of(self, turn: Turn) -> Run | None:
        """The last run of `turn`, as long as somebody holds it; of several models' runs one that goes on."""
        going = (self._running.get(one.id) for one in turn.candidates if one.answer is None)
        return self._running.get(turn.id) or next((run for run in going if run is not None), None)

    @contextmanager
    def carried(self, turn: Turn) -> Iterator[None]:
        """Meanwhile somebody goes on with `turn` after an answer that calls tools."""
        self._carried.add(turn)
        try:
            yield
        finally:
            self._carried.discard(turn)
            self.watchers.changed()

    def goes_on(self, turn: Turn) -> bool:
        """Whether more comes of `turn`: it runs, or tools do that it called."""
        answer = turn.answer
        return answer is None or (turn in self._carried and answer.finish_reason == "tool_calls")

    def _relay(self, turn: Turn, observer: Observer | None, *, again: bool = False) -> Relay:
        before = self._relays.get(turn.id) if again else None  # it has shown the beginning
        return Relay(observer, self.watchers.changed, before.events if before is not None else ())

    def _run(
        self,
        turn: Turn,
        call: Call,
        relay: Relay,
        whole: Callable[[Answer], Answer] = _as_it_is,
        rest: Rest | None = None,
    ) -> Run:
        run = self._session.run(call, rest or Feed(relay))
        relay.run = run
        history = self.history  # by the time it is done, this conversation may have another
        sizes = self._session.sizes

        def done(run: Run, answer: Answer) -> None:
            history.finish(turn, whole(answer))
            if answer.error is not None and answer.error.kind == "context_length":
                from .overflow import advise

                advise(answer.error, history, turn, run.call, sizes, self.name)

        run.when_done(done)
        self._running[turn.id], self._relays[turn.id] = run, relay
        given = _GIVEN.get(turn, {})
        run.progress.again = Again(self._session, call.provider.name, (turn.question(),), given, self, turn)
        self.watchers.ran(turn, relay)
        self.watchers.changed()
        return run

    def hand_over(self, history: History, to: Conversation) -> None:
        """Go on with `history`; what was here is the other conversation's from now on."""
        to.history, self.history = self.history, history
        to._running, self._running = self._running, WeakValueDictionary()
        to._relays, self._relays = self._relays, WeakValueDictionary()
        for one in (self, to):
            one.watchers.changed()

    def stream(self, prompt: str, **options: Any) -> Stream:
        """Ask, with the conversation so far sent along; the turn joins it."""
        from .stream import Stream

        return Stream(self.begin(prompt, **options)[1])

    def ask(self, prompt: str, **options: Any) -> Answer:
        """The same, waiting for the whole answer; with `schema` in JSON that fits it."""
        from . import structured
        from .stream import Stream

        turn, run = self.begin(prompt, **options)
        answer = Stream(run).wait()
        if (schema := options.get("schema")) is None:
            return answer
        try:
            answer = structured.settled(
                answer, structured.shape(schema), lambda said: Stream(self.go_on(turn, said)).wait()
            )
        except NbstreamError as error:
            answer = error.answer
            raise
        finally:
            turn.rounds = structured.uncorrected(turn.rounds)
            self.history.finish(turn, answer)
            self.watchers.changed()
        return answer

    def save(self, path: str | Path, *, overwrite: bool = False) -> Saved:
        """Write all turns to a file, versions and branches too; a file of another kind is kept."""
        from .store import save

        return save(self.history, self.name, path, overwrite=overwrite)

    def load(self, path: str | Path) -> Loaded:
        """Go on from a file that `save` wrote; turns that were here become another conversation's."""
        from .loading import load

        return load(self._session, path, self.name)

    def __repr__(self) -> str:
        return f"<Conversation {self.name!r}: {len(self.turns)} turns>"
