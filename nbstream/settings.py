"""Settings: ``nbstream.config.footer = False``, or ``c.Settings.footer = False`` in an IPython profile."""

from __future__ import annotations

import os

from traitlets import Bool, Dict, Float, Integer, Unicode, Union, default
from traitlets.config import Configurable


class Settings(Configurable):
    """What a person can set once for every cell. The environment gives the defaults."""

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
        'provider, or by provider: {"spark": 2, "ernie": 5}. It counts all keys of a provider together. '
        "None: no bound.",
    ).tag(config=True)
    buffer = Integer(
        512,
        min=1,
        help="Events that a stream may be ahead of its slowest reader before it makes the provider wait.",
    ).tag(config=True)

    @default("model")
    def _model(self) -> str:
        return os.environ.get("NBSTREAM_MODEL", "")
