"""The verbs of ``%llm`` that teach, a module for each family."""

from . import keeping as keeping
from . import tapes as tapes
from . import waiting as waiting
