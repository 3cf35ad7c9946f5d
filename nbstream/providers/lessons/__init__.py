"""The short lessons that `demo` plays, and how one is found: by plain matching of words.

A lesson is a Markdown file in ``en/`` or ``zh/``. Its front matter holds the title and the words which
call for it; each word that occurs in the prompt scores once:

    names    5   says what the lesson is about: "spark", "what is streaming"
    topics   3   belongs to it, and is enough alone
    hints    1   helps to choose between two lessons, never enough alone
    whole   10   only if it is the whole prompt: "hi", "help"

The best score wins. A lesson without such words (``fallback``) is never found, only asked for by name.

A line that begins with ``[[with NAME]]`` or ``[[without NAME]]`` is there only while a provider of that
name is, or is not: a lesson must not teach what does not exist, nor need mending on the day it does.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ...i18n import renamed

POINTS = {"names": 5, "topics": 3, "hints": 1, "whole": 10}
ENOUGH = 3
ORDER = (
    "streaming", "sse", "websocket", "spark", "ernie", "deepseek", "openai", "ollama",
    "connect", "help", "recall", "resume", "recall_first", "fallback",
)  # fmt: skip
"""All lessons, in the order in which they are listed, and in which equal scores are decided."""
LISTED = ORDER[: ORDER.index("resume")]
"""Those a person can ask for by subject."""

# Ideographs, their extensions and the punctuation that only stands in Chinese and Japanese text.
CJK = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff65\U00020000-\U0003ffff]"
)

_LINE = re.compile(r"^\[\[(?P<kind>with|without) (?P<name>[\w-]+)\]\](?P<line>.*\n?)", re.M)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson in one language; `words` is (word, kind) for each entry of its front matter."""

    name: str
    language: str
    title: str
    body: str
    words: tuple[tuple[str, str], ...]

    def score(self, prompt: str) -> int:
        """How well `prompt`, made plain by `plain`, calls for this lesson."""
        whole = prompt.strip(" .,!?:;。，！？：；、…~")
        return sum(
            POINTS[kind]
            for word, kind in self.words
            if (word == whole if kind == "whole" else _occurs(word, prompt))
        )

    def text(self, providers: Collection[str]) -> str:
        """The lesson as it is told where `providers` are there."""

        def line(match: re.Match[str]) -> str:
            return match["line"] if (match["name"] in providers) == (match["kind"] == "with") else ""

        return renamed(re.sub("\n{3,}", "\n\n", _LINE.sub(line, self.body)))


def language_of(prompt: str) -> str:
    """``"zh"`` if there is any CJK character in `prompt`, else ``"en"``.

    >>> language_of("Spark 怎么用?"), language_of("How do I use Spark?")
    ('zh', 'en')
    """
    return "zh" if CJK.search(prompt) else "en"


def plain(prompt: str) -> str:
    """`prompt` as it is compared: case folded, straight apostrophes, single blanks."""
    return " ".join(prompt.casefold().replace("\u2019", "'").split())


@cache
def lesson(name: str, language: str) -> Lesson:
    """The lesson `name` (one of `ORDER`) in `language`."""
    text = files(__name__).joinpath(language, f"{name}.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    words = tuple(
        (plain(word), kind) for kind in POINTS for word in fields.get(kind, "").split(",") if word.strip()
    )
    return Lesson(name, language, fields["title"], body.strip() + "\n", words)


def find(prompt: str) -> Lesson | None:
    """The lesson that `prompt` asks for, in the prompt's language; None if none fits.

    >>> find("How do I connect DeepSeek?").name
    'deepseek'
    """
    language, words = language_of(prompt), plain(prompt)
    scored = [(lesson(name, language).score(words), -rank, name) for rank, name in enumerate(ORDER)]
    best, _, name = max(scored)
    return lesson(name, language) if best >= ENOUGH else None


@cache
def _pattern(word: str) -> re.Pattern[str]:
    # A Latin word counts only by itself ("sse" is not in "assess"); Chinese writes no blanks between words.
    before = r"(?<![a-z0-9_])" if re.match("[a-z0-9_]", word) else ""
    after = r"(?![a-z0-9_])" if re.search("[a-z0-9_]$", word) else ""
    return re.compile(before + re.escape(word) + after)


def _occurs(word: str, prompt: str) -> bool:
    return _pattern(word).search(prompt) is not None
