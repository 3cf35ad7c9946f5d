"""What an answer in JSON must fit, where the JSON in it is, and whether it fits.

A thread imports the package that checks, since that takes long; else this is pure.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import sys
import threading
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..errors import fail
from ..i18n import t
from ..parts import fences
from ..plainfiles import contents, located
from ..providers.structured import walked
from ..wire.plain import clean

TRIES = 100
"""Places in a text that may be the beginning of JSON: more are not looked at."""
FAULTS = 8
"""Faults that are told, to the model and to the person."""
LARGEST = 5_000_000
"""Bytes of a file with a schema."""
FAULT = 300
"""Characters of one fault."""

Check = Callable[[Any], Any]


class Misfit(ValueError):
    """An answer that is no JSON, or does not fit; its text says where."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer must fit: a JSON schema, ``{}`` for any JSON, and what makes an object of it."""

    schema: Mapping[str, Any] = field(default_factory=dict)
    name: str = "JSON"
    check: Check = field(default=lambda value: value, repr=False)

    def fit(self, text: str) -> Any:
        """The object in an answer. Raises `Misfit`, for what most likely was meant to be it."""
        first: Misfit | None = None
        for value in candidates(text):
            try:
                return self.check(value)
            except Misfit as misfit:
                first = first or misfit
        raise first or Misfit(t("json.none"))


# --- what to fit ------------------------------------------------------------------------------------


def named(word: str, namespace: Mapping[str, Any]) -> Shape:
    """The shape that ``--schema WORD`` means: a name in the user's namespace, or a ``.json`` file.

    Raises `NbstreamError` (config) for what is neither, and for a schema that is none.
    """
    first, *rest = word.split(".")
    if first in namespace and not word.endswith(".json"):
        value = namespace[first]
        for name in rest:
            if not hasattr(value, name):
                raise fail("config.schema_name", name=word[:60])
            value = getattr(value, name)
        return shape(value, word)
    path = located(word)
    if path.suffix != ".json" or not os.path.isfile(path):
        own = [
            name for name, value in namespace.items() if name[:1] != "_" and isinstance(value, type | dict)
        ]
        if near := difflib.get_close_matches(word, own, n=1, cutoff=0.5):
            raise fail("config.schema_near", name=word[:60], near=near[0])
        raise fail("config.schema_name", name=word[:60])
    try:
        return shape(json.loads(contents(path, LARGEST)), path.name)
    except (OSError, ValueError, RecursionError) as error:
        raise fail("config.schema_file", name=path.name, reason=_brief(error)) from None


def shape(given: Any, name: str = "") -> Shape:
    """What `given` asks for: a JSON schema as a dict; a pydantic model, a dataclass, a TypedDict, any type.

    >>> shape({"type": "integer"}).fit("The answer is:\\n```json\\n7\\n```")
    7
    """
    if isinstance(given, Shape):
        return given
    name = name or getattr(given, "__name__", "") or "JSON"
    if isinstance(given, Mapping):
        return Shape(given, name, _by_schema(given, name))
    if isinstance(given, type) or typing.get_origin(given) is not None:
        return _by_type(given, name)
    raise fail("config.schema_kind", name=name[:60], given=type(given).__name__)


def _by_schema(schema: Mapping[str, Any], name: str) -> Check:
    """A check by JSON Schema; without that package, of types, names and choices only.

    In a Jupyter environment its import takes seconds, since it brings a grammar of web addresses along:
    it is imported while the model answers.
    """
    walked(schema, lambda one: _sound(one, name))
    if find_spec("jsonschema") is None:
        return lambda value: _checked(value, _plain_faults(schema, value, ""))
    if "jsonschema" not in sys.modules:
        threading.Thread(target=import_module, args=("jsonschema",), daemon=True).start()
    return lambda value: _checked(value, _faults(schema, value, name))


def _sound(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """`schema`, if it names only types that there are: what is most often wrong is said before it is sent."""
    types = schema.get("type", [])
    for one in [types] if isinstance(types, str) else types if isinstance(types, list) else [repr(types)]:
        if one not in TYPES:
            raise fail("config.schema_bad", name=name[:60], reason=t("json.no_type", type=str(one)[:60]))
    return schema


def _faults(schema: Mapping[str, Any], value: Any, name: str) -> Iterator[str]:
    jsonschema, referencing = import_module("jsonschema"), import_module("referencing")
    validators = jsonschema.validators
    unresolved = import_module("referencing.exceptions").Unresolvable
    try:
        kind = validators.validator_for(schema, default=validators.Draft202012Validator)
        kind.check_schema(schema)
        # An empty registry: a $ref to the web is a mistake, not an errand.
        for error in kind(dict(schema), registry=referencing.Registry()).iter_errors(value):
            yield f"{error.json_path}: {error.message[:FAULT]}"
    except (jsonschema.SchemaError, unresolved, RecursionError, TypeError, ValueError) as error:
        raise fail("config.schema_bad", name=name[:60], reason=_brief(error)) from None


def _by_type(given: Any, name: str) -> Shape:
    if find_spec("pydantic") is None:
        raise fail("config.schema_pydantic", name=name[:60])
    pydantic = import_module("pydantic")
    try:
        adapter: Any = pydantic.TypeAdapter(_known(given))
        schema = adapter.json_schema()
    except (pydantic.errors.PydanticUserError, NameError, TypeError) as error:
        raise fail("config.schema_bad", name=name[:60], reason=_brief(error)) from None

    def check(value: Any) -> Any:
        try:
            return adapter.validate_json(json.dumps(value))
        except pydantic.ValidationError as error:
            listed = error.errors(include_url=False, include_context=False, include_input=False)
            return _checked(value, (f"{_place(one['loc'])}: {one['msg']}" for one in listed))
        except Exception as error:  # a validator of the user's own has failed, not the answer
            raise fail("config.schema_bad", name=name[:60], reason=_brief(error)) from None

    return Shape(schema, name, check)


def _known(given: Any) -> Any:
    """A TypedDict as pydantic wants it: before Python 3.12 the standard one tells it too little."""
    if not typing.is_typeddict(given) or type(given).__module__ == "typing_extensions":
        return given
    typing_extensions = import_module("typing_extensions")
    hints = {
        name: hint if name in given.__required_keys__ else typing_extensions.NotRequired[hint]
        for name, hint in typing.get_type_hints(given).items()
    }
    return typing_extensions.TypedDict(given.__name__, hints)


def _place(path: tuple[int | str, ...]) -> str:
    """Where in the JSON, as a JSON path: ``$.cities[0].name``."""
    return "$" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)


def _checked(value: Any, faults: Iterator[str]) -> Any:
    """`value`, if there are no faults. Raises `Misfit`."""
    found = [clean(fault, FAULT) for fault, _ in zip(faults, range(FAULTS), strict=False)]
    if found:
        raise Misfit("\n".join(found))
    return value


TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def _plain_faults(schema: Any, value: Any, place: str) -> Iterator[str]:
    """What is wrong with `value` as far as types, required names and choices go."""
    if not isinstance(schema, Mapping):
        return
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    kinds = tuple(kind for name in names for kind in TYPES.get(name, (object,)))
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        yield f"${place}: {t('json.type', wanted=' | '.join(names))}"
        return
    if isinstance(schema.get("enum"), list) and value not in schema["enum"]:
        yield f"${place}: {t('json.choice', choices=json.dumps(schema['enum'], ensure_ascii=False))}"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield f"${place}: {t('json.missing', name=name)}"
        for name, inside in schema.get("properties", {}).items():
            if name in value:
                yield from _plain_faults(inside, value[name], f"{place}.{name}")
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _plain_faults(schema.get("items"), one, f"{place}[{position}]")


# --- what is in an answer -----------------------------------------------------------------------------


def candidates(text: str) -> Iterator[Any]:
    """What of an answer may be the JSON that was asked for: all of it; what is fenced; what stands in it.

    >>> list(candidates('As said in [1], {"a": [1, 2]} - enjoy!'))
    [{'a': [1, 2]}, [1]]
    """
    blocks = sorted(fences(text), key=lambda block: block[0].lower() not in ("json", "jsonc", "json5"))
    for candidate in [text, *(content for _, content in blocks)][:TRIES]:
        with suppress(ValueError, RecursionError):
            yield _READER.decode(candidate.strip())
    found: list[tuple[int, Any]] = []
    start = 0
    for _ in range(TRIES):
        begin = _BEGINS.search(text, start)
        if begin is None:
            break
        start = begin.end()
        with suppress(ValueError, RecursionError):
            value, end = _READER.raw_decode(text, begin.start())
            found.append((begin.start() - end, value))
            start = end
    yield from (value for _, value in sorted(found, key=lambda one: one[0]))


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits[:20]} is too large")
    return number


_BEGINS = re.compile(r"[{\[]")
_READER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def _brief(error: Exception) -> str:
    said = getattr(error, "message", "") or str(error)
    return f"{type(error).__name__}: {str(said).splitlines()[0][:200] if said else ''}".rstrip(": ")
