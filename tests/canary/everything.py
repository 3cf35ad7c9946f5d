"""Run inside a kernel: show, print, pickle and dump every object of ours that there is."""

from __future__ import annotations

import gc
import json
import pickle
import traceback
from pathlib import Path
from typing import Any


def show() -> int:
    """Write every living object of nbstream by all its faces, and pickled where that works; how many."""
    shown = 0
    with Path("pickles").open("ab") as file, Path("objects.txt").open("a", encoding="utf-8") as out:
        for thing in gc.get_objects():
            if not str(type(thing).__module__).startswith("nbstream"):
                continue
            if type(thing).__module__.startswith("nbstream.wire"):
                # A connection's bytes are in memory until it is gone; nobody has hold of these objects.
                print(f"{thing!r} {thing}", file=out)
                continue
            shown += 1
            print(_faces(thing), file=out)
            if getattr(thing, "base_url", None):
                continue
            try:
                file.write(type(thing).__qualname__.encode() + b": " + pickle.dumps(thing))
            except Exception as error:
                print(f"{type(thing).__name__} is not pickled: {error}", file=out)
    import ipywidgets

    Path("widgets.json").write_text(json.dumps(ipywidgets.Widget.get_manager_state()), encoding="utf-8")
    return shown


def _faces(thing: Any) -> str:
    if type(thing).__name__ == "Secret":
        return f"{thing!r} {thing} {[thing]} {dir(thing)}"
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    # An address stays as the user wrote it, password and all, where only a call looks at it.
    inside = {name: getattr(thing, name, None) for name in slots if not name.startswith("__")}
    inside.pop("base_url", None)
    return f"{thing!r} {thing} {getattr(thing, '__dict__', {})!r} {inside!r}"


def refused(model: str) -> None:
    """Ask, be refused, and show the error in all the ways in which people look at one."""
    import nbstream

    try:
        answer = nbstream.ask("hi", model=model, retries=0)
        print(f"{model} answered {answer.text!r}")
    except nbstream.NbstreamError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        print(model, error, repr(error), vars(error), repr(error.answer), error.args, *trace.format())


def holders(backwards: str) -> list[str]:
    """The types of all objects that hold a text or bytes in which a secret stands, but for a `Secret`.

    The secret comes backwards, so that the very cell that asks does not hold it.
    """
    gc.collect()
    mark = backwards[::-1]
    sought, found = (mark, mark.encode()), set()
    for thing in gc.get_objects():
        if type(thing).__name__ == "Secret" or (isinstance(thing, tuple) and thing is sought):
            continue
        for held in gc.get_referents(thing):
            bare = bytes(held) if isinstance(held, (bytearray, memoryview)) else held
            if held is not mark and type(bare) in (str, bytes) and sought[isinstance(bare, bytes)] in bare:
                found.add(f"{type(thing).__name__}: {str(thing)[:300]}")
    return sorted(found)
