r"""TeX as latex2mathml reads it right: what it does not know or gets wrong is written in what it knows.

It shows what it does not know as text, so each rule here has its formula in the tests; what it would
still get wrong is refused.
"""

from __future__ import annotations

import re

_GAP = re.compile(r"\\\\\s*(?:\[\s*-?[\d.]+\s*[a-z]{2}\s*\])?\s*")
_PLACE = re.compile(r"(\\begin\{[a-z*]+\})\s*\[[tcb]\]")
_ALIGNED = re.compile(r"\\(begin|end)\{(?:align|aligned|eqnarray|split)\*?\}")
_COLUMNS = re.compile(r"\\(begin|end)\{align(?:at|edat)\*?\}(?(1)(?:\s*\{\d*\})?)")
_ROWS = re.compile(r"\\(begin|end)\{(?:gather|gathered|multline|multlined)\*?\}")
_ONE = re.compile(r"\\(?:begin|end)\{equation\*?\}|\\(?:notag|nonumber)(?![A-Za-z])")
_ARRAY = re.compile(r"\\begin\{array\}\s*\{([^{}]*)\}\s*((?:\\hline\s*)*)")
_ODD_ARRAY = re.compile(r"\\begin\{array\}(?!\{[lcr|]+\})")
_SUBARRAY = re.compile(r"\\begin\{subarray\}\s*\{[lcr]\}")
_TEXT = re.compile(r"\\(text(?:bf|it|rm|sf|tt|normal)?|mbox|tag\*?|operatorname\*?)(?![A-Za-z])\s*(\{?)")
_LAST_CELL = re.compile(r"(?<!\\)((?:\\\\)*)&\s*(?=\\end\{)")
_ESCAPED = re.compile(r"\\([ &_#])")
_SPACE = re.compile(r"\\[,;:> ]")
_UNIT = re.compile(r"(\d)(?=\s*(?:in|mm|cm|pt|em|ex|pc|bp|dd|cc|sp|mu))")
_UPRIGHT = re.compile(r"\\mathrm\{")
_NOT = {r"\not=": r"\neq ", r"\not\lt": r"\nless ", r"\not>": r"\ngtr ", r"\not\in": r"\notin "}
_TOKEN = re.compile(r"\\(begin|end)\{[a-z*]+\}|\\\\|\\.|[{}&]", re.IGNORECASE)


class Refused(Exception):
    """A formula that would be drawn wrongly."""


def retex(tex: str) -> str:
    r"""The same formula in the words of latex2mathml. Raises `Refused`.

    >>> retex(r"\begin{aligned} a &= b \\[2pt] c &= d \end{aligned}")
    '\\begin{split} a &= b \\\\ c &= d \\end{split}'
    """
    if "\\nolimits" in tex:
        raise Refused
    tex = _texts(_PLACE.sub(r"\1", _GAP.sub(r"\\\\ ", tex)))
    tex = _ALIGNED.sub(r"\\\1{split}", _COLUMNS.sub(r"\\\1{split}", tex))
    tex = _ONE.sub("", _ROWS.sub(r"\\\1{displaylines}", tex))
    tex = _ARRAY.sub(_array, tex)
    if _ODD_ARRAY.search(tex):
        raise Refused
    tex = _SUBARRAY.sub(r"\\begin{smallmatrix}", tex).replace(r"\end{subarray}", r"\end{smallmatrix}")
    tex = tex.replace("{dcases}", "{cases}").replace("\\mathnormal", "\\mathit")
    tex = tex.replace(r"\begin{rcases}", r"\left.\begin{array}{ll}")
    tex = tex.replace(r"\end{rcases}", r"\end{array}\right\}")
    for written, known in _NOT.items():
        tex = re.sub(re.escape(written) + "(?![A-Za-z])", known.replace("\\", r"\\"), tex)
    # A letter alone is looked up in a table, where the upright ones are missing.
    tex = _UPRIGHT.sub(r"\\mathrm {", tex)
    # "2mm" would be a length.
    tex = _wrapped(_UNIT.sub(r"\1{}", tex).strip())
    return _LAST_CELL.sub(r"\1&{}", tex)  # where the last cell is empty, its row would be left out


def _texts(tex: str) -> str:
    """Arguments of words: latex2mathml ends them at the first brace and shows commands in them."""
    parts, at = [], 0
    while found := _TEXT.search(tex, at):
        if not found[2]:  # a single letter, or a command
            raise Refused
        end = _closing(tex, found.end())
        parts += [tex[at : found.start()], _words(found[1], tex[found.end() : end])]
        at = end + 1
    return "".join([*parts, tex[at:]])


def _closing(tex: str, at: int) -> int:
    depth = 1
    for found in re.finditer(r"\\.|[{}]", tex[at:]):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return at + found.start()
    raise Refused


def _words(name: str, inside: str) -> str:
    if name.startswith("operatorname"):
        inside = _SPACE.sub("\u00a0", inside).replace("\\!", "")
        if re.fullmatch(r"[A-Za-z\s]+", inside):
            return f"\\{name}{{{inside}}}"
        return f"\\mathrm {{{inside}}}"
    inside = _ESCAPED.sub(r"\1", inside).replace("~", "\u00a0")
    if "\\" in inside:
        raise Refused
    inside = inside.replace("{", "").replace("}", "")
    if name.startswith("tag"):
        return "\\qquad\\text{" + (inside if name == "tag*" else f"({inside})") + "}"
    return f"\\{'text' if name == 'mbox' else name}{{{inside}}}"


def _array(found: re.Match[str]) -> str:
    """Its frame's left and top lines are left out, for MathML has lines between cells only."""
    columns = re.sub(r"\s", "", found[1])
    if not re.fullmatch(r"\|?(?:[lcr]\|?)+", columns):
        raise Refused
    return f"\\begin{{array}}{{{columns.removeprefix('|')}}}"


def _wrapped(tex: str) -> str:
    """Lines that stand in no environment get one."""
    depth, lines, columns = 0, False, False
    for found in _TOKEN.finditer(tex):
        if found[0] == "{" or found[1] == "begin":
            depth += 1
        elif found[0] == "}" or found[1] == "end":
            depth -= 1
        elif not depth:
            lines |= found[0] == "\\\\"
            columns |= found[0] == "&"
    if not lines and not columns:
        return tex
    name = "split" if columns else "displaylines"
    return f"\\begin{{{name}}}{tex}\\end{{{name}}}"
