"""The flow of one cell: a turn from the prompt to the settled output."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..chat.notebook import asked as asked_in
from ..chat.session import session
from ..errors import NbstreamError
from ..i18n import magic, t
from ..show.console import put
from . import after
from .above import undecided
from .calls import offered
from .shaping import wanted
from .surface import Surface, cell_id, code, execution
from .template import Prepared

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..chat.call import Call
    from ..chat.conversation import Conversation
    from ..chat.engine import Run
    from ..chat.history import Turn
    from ..providers.local import Running
    from ..show.sinks import Sink
    from .above import Beside


@dataclass(slots=True)
class Asking:
    """One cell's turn while it is asked: what `rounds` and `after` may look at."""

    options: Namespace
    where: Surface
    talk: Conversation
    turn: Turn
    run: Run
    sink: Sink


def ask(
    prepared: Prepared,
    options: Namespace,
    where: Surface,
    at: Turn | None = None,
    resumed: Turn | None = None,
) -> NbstreamError | None:
    """One turn from the prompt to the settled output; gives the error of a turn that failed.

    `at` is a turn whose place the new one takes, on a branch of its own; `resumed` one whose answer is gone
    on with instead. Raises `NbstreamError` for what goes wrong before anything is sent.
    """
    detached = options.background and where != "headless"  # nobody would be there to see it end
    name = None if options.no_history else options.conversation
    beside: Beside | None = getattr(options, "beside", None)
    asking: Asking | None = None
    looking: Future[list[Running]] | None = None
    asked = resumed.prompt if resumed is not None else prepared.prompt
    typed = (asked_in(code()) or ("", ""))[1] == asked  # a line such as `%llm retry` holds no prompt

    def settle() -> None:
        from ..show.settled import bundle

        assert asking is not None
        turn = asking.turn
        answer = asking.talk.so_far(turn, asking.run)
        card = _introduction(answer, looking, 0.0 if detached else 0.3) if where == "notebook" else ""
        if asking.sink.rounds:
            asking.sink.over(turn.whole(answer))
        data, metadata = bundle(turn, answer, name, footer=session().settings.footer, after=card)
        if not typed:
            metadata["nbstream"]["prompt"] = turn.prompt
        asking.sink.settle(data, metadata)
        if beside is not None:
            beside.settle(answer)
        asking.talk.watchers.changed()  # what was said at the end of the last round stands in the turn now

    try:
        # The first time this imports a lot; Ctrl-C would end in the traceback of an import, so it waits.
        with undisturbed(most=1) as early:
            from ..chat.stream import Stream
            from .pump import TICK

            shape = wanted(options)
            sink = _sink(where, background=options.background, json=shape is not None)
            alike = near_talks(name)
            talk = session().scratch() if name is None else session().conversation(name)
            before = talk.turns if at is not None else []
            if resumed is not None:
                turn, run = resumed, talk.resume(resumed, sink)
            else:
                turn, run = begun(
                    talk,
                    prepared,
                    options,
                    cell=cell_id(),
                    execution=execution(),
                    at=at,
                    line=getattr(options, "line", ""),
                    observer=sink,
                    schema=shape,
                    tools=() if detached else offered(),
                )
            for hint in (*alike, *prepared.hints, *left_behind(talk, turn, before), *undecided(talk, turn)):
                put(hint)
            sink.rounds = not detached and bool(run.call.chat.tools or shape or resumed)
            asking = Asking(options, where, talk, turn, run, sink)
            after.bind(options, Stream(run))
            if detached:
                sink.when_done = settle  # before the sink opens: its Stop may be pressed at once
            sink.open(run, turn.id)
            if beside is not None:
                beside.open(run, turn, sink)
            run.start()
            looking = _look_around(run.call, where)
        if early:
            run.cancel()
        if detached:
            after.detached(options)
            return None
        if not early:  # a turn that was cancelled is waited for below, and not for ever
            with asking.talk.carried(asking.turn):
                _rounds(asking)
    except KeyboardInterrupt:
        if asking is None:
            raise
        asking.run.cancel()
    with undisturbed() as pressed:
        end = time.monotonic() + 2.0  # pressed once more: do not wait for the socket
        while not pressed and not asking.run.wait(TICK) and time.monotonic() < end:
            pass
        settle()
    answer = asking.turn.whole(asking.talk.so_far(asking.turn, asking.run))
    after.afterwards(options, asking.turn, answer)
    return answer.error


def begun(talk: Conversation, prepared: Prepared, options: Namespace, /, **more: Any) -> tuple[Turn, Run]:
    """A new turn of `talk` and its run, asked as the options say; `more` is for `Conversation.begin`."""
    return talk.begin(
        prepared.prompt,
        sent=prepared.sent,
        attachments=prepared.attachments,
        template=prepared.template,
        fresh=options.new,
        raw=getattr(options, "raw", False),
        model=options.model,
        system=options.system,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
        stream=not getattr(options, "no_stream", False),
        taps=getattr(options, "taps", ()),
        player=getattr(options, "player", None),
        **more,
    )


def near_talks(name: str | None) -> list[str]:
    """What to say where a conversation is only now begun, and is called nearly as one that there is."""
    talks = session().conversations
    if not name or name in talks:
        return []
    import difflib

    def stem(one: str) -> str:  # "plan-2" beside "plan" is meant so
        return one.rstrip("-_.0123456789")

    others = [one for one, talk in talks.items() if talk.turns and stem(one) != stem(name)]
    near = difflib.get_close_matches(name, others, n=1, cutoff=max(0.5, 1 - 1.6 / len(name)))
    return [t("conversation.alike", name=name, near=near[0])] if near else []


def left_behind(talk: Conversation, turn: Turn, before: Sequence[Turn]) -> Iterator[str]:
    """What to say where turns followed the one whose place `turn` takes, on the branch `before`."""
    place = turn.number
    versions = talk.history.versions(turn)
    if len(before) > place and talk.turns[-1] is turn and before[place - 1] in versions:
        which = versions.index(before[place - 1]) + 1
        named = [] if talk.name == "main" else ["-c", talk.name]
        line = f"%{magic()} " + shlex.join(["version", str(place), str(which), *named])
        yield t("line.left_behind", count=len(before) - place, line=line)


def _rounds(asking: Asking) -> None:
    """Wait for the answer; and for the next one, as long as something is to be said to it."""
    from .pump import waited
    from .rounds import next_round

    waited(asking.run, asking.sink)
    if asking.talk.balked(asking.run):  # then it is asked to
        asking.run = asking.talk.resume(asking.turn, asking.sink, again=True)
        asking.sink.again(asking.run)
        asking.run.start()
        waited(asking.run, asking.sink)
    while (answer := asking.turn.answer) is not None:
        messages = next_round(asking, answer)
        if messages is None:
            return
        with undisturbed(most=1) as pressed:
            asking.run = asking.talk.go_on(asking.turn, messages, asking.sink)
            asking.sink.again(asking.run)
            asking.run.start()
        if pressed or asking.sink.stopped:
            asking.run.cancel()
            return
        waited(asking.run, asking.sink)


@contextmanager
def undisturbed(most: int = sys.maxsize) -> Iterator[list[int]]:
    """Ctrl-C waits for the end of this block, which is short: an answer half settled would be lost.

    Whoever presses it more than `most` times is not made to wait.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if len(pressed) > most:
            signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)


def _look_around(call: Call, where: Surface) -> Future[list[Running]] | None:
    """While the first answer of `demo` comes, see what runs on this machine: it is offered at the end."""
    here = session()
    if where != "notebook" or here.introduced or call.provider.name != "demo" or here.ready():
        return None
    from ..chat.fetch import nearby

    return nearby()


def _introduction(answer: Any, looking: Future[list[Running]] | None, patience: float) -> str:
    """What the first answer of `demo` in this kernel ends with: how to get a real model.

    The answer took longer than the search has time for; after one that did not, up to `patience` seconds
    are waited (none on the io thread, which does the searching).
    """
    here = session()
    if here.introduced or answer.model != "demo" or answer.finish_reason != "stop":
        return ""
    from ..chat.fetch import found_by
    from ..show.cards import connect_markdown

    here.introduced = True
    return connect_markdown(here.ready(), found_by(looking, patience) if looking is not None else ())


def _sink(where: Surface, *, background: bool, json: bool) -> Sink:
    from ..show import sinks
    from ..show.jsonsink import JsonSink

    if where == "notebook":
        kind = JsonSink if json else sinks.WidgetSink
        return kind(blocking=not background, footer=session().settings.footer)
    if where == "terminal":
        return sinks.SilentSink() if background else sinks.TerminalSink(footer=session().settings.footer)
    return sinks.Sink()


def show_error(error: NbstreamError, where: Surface) -> None:
    """The card of an error that stopped a cell before it asked anything."""
    if where == "terminal":
        fix = f"→ {error.fix}" if error.fix else ""
        put("\n".join(filter(None, (error.what, error.why, fix))), file=sys.stderr)
        return
    from IPython.display import display

    from ..show.cards import error_markdown
    from ..show.clean import clean

    display({"text/markdown": error_markdown(error), "text/plain": clean(str(error))}, raw=True)
