"""Text within bounds, which says what was left out. Pure."""

from __future__ import annotations

from ...i18n import t


def beginning(text: str, most: int) -> str:
    """The first `most` characters.

    >>> beginning("abcdef", 4)
    'abcd… (2 more characters)'
    """
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({t('preview.characters', count=f'{len(text) - most:,}')})"


def middle_out(text: str, most: int) -> str:
    """The beginning and the end: of a log the last lines matter, of a letter the first.

    >>> print(middle_out("a" * 50 + "z" * 50, 10))
    aaaaaaaa
    […: 90 characters left out of 100]
    zz
    """
    if len(text) <= most:
        return text
    tail = most // 5
    gone = t("preview.middle", count=f"{len(text) - most:,}", all=f"{len(text):,}")
    return f"{text[: most - tail]}\n[…: {gone}]\n{text[len(text) - tail :]}"


def fenced(text: str, language: str = "") -> str:
    """`text` in a fence that nothing in it ends.

    >>> print(fenced("```", "markdown"))
    ````markdown
    ```
    ````
    """
    mark = "```"
    while mark in text:
        mark += "`"
    return f"{mark}{language}\n{text}\n{mark}"


def one_line(text: str, most: int) -> str:
    """`text` on one line, at most `most` characters."""
    text = " ".join(text[: 4 * most].split())
    return text if len(text) <= most else text[: most - 1] + "…"
