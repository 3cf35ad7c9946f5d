"""Colours for code, in pieces that never change once they are shown.

A block of code is cut into pieces of about forty lines. Each piece is lexed from the state in which the piece
before it ended, so a growing block costs the same for its first line as for its ten-thousandth. The cuts
depend on the code alone, never on how it arrived: the live view and a later rendering agree to the letter.

Only lexers named here are used: model text chooses the language, and some of the several hundred others
take quadratic time on text made for it. `CSS` paints the classes with JupyterLab's own editor colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import nh3
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String

if TYPE_CHECKING:  # at run time only once there is code to be coloured
    from pygments.lexer import Lexer, RegexLexer

# fmt: off
LANGUAGES = frozenset(
    {
        "bash", "c", "c#", "c++", "clojure", "cmake", "cpp", "cs", "csharp", "css", "cuda", "cxx", "dart",
        "diff", "docker", "dockerfile", "elixir", "erlang", "fortran", "go", "golang", "graphql", "h",
        "haskell", "hpp", "hs", "html", "http", "ini", "ipython", "java", "javascript", "jl", "js", "json",
        "json5", "jsonc", "jsx", "julia", "kotlin", "kt", "latex", "lua", "make", "makefile", "matlab",
        "nginx", "node", "objc", "ocaml", "octave", "perl", "php", "pl", "powershell", "proto", "ps1", "py",
        "py3", "pycon", "python", "python3", "r", "rb", "rs", "ruby", "rust", "sass", "scala", "scheme",
        "scss", "sh", "shell", "solidity", "sql", "stan", "swift", "tcl", "tex", "toml", "ts", "tsx",
        "typescript", "udiff", "vim", "xml", "yaml", "yml", "zig", "zsh",
    }
)
# fmt: on
_ALIASES = {"cxx": "cpp", "h": "c", "hpp": "cpp", "ipython": "python", "jsonc": "json", "kt": "kotlin"}
_ALIASES["node"] = "js"
_LINES = 32  # a piece ends at the first empty line after this many lines …
_MOST_LINES = 48  # … or here
_MOST_CHARS = 6_000
_STEP = 8  # lines
_LINE_END = re.compile("\n")
_COMMENT, _COMMENT_END = re.compile(r"/\*|<!--"), re.compile(r"\*/|-->")
_MOST_COLOURED = 300_000  # characters of one block
_LONG_LINE = 1_000  # a longer line is no code that one reads: shown as it is, without colours

_CLASSES: tuple[tuple[Any, str], ...] = (  # the first that contains the token's type
    (Comment.Preproc, "m"),
    (Comment, "c"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Operator, "o"),
    (String, "s"),
    (Number, "n"),
    (Name.Builtin.Pseudo, "v"),
    (Name.Builtin, "b"),
    (Name.Function, "d"),
    (Name.Class, "d"),
    (Name.Decorator, "m"),
    (Name.Tag, "t"),
    (Name.Attribute, "a"),
    (Generic.Inserted, "i"),
    (Generic.Deleted, "e"),
    (Generic.Heading, "k"),
    (Generic.Subheading, "k"),
    (Generic.Prompt, "m"),
)
CHUNK = "nbs-chunk"
CLASSES = frozenset({CHUNK, *(f"nbs-{short}" for _, short in _CLASSES)})


def _css() -> str:
    colours = {
        "k": ("keyword", "#008000", "font-weight:bold"),
        "o": ("operator", "#a2f", "font-weight:bold"),
        "c": ("comment", "#408080", "font-style:italic"),
        "s": ("string", "#ba2121", ""),
        "n": ("number", "#080", ""),
        "d": ("def", "#00f", ""),
        "b": ("builtin", "#008000", ""),
        "v": ("variable-2", "#05a", ""),
        "m": ("meta", "#a2f", ""),
        "t": ("tag", "#170", ""),
        "a": ("attribute", "#00c", ""),
        "i": ("tag", "#170", ""),
        "e": ("error", "#f00", ""),
    }
    rules = [f".{CHUNK}{{display:block}}"]
    for short, (name, fallback, more) in colours.items():
        rules.append(f".nbs-{short}{{color:var(--jp-mirror-editor-{name}-color,{fallback});{more}}}")
    rules.append(".nbs-math{white-space:pre-wrap}")
    return "\n".join(rules).replace(";}", "}") + "\n"


CSS = _css()
"""What the view's style sheet needs for the classes above."""


class State(NamedTuple):
    """Where a piece of code begins: how far in, the lexer's stack, and whether inside an overlong line."""

    done: int = 0
    stack: tuple[str, ...] = ("root",)
    inside_line: bool = False


START = State()


class Piece(NamedTuple):
    """The next piece of a block of code: how many characters it takes, its HTML and the state behind it."""

    length: int
    html: str
    after: State


def next_piece(language: str, text: str, start: int, state: State) -> Piece | None:
    """The piece of `text` that begins at `start`, or None while more text could change where it ends.

    Examples
    --------
    >>> next_piece("python", "x = 1\\n", 0, State()) is None
    True
    >>> next_piece("python", "x = 1\\n" * 60, 0, State()).length
    288
    """
    end = text.find("\n", start, start + _LONG_LINE)
    if end < 0 or state.inside_line:
        if end < 0 and len(text) - start < _LONG_LINE:
            return None
        stop = end + 1 if end >= 0 else start + _LONG_LINE
        after = State(state.done + stop - start, inside_line=end < 0)
        return Piece(stop - start, escape_text(text[start:stop]), after)
    length = _chunk(text, start) - start
    return _wrapped(language, text[start : start + length], state) if length else None


def _chunk(text: str, start: int) -> int:
    """The end of a piece of whole lines; `start` itself while its last line is not here yet."""
    at = start
    for count in range(1, _MOST_LINES + 1):
        end = text.find("\n", at, at + _LONG_LINE)
        if end < 0:  # the rest of the text, or an overlong line: the piece ends before it
            return at if len(text) - at >= _LONG_LINE else start
        empty = not text[at:end].strip()
        at = end + 1
        if (count >= _LINES and empty) or at - start >= _MOST_CHARS:
            return at
    return at


def code_html(language: str, code: str, state: State = START, unfinished: bool = False) -> str:
    """The HTML inside ``<code>`` for a block, or for the rest of one that begins in `state`."""
    parts, at = [], 0
    while piece := next_piece(language, code, at, state):
        parts.append(piece.html)
        at, state = at + piece.length, piece.after
    if at < len(code):
        rest = code[at:]
        if rest.endswith("\n\n"):
            rest = rest[:-1]  # an empty last line, which JupyterLab leaves out when the answer is settled
        inside = state.inside_line
        parts.append(escape_text(rest) if inside else _wrapped(language, rest, state, unfinished).html)
    return "".join(parts)


def _wrapped(language: str, text: str, state: State, unfinished: bool = False) -> Piece:
    language = language if state.done < _MOST_COLOURED else ""
    stack, parts, at = state.stack, [], 0
    for stop in [*_stops(text), len(text)] if unfinished else [len(text)]:
        html, stack = paint(language, text[at:stop], stack)
        parts.append(html)
        at = stop
    html = f'<span class="{CHUNK}">{"".join(parts)}</span>'
    return Piece(len(text), html, State(state.done + len(text), stack))


def _stops(text: str) -> Iterator[int]:
    """Where to cut a piece that still grows, so that only its last lines are lexed again with each batch.

    A token over several lines may lose its colour there until the piece is whole. Open comments are spared.
    """
    at = 0
    for count, match in enumerate(_LINE_END.finditer(text), 1):
        if count % _STEP == 0:
            at = match.end()
            if len(_COMMENT.findall(text, 0, at)) == len(_COMMENT_END.findall(text, 0, at)):
                yield at


@lru_cache(maxsize=32)
def paint(language: str, text: str, stack: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Coloured HTML of `text` and the lexer's stack behind it."""
    lexer = _lexer(language)
    if lexer is None:
        return escape_text(text), stack
    tokens, after = _lex(lexer, text, stack)
    parts: list[str] = []
    for name, value in _runs(tokens):
        shown = escape_text(value)
        parts.append(f'<span class="nbs-{name}">{shown}</span>' if name else shown)
    return _cleaner().clean("".join(parts)), after


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(tags={"span"}, attributes={}, allowed_classes={"span": set(CLASSES)}, link_rel=None)


def escape_text(text: str) -> str:
    """Escape text as nh3 writes it, so that the same text is the same HTML on every road."""
    return escape(text, quote=False).replace("\xa0", "&nbsp;")


def _runs(tokens: list[tuple[Any, str]]) -> list[tuple[str, str]]:
    """Tokens by class, neighbours of one class joined; white space takes the class before it."""
    runs: list[tuple[str, str]] = []
    for kind, value in tokens:
        name = _class(kind)
        if runs and (runs[-1][0] == name or value.isspace()):
            runs[-1] = (runs[-1][0], runs[-1][1] + value)
        elif value:
            runs.append((name, value))
    return runs


@lru_cache(maxsize=256)
def _class(kind: Any) -> str:
    return next((short for family, short in _CLASSES if kind in family), "")


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    name = language.lower()
    if name not in LANGUAGES:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(_ALIASES.get(name, name))
    except ClassNotFound:
        return None


def _lex(lexer: Lexer, text: str, stack: tuple[str, ...]) -> tuple[list[tuple[Any, str]], tuple[str, ...]]:
    """Lex from `stack`. Only plain regular-expression lexers can tell where they stopped."""
    from pygments.lexer import RegexLexer

    method = getattr(type(lexer), "get_tokens_unprocessed", None)
    if not isinstance(lexer, RegexLexer) or method is not RegexLexer.get_tokens_unprocessed:
        return [(kind, value) for _, kind, value in lexer.get_tokens_unprocessed(text)], ("root",)
    return _drive(lexer, text, list(stack))


def _drive(lexer: RegexLexer, text: str, stack: list[str]) -> tuple[list[tuple[Any, str]], tuple[str, ...]]:
    """Run a regular-expression lexer's table over `text`, and say which states are left open."""
    table: dict[str, list[Any]] = cast(Any, lexer)._tokens
    tokens: list[tuple[Any, str]] = []
    at = 0
    while at < len(text):
        for match_here, action, transition in table[stack[-1]]:
            match = match_here(text, at)
            if match is None:
                continue
            if isinstance(action, tuple):  # a token type
                tokens.append((action, match.group()))
            elif action is not None:
                tokens += [(kind, value) for _, kind, value in action(lexer, match)]
            before, at = at, match.end()
            if transition is not None:
                _move(stack, transition)
            elif at == before:
                continue
            break
        else:
            if text[at] == "\n":
                stack[:] = ["root"]  # as Pygments recovers: an error ends with its line
            tokens.append((Name, text[at]))
            at += 1
    return tokens, tuple(stack[-40:])


def _move(stack: list[str], transition: Any) -> None:
    steps = transition if isinstance(transition, tuple) else (transition,)
    for step in steps:
        if isinstance(step, int):
            keep = max(1, len(stack) + step if step < 0 else step)
            del stack[keep:]
        elif step == "#pop":
            if len(stack) > 1:
                stack.pop()
        elif step == "#push":
            stack.append(stack[-1])
        else:
            stack.append(step)
