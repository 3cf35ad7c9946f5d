"""How a verb of ``%llm`` is declared: by a function, whose signature is what may be written after it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import NbstreamError, fail
from ...i18n import magic, t

VERBS: dict[str, Verb] = {}
"""All verbs."""

Shown = str | tuple[dict[str, str], dict[str, Any]] | NbstreamError | None
"""What a verb gives: Markdown, or a whole output with its metadata, or nothing to show.

An error is that of a turn which it asked and whose card is on the screen: a headless run fails with it.
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: positional parameters are its words, keyword-only ones its options.

    A ``bool`` option is a flag (``--verbose``, ``-v``); any other takes a value (``-m MODEL``).
    """

    name: str
    run: Callable[..., Shown]

    @property
    def options(self) -> dict[str, bool]:
        """Its options by parameter, and whether each is a flag."""
        return {
            one.name: isinstance(one.default, bool)
            for one in inspect.signature(self.run).parameters.values()
            if one.kind is one.KEYWORD_ONLY
        }

    @property
    def written(self) -> dict[str, str]:
        """Its options as they are written, short forms too, and the parameter that each sets."""
        names = list(self.options)
        short = {"-" + name[0]: name for name in reversed(names)}
        return {"--" + name.replace("_", "-"): name for name in names} | short

    @property
    def arity(self) -> tuple[int, int | None]:
        """How few and how many words it takes; None: any number."""
        words = list(inspect.signature(self.run).parameters.values())
        named = [one for one in words if one.kind is one.POSITIONAL_OR_KEYWORD]
        least = sum(one.default is one.empty for one in named)
        return least, None if any(one.kind is one.VAR_POSITIONAL for one in words) else len(named)

    @property
    def usage(self) -> str:
        """The line as one writes it: ``%llm history [-v] [-c NAME]``."""
        words = t(f"verb.{self.name}.words")
        return f"%{magic()} {self.name} {words}".rstrip()

    def __call__(self, words: list[str]) -> Shown:
        """Run it. Raises `NbstreamError` (config) for words and options that it does not take."""
        plain, options = self._read(words)
        least, most = self.arity
        if len(plain) < least or (most is not None and len(plain) > most):
            if most == 0:
                wanted = "none"
            elif most is None:
                wanted = "at_least_one"
            else:
                wanted = "one" if least == most == 1 else "at_most_one" if most == 1 else "some"
            said = t(f"words.{wanted}", least=least, most=most)
            if len(plain) < least:
                raise self.incomplete(said, least - len(plain))
            raise fail("config.verb_words", name=self.name, count=len(plain), wanted=said, usage=self.usage)
        return self.run(*plain, **options)

    def _read(self, words: list[str]) -> tuple[list[str], dict[str, Any]]:
        known = self.written
        plain: list[str] = []
        options: dict[str, Any] = {}
        rest = iter(words)
        for word in rest:
            if not re.match(r"--?[A-Za-z]", word):
                plain.append(word)
                continue
            written, equals, value = word.partition("=")
            if written not in known:
                raise self._unknown(written, known)
            name = known[written]
            if self.options[name]:
                options[name] = True
            elif equals:
                options[name] = value
            elif (following := next(rest, None)) is not None:
                options[name] = following
            else:
                raise fail("config.verb_value", name=self.name, option=written, usage=self.usage)
        return plain, options

    def incomplete(self, wanted: str, count: int = 1) -> NbstreamError:
        """The error for `count` words that are wanted and were not given."""
        needed = re.sub(r"\[[^\]]*\]", "", t(f"verb.{self.name}.words")).split()
        missing = t("list.joint").join(needed[-count:])
        return fail("config.verb_missing", name=self.name, missing=missing, wanted=wanted, usage=self.usage)

    def _unknown(self, written: str, known: dict[str, str]) -> NbstreamError:
        from ..args import nearest_option  # only now: it brings IPython along

        # One letter is near to any other, and none of them is what was meant.
        near = nearest_option(written, [one for one in known if one[:2] == "--"])
        line = f"%{magic()} {self.name} {self._with_value(near)}" if near else self.usage
        if self.name == "continue" and written in ("-m", "--model"):  # another model begins anew
            line = f"%{magic()} retry -m {t('value.model')}"
        names = t("list.joint").join(
            "/".join([*(short for short in known if short == "-" + name[0] and known[short] == name), long])
            for name, long in (
                (name, self._with_value("--" + name.replace("_", "-"))) for name in self.options
            )
        )
        names = names or t("line.none")
        return fail("config.verb_option", name=self.name, option=written[:20], known=names, line=line)

    def _with_value(self, option: str) -> str:
        """An option as it is written, with what stands after it."""
        name = self.written[option]
        if self.options[name]:
            return option
        value = {"conversation": "name", "model": "model", "system": "text"}.get(name)
        return f"{option} {t(f'value.{value}') if value else 'K'}"


def verb(name: str) -> Callable[[Callable[..., Shown]], Callable[..., Shown]]:
    """Make a function the verb `name`; its words and its line of help stand in the locale files.

    ``verb.NAME.words`` is what follows the name, ``verb.NAME`` what it does.
    """

    def declare(run: Callable[..., Shown]) -> Callable[..., Shown]:
        VERBS[name] = Verb(name, run)
        return run

    return declare
