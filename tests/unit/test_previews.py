"""What values look like in a prompt: short ones whole, of long ones the beginning, and what is missing."""

from __future__ import annotations

import dataclasses
import datetime
import types
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import BaseModel, SecretStr

from nbstream.credentials import Secret
from nbstream.magics.previews import preview
from nbstream.messages import Answer


def text(value: Any, name: str = "", **more: Any) -> str:
    return preview(value, name, **more).text


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Tree:
    label: str
    leaves: list[Any]
    hidden: str = dataclasses.field(default="hidden", repr=False)


class Model(BaseModel):
    name: str
    key: SecretStr
    inside: Tree | None = None


# --- short values stand as they are -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("as it\n is", "as it\n is"),
        (3, "3"),
        (0.1, "0.1"),
        (True, "True"),
        (None, "None"),
        (2 + 1j, "(2+1j)"),
        (Decimal("1.50"), "1.50"),
        (Fraction(1, 3), "1/3"),
        (datetime.date(2026, 11, 21), "2026-11-21"),
        (Path("a/b.csv"), "a/b.csv"),
        (np.float64(0.25), "0.25"),
        (np.int8(5), "5"),
        (b"bytes", "b'bytes'"),
        ([1, "a", None], "[1, 'a', None]"),
        ((1,), "(1,)"),
        ((1, 2), "(1, 2)"),
        ({}, "{}"),
        (set(), "set()"),
        ({3}, "{3}"),
        (frozenset([3]), "frozenset([3])"),
        (deque([1]), "deque([1])"),
        (Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        (OrderedDict(a=1), "OrderedDict({'a': 1})"),
        (defaultdict(list, a=[1]), "defaultdict({'a': [1]})"),
        (types.MappingProxyType({"a": 1}), "{'a': 1}"),
        ({"a": 1}.keys(), "dict_keys(['a'])"),
        (Point(1, 2), "Point(x=1, y=2)"),
        (namedtuple("P", "a b")(1, [2]), "P(a=1, b=[2])"),
        (Tree("t", [Tree("u", [])]), "Tree(label='t', leaves=[Tree(label='u', leaves=[])])"),
        (Model(name="n", key="s3cret"), "Model(name='n', key=SecretStr('**********'), inside=None)"),
        (ValueError("no"), "no"),
        (Secret("sk-0123456789abcdef"), "…cdef"),
        (Answer("what a model said"), "what a model said"),
    ],
)
def test_a_short_value_stands_whole(value: Any, expected: str) -> None:
    assert text(value) == expected


@given(some.recursive(some.integers() | some.text(max_size=5), lambda inner: some.lists(inner, max_size=3)))
def test_short_lists_are_written_as_python_writes_them(value: Any) -> None:
    if not isinstance(value, str) and len(repr(value)) < 90:
        assert text(value) == repr(value)


# --- long ones say what is missing --------------------------------------------------------------------


def test_long_text_keeps_its_beginning_and_its_end() -> None:
    shown = text("a" * 90_000 + "z" * 90_000)
    assert shown.startswith("aaa") and shown.endswith("zzz") and len(shown) < 100_100
    assert "80,000 characters left out of 180,000" in shown
    assert "900 characters left out of 1,000" in text("x" * 1_000, most=100)


def test_containers_say_how_much_more_there_is() -> None:
    assert "… 12,245 more" in text(list(range(12_345)))
    assert "… 400 more" in text({str(number): number for number in range(500)})
    inside = text({"words": "x" * 10_000, "bytes": bytes(10_000), "deep": [[[[[[[[1]]]]]]]]})
    assert "(10,000)" in inside and len(inside) < 3_000 and "[…]" in inside


def test_whatever_is_nested_in_whatever_the_text_has_a_bound() -> None:
    wide: Any = "x" * 1_000
    for _ in range(5):
        wide = [wide] * 50
    assert len(text(wide)) < 1_500_000
    loop: list[Any] = [1]
    loop.append(loop)
    assert text(loop) == "[1, […]]"


def test_what_computes_its_items_is_not_asked_for_them() -> None:
    asked = []
    counting = (asked.append(number) for number in range(3))
    assert "generator object" in text(counting) and not asked

    class Endless(dict[str, int]):
        def items(self) -> Any:
            while True:
                yield "a", 1

        def __repr__(self) -> str:
            return "Endless()"

    assert text(Endless(a=1)) == "Endless()"


def test_a_class_that_says_what_it_looks_like_is_believed() -> None:
    @dataclasses.dataclass
    class Account:
        password: str

        def __repr__(self) -> str:
            return "Account(***)"

    class Masked(dict[str, str]):
        def __repr__(self) -> str:
            return "***"

    assert text(Account("s3cret")) == "Account(***)" and text([Account("s3cret")]) == "[Account(***)]"
    assert text(Masked(password="s3cret")) == "***" and text({"a": Masked(b="s3cret")}) == "{'a': ***}"


def test_a_huge_repr_is_cut_and_one_that_raises_raises() -> None:
    class Huge:
        def __repr__(self) -> str:
            return "x" * 1_000_000

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    assert len(text(Huge())) < 21_000 and "980,000 more characters" in text(Huge())
    assert len(text([Huge()])) < 600
    with pytest.raises(RuntimeError):
        text(Broken())
    with pytest.raises(RuntimeError):
        text([Broken()])


# --- frames and arrays --------------------------------------------------------------------------------


def frame(rows: int, columns: int) -> dict[str, Any]:
    return {f"c{number}": np.arange(rows) * 1.5 for number in range(columns)}


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (pd.DataFrame, "DataFrame"),
        (pl.DataFrame, "DataFrame"),
        (pa.table, "Table"),
        (pa.record_batch, "RecordBatch"),
    ],
)
def test_a_large_frame_shows_its_shape_its_types_and_its_first_rows(made: Any, kind: str) -> None:
    shown = preview(made(frame(12_345, 40)), "sales")
    assert shown.block
    lines = shown.text.splitlines()
    assert lines[0] == (
        f"{kind} sales: 12,345 rows × 40 columns (first 10 of 12,345 rows, 12 of 40 columns shown)"
    )
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 12 and "c11 (" in table[0] and "c12" not in table[0]
    assert table[-1].count("13.5") == 12, "the tenth row"
    assert lines[-1].startswith("Other columns: c12 (") and "c39 (" in lines[-1]


def test_a_small_frame_is_shown_whole_with_its_labels() -> None:
    small = pd.DataFrame({"a|b": [1, None], "t": ["x\ny", "长" * 100]}, index=pd.Index(["p", "q"], name="k"))
    assert text(small, "df").splitlines()[:5] == [
        "DataFrame df: 2 rows × 2 columns",
        "",
        f"| k | a\\|b (float64) | t ({small.t.dtype}) |",
        "| --- | --- | --- |",
        "| p | 1 | x y |",
    ]
    assert "长" * 79 + "…" in text(small)


@pytest.mark.parametrize(
    "odd",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame([[1, 2]], columns=["same", "same"]),
        pd.DataFrame({("a", 1): [1], ("b", 2): [2]}),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
        pd.DataFrame({"a": [{"b": [1]}, pd.DataFrame({"c": [1]})]}),
        pd.DataFrame({"t": pd.to_datetime(["2026-01-01", None])}),
        pd.DataFrame({"c": pd.Categorical(["x", "y"])}),
        pl.DataFrame(),
        pl.DataFrame({"a": [[1, 2], None]}),
        pa.table({}),
        pa.table({"s": pa.array([{"x": 1}, None])}),
    ],
)
def test_odd_frames_have_a_preview_too(odd: Any) -> None:
    assert "rows × " in text(odd)


@pytest.mark.parametrize(
    "series",
    [pd.Series(range(1_000)), pl.Series("v", range(1_000)), pa.array(range(1_000)), pd.Index(range(1_000)),
     pa.chunked_array([range(500), range(500)])],
)  # fmt: skip
def test_a_series_shows_its_first_values(series: Any) -> None:
    shown = text(series, "s")
    assert "s: 1,000 values (first 10 of 1,000 rows shown)" in shown.splitlines()[0]
    assert shown.count("\n") == 13


def test_a_frame_inside_something_else_is_told_in_a_word() -> None:
    assert text({"df": pd.DataFrame(frame(5, 2))}) == "{'df': <DataFrame: 5 rows × 2 columns>}"
    assert text([np.zeros((2, 3))]) == "[<ndarray float64 (2, 3)>]"


def test_an_array_shows_shape_and_type_and_where_it_is_long_both_ends() -> None:
    assert text(np.array([[1, 2], [3, 4]]), "a") == "ndarray a int64 (2, 2), 4 values\n[[1 2]\n [3 4]]"
    shown = text(np.arange(1_000_000), "a")
    assert shown.splitlines()[0].endswith("1,000,000 values (only the ends of each axis are shown)")
    assert "999999]" in shown and len(shown) < 200


class Tensor:
    """What arrays of other libraries look like from outside."""

    def __init__(self, *shape: int) -> None:
        self.shape, self.dtype = shape, "torch.float32"

    def __str__(self) -> str:
        return "tensor(" + "0., " * 100_000 + ")"


def test_arrays_of_other_libraries_are_known_by_shape_and_type() -> None:
    shown = text(Tensor(3, 4), "w")
    assert shown.startswith("Tensor w torch.float32 (3, 4), 12 values\ntensor(0., ") and len(shown) < 4_200


# --- code ---------------------------------------------------------------------------------------------


@cache
def cached(number: int) -> int:
    """Twice as much."""
    return 2 * number


def test_functions_and_classes_are_shown_by_their_source() -> None:
    shown = preview(test_arrays_of_other_libraries_are_known_by_shape_and_type)
    assert shown.code == "python" and shown.text.startswith("def test_arrays_of")
    assert preview(Tensor).text.startswith("class Tensor:\n")
    assert preview(cached).text.startswith("@cache\ndef cached")
    assert preview(Tensor(1).__str__).text.startswith("def __str__(self)")


def test_what_has_no_source_is_shown_by_its_head_and_description() -> None:
    shown = preview(len)
    assert not shown.code and shown.text.startswith("def len(obj, /)\n\nReturn the number of items")
    assert "class dict" in text(dict) and "Names in it: " in text(dict)
    module = text(np, "np")
    assert module.startswith(f"module numpy {np.__version__}\n") and "more" in module and len(module) < 5_000
