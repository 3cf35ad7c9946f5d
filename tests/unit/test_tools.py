"""A Python function as a tool: what a model is told of it, and how its arguments come back."""

from __future__ import annotations

import asyncio
import datetime
import enum
import pathlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as some

import nbstream
from nbstream.chat.calling import outcome
from nbstream.chat.docstrings import documented
from nbstream.chat.shapes import Misfit, shape
from nbstream.chat.tools import described, returned
from nbstream.i18n import set_language


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


class Place(TypedDict, total=False):
    city: str
    country: str


class Span(NamedTuple):
    start: int
    end: int = 9


@dataclass
class Point:
    x: float
    y: float = 0.0


def parameters(function: Any) -> dict[str, Any]:
    found: dict[str, Any] = described(function).schema["function"]["parameters"]
    return found


def called(function: Any, arguments: str) -> Any:
    """What the function gives when a model calls it so."""
    ahead, named = described(function).bound(arguments)
    return function(*ahead, **named)


def refusal(function: Any, arguments: str) -> str:
    with pytest.raises(Misfit) as caught:
        described(function).bound(arguments)
    return str(caught.value)


# --- what a model is told -------------------------------------------------------------------------------


def test_a_function_is_told_by_its_name_docstring_and_signature() -> None:
    def weather(city: str, days: int = 1, unit: Literal["c", "f"] = "c", *more: int, **rest: int) -> str:
        """Weather of a city.

        Args:
            city: Its name.
            days (int): How many.
        """
        return ""

    assert described(weather).schema == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Its name."},
                    "days": {"type": "integer", "default": 1, "description": "How many."},
                    "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
                },
                "required": ["city"],
            },
        },
    }


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (list, {"type": "array", "items": {}}),
        (set[str], {"type": "array", "items": {"type": "string"}}),
        (dict, {"type": "object"}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal[1, "b"], {"enum": [1, "b"]}),
        (Unit, {"type": "string", "enum": ["c", "f"]}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045 - people write it
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (datetime.date, {"type": "string", "format": "date"}),
        (pathlib.Path, {"type": "string"}),
    ],
)
def test_an_annotation_has_its_schema(annotation: Any, schema: dict[str, Any]) -> None:
    assert shape(annotation).schema == schema


def test_records_are_objects() -> None:
    number = {"type": "number"}
    assert shape(Point).schema["properties"] == {"x": number, "y": number}
    assert shape(Point).schema["required"] == ["x"]
    assert "required" not in shape(Place).schema
    assert shape(Span).schema["required"] == ["start"]


def test_what_may_be_none_by_default_need_not_be_said() -> None:
    def f(n: int | None = None, m=3, k=None):  # type: ignore[no-untyped-def]
        return n, m, k

    assert parameters(f)["properties"] == {
        "n": {"type": "integer"},
        "m": {"type": "integer", "default": 3},
        "k": {},
    }
    assert called(f, '{"n": null}') == (None, 3, None)


def test_what_cannot_be_described_is_left_out_or_refused() -> None:
    class Frame:
        pass

    def good(city: str, cache: Frame | None = None) -> None: ...
    def bad(frame: Frame) -> None: ...

    assert list(parameters(good)["properties"]) == ["city"]
    with pytest.raises(nbstream.NbstreamError) as caught:
        described(bad)
    assert "frame of bad" in caught.value.what and "Frame" in caught.value.why


@pytest.mark.parametrize("thing", [3, "weather", Point, lambda x: x, None])
def test_what_is_no_function_with_a_name_is_refused(thing: Any) -> None:
    with pytest.raises(nbstream.NbstreamError) as caught:
        described(thing)
    assert caught.value.case == "no_function" and "%llm tools add" in caught.value.fix


def test_a_class_that_holds_itself_is_refused_and_not_followed_for_ever() -> None:
    def walk(tree: Tree) -> None: ...

    with pytest.raises(nbstream.NbstreamError):
        described(walk)


@dataclass
class Tree:
    left: Tree | None = None


def test_names_in_chinese_go_by_a_number_and_say_what_they_are() -> None:
    def 查天气(城市: str) -> str:
        """某个城市的天气。

        参数：
            城市：中文名
        """
        return 城市

    tool = described(查天气)
    assert tool.wire.isascii() and tool.schema["function"]["description"] == "查天气: 某个城市的天气。"
    [(name, member)] = parameters(查天气)["properties"].items()
    assert name.isascii() and member["description"] == "城市: 中文名"
    assert called(查天气, f'{{"{name}": "成都"}}') == "成都"


# --- docstrings -----------------------------------------------------------------------------------------

WAYS = {
    "numpy": "Do it.\n\nParameters\n----------\na : int\n    First,\n    of two.\nb, c : str, optional\n"
    "    Both.\n\nReturns\n-------\nstr\n    d : not a parameter\n",
    "google": "Do it.\n\nArgs:\n    a (int): First,\n        of two.\n    b: Both.\n    c (Optional[str]): "
    "Both.\n\nReturns:\n    d: not a parameter\n",
    "sphinx": "Do it.\n\n:param a: First,\n    of two.\n:param str b: Both.\n:param c: Both.\n:returns: d",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_docstring_is_read_in_the_way_it_is_written(way: str) -> None:
    assert documented(WAYS[way]) == ("Do it.", {"a": "First, of two.", "b": "Both.", "c": "Both."})


def test_a_plain_docstring_is_the_description() -> None:
    assert documented("  One.\n\n  Note: two.") == ("One.\n\nNote: two.", {})
    assert documented(None) == ("", {})


# --- what comes back ------------------------------------------------------------------------------------


def test_values_arrive_as_what_the_annotations_say() -> None:
    def f(
        p: Point, u: Unit, d: datetime.date, t: tuple[int, str], s: set[int], n: int, o: Place, w: Span
    ) -> tuple[Any, ...]:
        return p, u, d, t, s, n, o, w

    given = (
        '{"p": {"x": 1}, "u": "f", "d": "2026-11-21", "t": [1, "b"], "s": [1, 1], "n": 3.0,'
        ' "o": {"city": "合肥"}, "w": {"start": 2}}'
    )
    assert called(f, given) == (
        Point(1.0), Unit.FAHRENHEIT, datetime.date(2026, 11, 21), (1, "b"), {1}, 3, {"city": "合肥"}, Span(2),
    )  # fmt: skip


def test_a_model_of_pydantic_is_one_without_references() -> None:
    pydantic = pytest.importorskip("pydantic")
    inner = pydantic.create_model("Inner", n=(int, ...))
    outer = pydantic.create_model("Outer", inner=(inner, ...), title=(str, "t"))
    made = shape(outer)
    assert made.schema["properties"]["inner"]["properties"] == {"n": {"type": "integer"}}
    assert made.read({"inner": {"n": 1}}, "o").inner.n == 1
    with pytest.raises(Misfit):
        made.read({"inner": {"n": "x"}}, "o")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{oh", "not JSON"),
        ("[1]", "JSON object"),
        ("{}", "city: missing"),
        ('{"city": 3}', "city: expected string, got int 3"),
        ('{"city": "a", "days": true}', "days: expected integer"),
        ('{"city": "a", "days": "3"}', "days: expected integer"),
        ('{"city": "a", "unit": "k"}', "unit: expected 'c' | 'f'"),
        ('{"city": "a", "points": [{"x": 1}, {"y": 1}]}', "points[1].x: missing"),
        ('{"city": "a", "shell": "rm"}', "shell: there is no such argument"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_call_says_what_is_wrong_and_where(arguments: str, said: str) -> None:
    def f(city: str, days: int = 1, unit: Literal["c", "f"] = "c", points: list[Point] = []) -> None: ...  # noqa: B006

    assert said in refusal(f, arguments)


def test_parameters_that_go_by_place_do() -> None:
    def f(a: int, b: int = 2, /, c: int = 3) -> tuple[int, int, int]:
        return a, b, c

    assert called(f, '{"a": 1, "c": 5}') == (1, 2, 5)
    assert called(f, '{"b": 7, "a": 1}') == (1, 7, 3)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_whatever_a_model_sends_is_read_or_refused(value: Any) -> None:
    import json

    def f(p: Point, u: Unit | None = None, o: dict[str, list[int]] | int = 1) -> None: ...

    for given_ in (value, {"p": value}, {"p": {"x": 1}, "u": value}, {"p": {"x": 1}, "o": value}):
        try:
            _, named = described(f).bound(json.dumps(given_))
        except Misfit as misfit:
            assert str(misfit)
        else:
            assert isinstance(named["p"], Point)


def test_a_result_goes_back_as_text_or_json() -> None:
    class Odd:
        pass

    assert returned({"at": datetime.date(2026, 11, 21), "p": Point(1), "u": Unit.CELSIUS, "s": {1}}) == (
        '{"at": "2026-11-21", "p": {"x": 1, "y": 0.0}, "u": "c", "s": [1]}'
    )
    assert returned(None) == "null" and returned("as it is") == "as it is"
    assert "Odd object" in returned(Odd()) and "Odd object" in returned([Odd()])

    class Obliging:
        """As a mock has it: whatever is asked for is there."""

        asked = 0

        def __getattr__(self, name: str) -> Any:
            Obliging.asked += 1
            return Obliging

    assert "Obliging object" in returned(Obliging()) and not Obliging.asked
    loop: list[Any] = []
    loop.append(loop)
    assert returned(loop) == "[[...]]"


def test_numbers_and_frames_of_the_field_go_back_readably() -> None:
    numpy = pytest.importorskip("numpy")
    assert returned({"n": numpy.float64(1.5), "k": numpy.int64(3)}) == '{"n": 1.5, "k": 3}'
    assert returned(numpy.arange(3)) == "[0 1 2]"


@pytest.mark.parametrize("then", ["goes on", "fails otherwise"])
def test_stop_ends_the_turn_whatever_the_function_makes_of_it(then: str) -> None:
    def stubborn() -> str:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if then == "fails otherwise":
                raise RuntimeError from None
        return "went on"

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        outcome(stubborn, timeout=None, most=100)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_while_it_begins_stops_what_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, tidied = threading.Event(), threading.Event()

    async def slow() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            tidied.set()

    def start(thread: threading.Thread, real: Any = threading.Thread.start) -> None:
        real(thread)
        assert begun.wait(5)  # the thread runs already; whoever started it has not come back
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        outcome(slow, timeout=None, most=100)
    assert tidied.wait(5)
