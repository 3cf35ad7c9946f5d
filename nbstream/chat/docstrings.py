"""What a docstring says: what the function is for, and what each parameter means. Pure.

Read in the ways that people write them: NumPy's, Google's, Sphinx's, and plain; in English and Chinese.
"""

from __future__ import annotations

import inspect
import re

_UNDERLINED = re.compile(r"^(\S.*)\n-{3,}[ \t]*$", re.M)
_HEADED = re.compile(
    r"^(Args|Arguments|Parameters|Params|参数|Returns?|Yields?|Raises|Examples?|Notes?|返回值?|示例|抛出|异常)"
    r"[ \t]*[:：][ \t]*$",
    re.M,
)
_FIELD = re.compile(
    r"^:(?:param|parameter|arg)\s+(?:[^:\n]*\s)?\*{0,2}(\w+)\s*:[ \t]*(.*(?:\n[ \t]+.*)*)", re.M
)
_PARAMETERS = ("args", "arguments", "parameters", "params", "参数")
_NAMED = re.compile(r"^\*{0,2}(\w+)\s*(?:[(（][^\n]*?[)）])?\s*[:：][ \t]*(.*)$")


def documented(docstring: str | None) -> tuple[str, dict[str, str]]:
    """The description, and the parameters' texts by name.

    >>> documented('''Weather of a city.
    ...
    ... Args:
    ...     city (str): Its name,
    ...         in any language.
    ... ''')
    ('Weather of a city.', {'city': 'Its name, in any language.'})
    """
    text = inspect.cleandoc(docstring or "")
    heads = [(one.start(), one.end(), one[1]) for one in _UNDERLINED.finditer(text)]
    numpy = bool(heads)
    heads = heads or [(one.start(), one.end(), one[1]) for one in _HEADED.finditer(text)]
    found: dict[str, str] = {}
    for number, (_, begin, title) in enumerate(heads):
        if title.strip().lower() in _PARAMETERS:
            end = heads[number + 1][0] if number + 1 < len(heads) else len(text)
            found |= _entries(text[begin:end], numpy=numpy)
    end = heads[0][0] if heads else len(text)
    for field in _FIELD.finditer(text):
        found[field[1]] = _joined(field[2].splitlines())
    if first := re.search(r"^:\w+[^:\n]*:", text, re.M):
        end = min(end, first.start())
    return text[:end].strip(), {name: one for name, one in found.items() if one}


def _entries(section: str, *, numpy: bool) -> dict[str, str]:
    """The parameters of one section: a line that names it, and lines set further in that tell of it."""
    lines = [line for line in section.splitlines() if line.strip()]
    outer = min((_depth(line) for line in lines), default=0)
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in lines:
        if _depth(line) > outer:
            for name in names:
                found[name].append(line)
            continue
        if numpy:
            names = [name.strip(" *") for name in re.split(r"\s*[:：]\s*", line.strip())[0].split(",")]
            told = ""
        elif entry := _NAMED.match(line.strip()):
            names, told = [entry[1]], entry[2]
        else:
            names, told = [], ""
        for name in names:
            found[name] = [told]
    return {name: _joined(told) for name, told in found.items()}


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())
