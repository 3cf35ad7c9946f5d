"""``%%llm -m a,b,c``: one question to several models at once, side by side; a table of answers stays.

None of the answers is in the conversation's history until one is kept: ``%llm keep 2``.
"""

from __future__ import annotations

import time
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..chat import several
from ..chat.notebook import asked as asked_in
from ..chat.session import session
from ..chat.toolbox import toolbox
from ..errors import NbstreamError, fail
from ..i18n import t
from ..magics import after
from ..magics.above import undecided
from ..magics.asking import left_behind, near_talks, show_error, undisturbed
from ..magics.pump import TICK, waited
from ..magics.surface import Surface, cell_id, code, execution
from ..messages import Answer
from ..show.console import put
from .compare_sinks import Board, SilentBoard, TerminalBoard

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from ..chat.conversation import Conversation
    from ..chat.engine import Run
    from ..chat.kept import Turn
    from ..magics.template import Prepared


class Runs:
    """Several runs to wait for as if they were one."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs

    def start(self) -> None:
        for run in self._runs:
            run.start()

    def cancel(self) -> None:
        for run in self._runs:
            run.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for all, at most `timeout` seconds; whether all are done."""
        end = None if timeout is None else time.monotonic() + timeout
        return all(run.wait(None if end is None else max(0.0, end - time.monotonic())) for run in self._runs)


def ask(
    prepared: Prepared, options: Namespace, where: Surface, at: Turn | None = None
) -> NbstreamError | None:
    """Ask all models that ``-m`` names, from the prompt to the settled table.

    Gives the error of the first if none has answered. Raises `NbstreamError` for what goes wrong before
    anything is sent: also if none of them can be asked.
    """
    models = several.names_in(options.model)
    _refuse(options)
    detached = options.background and where != "headless"
    name = None if options.no_history else options.conversation
    typed = (asked_in(code()) or ("", ""))[1] == prepared.prompt  # a line such as `%llm retry` holds none
    runs = Runs([])
    turn: Turn | None = None

    def settle() -> None:
        assert turn is not None
        outcome.append(_settled(talk, turn, board, name, made, typed))

    outcome: list[NbstreamError | None] = []
    try:
        with undisturbed(most=1) as early:
            alike = near_talks(name)
            talk = session().scratch() if name is None else session().conversation(name)
            before = talk.turns if at is not None else []
            board = _board(where, len(models), background=options.background, keeps=name is not None)
            turn, made = _begun(talk, prepared, options, models, board, at, where)
            hints = (*alike, *prepared.hints, *left_behind(talk, turn, before), *undecided(talk, turn))
            for hint in (*hints, *_without_tools()):
                put(hint)
            runs = Runs([run for run in made if run is not None])
            after.bind(options, _streams(turn, made))
            if name is not None:
                board.keep = partial(several.keep, talk, turn)
            if detached:
                board.when_done = settle
            board.open(turn, made)
            runs.start()
        if early:
            runs.cancel()
        if detached:
            return None
        if not early:
            waited(runs, board)
    except KeyboardInterrupt:
        if turn is None:
            raise
        runs.cancel()
    with undisturbed() as pressed:
        end = time.monotonic() + 2.0  # pressed once more: do not wait for the sockets
        while not pressed and not runs.wait(TICK) and time.monotonic() < end:
            pass
        settle()
    after.bind(options, _answers(turn, made))
    return outcome[0]


def _refuse(options: Namespace) -> None:
    """Raise for what only one model can be asked for."""
    taken = {"--schema": options.schema, "-f json": options.format}
    taken |= {"--code": options.code, "--xray": options.xray}
    if refused := [written for written, value in taken.items() if value]:
        raise fail("config.compare_with", option=refused[0], model=several.names_in(options.model)[0])


def _board(where: Surface, count: int, *, background: bool, keeps: bool) -> Board:
    if where == "notebook":
        from .compare_view import ViewBoard

        return ViewBoard(count, blocking=not background, keeps=keeps)
    if where == "terminal":
        return SilentBoard(count) if background else TerminalBoard(count)
    return Board(count)


def _begun(
    talk: Conversation,
    prepared: Prepared,
    options: Namespace,
    models: list[str],
    board: Board,
    at: Turn | None,
    where: Surface,
) -> tuple[Turn, list[Run | None]]:
    raw = bool(getattr(options, "raw", False))
    asked = talk._asked(prepared.prompt, prepared.sent, prepared.attachments, options.system, raw=raw)
    given: dict[str, Any] = {
        "system": options.system,
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
        "stream": not options.no_stream,
        "taps": options.taps,
        "player": options.player,
    }
    calls = several.calls(talk, asked, models, given)
    errors = [one for one in calls if isinstance(one, NbstreamError)]
    if len(errors) == len(calls):
        distinct = list({error.what: error for error in errors}.values())
        for error in distinct[:-1]:
            show_error(error, where)
        raise distinct[-1]
    return several.begin(
        talk, prepared.prompt, models, calls, board.columns, given, at,
        cell=cell_id(), execution=execution(), fresh=options.new, sent=prepared.sent,
        attachments=prepared.attachments, line=getattr(options, "line", ""), template=prepared.template,
    )  # fmt: skip


def _without_tools() -> list[str]:
    return [t("compare.no_tools")] if any(toolbox()) else []


def _streams(turn: Turn, runs: list[Run | None]) -> list[Any]:
    """What ``-o`` is bound to while the answers come."""
    from ..chat.stream import Stream

    return [
        candidate.answer if run is None else Stream(run)
        for candidate, run in zip(turn.candidates, runs, strict=True)
    ]


def _answers(turn: Turn, runs: list[Run | None]) -> list[Answer]:
    """The answers, whole or as far as they came."""
    from dataclasses import replace

    found: list[Answer] = []
    for candidate, run in zip(turn.candidates, runs, strict=True):
        if candidate.answer is None and run is not None:
            candidate.answer = replace(run.progress.answer(), finish_reason="cancelled")
        found.append(candidate.answer or Answer(model=candidate.model))
    return found


def _settled(
    talk: Conversation, turn: Turn, board: Board, name: str | None, runs: list[Run | None], typed: bool
) -> NbstreamError | None:
    """All are over: the table takes the columns' place."""
    _answers(turn, runs)
    error = several.finish(talk, turn)
    if board.chosen is not None and turn.kept is None and name is not None:
        several.keep(talk, turn, board.chosen)
    board.settle(*_bundle(turn, name, typed))
    if board.handle is not None:
        _shown[turn.id] = board.handle, typed
        if len(_shown) > MOST_SHOWN:
            del _shown[next(iter(_shown))]
    talk.watchers.changed()
    return error


def _bundle(turn: Turn, name: str | None, typed: bool) -> tuple[dict[str, str], dict[str, Any]]:
    from ..show.compared import bundle

    answers = [one.answer or Answer(model=one.model) for one in turn.candidates]
    data, metadata = bundle(turn, answers, name, footer=session().settings.footer)
    if not typed:
        metadata["nbstream"]["prompt"] = turn.prompt
    return data, metadata


MOST_SHOWN = 32
_shown: dict[str, tuple[DisplayHandle, bool]] = {}
"""The tables that stand in outputs, by turns."""


def mark(turn: Turn, name: str) -> None:
    """Say in the table of `turn` which of its answers is kept, where it is still on a page."""
    handle, typed = _shown.get(turn.id, (None, False))
    if handle is not None:
        data, metadata = _bundle(turn, name, typed)
        handle.update(data, raw=True, metadata=metadata)
