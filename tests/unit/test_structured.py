"""Answers in JSON: what they may have to fit, where the JSON is found, what is said when it does not fit."""

from __future__ import annotations

import dataclasses
import json
import socket
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

from nbstream.chat import fitting, structured
from nbstream.chat.fitting import Misfit, named, shape
from nbstream.chat.structured import judged, settled
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import Answer, ChatRequest, Message
from nbstream.providers.structured import bounded, closed, response_format


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


class City(pydantic.BaseModel):
    name: str
    people: int = pydantic.Field(gt=0)
    rivers: list[str] = []


@dataclasses.dataclass
class Point:
    x: float
    y: float


class Word(typing.TypedDict):
    text: str
    times: int


class Loose(typing.TypedDict, total=False):
    text: str


ROMANS = {"type": "array", "items": {"type": "string", "enum": ["I", "V", "X"]}, "minItems": 1}
CHENGDU = '{"name": "成都", "people": 21}'


# --- what an answer may have to fit -----------------------------------------------------------------------


def test_a_pydantic_model_gives_its_objects() -> None:
    assert shape(City).fit(CHENGDU) == City(name="成都", people=21)


def test_a_dataclass_a_typed_dict_and_a_list_of_models_will_do() -> None:
    assert shape(Point).fit('{"x": 1, "y": 2.5}') == Point(1.0, 2.5)
    assert shape(Word).fit('{"text": "a", "times": 2}') == {"text": "a", "times": 2}
    assert shape(Loose).fit("{}") == {}
    assert shape(list[City]).fit(f"[{CHENGDU}]")[0].name == "成都"


def test_a_json_schema_gives_what_json_gives() -> None:
    assert shape(ROMANS).fit('["V", "I"]') == ["V", "I"]
    assert shape({}).fit("true") is True


@pytest.mark.parametrize(
    ("wanted", "text", "said"),
    [
        (City, '{"people": 21}', "$.name: Field required"),
        (City, '{"name": "x", "people": 0}', "$.people"),
        (list[City], f'[{CHENGDU}, {{"name": 1, "people": 2}}]', "$[1].name"),
        (ROMANS, '["Q"]', "$[0]"),
        (ROMANS, "[]", "$: "),
        ({}, "I cannot do that.", "There is no JSON in it."),
        ({}, '{"a": NaN}', "There is no JSON in it."),
        ({}, '{"a": 1e999}', "There is no JSON in it."),
        ({}, "{" * 5_000, "There is no JSON in it."),
        ({}, "[" * 100_000, "There is no JSON in it."),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(wanted: Any, text: str, said: str) -> None:
    with pytest.raises(Misfit) as caught:
        shape(wanted).fit(text)
    assert said in str(caught.value)


def test_faults_are_told_up_to_a_bound() -> None:
    with pytest.raises(Misfit) as caught:
        shape(ROMANS).fit(json.dumps(["x" * 10_000] * 1_000))
    assert str(caught.value).count("\n") == fitting.FAULTS - 1 and len(str(caught.value)) < 3_000


def test_no_control_character_of_a_model_reaches_a_fault() -> None:
    with pytest.raises(Misfit) as caught:
        shape({"additionalProperties": {"type": "integer"}}).fit('{"a\\u001b[31m\\u202e": "\\u001b[32m"}')
    assert "\x1b" not in str(caught.value) and "\u202e" not in str(caught.value)


def test_without_the_jsonschema_package_types_names_and_choices_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fitting, "find_spec", lambda name: None)
    schema = {
        "type": "object",
        "required": ["n", "who"],
        "properties": {"n": {"type": ["integer", "null"]}, "who": {"items": ROMANS["items"]}},
    }
    fit = shape(schema).fit
    assert fit('{"n": null, "who": ["I"]}') == {"n": None, "who": ["I"]}
    for wrong in ('{"n": true, "who": []}', '{"n": 1}', '{"n": 1, "who": ["Q"]}', "[]"):
        with pytest.raises(Misfit):
            fit(wrong)
    with pytest.raises(NbstreamError) as caught:
        shape(City)
    assert caught.value.fix == "%pip install pydantic"


def test_a_schema_is_named_by_a_variable_a_dotted_name_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "romans.json"
    path.write_text(json.dumps(ROMANS), encoding="utf-8")
    names = {"City": City, "here": Answer, "romans": ROMANS, "box": dataclasses}
    assert named("City", names).schema["required"] == ["name", "people"]
    assert named("romans", names).fit('["X"]') == ["X"]
    assert named(str(path), {}).fit('["X"]') == ["X"]


@pytest.mark.parametrize(
    ("name", "case"),
    [("Nobody", "schema_name"), ("Citi", "schema_near"), ("City.nothing", "schema_name"),
     ("none.json", "schema_name"), ("seven", "schema_kind"), ("wrong", "schema_bad"),
     ("bad.json", "schema_file")],
)  # fmt: skip
def test_a_name_that_is_no_schema_says_what_would_be_one(
    name: str, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("{oh")
    with pytest.raises(NbstreamError) as caught:
        named(name, {"City": City, "seven": 7, "wrong": {"type": "objekt"}})
    assert (caught.value.kind, caught.value.case) == ("config", case)
    assert len({caught.value.what, caught.value.why, caught.value.fix}) == 3


def test_a_reference_to_the_web_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: asked.append(args))
    with pytest.raises(NbstreamError) as caught:
        shape({"$ref": "http://schema.example/one.json"}).fit("{}")
    assert caught.value.case == "schema_bad" and not asked


# --- where the JSON is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1]}',
        ' \n{"a": [1]}\n\n',
        'Sure!\n\n```json\n{"a": [1]}\n```\nAnything else?',
        'First `{x}`, then {"a": [1]} and {"b": 2}',
        'As [1] and [2] say: {"b": 1000000000}, or rather {"a": [1]}.',
        '```python\nf({"b": 2})\n```\n```JSON\n{"a": [1]}\n```',
    ],
)
def test_the_json_is_found_in_whatever_is_around_it(text: str) -> None:
    assert shape({"type": "object", "required": ["a"]}).fit(text) == {"a": [1]}


# --- asking, and asking once more ---


def test_a_model_is_asked_in_words_and_the_history_is_left_alone() -> None:
    chat = ChatRequest((Message("user", "One"), Message("assistant", "1"), Message("user", "A city")), "m")
    asked = structured.shaped(chat, shape(City).schema)
    assert [message.content for message in asked.messages[:2]] == ["One", "1"]
    assert asked.messages[2].content.startswith("A city\n\n") and '"people"' in asked.messages[2].content
    assert "JSON" in structured.shaped(chat, {}).messages[-1].content


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_does_not_fit_is_asked_for_once_more_and_then_it_is_an_error(language: str) -> None:
    set_language(language)
    wrong = Answer('{"people": 1}', finish_reason="stop", model="openai:m")
    said: list[Message] = []

    def go_on(messages: tuple[Message, ...]) -> Answer:
        said.extend(messages)
        return wrong

    with pytest.raises(NbstreamError) as caught:
        settled(wrong, shape(City), go_on)
    assert [message.role for message in said] == ["assistant", "user"]
    assert "$.name" in said[1].content and "JSON" in said[1].content
    assert caught.value.kind == "protocol" and "City" in caught.value.what and "$.name" in caught.value.why
    assert caught.value.answer.text == wrong.text


def test_an_answer_that_was_stopped_or_cut_is_not_asked_for_again() -> None:
    stopped = Answer('{"na', finish_reason="cancelled")
    assert judged(stopped, shape(City), 1) is stopped
    cut = judged(Answer('{"na', finish_reason="length"), shape(City), 1)
    assert isinstance(cut, Answer) and cut.error is not None and "--max-tokens" in cut.error.fix


class Broken(pydantic.BaseModel):
    size: int

    @pydantic.field_validator("size")
    @classmethod
    def halved(cls, size: int) -> float:
        return size / 0


def test_a_validator_that_fails_itself_does_not_cost_the_answer() -> None:
    odd = judged(Answer('{"size": 1}', finish_reason="stop"), shape(Broken), 1)
    assert isinstance(odd, Answer) and odd.error is not None and "ZeroDivisionError" in odd.error.why


def test_a_schema_that_turns_out_to_be_none_is_told_with_the_answer() -> None:
    odd = judged(Answer("{}", finish_reason="stop"), shape({"$ref": "#/nowhere"}), 1)
    assert isinstance(odd, Answer) and odd.error is not None and odd.error.case == "schema_bad"
    assert odd.error.answer.text == "{}"


# --- as the services take schemas ---


def test_strict_is_asked_for_only_where_it_adds_nothing() -> None:
    whole = shape(Point).schema
    assert closed(whole)[1] and closed(whole)[0]["additionalProperties"] is False
    made, strict = closed(shape(City).schema)  # rivers may be left out: not all is required
    assert not strict and made == shape(City).schema


def test_a_schema_that_is_no_object_goes_out_in_words_only() -> None:
    assert response_format(ROMANS, ("json_object", "json_schema")) is None
    assert response_format({"type": "object"}, ("json_object",)) == {"type": "json_object"}
    assert response_format({}, ("json_schema",)) is None


def test_bounds_are_left_out_for_a_service_that_refuses_them_and_checked_by_us() -> None:
    made = bounded(shape(City).schema)
    assert made is not None and made["additionalProperties"] is False
    assert "exclusiveMinimum" not in made["properties"]["people"]
    assert "exclusiveMinimum" in shape(City).schema["properties"]["people"], "the user's own stays"


def test_an_object_of_any_names_is_asked_for_in_words_where_it_would_have_to_be_empty() -> None:
    assert bounded(shape(dict[str, int]).schema) is None
    nested = {
        "type": "object",
        "properties": {"counts": shape(dict[str, int]).schema},
        "required": ["counts"],
    }
    assert bounded(nested) is None
    made, strict = closed(nested)
    assert not strict and made == nested
    assert not closed({"type": "object"})[1]
