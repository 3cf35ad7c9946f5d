"""What may be shown of a text that is still being written, so that half a mark never flashes.

`hold` looks at lines: one that may become a fence, a rule, a heading's underline or a table waits until
that is decided, never much longer than itself. `mend` looks inside a paragraph: an open `**` or backtick is
closed for the moment, half a link is held back. Both are guesses about the last few words alone; the finished
text does not depend on them.
"""

from __future__ import annotations

import re

from .cjk import is_cjk

MATH_SPAN = re.compile(
    r"\$\$(?!\s)([^$\n`]{1,198}?)\$\$"
    r"|(?<![A-Za-z0-9$])\$(?![\s$])([^$\n`]{0,197}[^$\n`\s\\])\$(?![A-Za-z0-9$])"
    r"|\\\(([^\n`]{1,198}?)\\\)"
    r"|\\\[([^\n`]{1,198}?)\\\]"
)
"""A formula within a line, at most `MATH_LENGTH` long."""
MATH_LENGTH = 202

# --- lines ----------------------------------------------------------------------------------------------

CONTAINERS = re.compile(r"(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*")
"""The marks of quotes and items in front of what a line says."""
_UNDECIDED = re.compile(r"[-*_=~`#|:>+$\s]*|\d{1,9}[.)]?|\[[ xX]?\]?\s*|\\\[?")
_FENCE_OPENER = re.compile(r"`{3,}[^`]*|~{3,}.*|\$\$.*|\\\[.*")
_FENCE_END = re.compile(r"[\s>]*(?:`*|~*)\s*")
_DELIMITER_ROW = re.compile(r"[-|:\s]*")
_HELD_LINE = 200
_HELD_ROW = 1_000


def hold(text: str, inside: str) -> int:
    """How many characters of `text` may be shown. `inside` is the kind of block its last whole line is in.

    Examples
    --------
    >>> hold("Some words", "")
    10
    >>> hold("Some words\\n==", "p")
    11
    >>> hold("| a | b |\\n", "p")
    0
    """
    whole = text.rfind("\n") + 1
    line = text[whole:]
    if inside == "code":
        return whole if _FENCE_END.fullmatch(line) and len(line) < _HELD_LINE else len(text)
    at = CONTAINERS.match(line).end()  # type: ignore[union-attr]
    body = line[at:]
    table = inside in ("table", "row")
    if inside == "p" and _DELIMITER_ROW.fullmatch(body):  # the line before may be a table's header
        before = text.rfind("\n", 0, max(0, whole - 1)) + 1
        held = before + _header(text[before : whole - 1])
        if held < whole - 1 and whole - before < _HELD_ROW:
            return held
    short = len(line) < _HELD_LINE
    if short and (_UNDECIDED.fullmatch(body) or (not table and _FENCE_OPENER.fullmatch(body))):
        return whole
    return len(text) if table else whole + _header(line)


def _header(line: str) -> int:
    """How much of a line may be shown that could be a table's header: what stands before its first bar."""
    at = CONTAINERS.match(line).end()  # type: ignore[union-attr]
    bar = line.find("|", at)
    if bar < 0 or line.count("`", at, bar) % 2 or len(line) - bar > (_HELD_ROW if bar == at else _HELD_LINE):
        return len(line)
    return 0 if bar == at else bar


# --- inside a paragraph ---------------------------------------------------------------------------------

_MANY_BRACKETS = 100
_HELD_LINK = 300
_OPEN_CODE = 400
_OPEN_EMPHASIS = 600
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~\u2010-\u2027\u3001-\u3003\u3008-\u3011\uff01-\uff0f]")
_MARK = re.compile(r"[\\`\[!$*_~&<]")
_HALVES = {  # of an entity, of an address
    "&": re.compile(r"&[#a-zA-Z0-9]{0,31}$"),
    "<": re.compile(r"<(?:[A-Za-z][^\s<>]{0,200})?$"),
}


def mend(text: str) -> str:
    """`text` as it may be shown while more is coming.

    Examples
    --------
    >>> mend("a **bold te")
    'a **bold te**'
    >>> mend("see [the docs](https://exam")
    'see'
    >>> mend("run `pip ins")
    'run `pip ins`'
    """
    if text.count("[") > _MANY_BRACKETS:
        return text
    shown, closers = _undecided(text)
    shown = shown.rstrip()
    return shown + closers if closers else shown


def _undecided(text: str) -> tuple[str, str]:
    """The part of `text` that may be shown, and the marks which close what is open in it."""
    marks: list[tuple[str, int]] = []  # open emphasis: the mark and where its text begins
    at, end = 0, len(text)
    while found := _MARK.search(text, at):
        at, char = found.start(), found.group()
        if char == "\\":
            match = MATH_SPAN.match(text, at)
            if at + 1 == end or (match is None and _may_be_math(text, at)):
                return text[:at], _closers(marks, text, at)
            at = match.end() if match else at + 2
        elif char == "`":
            run = _run(text, at)
            close = _same_run(text, at + run, run)
            if close < 0 and end - at < _OPEN_CODE:
                inside = text[at + run :].rstrip("`")
                if not inside.strip() or "\n" in inside:
                    return text[:at], _closers(marks, text, at)
                return text[: at + run] + inside.rstrip(), "`" * run + _closers(marks, text, at)
            at = close + run if close >= 0 else at + run
        elif char == "[" or (char == "!" and text[at + 1 : at + 2] in ("", "[")):
            step = _bracket(text, at if char == "[" else at + 1)
            if step < 0:
                return text[:at], _closers(marks, text, at)
            at += max(1, step - at)
        elif char == "$":
            match = MATH_SPAN.match(text, at)
            if match is None and _may_be_math(text, at):
                return text[:at], _closers(marks, text, at)
            at = match.end() if match else at + 1
        elif char in "*_~":
            run = _run(text, at)
            if at + run == end:
                return text[:at], _closers(marks, text, at)
            _delimit(text, at, run, marks)
            at += run
        elif char in _HALVES and _HALVES[char].match(text, at):
            return text[:at], _closers(marks, text, at)
        else:
            at += 1  # a mark that is none
    return text, _closers(marks, text, end)


def _closers(marks: list[tuple[str, int]], text: str, end: int) -> str:
    """What closes the open marks, inner ones first; a mark with no text behind it yet, or left open for long,
    is closed by nothing."""
    shown = text[:end].rstrip()
    return "".join(mark for mark, begin in reversed(marks) if begin < len(shown) < begin + _OPEN_EMPHASIS)


def _run(text: str, at: int) -> int:
    stop = at
    while stop < len(text) and text[stop] == text[at]:
        stop += 1
    return stop - at


def _same_run(text: str, at: int, length: int) -> int:
    while (at := text.find("`", at)) >= 0:
        run = _run(text, at)
        if run == length:
            return at
        at += run
    return -1


def _bracket(text: str, at: int) -> int:
    """Behind the link or bracket at `at`; -1 while it may still become a link."""
    if at >= len(text):
        return -1
    depth, here = 0, at
    while here < len(text):
        char = text[here]
        if char == "\\":
            here += 1
        elif char in "[]":
            depth += 1 if char == "[" else -1
            if depth == 0:
                break
        here += 1
    recent = len(text) - at < _HELD_LINK
    if here >= len(text):
        return -1 if recent and "\n" not in text[at:] else at + 1
    if here + 1 == len(text):
        return -1 if recent else at + 1
    if text[here + 1] != "(":
        return at + 1
    close = text.find(")", here)
    if close < 0:
        held = len(text) - here < _HELD_LINK and not re.search(r"\n|^.\S+ [^\"' ]", text[here + 1 :])
        return -1 if held else at + 1
    return close + 1


def _may_be_math(text: str, at: int) -> bool:
    rest = text[at:]
    if len(rest) > 120 or "\n" in rest or "`" in rest:
        return False
    if rest[0] == "\\":
        return rest[1] in "(["
    inside = rest.lstrip("$")
    if re.match(r"\d[\d.,]*(\s|[.,]?\s|$)", inside):  # a price, most likely
        return inside == "" or re.fullmatch(r"[\d.,]*", inside) is not None
    return not inside[:1].isspace()


def _delimit(text: str, at: int, run: int, marks: list[tuple[str, int]]) -> None:
    """Keep count of open emphasis; a guess in the rare cases, the finished text does not depend on it."""
    char = text[at]
    before, after = text[at - 1 : at] or " ", text[at + run]
    left = not after.isspace() and (not _PUNCTUATION.match(after) or before.isspace() or _punctuates(before))
    right = not before.isspace() and (not _PUNCTUATION.match(before) or after.isspace() or _punctuates(after))
    opens = left and (char != "_" or not right or _punctuates(before))
    closes = right and (char != "_" or not left or _punctuates(after))
    if char == "*":
        opens = opens or (_punctuates(after) and is_cjk(before))
        closes = closes or (_punctuates(before) and is_cjk(after))
    if char == "~" and run != 2:
        return
    left_over = run
    while closes and left_over:
        for index in range(len(marks) - 1, -1, -1):
            mark = marks[index][0]
            if mark[0] == char and len(mark) <= left_over:
                del marks[index:]
                left_over -= len(mark)
                break
        else:
            break
    if opens and left_over:
        begin = at + run
        if left_over >= 3:
            marks.append((char, begin))
            left_over = 2
        marks.append((char * left_over, begin))


def _punctuates(char: str) -> bool:
    return _PUNCTUATION.match(char) is not None
