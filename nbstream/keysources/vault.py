"""Keys in the operating system's keyring, by the package ``keyring``.

A list beside our settings says which keys were stored there, by name: with none stored the package is not
even imported, and no key is looked for that was not put there by ``%llm login NAME --keyring``. A keyring
may be locked, and then wait for somebody to unlock it; so it is asked in a thread of its own, and nobody
waits for it for long.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, TimeoutError
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from ..credentials import Secret
from ..errors import fail

SERVICE = "nbstream"
PATIENCE, LONG = 3.0, 60.0
"""Seconds to wait for a key that a turn needs, and while somebody stores one: they may have to unlock."""
T = TypeVar("T")

_reading: dict[str, Future[dict[str, Secret]]] = {}
"""By provider: what was read in this process, or is being read."""


def stored(provider: str) -> list[str]:
    """The names of the credentials of `provider` that were put into the keyring from here."""
    return [name for name in _listed().get(provider, []) if isinstance(name, str)]


def read(provider: str) -> dict[str, Secret]:
    """What the keyring has of `provider`; nothing where it does not answer in time. Read once, then kept."""
    names = stored(provider)
    if not names or find_spec("keyring") is None:
        return {}
    if provider not in _reading:
        _reading[provider] = _begun(lambda: _fetched(provider, names))
    try:
        return dict(_reading[provider].result(PATIENCE))
    except TimeoutError:  # perhaps it is there at the next question
        return {}
    except Exception:
        _reading.pop(provider, None)
        return {}


def at_hand(provider: str) -> dict[str, Secret]:
    """What was read of `provider` so far."""
    future = _reading.get(provider)
    good = future is not None and future.done() and future.exception() is None
    return dict(future.result()) if future is not None and good else {}


def write(provider: str, secrets: Mapping[str, Secret]) -> None:
    """Put `secrets` there. Raises `NbstreamError` (config) where there is no keyring, or it refuses."""
    backend = usable()

    def work() -> None:
        for name, secret in secrets.items():
            backend.set_password(SERVICE, f"{provider}.{name}", secret.reveal())

    _done(work)
    _reading.pop(provider, None)
    _list(provider, secrets)


def remove(provider: str) -> list[str]:
    """Take all of `provider` out, and say what was there. Raises `NbstreamError` (config) as `write` does."""
    names = stored(provider)
    if not names:
        return []
    backend = usable()

    def work() -> None:
        for name in names:
            if backend.get_password(SERVICE, f"{provider}.{name}") is not None:
                backend.delete_password(SERVICE, f"{provider}.{name}")

    _done(work)
    _reading.pop(provider, None)
    _list(provider, ())
    return names


# --- the keyring ------------------------------------------------------------------------------------------


def usable() -> Any:
    """The backend. Raises `NbstreamError` (config) where there is none that may hold a key."""
    if find_spec("keyring") is None:
        raise fail("config.keyring_package")
    backend = _done(_backend)
    if backend is None:
        raise fail("config.keyring_none")
    return backend


@cache
def _backend() -> Any:
    """One that the package recommends: the others keep keys in plain files, or ask for a password."""
    import keyring

    chosen = keyring.get_keyring()
    for one in getattr(chosen, "backends", None) or [chosen]:  # several, one behind the other
        if one.priority >= 1:
            return one
    return None


def _fetched(provider: str, names: Iterable[str]) -> dict[str, Secret]:
    backend = _backend()
    if backend is None:
        return {}
    found = {name: Secret(backend.get_password(SERVICE, f"{provider}.{name}") or "") for name in names}
    return {name: secret for name, secret in found.items() if secret}


def _begun(work: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            # Without its traceback: the frames of a backend know the key.
            future.set_exception(error.with_traceback(None))

    # A daemon: a keyring that waits for its owner must not keep the kernel from ending.
    threading.Thread(target=run, name="nbstream-keyring", daemon=True).start()
    return future


def _done(work: Callable[[], T]) -> T:
    try:
        return _begun(work).result(LONG)
    except TimeoutError:
        reason = "TimeoutError"
    except Exception as error:  # what a backend says may quote what it was given
        reason = type(error).__name__
    raise fail("config.keyring_failed", reason=reason)


# --- the list ---------------------------------------------------------------------------------------------


def index() -> Path:
    """The file that says which keys are in the keyring. It holds names, no keys."""
    windows = os.environ.get("APPDATA") if os.name == "nt" else None
    base = os.environ.get("XDG_CONFIG_HOME") or windows
    return (Path(base) if base else Path.home() / ".config") / "nbstream" / "keyring.json"


def _listed() -> dict[str, list[str]]:
    try:
        found = json.loads(index().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return {}
    return (
        {name: one for name, one in found.items() if isinstance(one, list)} if isinstance(found, dict) else {}
    )


def _list(provider: str, names: Iterable[str]) -> None:
    listed = {**_listed(), provider: sorted(names)}
    text = json.dumps({name: one for name, one in listed.items() if one}, indent=1)
    file = index()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        (draft := file.with_suffix(".new")).write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise fail("config.keyring_failed", reason=error.strerror or type(error).__name__) from None
