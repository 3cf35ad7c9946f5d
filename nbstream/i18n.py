"""Every sentence that a person reads, in English and Chinese.

Sentences live in ``locale/en.json`` and ``locale/zh.json`` under the same keys.
A template may only hold ``{name}`` fields; the values are never templates themselves.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "zh")
_WIDE = r"[\u3000-\u9fff\uff00-\uff60]"
"""Characters of Chinese writing, its punctuation with them."""
_GAPS = tuple(map(re.compile, (rf"(?<={_WIDE}) (?={{(\w+)}})", rf"{{(\w+)}} (?={_WIDE})")))
"""Blanks of a Chinese sentence before and after a field."""
_NAMED = tuple(
    (one, re.compile(rf"(?:(?<={_WIDE}) |(?<={_WIDE})|^){{{one}}}(?: (?={_WIDE})|(?={_WIDE})|$)"))
    for one in ("name", "origin", "near", "file")
)
"""Fields of a Chinese sentence that hold what somebody called something."""
_COUNTED = re.compile(r"(\{(\w+)\} (?:turn|character|image|answer|frame|token))s\b")
"""What an English sentence counts."""
_chosen: str | None = None
_magic = "llm"


def language() -> str:
    """The language in use: what `set_language` chose, else ``NBSTREAM_LANG``, else ``LC_ALL``/``LANG``."""
    if _chosen:
        return _chosen
    for name in ("NBSTREAM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "").lower()
        if value:
            return "zh" if value.startswith("zh") else "en"
    return "en"


def chosen() -> str | None:
    """What `set_language` chose; None where the environment decides."""
    return _chosen


def set_language(name: str | None) -> None:
    """Choose ``"en"`` or ``"zh"``; None goes back to the environment."""
    global _chosen
    if name is not None and name not in LANGUAGES:
        raise ValueError(f"language is one of {', '.join(LANGUAGES)}, not {name!r}")
    _chosen = name


def magic() -> str:
    """What the magic is called here: sentences that hold a line to paste name it so."""
    return _magic


def set_magic(name: str = "llm") -> None:
    """Call the magic `name` from now on."""
    global _magic
    _magic = name


def renamed(line: str) -> str:
    """A line of ours to paste, with the magic's name as it is here.

    >>> renamed("%llm use demo")
    '%llm use demo'
    """
    return line if _magic == "llm" else re.sub(r"%llm\b", f"%{_magic}", line)


@cache
def sentences(lang: str) -> dict[str, str]:
    """All sentences of one language, by key."""
    text = files("nbstream").joinpath("locale", f"{lang}.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded


def t(key: str, /, lang: str | None = None, **values: Any) -> str:
    """The sentence `key` in `lang` (default: the language in use), its fields filled.

    >>> t("stop", lang="en"), t("restore.talk", "en", name="main", count=1)
    ('Stop', '**main** (1 turn)')
    """
    lang = lang or language()
    sentence = renamed(sentences(lang)[key])
    if "{" in sentence:
        sentence = _closed(sentence, values) if lang == "zh" else _one(sentence, values)
    return sentence.format(**values)


def labels(family: str) -> dict[str, str]:
    """The sentences under `family`, by the rest of their key, in the language in use; fields stay open.

    >>> labels("view")["stop"] == t("view.stop")
    True
    """
    beginning = f"{family}."
    all_ = sentences(language()).items()
    return {key.removeprefix(beginning): renamed(said) for key, said in all_ if key.startswith(beginning)}


def _one(sentence: str, values: dict[str, Any]) -> str:
    """`sentence` with "turn" for "turns" where there is one."""
    return _COUNTED.sub(lambda found: found[1] if str(values.get(found[2])) == "1" else found[0], sentence)


def _closed(sentence: str, values: dict[str, Any]) -> str:
    """`sentence` without the blanks between Chinese and a value that is Chinese itself.

    >>> t("error.config.no_key.what", "zh", label="讯飞星火")
    '尚未设置讯飞星火的密钥。'
    >>> t("error.config.no_key.what", "zh", label="Groq")
    '尚未设置 Groq 的密钥。'

    A name that somebody gave is told from the words around it.

    >>> t("line.no_turns", "zh", name="方案"), t("line.no_turns", "zh", name="plan")
    ('对话“方案”还没有内容。', '对话 plan 还没有内容。')
    """
    for one, place in _NAMED:
        if re.search(_WIDE, str(values.get(one, ""))):
            sentence = place.sub(f"“{{{one}}}”", sentence)
    for gap, end in zip(_GAPS, (0, -1), strict=True):

        def close(found: re.Match[str], end: int = end) -> str:
            wide = re.match(_WIDE, str(values.get(found[1], ""))[end:][:1])
            return found[0].replace(" ", "") if wide else found[0]

        sentence = gap.sub(close, sentence)
    return sentence


def span(seconds: float) -> str:
    """A span of time as one says it.

    >>> span(432), span(7260)
    ('7 min 12 s', '2 h 1 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return t("span.minutes", minutes=minutes, seconds=rest)
    hours, minutes = divmod(minutes, 60)
    return t("span.hours", hours=hours, minutes=minutes)
