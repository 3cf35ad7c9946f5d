"""Length costs nothing: a batch late in an answer is as dear as one at its beginning, whatever is in it."""

from __future__ import annotations

import sys
from typing import Any
from unittest import mock

import pytest

from bench import flat
from nbstream.show import highlight
from nbstream.show.live import LiveMarkdown

BATCH = 66  # tokens
STRETCH = flat.BATCHES[BATCH]


class Meter:
    """Counts work instead of time: characters parsed, lexed and sent; and calls of functions."""

    def __init__(self) -> None:
        self.live = LiveMarkdown()
        self.lexed = self.sent = self.calls = 0

    def feed(self, text: str) -> None:
        lex = highlight._lex

        def counting(lexer: Any, text: str, stack: tuple[str, ...]) -> Any:
            self.lexed += len(text)
            return lex(lexer, text, stack)

        def called(*_: object) -> None:
            self.calls += 1

        with mock.patch.object(highlight, "_lex", counting):
            sys.setprofile(called)
            try:
                ops = self.live.feed(text)
            finally:
                sys.setprofile(None)
        self.sent += sum(len(str(part)) for op in ops for part in op)

    @property
    def work(self) -> tuple[int, int]:
        renderer = self.live.renderer
        return renderer.parsed + renderer.inline.parsed + self.lexed + self.sent, self.calls

    def stretch(self, text: str, start: int) -> tuple[float, ...]:
        """The work for an average batch from token `start` on."""
        before = self.work
        starts = range(start, start + STRETCH, BATCH)
        for token in starts:
            self.feed(text[token * flat.TOKEN : (token + BATCH) * flat.TOKEN])
        return tuple((b - a) / len(starts) for a, b in zip(before, self.work, strict=True))


@pytest.mark.parametrize("name", [*flat.WORKLOADS, *flat.HOSTILE])
def test_a_batch_at_token_20_000_costs_as_little_as_at_token_200(name: str) -> None:
    text, meter = {**flat.WORKLOADS, **flat.HOSTILE}[name], Meter()
    highlight.paint.cache_clear()
    meter.live.feed(text[: flat.EARLY * flat.TOKEN])
    early = meter.stretch(text, flat.EARLY)
    meter.live.feed(text[(flat.EARLY + STRETCH) * flat.TOKEN : flat.LATE * flat.TOKEN - 40_000])
    for at in range(flat.LATE * flat.TOKEN - 40_000, flat.LATE * flat.TOKEN, 800):
        meter.live.feed(text[at : min(at + 800, flat.LATE * flat.TOKEN)])
    late = meter.stretch(text, flat.LATE)
    assert all(b <= flat.MOST * a for a, b in zip(early, late, strict=True)), (early, late)
