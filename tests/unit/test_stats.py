"""What the turns took: counted, priced where that is known, bounded in memory; as a table and a picture."""

from __future__ import annotations

import gc
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from nbstream.chat.conversation import Conversation
from nbstream.chat.session import Session
from nbstream.chat.stats import KEPT, TURNS, ProviderStats, TurnStats
from nbstream.errors import fail
from nbstream.i18n import set_language
from nbstream.messages import Answer, Context, Cost, Timing, Usage
from nbstream.show.amounts import costs, money
from nbstream.show.compared import numbers
from nbstream.show.plot import MOST, Bar, plot
from nbstream.show.words import footer

SVG = "{http://www.w3.org/2000/svg}"


def answer(cost: Cost | None = None, **more: object) -> Answer:
    given = {"usage": Usage(100, 50), "timing": Timing(0.0, 0.5, 3.0, 50), "model": "openai:m"} | more
    return Answer("text", finish_reason="stop", cost=cost, **given)  # type: ignore[arg-type]


# --- counting -----------------------------------------------------------------------------------------


def test_a_cost_is_told_only_where_all_of_it_is_known() -> None:
    one = ProviderStats("openai")
    one.add(answer(Cost(0.25)), [])
    assert (one.cost, one.currency) == (0.25, "USD")
    one.add(answer(None), [])
    assert one.cost is None
    assert (one.costs, one.unpriced) == ({"USD": 0.25}, 1)


def test_currencies_are_never_added_up() -> None:
    one = ProviderStats("moonshot")
    one.add(answer(Cost(0.25)), [])
    one.add(answer(Cost(2, "CNY")), [])
    assert one.cost is None
    assert one.costs == {"USD": 0.25, "CNY": 2}
    assert costs(one.costs, 0) == "$0.25 + ¥2.00"


def test_a_turn_that_brought_nothing_does_not_make_the_cost_unknown() -> None:
    one = ProviderStats("openai")
    one.add(answer(Cost(0.25)), [])
    refused = fail("connection.refused", provider="openai", address="127.0.0.1:9")
    one.add(Answer(error=refused, model="openai:m", timing=Timing(0.0, None, 0.1)), [], retries=2)
    assert (one.cost, one.turns, one.errors, one.retries, one.error_rate) == (0.25, 2, 1, 2, 0.5)


def test_throughput_is_of_the_time_in_which_tokens_came() -> None:
    one = ProviderStats("openai")
    one.add(answer(), [])  # 50 tokens in 2.5 s
    one.add(answer(usage=Usage(100, 150), timing=Timing(0.0, 10.0, 12.5, 150)), [])
    assert one.throughput == pytest.approx(40)
    assert TurnStats.of(answer()).rate == pytest.approx(20)
    at_once = TurnStats.of(answer(timing=Timing(0.0, 0.5, 0.5, 1)))
    assert at_once.rate is None, "an answer in one piece has no speed"


def test_what_is_kept_has_a_bound() -> None:
    session = Session()
    call = session.call("hi", model="demo")
    for _ in range(TURNS + 50):
        session.run(call).cancel()
    assert len(session.last_turns) == TURNS
    one = ProviderStats("demo")
    for _ in range(3):
        one.add(answer(), [n / 1000 for n in range(KEPT)])
    assert len(one._gaps) == KEPT


def test_a_cell_that_runs_a_thousand_times_leaves_one_turn_behind() -> None:
    def alive() -> Counter[str]:
        gc.collect()
        return Counter(type(one).__name__ for one in gc.get_objects())

    session = Session()
    talk = Conversation("main", session)
    talk.begin("before", model="demo", cell="a")[1].cancel()
    for number in range(20):
        talk.begin(f"again {number}", model="demo", cell="b", execution=str(number))[1].cancel()
    before = alive()
    for number in range(20, 1_020):
        talk.begin(f"again {number}", model="demo", cell="b", execution=str(number))[1].cancel()
    grown = alive() - before
    assert [turn.prompt for turn in talk.turns] == ["before", "again 1019"]
    kinds = ("Turn", "Run", "Call", "Progress", "ChatRequest", "Message", "Answer", "Context", "History")
    assert {kind: grown[kind] for kind in kinds if grown[kind] > 2} == {}
    assert grown["TurnStats"] <= TURNS


# --- the footer ---------------------------------------------------------------------------------------


def test_the_footer_says_the_cost_where_it_is_known() -> None:
    assert "≈ $0.0012" in footer(answer(Cost(0.0012)))
    assert "≈ ¥0.20" in footer(answer(Cost(0.2, "CNY")))
    assert "≈" not in footer(answer())
    assert "≈" not in footer(answer(Cost(0)))


@pytest.mark.parametrize(
    ("context", "english", "chinese"),
    [
        (Context(6, 9, 2_140, 3_000, cut=True), "context: 6 of 9 turns, 2.1k tokens",
         "上下文：9 轮中的 6 轮，2.1k tokens"),
        (Context(9, 9, 5_200, 8_192), "context: 9 turns, 5.2k tokens", "上下文：9 轮，5.2k tokens"),
        (Context(40, 40, 31_000), "context: 40 turns, 31k tokens", "上下文：40 轮，31k tokens"),
        (Context(3, 3, 900, 8_192), None, None),
        (Context(1, 1, 30_000), None, None),
    ],
)  # fmt: skip
def test_the_footer_says_what_was_sent_along_where_that_matters(
    context: Context, english: str | None, chinese: str | None
) -> None:
    try:
        for language, said in (("en", english), ("zh", chinese)):
            set_language(language)
            line = footer(answer(context=context))
            assert said in line if said else "context" not in line and "上下文" not in line
    finally:
        set_language(None)


def test_amounts_too_small_to_see_are_not_rounded_to_nothing() -> None:
    assert money(Cost(0.00000042)) == "$0.00000042"
    assert costs({}, 0) == "–"
    assert costs({}, 3) == "unknown"
    assert costs({"USD": 0.5}, 3) == "$0.50 + unknown (3)"


# --- the picture --------------------------------------------------------------------------------------


def bars(count: int) -> list[Bar]:
    return [Bar(0.5, 2.0, n % 5 == 4, f"turn {n} <script>alert(1)</script>") for n in range(count)]


def test_the_picture_has_a_bar_for_each_of_the_last_turns() -> None:
    tree = ET.fromstring(plot(bars(100), 1))
    titles = [one.text for one in tree.iter(f"{SVG}title")]
    assert len(titles) == MOST
    assert titles[-1] == "turn 99 <script>alert(1)</script>", "as text"
    assert "100" in [one.text for one in tree.iter(f"{SVG}text")]


def test_a_failure_is_told_by_more_than_its_colour() -> None:
    marks = [one.text for one in ET.fromstring(plot(bars(10))).iter(f"{SVG}text")]
    assert marks.count("✕") == 2


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 0.3, 59.0, 1e6, 1e12])
def test_any_times_fit_into_the_picture(seconds: float) -> None:
    tree = ET.fromstring(plot([Bar(seconds, seconds, False, "x")]))
    for one in tree.iter(f"{SVG}rect"):
        assert 0 <= float(one.attrib["y"]) <= 190
        assert 0 <= float(one.attrib["height"]) <= 190


def test_the_picture_takes_its_colours_from_the_page() -> None:
    text = plot(bars(5))
    assert "currentColor" in text
    assert "var(--jp-brand-color1" in text
    assert "url(" not in text
    assert "position" not in text


@pytest.mark.parametrize("finish", ["cancelled", "stop"])
def test_tokens_that_nobody_counted_are_estimated_by_the_text_not_by_the_pieces_it_came_in(
    finish: str,
) -> None:
    text = "天空是蓝色的，因为散射。" * 10
    one = Answer(text=text, model="openai:m", finish_reason=finish, timing=Timing(0.0, 0.5, 1.5, 2))
    told = " · ".join(numbers(one))
    assert "≈ 132 tokens/s" in told and "≈ 132 tokens ·" in f"{told} ·"
    assert ("≈ 132 tokens" in footer(one)) == (finish == "cancelled")


def test_one_token_is_one_token() -> None:
    one = Answer(text="ok", model="openai:m", finish_reason="cancelled", timing=Timing(0.0, 0.5, 1.5, 1))
    assert footer(one).split(" · ")[2] == "≈ 1 token"
