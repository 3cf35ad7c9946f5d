"""Python functions as tools: the schema that a model is given, and the arguments that it gives back. Pure.

Nothing is run here; see `toolbox` for who may be run and how.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import typing
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Any

from ..errors import NbstreamError, fail
from ..i18n import t
from .docstrings import documented
from .shapes import Misfit, NoShape, Shape, named, read_members, required, shape

MOST_TOLD = 1_024
"""Characters of a description: what the strictest service takes."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may ask for.

    Attributes
    ----------
    name : str
        As Python has it.
    function : callable
    schema : Mapping
        In OpenAI's form, which all providers take and translate.
    """

    name: str
    function: Callable[..., Any]
    schema: Mapping[str, Any]
    _shapes: Mapping[str, Shape]
    _names: Mapping[str, str]
    _ahead: tuple[str, ...]

    @property
    def wire(self) -> str:
        """Its name for the model: services take ASCII alone."""
        name: str = self.schema["function"]["name"]
        return name

    def parameter(self, wire: str) -> str:
        """What the parameter that a model knows as `wire` is called here."""
        return self._names[wire]

    def names(self) -> Iterable[tuple[str, str]]:
        """The name that a model knows and the one that is used here: of the function and each parameter."""
        return [(self.wire, self.name), *self._names.items()]

    def bound(self, text: str) -> tuple[list[Any], dict[str, Any]]:
        """What to call the function with, from the arguments as the model wrote them. Raises `Misfit`.

        >>> def area(width: float, height: float = 1): ...
        >>> described(area).bound('{"width": 2}')
        ([], {'width': 2.0})
        """
        must = self.schema["function"]["parameters"].get("required", [])
        read = read_members(parsed(text), "", self._shapes, must)
        given = {self._names[name]: value for name, value in read.items()}
        ahead = []
        for name in self._ahead:  # these go by place, so none may be left out before another
            if name not in given:
                break
            ahead.append(given.pop(name))
        if late := [name for name in self._ahead if name in given]:
            raise Misfit(t("tool.missing", where=self._ahead[len(ahead)] + " … " + late[0]))
        return ahead, given


def described(function: Any, name: str = "") -> Tool:
    """`function` as a tool. Raises `NbstreamError` (config) for what cannot be described.

    >>> def weather(city: str, days: int = 1) -> str:
    ...     "Weather of a city."
    >>> described(weather).schema["function"]["parameters"]["required"]
    ['city']
    """
    name = name or str(getattr(function, "__name__", "") or "")
    if not callable(function) or inspect.isclass(function) or not name.isidentifier():
        raise fail("config.no_function", name=name or type(function).__name__, given=type(function).__name__)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise fail("config.no_signature", name=name) from None
    told, meanings = documented(inspect.getdoc(function))
    shapes: dict[str, Shape] = {}
    names: dict[str, str] = {}
    must, ahead = [], []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        made = _parameter(parameter, _hint(function, parameter), name)
        if made is None:
            continue
        wire = wire_name(parameter.name)
        meaning = meanings.get(parameter.name, "")
        if wire != parameter.name:  # what it is called says something, too
            meaning = f"{parameter.name}: {meaning}" if meaning else parameter.name
        shapes[wire] = made.told(meaning or str(made.schema.get("description", "")))
        names[wire] = parameter.name
        if parameter.default is parameter.empty:
            must.append(wire)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            ahead.append(parameter.name)
    wire = wire_name(name)
    told = told if wire == name else f"{name}: {told}".rstrip(": ")
    declared = {"name": wire, "description": told[:MOST_TOLD] or name, "parameters": required(shapes, must)}
    return Tool(name, function, {"type": "function", "function": declared}, shapes, names, tuple(ahead))


def told(tool: Any) -> Any:
    """What a model is told of a function; anything else stays as it is."""
    return described(tool).schema if inspect.isroutine(tool) else tool


def _hint(function: Any, parameter: inspect.Parameter) -> Any:
    """A parameter's annotation; as text where it names what is not there (for type checkers alone)."""
    names = getattr(inspect.unwrap(function), "__globals__", {})
    alone = SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        return typing.get_type_hints(alone, names, include_extras=True)["it"]
    except Exception:
        return parameter.annotation


def _parameter(parameter: inspect.Parameter, annotation: Any, function: str) -> Shape | None:
    """The shape of one parameter; None for one that may be left out and has none."""
    free = parameter.default is not parameter.empty
    default = parameter.default if free else None
    if annotation is parameter.empty:
        annotation = type(default) if type(default) in (str, int, float, bool, list, dict) else Any
    try:
        if isinstance(annotation, str):
            raise NoShape(annotation)
        made = shape(_without_none(annotation) if free and default is None else annotation)
    except (NoShape, TypeError) as error:
        if free:
            return None
        kind = str(error) if isinstance(error, NoShape) else named(annotation)
        raise _unknown(function, parameter.name, kind) from None
    if free and default is None and made.schema:
        inner = made.read
        made = dataclasses.replace(made, read=lambda value, at: None if value is None else inner(value, at))
    if free and type(default) in (str, int, float, bool) and _json(default):
        made = dataclasses.replace(made, schema={**made.schema, "default": default})
    return made


def _unknown(function: str, parameter: str, kind: str) -> NbstreamError:
    return fail("config.tool_parameter", name=function, parameter=parameter, given=kind[:80])


def _without_none(annotation: Any) -> Any:
    """``int`` of ``int | None``: where None is the default it need not be said."""
    parts = [one for one in typing.get_args(annotation) if one is not type(None)]
    if type(None) in typing.get_args(annotation) and parts:
        return typing.Union[tuple(parts)]  # noqa: UP007 - made of values
    return annotation


def wire_name(name: str) -> str:
    """`name` in the signs that services allow; a name in Chinese gets a number of its own.

    >>> wire_name("weather"), wire_name("查天气")
    ('weather', 'f_01930644')
    """
    if re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", name):
        return name
    return f"f_{zlib.crc32(name.encode()):08x}"


def parsed(text: str) -> dict[str, Any]:
    """A call's arguments as an object. Raises `Misfit` for anything else."""
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misfit(t("tool.no_json", reason=str(error)[:200])) from None
    if not isinstance(found, dict):
        raise Misfit(t("tool.no_object", given=type(found).__name__))
    return found


def returned(value: Any) -> str:
    """What a function gave back, as text for a model: text as it is, anything else as JSON where it can be.

    >>> returned("18 °C"), returned({"celsius": 18}), returned(None)
    ('18 °C', '{"celsius": 18}', 'null')
    """
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=_plainer)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _plainer(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    for method in ("model_dump", "isoformat", "item"):  # pydantic, dates, numpy's numbers
        if callable(getattr(type(value), method, None)):  # not what makes up attributes as they are asked for
            return getattr(value, method)()
    prints: Any = type(value).__str__
    if prints is object.__str__:
        return repr(value)
    raise TypeError  # a frame, an array: the whole as it prints itself


def _json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
