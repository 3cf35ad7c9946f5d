"""Emphasis, written so that every parser sees it: ``**`` if that is certain, else a tag.

Parsers agree on what a star means between letters and spaces. Beside punctuation, emoji and other stars
they do not: whether a mark opens or closes hangs on the characters around it, and each has its own idea of
punctuation. So the choice is made when all neighbours are known.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from .rules import Rules

_MARKS = {"em": ("*", "_"), "strong": ("**", "__"), "s": ("~~", None)}
_TAGS = {"em": "em", "strong": "strong", "s": "del"}
_DEEPEST = 8
KINDS = frozenset(_MARKS)


@dataclass(slots=True, eq=False)
class Mark:
    """One end of an emphasis."""

    kind: str
    opens: bool
    other: Mark | None = None
    depth: int = 0
    text: str | None = None


Piece = str | Mark


def join(pieces: list[Piece], rules: Rules) -> str:
    """The text of `pieces`, in which nothing but emphasis is left to decide."""
    return _Joiner(pieces, rules).joined()


class _Joiner:
    def __init__(self, pieces: list[Piece], rules: Rules) -> None:
        self._pieces, self._rules = pieces, rules

    def joined(self) -> str:
        self._drop_idle_marks()
        at = {id(piece): index for index, piece in enumerate(self._pieces) if isinstance(piece, Mark)}
        for index, piece in enumerate(self._pieces):
            if isinstance(piece, Mark) and piece.opens and piece.other:
                self._resolve(piece, piece.other, index, at[id(piece.other)])
        return "".join(piece if isinstance(piece, str) else piece.text or "" for piece in self._pieces)

    def _drop_idle_marks(self) -> None:
        """Forget marks around nothing, towers of them that stop parsers, and those beside white space.

        White space can only come from an entity there, and a tag alone on its line begins a block of HTML.
        """
        idle: set[int] = set()
        for pieces, opens in ((self._pieces, True), (self._pieces[::-1], False)):
            pending: list[Mark] = []
            for piece in pieces:
                if isinstance(piece, Mark):
                    if piece.opens == opens:
                        pending.append(piece)
                        continue
                    edge = " "
                elif piece == "":
                    continue
                else:
                    edge = piece[0 if opens else -1]
                if edge.isspace():
                    idle |= {id(each) for mark in pending for each in (mark, mark.other)}
                pending.clear()
        self._pieces = [
            piece
            for piece in self._pieces
            if piece != ""
            and not (isinstance(piece, Mark) and (id(piece) in idle or piece.depth >= _DEEPEST))
        ]

    def _resolve(self, opening: Mark, closing: Mark, start: int, end: int) -> None:
        form = self._form(opening, start, end)
        tag = _TAGS[opening.kind]
        opening.text, closing.text = form or f"<{tag}>", form or f"</{tag}>"

    def _form(self, mark: Mark, start: int, end: int) -> str | None:
        """The characters to use, or None where only a tag is read alike by all."""
        star, underscore = _MARKS[mark.kind]
        if not self._rules.emphasis_tags:
            return star
        beside = {self._char(start - 1, -1), self._char(start + 1, 0)}
        beside |= {self._char(end - 1, -1), self._char(end + 1, 0)}
        flanks, inside_word = self._flanks(mark, start, end)
        if not flanks:
            return None
        if mark.kind == "s":
            inside = self._pieces[start + 1 : end]
            tilde = any("~" in piece if isinstance(piece, str) else piece.kind == "s" for piece in inside)
            return None if tilde or "~" in beside else star
        if "*" not in beside:
            return star
        return None if inside_word or "_" in beside else underscore

    def _flanks(self, mark: Mark, start: int, end: int) -> tuple[bool, bool]:
        """Whether every parser sees the marks open and close; whether a word touches them from outside."""
        before, first = _outside(self._char(start - 1, -1)), _class(self._char(start + 1, 0))
        last, after = _class(self._char(end - 1, -1)), _outside(self._char(end + 1, 0))
        inside_word = "w" in (before, after)
        # Among others, a mark that can both open and close may pair with the wrong one.
        both = inside_word or before == first == "p" or last == after == "p"
        opens = first == "w" or (first == "p" and before != "w")
        closes = last == "w" or (last == "p" and after != "w")
        return opens and closes and not (mark.depth and both), inside_word

    def _char(self, index: int, which: int) -> str:
        """The character which a mark has for a neighbour; a mark not yet written counts as punctuation."""
        if not 0 <= index < len(self._pieces):
            return "\n"
        piece = self._pieces[index]
        if isinstance(piece, Mark):
            return piece.text[which] if piece.text else "\1"
        return piece[which] if piece else "\n"


def _class(character: str) -> str:
    """``w`` for a word, a space for space, ``p`` for punctuation."""
    if character.isspace():
        return " "
    return "p" if unicodedata.category(character)[0] in "PSC" else "w"


def _outside(character: str) -> str:
    # marked looks at the last half of an emoji and sees no symbol in it.
    return "w" if ord(character) > 0xFFFF else _class(character)
