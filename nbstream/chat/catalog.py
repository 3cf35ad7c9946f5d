"""Which models there are, as far as this kernel has heard: asked for in the background.

Nobody is asked unless somebody wants to know: a provider with a key when its models are wanted by name, and
this machine's own servers when one of them is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from ..providers import registry
from ..providers.facts import named
from ..providers.local import PLACES

FRESH = 3600.0
"""Seconds after which a list is asked for again, and `STALE` those after a failure."""
STALE = 60.0
log = logging.getLogger("nbstream")


@dataclass(frozen=True, slots=True)
class _Entry:
    names: tuple[str, ...]
    till: float
    source: str


class Catalog:
    """The models that each provider is known to have."""

    def __init__(self) -> None:
        self._kept: dict[str, _Entry] = {}
        self._asking: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def keep(self, provider: str, names: Iterable[str], source: str = "") -> None:
        """Remember what `provider` has said it offers; at which address and to whom says `source`."""
        self._kept[provider] = _Entry(tuple(dict.fromkeys(names)), time.monotonic() + FRESH, source)

    def names(self, provider: str) -> list[str]:
        """The models of `provider` as far as they are known, its default one first."""
        known: list[str] = []
        with suppress(Exception):  # a provider of another package may do anything
            one = registry.get(provider)
            known = [one.default_model, *(model.name for model in one.listed), *named(one.name)]
        kept = self._kept.get(provider)
        return list(dict.fromkeys(filter(None, [*known, *(kept.names if kept else ())])))

    def heard_of(self) -> list[str]:
        """The providers that have said what they offer."""
        return [name for name, entry in self._kept.items() if entry.names]

    def refresh(
        self, provider: str, ask: Callable[[], Iterable[str]], patience: float = 0.0, source: str = ""
    ) -> None:
        """Have `ask` find out in a thread what `provider` offers, and wait for it at most `patience` seconds.

        Nothing is asked while the last answer, from the same `source`, is fresh. `ask` may raise: then it is
        asked later again.
        """
        with self._lock:
            kept = self._kept.get(provider)
            if kept is not None and kept.source != source:
                del self._kept[provider]  # another address, or another key
            elif kept is not None and time.monotonic() < kept.till:
                return
            if provider in self._asking:  # waited for once: whoever types on is not held up again
                return
            done = self._asking[provider] = threading.Event()
            name = f"nbstream-models-{provider}"
            threading.Thread(
                target=self._find, args=(provider, ask, done, source), name=name, daemon=True
            ).start()
        done.wait(patience)

    def wait(self, patience: float) -> None:
        """Until all who are being asked have answered, at most `patience` seconds."""
        end = time.monotonic() + patience
        with self._lock:
            asking = list(self._asking.values())
        for done in asking:
            done.wait(max(0.0, end - time.monotonic()))

    def _find(
        self, provider: str, ask: Callable[[], Iterable[str]], done: threading.Event, source: str
    ) -> None:
        old = self._kept.get(provider)
        try:
            self.keep(provider, ask(), source)
        except Exception:  # whoever wanted to know is told nothing: there is a command that says why
            log.debug("no list of models from %s", provider, exc_info=True)
            self._kept[provider] = _Entry(old.names if old else (), time.monotonic() + STALE, source)
        finally:
            with self._lock:
                self._asking.pop(provider, None)
            done.set()


def is_local(provider: str) -> bool:
    """Whether the servers of `provider` usually run on one's own machine.

    >>> is_local("ollama"), is_local("openai")
    (True, False)
    """
    return provider in PLACES


@cache
def catalog() -> Catalog:
    """The catalog of this kernel."""
    return Catalog()
