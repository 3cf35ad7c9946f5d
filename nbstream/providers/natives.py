"""Services with a dialect of their own, as data. Each names the class that speaks with it."""

from __future__ import annotations

from .host import Host

NATIVES: tuple[Host, ...] = ()
