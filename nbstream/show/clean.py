"""Rule 1 for model text: what no sink may ever see, be it a page, a terminal or a file.

A terminal obeys escape sequences, a reader is misled by bidirectional overrides, and half a surrogate
pair cannot be encoded at all. So every answer passes here first. `clean` keeps everything a person
wrote on purpose: tabs, newlines, joiners of emoji, marks of right-to-left scripts.
"""

from __future__ import annotations

import re

FOOTER_MARK = "⟡"
"""Begins our own footer line; model text never carries it into a settled answer."""

_REPLACEMENT = "\ufffd"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_NEWLINE = re.compile("\r\n|[\r\u2028\u2029\u0085\x0b\x0c]")
# C0 but tab and newline, DEL, C1; embeddings, overrides, isolates and the deprecated shaping controls.
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u206a-\u206f]")


def clean(text: str) -> str:
    r"""Make text fit for any sink: valid Unicode, plain newlines, no controls, no bidi overrides.

    >>> clean("a\r\nb\u2028c\x1b[31md\u202e")
    'a\nb\nc[31md'
    """
    return _DROPPED.sub("", _NEWLINE.sub("\n", encodable(text)))


def encodable(text: str) -> str:
    """`text`, valid Unicode: halves of one character, which came in two pieces, belong together."""
    if not _LONE_SURROGATE.search(text):
        return text
    text = _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return _LONE_SURROGATE.sub(_REPLACEMENT, text)


def clean_inline(text: str) -> str:
    """Clean text that must stay on one line (entities can spell any control: ``&#10;``, ``&#x202e;``)."""
    return clean(text).replace("\n", " ").replace("\t", " ")
