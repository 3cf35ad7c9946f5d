"""What a Python annotation is in JSON: the schema of it, and how a value that came as JSON is read. Pure.

A `Shape` is both at once, so what a model is told and what is checked when it calls cannot differ.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime
import decimal
import enum
import pathlib
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ..i18n import t
from .references import inlined

Read = Callable[[Any, str], Any]
"""From a value of JSON, and the place where it stood, to a value of Python; raises `Misfit`."""


class Misfit(ValueError):
    """A value that does not fit; the text says where, what is wanted and what came."""


class NoShape(TypeError):
    """An annotation that JSON has nothing for; the text is its name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """One annotation.

    >>> shape(list[int]).schema
    {'type': 'array', 'items': {'type': 'integer'}}
    >>> shape(list[int]).read([1, 2.0], "n")
    [1, 2]
    """

    schema: dict[str, Any]
    read: Read

    def told(self, text: str) -> Shape:
        """The same with a description."""
        return dataclasses.replace(self, schema={**self.schema, "description": text}) if text else self


def shape(annotation: Any, inside: tuple[Any, ...] = ()) -> Shape:
    """The shape of `annotation`. Raises `NoShape`. `inside` are the classes around it."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation is None or annotation is type(None):
        return Shape({"type": "null"}, _plain("null", type(None)))
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return shape(parts[0], inside).told(_remark(parts[1:]))
    if origin in (typing.Required, typing.NotRequired):
        return shape(parts[0], inside)
    if origin is typing.Literal:
        return _one_of({value: value for value in parts})
    if origin in (typing.Union, types.UnionType):
        return _union([shape(part, inside) for part in parts])
    if isinstance(annotation, typing.NewType):
        return shape(annotation.__supertype__, inside)
    if isinstance(annotation, typing.TypeVar):
        return shape(annotation.__bound__ or Any, inside)
    if hasattr(annotation, "__value__"):  # type X = …, from Python 3.12 on
        return shape(annotation.__value__, inside)
    kind = origin or annotation
    if kind is tuple and parts and parts[-1] is not Ellipsis:
        return _fixed([shape(part, inside) for part in parts])
    if kind in _ARRAYS:
        return _array(shape(parts[0], inside) if parts else _ANY, _ARRAYS[kind])
    if kind in (dict, abc.Mapping, abc.MutableMapping):
        return _map(shape(parts[1], inside) if len(parts) == 2 else _ANY)
    if isinstance(kind, type):
        if kind in inside:
            raise NoShape(named(annotation))
        if found := _class(kind, (*inside, kind)):
            return found
    raise NoShape(named(annotation))


def named(annotation: Any) -> str:
    """An annotation as one would write it."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def required(shapes: Mapping[str, Shape], names: list[str]) -> dict[str, Any]:
    """The schema of an object with these members."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: one.schema for name, one in shapes.items()},
    }
    return schema | ({"required": names} if names else {})


def read_members(value: Any, where: str, shapes: Mapping[str, Shape], must: list[str]) -> dict[str, Any]:
    """The members of an object of JSON. Raises `Misfit` for one that is missing, unknown or wrong."""
    if not isinstance(value, dict):
        raise misfit(where, "object", value)
    for name in must:
        if name not in value:
            raise Misfit(t("tool.missing", where=_within(where, name)))
    for name in value:
        if name not in shapes:
            raise Misfit(t("tool.unknown", where=_within(where, name[:80]), known=", ".join(shapes) or "—"))
    return {name: shapes[name].read(one, _within(where, name)) for name, one in value.items()}


def misfit(where: str, wanted: str, value: Any) -> Misfit:
    """`value` stands where `wanted` was expected."""
    given = "null" if value is None else f"{type(value).__name__} {value!r}"
    return Misfit(t("tool.misfit", where=where or "…", wanted=wanted, given=given[:100]))


def _within(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


# --- plain values ---------------------------------------------------------------------------------------


def _plain(word: str, *kinds: type) -> Read:
    def read(value: Any, where: str) -> Any:
        if type(value) not in kinds:
            raise misfit(where, word, value)
        return value

    return read


def _whole(value: Any, where: str) -> int:
    if type(value) is float and value.is_integer():  # some models write 3.0
        return int(value)
    if type(value) is not int:
        raise misfit(where, "integer", value)
    return value


def _number(value: Any, where: str) -> float:
    if type(value) not in (int, float):
        raise misfit(where, "number", value)
    return float(value)


def _written(kind: Callable[[str], Any], word: str, form: str = "") -> Shape:
    """Something that JSON writes as a string."""

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, str):
            raise misfit(where, word, value)
        try:
            return kind(value)
        except (ValueError, ArithmeticError):
            raise misfit(where, word, value) from None

    return Shape({"type": "string"} | ({"format": form} if form else {}), read)


_ANY = Shape({}, lambda value, where: value)
_PLAIN: dict[Any, Shape] = {
    Any: _ANY,
    object: _ANY,
    str: Shape({"type": "string"}, _plain("string", str)),
    bool: Shape({"type": "boolean"}, _plain("boolean", bool)),
    int: Shape({"type": "integer"}, _whole),
    float: Shape({"type": "number"}, _number),
    datetime.datetime: _written(datetime.datetime.fromisoformat, "date-time", "date-time"),
    datetime.date: _written(datetime.date.fromisoformat, "date (YYYY-MM-DD)", "date"),
    datetime.time: _written(datetime.time.fromisoformat, "time (HH:MM)"),
    decimal.Decimal: _written(decimal.Decimal, "decimal number"),
    uuid.UUID: _written(uuid.UUID, "UUID"),
    pathlib.Path: _written(pathlib.Path, "path"),
}

# --- made of others -------------------------------------------------------------------------------------

_ARRAYS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    abc.Sequence: list,
    abc.Iterable: list,
    abc.Collection: list,
    abc.Set: set,
}


def _array(item: Shape, make: Callable[[list[Any]], Any]) -> Shape:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise misfit(where, "array", value)
        return make([item.read(one, f"{where}[{at}]") for at, one in enumerate(value)])

    return Shape({"type": "array", "items": item.schema}, read)  # OpenAI refuses an array without items


def _fixed(items: list[Shape]) -> Shape:
    """A tuple of so many: an array, with each place checked when it is read."""
    same = all(one.schema == items[0].schema for one in items)
    of = items[0].schema if same else {"anyOf": [one.schema for one in items]}

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list) or len(value) != len(items):
            raise misfit(where, f"array[{len(items)}]", value)
        return tuple(one.read(value[at], f"{where}[{at}]") for at, one in enumerate(items))

    return Shape({"type": "array", "items": of, "minItems": len(items), "maxItems": len(items)}, read)


def _map(item: Shape) -> Shape:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise misfit(where, "object", value)
        return {name: item.read(one, _within(where, name)) for name, one in value.items()}

    return Shape({"type": "object"} | ({"additionalProperties": item.schema} if item.schema else {}), read)


def _union(parts: list[Shape]) -> Shape:
    def read(value: Any, where: str) -> Any:
        for one in parts:
            try:
                return one.read(value, where)
            except Misfit:
                continue
        raise misfit(where, " | ".join(str(one.schema.get("type", "any")) for one in parts), value)

    if any(not one.schema for one in parts):
        return Shape({}, read)
    return Shape({"anyOf": [one.schema for one in parts]}, read)


def _one_of(values: Mapping[Any, Any]) -> Shape:
    """One of some values; what JSON calls it, to what it is."""
    names = list(values)
    kinds = {type(name) for name in names}
    words = {str: "string", int: "integer", bool: "boolean", float: "number"}
    word = words.get(kinds.pop(), "") if len(kinds) == 1 else ""

    def read(value: Any, where: str) -> Any:
        for name in names:
            if type(name) is type(value) and name == value:
                return values[name]
        raise misfit(where, " | ".join(map(repr, names)), value)

    return Shape(({"type": word} if word else {}) | {"enum": names}, read)


def _class(kind: type, inside: tuple[Any, ...]) -> Shape | None:
    """An enumeration, a dataclass, a TypedDict, a named tuple or a model of pydantic; None for another."""
    if issubclass(kind, enum.Enum):
        members = list(kind)
        simple = all(type(one.value) in (str, int) for one in members)
        return _one_of({one.value if simple else one.name: one for one in members})
    if hasattr(kind, "model_json_schema"):
        return _model(kind)
    if dataclasses.is_dataclass(kind):
        fields = [one for one in dataclasses.fields(kind) if one.init]
        free = dataclasses.MISSING
        must = [one.name for one in fields if one.default is free and one.default_factory is free]
        return _record(kind, [one.name for one in fields], must, inside)
    if typing.is_typeddict(kind):
        must = [name for name in kind.__annotations__ if name in getattr(kind, "__required_keys__", ())]
        return _record(kind, list(kind.__annotations__), must, inside)
    if issubclass(kind, tuple) and hasattr(kind, "_field_defaults"):
        names = list(getattr(kind, "_fields", ()))
        return _record(kind, names, [one for one in names if one not in kind._field_defaults], inside)
    return None


def _record(kind: type, names: list[str], must: list[str], inside: tuple[Any, ...]) -> Shape:
    hints = typing.get_type_hints(kind, include_extras=True)
    members = {name: shape(hints.get(name, Any), inside) for name in names}

    def read(value: Any, where: str) -> Any:
        return kind(**read_members(value, where, members, must))

    return Shape(required(members, must), read)


def _model(kind: Any) -> Shape:
    def read(value: Any, where: str) -> Any:
        try:
            return kind.model_validate(value)
        except ValueError as error:
            raise Misfit(f"{where}: {str(error)[:500]}") from None

    try:
        return Shape(inlined(kind.model_json_schema()), read)
    except RecursionError:
        raise NoShape(kind.__name__) from None


def _remark(notes: tuple[Any, ...]) -> str:
    """What an ``Annotated`` says in words."""
    for note in notes:
        text = note if isinstance(note, str) else getattr(note, "description", None)
        if isinstance(text, str):
            return text
    return ""
