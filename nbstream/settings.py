"""Settings: ``nbstream.config.footer = False``, or ``c.Settings.footer = False`` in an IPython profile."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable
from typing import Any

from traitlets import Bool, Dict, Float, Integer, Unicode, Union, default
from traitlets.config import Configurable

from .errors import fail


class Settings(Configurable):
    """What a person can set once for every cell of a kernel. The environment gives the defaults.

    >>> print(Settings(model="demo", buffer=64))  # doctest: +ELLIPSIS
    nbstream.config
      buffer = 64
      connect_timeout = 10.0
      ...
      model = 'demo'
      retries = 2
      ...
    """

    _unknown: Callable[[Iterable[str]], tuple[str, str] | None] | None = None
    """Of names of providers the first that is none, and the nearest one: the session knows them."""

    model = Unicode(help="The default model, provider:model. Environment: NBSTREAM_MODEL.").tag(config=True)
    footer = Bool(True, help="Close each answer with one quiet line of facts.").tag(config=True)
    retries = Integer(2, min=0, help="Repeats of a failed request before the first token.").tag(config=True)
    connect_timeout = Float(10.0, help="Seconds for a connection.").tag(config=True)
    first_timeout = Float(600.0, help="Seconds to the first token of a reasoning model.").tag(config=True)
    idle_timeout = Float(120.0, help="Seconds without a byte.").tag(config=True)
    max_streams = Union(
        [Integer(min=1), Dict(value_trait=Integer(min=1), key_trait=Unicode())],
        default_value=None,
        allow_none=True,
        help="Streams at once; those above it queue, first come, first served. One number for each "
        'provider, or by provider: {"spark": 2, "ernie": 5}. It counts all keys of a provider together, '
        "in this kernel alone: each notebook counts for itself. "
        "None: no bound.",
    ).tag(config=True)
    env_file = Unicode(
        help="A file of variables, such as .env, where keys are looked for that are nowhere else."
    ).tag(config=True)
    longest_value = Integer(
        100_000,
        min=100,
        help="Characters of one {{variable}} or attached text; of more the middle is left out.",
    ).tag(config=True)
    tool_rounds = Integer(8, min=1, help="How often an answer may call tools before it must end.").tag(
        config=True
    )
    tool_timeout = Float(
        120.0, allow_none=True, help="Seconds that one call of a tool may take. None: no bound."
    ).tag(config=True)
    tool_result = Integer(20_000, min=100, help="Characters of a tool's result that a model is told.").tag(
        config=True
    )
    buffer = Integer(
        512,
        min=1,
        help="Events that a stream may be ahead of its slowest reader before it makes the provider wait.",
    ).tag(config=True)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and not hasattr(type(self), name):
            names = self.class_own_traits(config=True)
            close = difflib.get_close_matches(name, names, n=1)
            raise fail("config.setting", name=name[:40], known=", ".join(names),
                       line=f"nbstream.config.{close[0]}" if close else "nbstream.config")  # fmt: skip
        bounds = value if name == "max_streams" and isinstance(value, dict) else {}
        if self._unknown and (wrong := self._unknown(map(str, bounds))):
            raise fail("config.max_streams", name=wrong[0][:40], nearest=wrong[1])
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        lines = [f"  {name} = {getattr(self, name)!r}" for name in self.class_own_traits(config=True)]
        return "\n".join(["nbstream.config", *lines])

    @default("model")
    def _model(self) -> str:
        return os.environ.get("NBSTREAM_MODEL", "")
