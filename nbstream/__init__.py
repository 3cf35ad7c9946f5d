"""nbstream: talk to a language model from a notebook, token by token.

    import nbstream
    for text in nbstream.stream("Why is the sky blue?"):
        print(text, end="", flush=True)

In a notebook: ``%load_ext nbstream``, then a cell that begins with ``%%llm``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ._version import __version__

# A library does not print its log; whoever wants it adds a handler.
logging.getLogger(__name__).addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from .api import ask, compare, config, conversation, login, stats, stream, use
    from .chat.stream import Stream
    from .errors import NbstreamError
    from .magics import load_ipython_extension, unload_ipython_extension
    from .messages import Answer, Attachment, Message
    from .panel.panel import ChatPanel
    from .teach.tapes import tape

__all__ = [
    "Answer",
    "Attachment",
    "ChatPanel",
    "Message",
    "NbstreamError",
    "Stream",
    "__version__",
    "ask",
    "compare",
    "config",
    "conversation",
    "load_ipython_extension",
    "login",
    "stats",
    "stream",
    "tape",
    "unload_ipython_extension",
    "use",
]

_HOMES = {
    "Answer": "messages",
    "Attachment": "attachment",
    "ChatPanel": "panel.panel",
    "Message": "messages",
    "NbstreamError": "errors",
    "Stream": "chat.stream",
    "load_ipython_extension": "magics",
    "tape": "teach.tapes",
    "unload_ipython_extension": "magics",
} | dict.fromkeys(("ask", "compare", "config", "conversation", "login", "stats", "stream", "use"), "api")


def __getattr__(name: str) -> Any:
    # Names are found when they are first used: `%load_ext nbstream` must not cost an HTTP client.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
