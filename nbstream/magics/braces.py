"""Where a prompt holds ``{{expressions}}``, and where such braces mean something else. Pure.

Left alone are: code (fences and spans between backticks), formulas, what is no expression of Python,
literals (``{{1, 2}}``), three braces in a row, and the whole text where it is a template of Jinja or
Mustache (``{% if %}``, ``{{#each}}``). A fence that holds one expression and nothing else is filled:
there somebody wants a variable shown as code.
"""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

LONGEST = 2_000
"""Characters of one expression."""
TRIES = 12
"""Closing braces that are tried for one expression: in ``{{ {"a": {}}["a"] }}`` the first are not the end."""

_FENCE = re.compile(r"^[ ]{0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)\n?", re.M)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\1(?!`)", re.S)
_MATH = re.compile(
    r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|\\begin\{(?P<name>[a-z*]+)\}.*?\\end\{(?P=name)\}", re.S
)
# As pandoc has it, and with something in it that only a formula has: "$5 and $6" is none.
_INLINE_MATH = re.compile(r"(?<![\\$])\$(?![\s$])(?=[^$\n]*[\\^_])[^$\n]*?(?<![\s\\])\$(?!\d)")
_TEMPLATE = re.compile(r"\{%.*?%\}|\{\{[#^/>!~&]")
_OPEN = re.compile(r"(?<!\{)\{\{(?!\{)")
_NAME = re.compile(r"(?<!\{)\{\{ ?(\w+) ?\}\}")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?(?:\[[^\]\n]*\])?$")
_UNREAD = re.compile(r"\{\{[ \t]*(?P<source>[^\W\d]\w*[^\n{}]*?)[ \t]*\}\}")
"""Double braces with what begins with a name, and is no expression."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression in its braces.

    Attributes
    ----------
    start, end : int
        Its place in the text, braces and all.
    source : str
    names : tuple of str
        What it takes from the namespace, in order.
    code : code
    alone : bool
        It is the only thing in a fence.
    """

    start: int
    end: int
    source: str
    names: tuple[str, ...]
    code: CodeType
    alone: bool = False

    @property
    def name(self) -> str:
        """The variable that it is, "" for more than a name."""
        return self.source if self.source.isidentifier() else ""


def expressions(text: str, unread: list[str] | None = None) -> Iterator[Expression]:
    """The expressions in `text`, in order; what is in other double braces goes into `unread`.

    >>> [one.source for one in expressions("Explain {{ x + 1 }} and `{{y}}` in {'a': {'b': 1}}.")]
    ['x + 1']
    """
    if "{{" not in text:
        return
    code, alone = _code(text)
    outside = _blanked(text, code)
    if _TEMPLATE.search(outside):
        return
    formulas = [one.span() for kind in (_MATH, _INLINE_MATH) for one in kind.finditer(outside)]
    apart = sorted(code + formulas)
    ended, group = 0, -1
    for opening in _OPEN.finditer(text):
        start = opening.start()
        while apart and apart[0][1] <= start:
            apart.pop(0)
        if start < ended or (apart and apart[0][0] <= start):
            continue
        if start == group or _latex(text, start):
            closed = text.find("}}", start)  # what follows at once is the command's next argument
            group = closed + 2
        elif (found := _expression(text, start, alone=any(a <= start < b for a, b in alone))) is not None:
            ended = found.end
            yield found
        elif unread is not None and (other := _UNREAD.match(text, start)):
            unread.append(other["source"])


def template_names(text: str) -> list[str]:
    """The names in double braces that are left alone since the whole text is somebody's template.

    >>> template_names("{% if user %}{{user}}{% endif %}")
    ['user']
    """
    outside = _blanked(text, _code(text)[0]) if "{{" in text else ""
    return list(dict.fromkeys(_NAME.findall(outside))) if _TEMPLATE.search(outside) else []


def fenced_names(text: str) -> list[str]:
    """The names in double braces that are left alone since they stand in a fence, among other things.

    >>> fenced_names("```python\\n{{code}}\\nprint(1)\\n```")
    ['code']
    """
    if "{{" not in text:
        return []
    places = [(start, end) for start, end in _code(text)[0] if text[start:end].lstrip()[:3] in ("```", "~~~")]
    found = (one for start, end in places for one in _NAME.findall(text[start:end]))
    return list(dict.fromkeys(found))


def _code(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where code stands that is left alone, and the fences that hold one expression only."""
    kept: list[tuple[int, int]] = []
    alone: list[tuple[int, int]] = []
    prose: list[tuple[int, int]] = []
    at = 0
    while (opening := _FENCE.search(text, at)) is not None:
        mark = opening["mark"]
        if mark[0] == "`" and "`" in opening["info"]:  # a span that begins a line
            prose.append((at, opening.end()))
            at = opening.end()
            continue
        closing = re.compile(rf"^[ ]{{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*$", re.M).search(
            text, opening.end()
        )
        end = closing.end() if closing else len(text)
        inside = text[opening.end() : closing.start() if closing else end].strip()
        single = inside.startswith("{{") and _expression(inside, 0)
        (alone if single and single.end == len(inside) else kept).append((opening.start(), end))
        prose.append((at, opening.start()))
        at = end
    prose.append((at, len(text)))
    spans = [one.span() for begin, end in prose for one in _SPAN.finditer(text, begin, end)]
    return sorted(kept + spans), alone


def _blanked(text: str, places: list[tuple[int, int]]) -> str:
    """`text` with blanks in `places`, as long as before."""
    out, at = [], 0
    for start, end in places:
        out += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = max(at, end)
    return "".join([*out, text[at:]])


def _latex(text: str, start: int) -> bool:
    """Whether the braces at `start` are the argument of a command, an exponent, or escaped."""
    before = text[max(0, start - 80) : start]
    return before.endswith(("\\", "^")) or _COMMAND.search(before) is not None


def _expression(text: str, start: int, *, alone: bool = False) -> Expression | None:
    """The expression whose braces open at `start`, if what is in them is one of Python's."""
    limit = start + LONGEST
    closing = start + 1
    for _ in range(TRIES):
        closing = text.find("}}", closing + 1, limit)
        if closing < 0:
            return None
        source = text[start + 2 : closing].strip()
        if "\n\n" in source:
            return None
        if (read := _read(source)) is not None:
            return Expression(start, closing + 2, source, *read, alone)
    return None


def _read(source: str) -> tuple[tuple[str, ...], CodeType] | None:
    """The names in `source` and its code; None for what is no expression, or says its value itself."""
    if not source:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "invalid escape sequence": it may be no Python at all
        try:
            tree = ast.parse(source, mode="eval")
            code = compile(tree, "<{{…}}>", "eval")
            names = tuple(dict.fromkeys(_names(source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        try:
            ast.literal_eval(tree)
        except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError):
            return names, code
        return None


def _names(source: str) -> Iterator[str]:
    """The names that `source` takes from outside: not the variables of its comprehensions and lambdas."""
    tables = [symtable.symtable(source, "<{{…}}>", "eval")]
    assigned = {one.get_name() for one in tables[0].get_symbols() if one.is_assigned()}
    while tables:
        found = tables.pop(0)
        for one in found.get_symbols():
            top = found.get_type() == "module"
            if one.is_referenced() and (top or one.is_global()) and one.get_name() not in assigned:
                yield one.get_name()
        tables += found.get_children()
