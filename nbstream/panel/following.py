"""One turn as a panel shows it: what was said in it so far, and how a view is brought up to that.

While the turn runs its `Relay` is followed: what has come since the last look is rendered and told once.
When it has ended, what is shown is compared with what is kept of it, and shown anew where they differ.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..chat.toolbox import names
from ..messages import Answer, Event, Message, ReasoningDelta, Retract, TextDelta
from ..show import words
from ..show.calls import CallCard, card, cards
from ..show.clean import clean
from ..show.incode import Fence, in_code
from ..show.pages import Pages
from .calls import as_it_is, call_html, calling

if TYPE_CHECKING:
    from ..chat.call import State
    from ..chat.kept import Turn
    from ..chat.watching import Bell, Relay

log = logging.getLogger("nbstream")
Op = list[Any]
SHOWN = (TextDelta, ReasoningDelta, Retract)
"""Events that change what one sees."""


class Shown:
    """A turn and what of it is shown. Operations come out: ``ops``, ``think`` and ``clear`` of the turn.

    >>> from nbstream.chat.kept import Turn
    >>> shown = Shown(Turn("hi", "demo", answer=Answer("Hello."), id="t"))
    >>> shown.build()
    >>> shown.whole()[0][:2]
    ['ops', 't']
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.info: dict[str, Any] = {}
        """What views were told about the turn."""
        self.facts: tuple[Any, ...] | None = None
        """What that was told from."""
        self.relay: Relay | None = None
        self.status: dict[str, Any] | None = None
        """What the status line says."""
        self.pieces = 0
        """Deltas that were taken since somebody set this to 0."""
        self._at: State | None = None
        self._bell: Bell | None = None
        self._cursor = 0
        self._empty()

    def _empty(self) -> None:
        self._pages = Pages(math="mathml")
        self._pending: list[Op] = []  # cards of calls that have no result yet
        self._mind: list[str] = []  # all reasoning that is shown
        self._before = 0  # how much of it is of the rounds before this one
        self._thought: list[str] = []  # of this round, as it came
        self._text: list[str] = []
        self._fence: Fence | None = None
        self._stale = False  # what is shown gives way to the next that comes
        self._answer: Answer | None = None
        self._rounds: tuple[Message, ...] = ()

    # --- all of it --------------------------------------------------------------------------------------

    def build(self) -> None:
        """Take all that is kept of the turn; of one that runs, the rounds before."""
        try:
            self._build()
        except Exception:
            self._plainly()

    def whole(self) -> list[Op]:
        """The operations that show, in a new view, what is shown here."""
        return self._told(self._pages.snapshot() + self._pending, "".join(self._mind))

    def so_far(self) -> Answer:
        """What has come in the round that runs."""
        return Answer("".join(self._text), "".join(self._thought))

    def _build(self) -> None:
        turn, answer = self.turn, self.turn.answer
        self._empty()
        self._add_rounds(turn.rounds)
        if answer is not None:
            self._text = [answer.text]
            self._think(answer.reasoning)
            if answer.text.strip():
                self._pages.feed(in_code(answer.text))
            self._end(answer)

    def _add_rounds(self, rounds: tuple[Message, ...]) -> list[Op]:
        """Show rounds that are over; the operations for the blocks."""
        ops: list[Op] = []
        for one in cards(rounds, names()):
            if isinstance(one, CallCard):
                ops += self._pages.card(call_html(one))
            else:
                self._think(one.reasoning)
                self._end_round()
                if one.content.strip():
                    ops += self._pages.feed(one.content)
        self._rounds = self.turn.rounds
        return ops

    def _end_round(self) -> None:
        self._text, self._thought, self._before = [], [], len(self._mind)

    def _think(self, text: str) -> str:
        """Take more reasoning; what of it is to be shown."""
        if not text:
            return ""
        apart = "\n\n" if self._mind and not self._thought else ""
        self._thought.append(text)
        self._mind.append(apart + clean(text))
        return self._mind[-1]

    def _end(self, answer: Answer) -> list[Op]:
        """Show what was held back, and the calls that wait for their result."""
        ops = self._pages.close()
        self._answer, self._fence, self._stale = answer, None, False
        if answer.tool_calls and not self._pending:
            number = sum(op[0] == "append" for op in self._pages.snapshot())
            made = [call_html(card(call, names())) for call in answer.tool_calls]
            self._pending = [["append", number + i, html] for i, html in enumerate(made)]
            ops += self._pending
        return ops

    # --- while it runs ----------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether nothing more comes from the run that is followed."""
        relay = self.relay
        if relay is None or relay.done:
            return True
        # A service that refused to go on with an answer: the relay was told of no end.
        return self.turn.answer is not None and (relay.run is None or relay.run.progress.done)

    def follow(self, relay: Relay, bell: Bell) -> list[Op]:
        """A run of the turn begins, or has begun: take what comes. `bell` is called when something has."""
        if relay is self.relay:
            return []
        ops = self._safely(lambda: self._next_round(self._drained()))
        self.leave()
        self.relay, self._bell, self._cursor, self._at, self._answer = relay, bell, 0, None, None
        run = relay.run
        self._fence = Fence() if run is not None and run.call.chat.schema else None
        self.status = words.status(self.turn.model, None)
        relay.join(bell)
        return ops + self.drain()

    def _next_round(self, ops: list[Op]) -> list[Op]:
        """Go over to the round after what is shown; where another thing is shown, it will give way."""
        turn, before = self.turn, len(self._rounds)
        new = turn.rounds[before:]
        if not (new or self._text or self._thought):
            return ops
        goes_on = (
            turn.rounds[:before] == self._rounds
            and bool(new and new[0].tool_calls)
            and all(one.role == "tool" for one in new[1:])
            and new[0].content == "".join(self._text)
        )
        if not goes_on:
            self._stale = True
            return ops
        blocks = self._pages.close()
        said = [one for one in cards(new, names()) if isinstance(one, CallCard)]
        made = [op for one in said for op in self._pages.card(call_html(one))]
        if made and self._pending:
            made[0] = ["replace", *made[0][1:]]  # and those behind it go
        self._end_round()
        self._pending, self._rounds = [], turn.rounds
        return ops + self._told(blocks + made)

    def drain(self) -> list[Op]:
        """What has come since."""
        return self._safely(self._drained)

    def _drained(self) -> list[Op]:
        relay = self.relay
        if relay is None:
            return []
        if relay.at is not self._at and relay.at is not None:
            self._at = relay.at
            self.status = words.status(self.turn.model, relay.at)
        events = relay.events[self._cursor :]
        if not events:
            return []
        self._cursor += len(events)
        return self._take(events)

    def _take(self, events: list[Event]) -> list[Op]:
        ops = self._anew() if self._stale and any(type(event) in SHOWN for event in events) else []
        text: list[str] = []
        thought: list[str] = []
        thinks = False
        for event in events:
            if type(event) is TextDelta:
                text.append(event.text)
            elif type(event) is ReasoningDelta:
                thought.append(event.text)
            elif type(event) is Retract:
                text, thought, ops = [], [], self._withdrawn()
            else:
                continue
            self.pieces += 1
            thinks = type(event) is ReasoningDelta
        if text or thought:
            self.status = words.status(self.turn.model, None, thinking=thinks)
        self._text += text
        joined = "".join(text)
        blocks = self._pages.feed(self._fence.feed(joined) if self._fence is not None else joined)
        return ops + self._told(blocks, self._think("".join(thought)))

    def _anew(self) -> list[Op]:
        """Begin with what is kept of the turn before this round."""
        fence = self._fence
        self._empty()
        self._fence = fence
        self._add_rounds(self.turn.rounds)
        return [["clear", self.turn.id], *self.whole()]

    def _withdrawn(self) -> list[Op]:
        """Take back what this round has shown."""
        del self._mind[self._before :]
        self._text, self._thought = [], []
        self._fence = Fence() if self._fence is not None else None
        return [["clear", self.turn.id], *self._told(self._pages.withdraw(), "".join(self._mind))]

    def leave(self) -> None:
        """Follow no more."""
        if self.relay is not None and self._bell is not None:
            self.relay.leave(self._bell)
        self.relay = self._bell = None

    # --- when it has ended ------------------------------------------------------------------------------

    def settle(self) -> list[Op]:
        """The turn has an answer: show what was held back; or, where another is shown, that one."""
        if self._answer is not None and self._answer is self.turn.answer and self._rounds is self.turn.rounds:
            return []
        return self._safely(self._settled)

    def _settled(self) -> list[Op]:
        ops = self._drained()
        self.leave()
        answer = self.turn.answer
        if answer is None:  # another round has begun meanwhile
            return ops
        self.status = calling(answer)
        same = (
            self._rounds == self.turn.rounds
            and "".join(self._text) == answer.text
            and "".join(self._thought) == answer.reasoning
            and in_code(answer.text) == answer.text
            and (not self._pending or bool(answer.tool_calls))
        )
        if same:
            self._rounds = self.turn.rounds
            return ops + self._told(self._end(answer))
        self._build()
        return [["clear", self.turn.id], *self.whole()]

    # --- what goes out ----------------------------------------------------------------------------------

    def _told(self, blocks: list[Op], thought: str = "") -> list[Op]:
        id = self.turn.id
        ops: list[Op] = [["think", id, thought]] if thought else []
        return [*ops, ["ops", id, blocks]] if blocks else ops

    def _safely(self, work: Callable[[], list[Op]]) -> list[Op]:
        try:
            return work()
        except Exception:
            self._plainly()
            return [["clear", self.turn.id], *self.whole()]

    def _plainly(self) -> None:
        """However odd the turn, its text is shown: as it is."""
        log.exception("a turn could not be rendered; it is shown as it is")
        turn, text = self.turn, "".join(self._text)
        answer = turn.answer or Answer(text)
        self._empty()
        self._answer, self._rounds, self._text = turn.answer, turn.rounds, [answer.text]
        self._pages.card(as_it_is(turn.whole(answer).text))
