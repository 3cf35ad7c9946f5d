"""Run inside a kernel: show, print, pickle and dump every object of ours that there is."""

from __future__ import annotations

import gc
import json
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any


def show(out: Any = None) -> None:
    """Print every living object of nbstream by all its faces, and pickle it into a file where that works."""
    out = out or sys.stdout
    shown = 0
    with Path("pickles").open("ab") as file:
        for thing in gc.get_objects():
            if not str(type(thing).__module__).startswith("nbstream"):
                continue
            shown += 1
            print(_faces(thing), file=out)
            try:
                file.write(type(thing).__qualname__.encode() + b": " + pickle.dumps(thing))
            except Exception as error:
                print(f"{type(thing).__name__} is not pickled: {error}", file=out)
    import ipywidgets

    Path("widgets.json").write_text(json.dumps(ipywidgets.Widget.get_manager_state()), encoding="utf-8")
    print(f"{shown} objects shown", file=out)


def _faces(thing: Any) -> str:
    if type(thing).__name__ == "Secret":
        return f"{thing!r} {thing} {thing:>10} {[thing]} {dir(thing)}"
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    inside = {name: getattr(thing, name, None) for name in slots if not name.startswith("__")}
    return f"{thing!r} {thing} {getattr(thing, '__dict__', {})!r} {inside!r}"


def refused(model: str, out: Any = None) -> None:
    """Ask, be refused, and show the error in all the ways in which people look at one."""
    import nbstream

    try:
        answer = nbstream.ask("hi", model=model, retries=0)
        print(f"{model} answered {answer.text!r}", file=out)
    except nbstream.NbstreamError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        print(model, error, repr(error), vars(error), repr(error.answer), error.args, *trace.format(), file=out)
