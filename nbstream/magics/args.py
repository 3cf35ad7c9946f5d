"""The options on a magic line, and clear errors for those that cannot be read."""

from __future__ import annotations

import argparse
import difflib
import keyword
import math
import re
import shlex
from collections.abc import Iterable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

from ..credentials import Secret
from ..errors import NbstreamError, fail
from ..i18n import magic, t

# What keys look like: OpenAI and its likes, Baidu, Google, Groq, xAI, Hugging Face, JWTs.
_KEY = re.compile(
    r"(?<![\w-])(?:sk-[\w-]{12,}|bce-v3/\S+|AIza[\w-]{20,}|gsk_\w{16,}|xai-\w{16,}|hf_\w{16,}|eyJ[\w-]{20,})"
)
_KEY_OPTION = re.compile(
    r"(?<!\S)--?(?:api[-_]?(?:key|secret|password)|secret[-_]?key|token|password)\b", re.I
)

# What is quoted, and a comment that is not: our own lines to paste have some.
_COMMENT = re.compile(r"""("(?:\\.|[^"\\])*"|'[^']*'|\\.)|(?<!\S)#.*""")


def refuse_keys(line: str) -> None:
    """Raise if `line` seems to hold a key: it would stay in the notebook and in the history."""
    if _KEY.search(line) or _KEY_OPTION.search(line):
        named = re.search(r"(?:^\s*login|-m|--model)[\s=]+([^\s:：]+)", line)
        raise key_on_line(named[1] if named else "", *re.split(r"[\s=\"']+", line))


def key_on_line(name: str = "", *words: str) -> NbstreamError:
    """The error for a key on a magic line, meant for the provider `name` if there is such a one.

    What of the line's `words` may be a key is remembered, so that the history can be cleared of it.
    """
    from ..chat.session import session
    from ..providers import registry

    session().keys.refused += [Secret(word) for word in words if len(word) >= 16 and not word.isalpha()]
    try:
        name = registry.get(name).name
    except NbstreamError:
        name = t("value.provider")
    return fail("config.key_on_line", name=name)


def words(line: str, *, comments: bool = False) -> list[str]:
    """The words of a line, quoted as in a shell; `comments`: without what a word with ``#`` begins.

    Where a Chinese keyboard wrote the quotation marks, and there are no others, they are these.

    >>> words("-s “Be brief.”")
    ['-s', 'Be brief.']
    >>> words('-s "say \\\\"hi\\\\"" --model=demo')
    ['-s', 'say "hi"', '--model=demo']
    >>> words("-c draft#2 -s '# one'  # it's another name", comments=True)
    ['-c', 'draft#2', '-s', '# one']
    """
    if not re.search("[\"']", line):
        line = re.sub("[“”＂]", '"', line)
    if comments:
        line = _COMMENT.sub(lambda found: found[1] or "", line)
    try:
        return shlex.split(line)
    except ValueError:
        raise fail("config.quotes", line=line.strip()) from None


def parse(parser: MagicArgumentParser, line: str) -> argparse.Namespace:
    """The options in `line`. Raises `NbstreamError` (config), naming the nearest option."""
    refuse_keys(line)
    try:
        known, rest = parser.parse_known_args(words(line, comments=True))
    except UsageError as error:
        reason = str(error)
        raise fail("config.option_value", reason=said(reason), line=_nearest(reason)) from None
    if rest:
        if rest[0].startswith("-"):
            raise _unknown(parser, rest, line)
        stray = " ".join("…" if len(word) > 20 else word for word in rest)  # it could be a key of any kind
        raise fail("config.stray_words", words=stray[:80])
    return known


def _unknown(parser: MagicArgumentParser, rest: list[str], line: str) -> NbstreamError:
    """The error for an option that there is not, with the one that was meant, if any is."""
    given, _, value = rest[0].partition("=")
    if given == "--speed":  # of `%llm replay`
        pace = value or next(iter(rest[1:]), "")
        return fail("config.option_speed", speed=pace if re.fullmatch(r"[\d.]{1,6}|max", pace) else 4)
    nearest = nearest_option(given, [name for one in parser._actions for name in one.option_strings])
    if nearest is None:
        return fail("config.no_option", name=given[:40])
    corrected = line.strip().replace(given, nearest, 1)
    line = f"%%{magic()} {corrected if len(corrected) < 120 else nearest}"
    return fail("config.unknown_option", name=given, nearest=nearest, line=line)


def nearest_option(given: str, options: Iterable[str]) -> str | None:
    """That of `options` which was meant by `given`: never one that says the opposite.

    >>> nearest_option("--modle", ["--model", "--tape"]), nearest_option("--base-url", ["--model", "--tape"])
    ('--model', None)
    >>> nearest_option("--stream", ["--no-stream"]), nearest_option("--nostream", ["--no-stream"])
    (None, '--no-stream')
    """
    names = {name.lstrip("-"): name for name in options}
    said = given.lstrip("-")
    names = {name: one for name, one in names.items() if name[:3] == "no-" or said[:3] != "no-"}
    names = {name: one for name, one in names.items() if name[:3] != "no-" or said[:2] == "no"}
    close = difflib.get_close_matches(said, names, n=1, cutoff=0.7)
    return names[close[0]] if close else None


_SENTENCES = {
    "missing": r"argument (?P<option>\S+): expected (?:one|at least one) argument",
    "no_number": r"argument (?P<option>\S+): invalid \w+ value: (?P<value>.*)",
    "choice": r"argument (?P<option>\S+): invalid choice: (?P<value>.*) \(choose from (?P<known>.*)\)",
    "ambiguous": r"ambiguous option: (?P<option>\S+) could match (?P<known>.*)",
    "takes_none": r"argument (?P<option>\S+): ignored explicit argument (?P<value>.*)",
    "said": r"argument (?P<option>\S+): (?P<value>.*)",
}
"""What argparse says, and our sentence for it: its own are English, whoever reads them."""


def said(message: str) -> str:
    """What argparse says, in the language in use.

    >>> said("argument -t/--temperature: invalid float value: 'warm'")
    "-t/--temperature takes a number, not 'warm'."
    """
    for name, pattern in _SENTENCES.items():
        if match := re.fullmatch(pattern, message, re.S):
            return t(f"option.{name}", **match.groupdict())
    return message


def _nearest(message: str) -> str:
    """The line that mends it, where there is one: with the choice that was meant."""
    match = re.fullmatch(_SENTENCES["choice"], message, re.S)
    if match is None:
        return f"%%{magic()} --help"
    known = re.findall(r"[\w-]+", match["known"])
    close = difflib.get_close_matches(match["value"].strip("'"), known, n=1, cutoff=0.0)
    return f"%%{magic()} {match['option'].partition('/')[0]} {(close or known)[0]}"


def whole(value: str) -> int:
    """A positive whole number, for argparse."""
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(t("option.at_least_one"))
    return number


def finite(value: str) -> float:
    """A number that is neither negative nor endless, for argparse."""
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(t("option.no_finite", value=value))
    return number


def name(value: str) -> Any:
    """A Python name, for argparse."""
    if not value.isidentifier() or keyword.iskeyword(value):
        raise argparse.ArgumentTypeError(t("option.no_name", value=value))
    return value
