"""Tapes: ``%llm record FILE``, ``%llm record stop``, ``%llm replay FILE``, ``%llm replay off``."""

from __future__ import annotations

from contextlib import suppress

from ...chat.session import session
from ...errors import NbstreamError, pasted
from ...i18n import magic, t
from ...magics.verbs.registry import Shown, verb
from ...plainfiles import located
from ...show.cards import code, literal

ENDING = ".tape"


@verb("record")
def record(file: str | None = None) -> Shown:
    from ..recording import Recorder, session_recorders
    from ..tape import read

    here = session()
    before = list(session_recorders())
    if file is None:
        if not before:
            return t("record.off", line=f"%{magic()} record lesson{ENDING}")
        return t("record.on", file=literal(before[0].shown), count=before[0].takes)
    made = None if file in ("stop", "off") else Recorder(named(file))  # first: it may be no tape
    said = _stopped()
    if made is None:
        return "\n\n".join(said) or t("record.off", line=f"%{magic()} record lesson{ENDING}")
    here.taps.append(made)
    with suppress(NbstreamError):  # one that the environment names, and that cannot be read
        said += [t("replay.off")] if here.player is not None else []
    here.player = None
    here.watchers.changed()
    held = len(read(made.path, damaged={}))
    key = "record.begun_behind" if held else "record.begun"
    said.append(t(key, file=literal(made.shown), count=held, line=f"`%{magic()} record stop`"))
    said += _passed_over(made.shown, made.damaged)
    return "\n\n".join(said)


@verb("replay")
def replay(file: str | None = None, *, speed: str | None = None) -> Shown:
    from ..playing import Tapes, speed_of, usual_speed

    here = session()
    if file in ("off", "stop"):
        here.player = None
        here.watchers.changed()
        return t("replay.off")
    if file is None:
        if not isinstance(player := here.player, Tapes):
            return t("replay.off")
        if speed is not None:
            player.speed = speed_of(speed)
        return _playing(player)
    made = Tapes(named(file), speed_of(speed) if speed else usual_speed())
    said = _stopped()
    here.player = made
    here.watchers.changed()
    return "\n\n".join([*said, _playing(made), *_passed_over(file, made.damaged)])


def _passed_over(file: str, damaged: dict[int, str]) -> list[str]:
    """What is to be said of lines that are damaged, if there are any."""
    if not damaged:
        return []
    from ..tape import numbered

    line = code(f"nbstream tape check {pasted(named(file))}")
    return [t("tape.passed_over", lines=numbered(damaged), line=line)]


def _stopped() -> list[str]:
    """End what is being recorded; what is to be said of it."""
    from ..recording import session_recorders

    said = []
    for one in list(session_recorders()):
        session().taps.remove(one)
        key = "record.stopped" if one.takes else "record.nothing"
        said.append(t(key, file=literal(one.shown), count=one.takes))
        if one.trouble is not None:
            said += [literal(one.trouble.what), literal(one.trouble.why)]
    return said


def _playing(player: object) -> str:
    from ..playing import AT_ONCE, Tapes

    assert isinstance(player, Tapes)
    models = t("list.joint").join(dict.fromkeys(one.model for one in player.takes))
    pace = t("replay.at_once") if player.speed == AT_ONCE else t("replay.pace", speed=f"{player.speed:g}")
    pace = t("replay.as_recorded") if player.speed == 1 else pace
    return t(
        "replay.on",
        file=literal(player.path.name),
        count=len(player.takes),
        models=literal(models or "—"),
        pace=pace,
        line=f"`%{magic()} replay off`",
    )


def named(file: str) -> str:
    """The name of a tape, which ends in ``.tape`` where nothing else was said."""
    path = located(file)
    with suppress(OSError, ValueError):  # odd names are refused by who opens them
        if path.name and not path.suffix and not path.exists():
            return f"{file}{ENDING}"
    return file
