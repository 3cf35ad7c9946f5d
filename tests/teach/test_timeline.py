"""The timeline: a picture and a line of text that say when things happened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from nbstream.i18n import set_language
from nbstream.teach.timeline import Leg, Track, line, marks, timeline

STREAMED = Track([Leg(0, 0.2, 0.5, [0.5, 0.8, 1.1, 1.4, 2.0], end=2.1)], "streamed")
WAITED = Track([Leg(0, 0.2, 2.0, [2.1], end=2.1)], "waited")
RETRIED = Track([Leg(0, end=0.3, outcome="failed", pause=1.0), Leg(1.3, 1.5, 1.6, [1.6, 1.7], end=1.8)])
NAMESPACE = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # our own


def words(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in parsed(svg).iter(f"{NAMESPACE}text")]


def test_each_token_has_a_tick_and_each_step_its_word_and_its_time() -> None:
    svg = timeline([STREAMED])
    said = " | ".join(words(svg))
    for step in ("asked", "accepted 200 ms", "first frame 500 ms", "first token", "end 2.1 s"):
        assert step in said
    ticks = [path for path in parsed(svg).iter(f"{NAMESPACE}path") if path.get("d", "").count("v18") == 5]
    assert len(ticks) == 1


def test_two_tracks_stand_on_one_axis() -> None:
    svg = timeline([STREAMED, WAITED])
    # Both end at 2.1 s, so both bars end at the same place.
    ends = {
        round(float(rect.get("x", "0")) + float(rect.get("width", "0")), 1)
        for rect in parsed(svg).iter(f"{NAMESPACE}rect")
        if "#1976d2" in rect.get("style", "")
    }
    assert len(ends) == 1
    assert words(svg).count("2 s") == 1


def test_who_does_not_see_it_is_told_the_same() -> None:
    root = parsed(timeline([STREAMED], title="What streaming saves"))
    assert root.get("role") == "img"
    assert root.find(f"{NAMESPACE}title").text == "What streaming saves"  # type: ignore[union-attr]
    told = root.find(f"{NAMESPACE}desc").text or ""  # type: ignore[union-attr]
    assert "first token 500 ms" in told
    assert "5 tokens" in told
    assert told in (root.get("aria-label") or "")


def test_a_failed_attempt_its_pause_and_the_next_one_are_told_apart() -> None:
    assert [one.name for one in marks(RETRIED)] == [
        *("asked", "failed", "pause", "again", "accepted", "first", "token", "end"),
    ]
    said = words(timeline([RETRIED]))
    assert "✕" in said
    assert any("waits 1.0 s" in one for one in said)


@pytest.mark.parametrize("count", [5_000, 200_000])
def test_many_tokens_are_a_band_of_bounded_size(count: int) -> None:
    tokens = [0.5 + number / count * 60 for number in range(count)]
    svg = timeline([Track([Leg(0, 0.2, 0.5, tokens, end=61.0)])])
    assert len(svg) < 40_000
    assert f"{count:,} tokens" in svg


def test_a_hundred_attempts_are_not_a_hundred_words() -> None:
    legs = [Leg(number, number + 0.1, end=number + 0.2, outcome="failed", pause=0.8) for number in range(100)]
    assert len(timeline([Track(legs)])) < 40_000


@pytest.mark.parametrize("end", [0.0, 0.0004, 3.0, 7_200.0, 1e7])
def test_any_length_of_time_has_a_few_round_steps(end: float) -> None:
    steps = [one for one in words(timeline([Track([Leg(0, end=end)])])) if re.fullmatch(r"[\d.e+]+ s", one)]
    assert 2 <= len(steps) <= 7


def test_what_comes_from_outside_is_escaped() -> None:
    hostile = '</svg><script>alert(1)</script>" onload="x'
    svg = timeline([Track([Leg(0, end=1)], hostile)], title=hostile)
    assert "<script" not in svg
    assert words(svg)[0] == hostile
    assert set(parsed(svg).attrib) == {"viewBox", "role", "aria-label", "style"}


def test_nothing_yet_is_a_picture_too() -> None:
    assert "<svg" in timeline([Track([])])
    assert timeline([])
    assert line(Track([])) == ""


def test_the_words_are_of_the_language_in_use() -> None:
    set_language("zh")
    try:
        assert any("首个 token" in one for one in words(timeline([STREAMED])))
    finally:
        set_language(None)


def test_the_same_in_one_line_of_text() -> None:
    assert line(STREAMED, 21) == "··░░░█▁▁█▁▁█▁▁█▁▁▁▁▁█"
    assert line(WAITED, 21) == "··░░░░░░░░░░░░░░░░░░█"
    # On a longer axis it is shorter.
    assert len(line(STREAMED, 20, longest=4.2)) == 10


def test_what_was_held_back_has_ticks_but_is_nothing_that_one_sees() -> None:
    held = Track([Leg(0, 0.2, 0.5, [2.1], [0.5, 0.8, 1.1], end=2.1)])
    assert [one.at for one in marks(held) if one.name == "token"] == [2.1]
    assert "3 tokens" in timeline([held])
    assert "█" not in line(held, 20)[:-1]


class Counted(list[float]):
    """Times that count how often one is looked at."""

    looked = 0

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return Counted(super().__getitem__(key))
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[float]:
        for one in super().__iter__():
            Counted.looked += 1
            yield one


def test_a_picture_of_a_million_tokens_costs_no_more_than_one_of_ten_thousand() -> None:
    looked = []
    for count in (10_000, 1_000_000):
        Counted.looked = 0
        tokens = Counted(number / count for number in range(count))
        track = Track([Leg(0, 0, 0, tokens, end=1.0)])
        timeline([track])
        line(track)
        looked.append(Counted.looked)
    assert looked[1] <= looked[0] * 1.1
