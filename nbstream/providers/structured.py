"""JSON schemas as the services take them, and how to do without where one refuses. Pure.

`ChatRequest.schema` is any JSON Schema; ``{}`` stands for any JSON. What a service cannot be told is asked
for in words all the same (``chat/structured.py``), and every answer is checked by us, so nothing is lost
where a service takes less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import NbstreamError
from ..wire.request import WireRequest, encoded

Schema = Mapping[str, Any]

NAME = "answer"
NAMED = ("properties", "$defs", "definitions", "patternProperties")
"""Keywords that hold schemas by name."""
BOUNDS = {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
    *("maxItems", "uniqueItems", "minProperties", "maxProperties"),
}
"""Keywords that Anthropic's constrained output refuses. [doc: structured outputs]"""


def response_format(schema: Schema, kinds: Sequence[str]) -> dict[str, Any] | None:
    """OpenAI's ``response_format`` for `schema`, of the `kinds` that a service knows; None: in words only.

    Both kinds promise an object, so a schema for anything else is asked for in words.

    >>> response_format({}, ["json_object"])
    {'type': 'json_object'}
    >>> response_format({"type": "array"}, ["json_object", "json_schema"]) is None
    True
    """
    if schema and schema.get("type") != "object":
        return None
    if schema and "json_schema" in kinds:
        made, strict = closed(schema)
        return {"type": "json_schema", "json_schema": {"name": NAME, "strict": strict, "schema": made}}
    return {"type": "json_object"} if "json_object" in kinds else None


def closed(schema: Schema) -> tuple[dict[str, Any], bool]:
    """`schema` with no properties but those it names, and whether OpenAI's strict mode can take it.

    That wants every property required. Where one is not, the schema goes out as it is, and not strict:
    to make all required would have the model invent what it does not know.

    >>> closed({"type": "object", "properties": {"a": {"type": "string"}}})[1]
    False
    """
    strict = True

    def close(one: dict[str, Any]) -> dict[str, Any]:
        nonlocal strict
        if not _is_object(one):
            return one
        names = one.get("properties") or {}
        if set(names) != set(one.get("required") or ()) or _is_free(one):
            strict = False
        return {**one, "additionalProperties": False}

    made = walked(schema, close)
    return (made, True) if strict else (dict(schema), False)


def bounded(schema: Schema) -> dict[str, Any] | None:
    """`schema` as Anthropic takes it: closed objects, and no bounds on numbers and lengths.

    None where an object may have properties of any name: closed, it could have none.
    """
    free = False

    def trim(one: dict[str, Any]) -> dict[str, Any]:
        nonlocal free
        free = free or _is_free(one)
        kept = {name: value for name, value in one.items() if name not in BOUNDS}
        if kept.get("minItems", 0) not in (0, 1):
            del kept["minItems"]
        return {**kept, "additionalProperties": False} if _is_object(kept) else kept

    made: dict[str, Any] = walked(schema, trim)
    return None if free else made


def walked(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """`schema` with `change` made to it and to every schema inside.

    >>> walked({"items": {"properties": {"items": {}}}}, lambda one: {**one, "seen": 1})
    {'items': {'properties': {'items': {'seen': 1}}, 'seen': 1}, 'seen': 1}
    """
    if not isinstance(schema, Mapping):
        return schema  # true and false are schemas, too
    made: dict[str, Any] = dict(schema)
    for name, inside in schema.items():
        if name in ("properties", "$defs", "definitions", "patternProperties") and isinstance(
            inside, Mapping
        ):
            made[name] = {key: walked(one, change) for key, one in inside.items()}
        elif name in ("anyOf", "allOf", "oneOf", "prefixItems") and isinstance(inside, list | tuple):
            made[name] = [walked(one, change) for one in inside]
        elif name in ("items", "additionalProperties", "not"):
            made[name] = walked(inside, change)
    return change(made)


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" or "properties" in schema


def _is_free(schema: Schema) -> bool:
    """Whether this is an object whose properties may have names that the schema does not tell."""
    free = schema.get("additionalProperties", not schema.get("properties"))
    return _is_object(schema) and free is not False


def without(request: WireRequest, error: NbstreamError) -> WireRequest | None:
    """`request` once more without what asks for JSON, where the service refused it: then words must do.

    Whatever the refusal says: each service words it in its own way and language, and a request that is
    refused for something else is refused once more, with the same words.
    """
    if not request.dispensable or error.kind != "invalid_request":
        return None
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        return None
    for path in request.dispensable:
        *folders, last = path.split(".")
        holder = body
        for folder in folders:
            holder = holder.get(folder, {})
        holder.pop(last, None)
        if folders and not holder:
            body.pop(folders[0], None)
    return replace(request, body=encoded(body), dispensable=())
