"""The cell magic ``%%llm``: ask, show the answer as it comes, leave it as Markdown."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython
from IPython.core.magic import no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from ..chat.session import session
from ..errors import NbstreamError
from ..show.console import put
from . import args as arguments
from .surface import Surface, cell_id, execution, surface

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..chat.call import Call
    from ..chat.engine import Run
    from ..providers.local import Running
    from ..show.sinks import Sink

TICK = 0.03
"""Seconds between looks at the turn: what an interrupt may have to wait for where locks do not hear it."""
PATIENCE = 0.5
"""Seconds in which a view may be heard on the control channel before its comm messages are pumped."""


@no_var_expand
@magic_arguments("%llm")  # IPython writes one more percent sign before it
@argument("-m", "--model", help="provider or provider:model, such as deepseek or ollama:qwen3:4b")
@argument("-s", "--system", help='the system message: -s "Answer in one sentence."')
@argument("-t", "--temperature", type=float, help="how freely to choose words")
@argument("--max-tokens", type=arguments.whole, help="bound on the answer's length")
@argument("-c", "--conversation", default="main", help="the conversation to go on with (default: main)")
@argument("-o", "--out", type=arguments.name, help="bind the Answer to this variable")
@argument("--new", action="store_true", help="send nothing of what came before")
@argument("--no-history", action="store_true", help="neither send nor keep anything")
@argument("--background", action="store_true", help="return at once; the answer goes on streaming")
@argument("-h", "--help", action="store_true", help="show this help")
def llm(line: str, cell: str) -> None:
    """Ask a language model; the answer streams into the output and stays there as Markdown.

    %%llm -m deepseek -t 0.2
    Explain the difference between a list and a tuple.
    """
    where = surface()
    try:
        options = arguments.parse(llm.parser, line)
        if options.help:
            put(llm.parser.format_help())
            return
        error = ask(cell, options, where)
    except NbstreamError as unsent:
        session().last_error = error = unsent
        show_error(error, where)
    if error is not None and where == "headless":
        raise error


def ask(prompt: str, options: Any, where: Surface) -> NbstreamError | None:
    """One turn from the prompt to the settled output; gives the error of a turn that failed.

    Raises `NbstreamError` for what goes wrong before anything is sent.
    """
    detached = options.background and where != "headless"  # nobody would be there to see it end
    name = None if options.no_history else options.conversation
    run: Run | None = None
    looking: Future[list[Running]] | None = None

    def settle() -> None:
        from ..show.settled import bundle

        assert run is not None
        answer = turn.answer or replace(run.progress.answer(), finish_reason="cancelled")
        after = _introduction(answer, looking, 0.0 if detached else 0.3) if where == "notebook" else ""
        sink.settle(*bundle(turn, answer, name, footer=session().settings.footer, after=after))

    def bind(value: Any) -> None:
        if options.out and (shell := get_ipython()) is not None:
            shell.user_ns[options.out] = value

    try:
        # The first time this imports a lot; Ctrl-C would end in the traceback of an import, so it waits.
        with _undisturbed(most=1) as early:
            from ..chat.stream import Stream

            sink = _sink(where, background=options.background)
            talk = session().scratch() if name is None else session().conversation(name)
            turn, run = talk.begin(
                prompt.strip("\n"),
                cell=cell_id(),
                execution=execution(),
                fresh=options.new,
                observer=sink,
                model=options.model,
                system=options.system,
                temperature=options.temperature,
                max_tokens=options.max_tokens,
            )
            bind(Stream(run))
            if detached:
                sink.when_done = settle  # before the sink opens: its Stop may be pressed at once
            sink.open(run, turn.id)
            run.start()
            looking = _look_around(run.call, where)
        if early:
            run.cancel()
        if detached:
            return None
        if not early:  # a turn that was cancelled is waited for below, and not for ever
            _wait(run, sink)
    except KeyboardInterrupt:
        if run is None:
            raise
        run.cancel()
    with _undisturbed() as pressed:
        end = time.monotonic() + 2.0  # pressed once more: do not wait for the socket
        while not pressed and not run.wait(TICK) and time.monotonic() < end:
            pass
        settle()
    answer = turn.answer or run.progress.answer()
    bind(answer)
    return answer.error


@contextmanager
def _undisturbed(most: int = sys.maxsize) -> Iterator[list[int]]:
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


def _wait(run: Run, sink: Sink) -> None:
    """Block until the turn is over."""
    from .pump import pump

    step = pump()
    patient = time.monotonic() + PATIENCE
    while not run.wait(TICK):
        if step is not None and not sink.on_control and time.monotonic() > patient:
            step()


def _sink(where: Surface, *, background: bool) -> Sink:
    from ..show import sinks

    if where == "notebook":
        return sinks.WidgetSink(blocking=not background, footer=session().settings.footer)
    if where == "terminal":
        return sinks.SilentSink() if background else sinks.TerminalSink(footer=session().settings.footer)
    return sinks.Sink()


def show_error(error: NbstreamError, where: Surface) -> None:
    """The card of an error that stopped a cell before it asked anything."""
    if where == "terminal":
        put(str(error), file=sys.stderr)
        return
    from IPython.display import display

    from ..show.cards import error_markdown
    from ..show.clean import clean

    display({"text/markdown": error_markdown(error), "text/plain": clean(str(error))}, raw=True)
