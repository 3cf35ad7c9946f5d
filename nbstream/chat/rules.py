"""What a teacher allows: a policy file, read. Whatever is wrong with it, it allows less, never more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import NbstreamError
from ..i18n import t
from ..plainfiles import TooLarge, contents
from ..providers import registry

HOUR = 3600.0
SPANS = {"hour": HOUR, "day": 24 * HOUR, "week": 7 * 24 * HOUR, "ever": float("inf")}
"""What ``tokens_per`` may be: the seconds that are looked back."""
LARGEST = 100_000
"""Bytes of a policy file."""
FREE = "demo"
"""The provider that is always allowed: it asks nobody and costs nothing."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One policy file. None: it says nothing of that.

    >>> Rules(Path("policy.toml"), models=("spark:*",)).allows("spark:lite", "openai:gpt-5")
    False
    """

    path: Path
    models: tuple[str, ...] | None = None
    """Patterns of full names, in lower case; ``demo`` is always allowed."""
    tokens: int | None = None
    """In and out together, of one student, in `span`."""
    span: str = "ever"
    requests_per_hour: int | None = None
    max_tokens: int | None = None
    """Of one answer."""
    tapes: bool = True
    """Whether recorded answers may be played, whoever gave them."""
    note: str = ""
    """What the teacher says to it."""
    broken: str = ""
    """Why the file cannot be read, or is not understood: then there is `demo` alone."""
    named: tuple[str, ...] = ()
    """The full names among `models`, as they are to be asked for: a service may tell letters apart."""

    def allows(self, *models: str) -> bool:
        """Whether all these models, each ``provider:model``, may be asked."""
        if self.models is None:
            return True
        free = (FREE, f"{FREE}:*")
        return all(
            any(fnmatchcase(model.lower(), pattern) for pattern in (*free, *self.models)) for model in models
        )

    @property
    def allowed(self) -> list[str]:
        """The patterns as a person reads them, ``demo`` at the end."""
        named = [one.removesuffix(":*") if one.count(":") == 1 else one for one in self.models or ()]
        return [*(one for one in dict.fromkeys(named) if one != FREE), FREE]

    @property
    def instead(self) -> str:
        """One that is allowed, to be used instead."""
        return next(one for one in self.allowed if "*" not in one)


class _Wrong(ValueError):
    """Something in the file is not as it must be."""

    def __init__(self, name: str, key: str, **facts: Any) -> None:
        super().__init__(key)
        self.name, self.key, self.facts = name, key, facts


def read(path: Path) -> Rules:
    """The rules in the file `path`; never raises: what is wrong stands in ``broken``."""
    import tomllib  # not at load: most have no policy

    text = ""
    try:
        text = contents(path, LARGEST).decode("utf-8-sig")
        return _rules(path, tomllib.loads(text))
    except _Wrong as wrong:
        said = t(wrong.key, name=wrong.name[:40], **wrong.facts)
        place = re.search(rf"^[ \t]*\[*[\"']?{re.escape(wrong.name)}(?![\w-])", text, re.M)
        line = text.count("\n", 0, place.start()) + 1 if place else 0
        return _closed(path, t("policy.at_line", line=line, reason=said) if line else said)
    except TooLarge:
        return _closed(path, t("policy.large"))
    except UnicodeDecodeError:
        return _closed(path, t("policy.not_text"))
    except (ValueError, RecursionError) as error:  # tomllib's: they name the line
        return _closed(path, t("policy.not_toml", reason=" ".join(str(error).split())[:200]))
    except FileNotFoundError:
        return _closed(path, t("policy.missing"))
    except OSError as error:
        return _closed(path, error.strerror or type(error).__name__)


def _closed(path: Path, reason: str) -> Rules:
    return Rules(path, models=(), tapes=False, broken=reason)


def _rules(path: Path, found: dict[str, Any]) -> Rules:
    known = (
        "demo_only",
        "models",
        "tokens",
        "tokens_per",
        "requests_per_hour",
        "max_tokens",
        "tapes",
        "note",
    )
    if unknown := [name for name in found if name not in known]:
        raise _Wrong(unknown[0], "policy.unknown", known=t("list.joint").join(known))
    models: tuple[str, ...] | None = None
    named: tuple[str, ...] = ()
    if "models" in found:
        given = found["models"]
        if not isinstance(given, list) or not all(isinstance(one, str) and one.strip() for one in given):
            raise _Wrong("models", "policy.not_names")
        models = tuple(map(_pattern, given))
        named = tuple(filter(None, map(_full, given)))
    if _flag(found, "demo_only", False):
        models = ()
    span = found.get("tokens_per", "ever")
    if span not in SPANS:
        raise _Wrong("tokens_per", "policy.not_span", known=t("list.joint").join(SPANS))
    note = found.get("note", "")
    if not isinstance(note, str):
        raise _Wrong("note", "policy.not_words")
    return Rules(
        path, models, _count(found, "tokens"), span,
        _count(found, "requests_per_hour"), _count(found, "max_tokens", least=1),
        _flag(found, "tapes", True), " ".join(note.split())[:300],
        named=named,
    )  # fmt: skip


def _pattern(given: str) -> str:
    """``spark`` is all of Spark; a provider may be called by any of its names.

    >>> _pattern("Spark"), _pattern("星火:lite"), _pattern("*:*-lite")
    ('spark:*', 'spark:lite', '*:*-lite')
    """
    name, _, model = given.strip().replace("：", ":").partition(":")
    try:
        name = registry.get(name).name
    except NbstreamError:  # a pattern, or a provider that is not installed here
        name = name.lower()
    return f"{name}:{model.strip().lower() or '*'}"


def _full(given: str) -> str | None:
    """The model that is named, and not a pattern, of a provider that there is.

    >>> _full("星火:Lite"), _full("Spark"), _full("*:*-lite")
    ('spark:Lite', None, None)
    """
    try:
        provider, model = registry.split(given.strip())
    except NbstreamError:
        return None
    exact = re.search(r"[:：]\s*[^*?[]+$", given)
    return f"{provider.name}:{model}" if exact and model else None


def _count(found: dict[str, Any], name: str, least: int = 0) -> int | None:
    given = found.get(name)
    if given is not None and (type(given) is not int or given < least):
        raise _Wrong(name, "policy.not_number", least=least)
    return given


def _flag(found: dict[str, Any], name: str, usual: bool) -> bool:
    given = found.get(name, usual)
    if not isinstance(given, bool):
        raise _Wrong(name, "policy.not_flag")
    return given
