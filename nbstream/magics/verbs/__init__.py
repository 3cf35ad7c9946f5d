"""The verbs of ``%llm``, a module for each family; `help` has their order."""

from __future__ import annotations

from importlib import import_module

from . import again as again
from . import answers as answers
from . import audit as audit
from . import files as files
from . import finding as finding
from . import keys as keys
from . import numbers as numbers
from . import policy as policy
from . import talking as talking
from . import toolbox as toolbox
from . import using as using
from .registry import VERBS, Verb

__all__ = ["VERBS", "Verb"]

for module in (
    "nbstream.panel.verb",
    "nbstream.teach.verbs",
):  # of the layers above
    import_module(module)
