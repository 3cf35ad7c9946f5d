"""The verbs of ``%llm``, a module for each family, in the order of the help."""

from __future__ import annotations

from . import finding as finding
from . import keys as keys
from . import numbers as numbers
from . import talking as talking

# isort: off  (each import declares its verbs)
from . import using as using

# isort: on
from .registry import VERBS, Verb, help_text

__all__ = ["VERBS", "Verb", "help_text"]
