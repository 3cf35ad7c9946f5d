"""What is known of models before they are asked: how much they read, what they see, what they cost.

The rows stand in `known.py`, Spark's limits in `spark_models.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import urlsplit

from ..messages import Cost, Usage
from . import spark_models
from .known import ROWS, Price, Row

SPARK_PAGE = "www.xfyun.cn/doc/spark/Web.html"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one model; None where it is not known."""

    window: int | None = None
    """Tokens of prompt and answer together."""
    max_output: int | None = None
    sees: bool | None = None
    """Whether it takes images."""
    max_input: int | None = None
    """Tokens of all that is sent, where that has a bound of its own."""
    price: Price | None = None
    """At the service's own address."""
    source: str = ""
    date: str = ""
    """When the source said so."""

    @property
    def reads(self) -> int | None:
        """The most tokens that may be sent.

        >>> facts("spark", "lite").reads, facts("ernie", "ernie-5.1").reads, facts("ollama", "qwen3").reads
        (8192, 119000, None)
        """
        return self.max_input or self.window


def facts(provider: str, model: str) -> Facts:
    """What is known of `model` of `provider`.

    >>> facts("groq", "openai/gpt-oss-120b").window
    131072
    >>> facts("vllm", "my-own-model").window is None
    True
    """
    found = _facts(provider, model.strip().lower())
    if found.price is not None and found.price.until and found.price.until < _today():
        return Facts(
            found.window, found.max_output, found.sees, found.max_input, None, found.source, found.date
        )
    return found


@cache
def _facts(provider: str, model: str) -> Facts:
    row = next((row for row in ROWS if row.provider == provider and re.fullmatch(row.pattern, model)), None)
    price = row.price if row else None
    if provider in ("spark", "spark-http") and (version := spark_models.known(model)) is not None:
        # Its bound is on the messages alone, and the answer has one of its own. [doc]
        return Facts(None, version.longest, False, version.context, price, SPARK_PAGE, "2026-10")
    if row is not None:
        return Facts(row.window, row.max_output, row.sees, row.max_input, price, row.source, row.date)
    if provider == "ernie" and (said := re.search(r"-(8|32|128)k\b", model)):
        return Facts(window=1000 * int(said[1]), source="its name")
    return Facts()


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def larger(provider: str, model: str, tokens: int) -> str:
    """A model of `provider` that reads more than `tokens`, the nearest in size; "" where none is known.

    >>> larger("spark", "lite", 20_000), larger("spark", "4.0Ultra", 40_000), larger("ollama", "x", 20_000)
    ('max-32k', 'x1', '')
    """
    known = [
        (reads, name)
        for name in named(provider)
        if name != model and (reads := facts(provider, name).reads or 0) > tokens
    ]
    return min(known, default=(0, ""), key=lambda one: one[0])[1]


def seeing(provider: str) -> str:
    """A model of `provider` that takes images; "" where none is known.

    >>> seeing("zhipu"), seeing("qwen")
    ('', 'qwen3.7-plus')
    """
    return next((name for name in named(provider) if facts(provider, name).sees), "")


def named(provider: str) -> Iterator[str]:
    """The models of `provider` whose names are known for sure."""
    if provider in ("spark", "spark-http"):
        yield from (one.name for one in spark_models.VERSIONS if one.name not in ("generalv2", "kjwx"))
        return
    for row in ROWS:
        name = row.name or _written(row)
        if row.provider == provider and name and re.fullmatch(row.pattern, name):
            yield name


def _written(row: Row) -> str:
    """The name that the pattern of `row` begins with, as one types it.

    >>> _written(next(row for row in ROWS if row.pattern.startswith("gpt-6-luna")))
    'gpt-6-luna'
    """
    plain = re.match(r"(?:[a-z0-9/-]|\\\.)+", re.sub(r"\(.*|\.\*$", "", row.pattern))
    return plain[0].replace("\\", "").rstrip("-") if plain else ""


def cost(price: Price | None, usage: Usage | None) -> Cost | None:
    """What `usage` costs at `price`; None where a part of it is not known.

    >>> cost(Price(1, 5, 0.1), Usage(1_000_000, 200_000, None, 500_000))
    Cost(amount=1.55, currency='USD')
    >>> cost(Price(1, 5), Usage(100, None)) is None
    True
    """
    if price is None or usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    if price.above is not None and usage.input_tokens > price.above:
        return cost(price.long, usage)
    kept = min(usage.cached_tokens or 0, usage.input_tokens)
    if kept and price.cached is None:
        return None
    paid = (
        (usage.input_tokens - kept) * price.input
        + kept * (price.cached or 0)
        + usage.output_tokens * price.output
    )
    return Cost(paid / 1e6, price.currency)


def at_home(base_url: str | None, own: str) -> bool:
    """Whether `base_url` is the service's own address: another one may have prices of its own.

    >>> at_home(None, "https://api.groq.com/openai/v1"), at_home("http://127.0.0.1:1/v1", "https://api.groq.com")
    (True, False)
    """
    return not base_url or (bool(own) and urlsplit(base_url).hostname == urlsplit(own).hostname)
