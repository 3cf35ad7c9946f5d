"""Formulas drawn by the browser itself (MathML), where no typesetter can be had: in the panel.

What a model writes goes through four doors: `safe_tex` (commands that only draw), `retex` (what latex2mathml
would misread), `mathtree` (its tree written by us: it unescapes its own text, so its string is never used),
and nh3. What does not pass is shown as its source.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from .rules import RULES
from .tex import safe_tex

if TYPE_CHECKING:
    import nh3

ATTRIBUTES: dict[str, set[str]] = {
    "math": {"display"},
    **{tag: set() for tag in ("mrow", "mn", "msqrt", "mroot", "msub", "msup", "msubsup", "mtr", "mphantom")},
    "mi": {"mathvariant"},
    "mtext": {"mathvariant"},
    "mo": {"stretchy", "fence", "form", "movablelimits", "lspace", "rspace", "minsize", "maxsize"},
    "mspace": {"width"},
    "mfrac": {"linethickness"},
    "munder": set(),
    "mover": {"accent"},
    "munderover": set(),
    "mtable": {"displaystyle"},
    "mtd": {"columnalign", "columnlines", "rowlines"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mpadded": {"width", "height", "depth"},
    "menclose": {"notation"},
}
"""The elements that a formula may have, and their attributes."""

LONGEST = 60_000
_REMEMBERED = 500  # formulas: those of a block that still grows are asked for again with each batch


@cache
def _cleaner() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(tags=set(ATTRIBUTES), attributes=ATTRIBUTES, clean_content_tags=set(), link_rel=None)


@cache
def warm() -> None:
    """Import what formulas need, once and aside: it takes its time, and answers stream meanwhile."""

    def load() -> None:
        with suppress(ImportError):
            import latex2mathml.converter  # noqa: F401

            _cleaner()

    threading.Thread(target=load, name="nbstream-mathml", daemon=True).start()


@lru_cache(_REMEMBERED)
def drawn(tex: str, display: bool) -> str | None:
    """MathML for a formula, or None where its source must do."""
    checked = None if "\\label" in tex else safe_tex(tex, RULES)
    if checked is None:
        return None
    try:
        from latex2mathml.converter import convert_to_element

        from .mathtree import written
        from .retex import retex

        source = retex(checked)
        tree = convert_to_element(source, display="block" if display else "inline")
        html = written(tree, display)
    except Exception:  # it raises what it likes: StopIteration, IndexError, RecursionError
        return None
    return _cleaner().clean(html) if len(html) <= LONGEST else None


def mathml(tex: str, display: bool) -> str:
    """MathML for a formula, or its source, escaped.

    >>> mathml("x^2", False)
    '<math display="inline"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    >>> mathml(r"\\href{javascript:x}{y}", False)
    '<code class="nbs-math">\\\\href{javascript:x}{y}</code>'
    """
    from .spans import math_html

    return math_html(tex, display=display, mathml=True)
