"""What `demo` answers in JSON: something that fits the schema, and says nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .parsing import mapping, sequence

DEEP = 12
"""Schemas within schemas: one that holds itself has no end."""
FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "demo@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample(schema: Any, name: str = "demo", root: Any = None, depth: int = 0) -> Any:
    """A value that fits `schema`, as far as types, names, choices and bounds go.

    >>> sample({"type": "object", "properties": {"city": {"type": "string"}, "people": {"minimum": 1}}})
    {'city': 'city', 'people': 1}
    """
    root = schema if root is None else root
    if not isinstance(schema, Mapping) or depth > DEEP:
        return None
    for first in ("const", "default"):
        if first in schema:
            return schema[first]
    for some in ("enum", "examples"):
        if sequence(schema.get(some)):
            return schema[some][0]
    inside = _inside(schema, root)
    if inside is not None:
        return sample(inside, name, root, depth + 1)
    match _kind(schema):
        case "object":
            wanted = mapping(schema.get("properties"))
            if depth > DEEP // 2:  # what may be left out, is
                wanted = {key: one for key, one in wanted.items() if key in sequence(schema.get("required"))}
            return {key: sample(one, key, root, depth + 1) for key, one in wanted.items()}
        case "array":
            least = schema.get("minItems", 0 if depth > DEEP // 2 else 1)
            return [sample(schema.get("items", {}), name, root, depth + 1) for _ in range(min(least, 100))]
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
    text = FORMATS.get(str(schema.get("format")), name)
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1_000)
    return text.ljust(min(least, 1_000), ".")[:most]


def _inside(schema: Mapping[str, Any], root: Any) -> Any:
    """The schema that stands for this one: what it refers to, or the first choice."""
    if isinstance(reference := schema.get("$ref"), str) and reference.startswith("#/"):
        found = root
        for step in reference[2:].split("/"):
            found = mapping(found).get(step)
        return found
    for word in ("anyOf", "oneOf", "allOf"):
        if choices := sequence(schema.get(word)):
            return choices[0]
    return None


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list) and kinds:
        return str(kinds[0])
    if isinstance(kinds, str):
        return kinds
    if "items" in schema:
        return "array"
    numbers = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    return "number" if numbers & schema.keys() else "object" if "properties" in schema else "string"


def _number(schema: Mapping[str, Any]) -> Any:
    if "minimum" in schema:
        return schema["minimum"]
    if "exclusiveMinimum" in schema:
        return schema["exclusiveMinimum"] + 1
    if "maximum" in schema:
        return min(0, schema["maximum"])
    return min(0, schema["exclusiveMaximum"] - 1) if "exclusiveMaximum" in schema else 0
