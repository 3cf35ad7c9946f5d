"""JSON schemas without references, which not every service follows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` with each definition in the place of its reference, and without titles, which say nothing.

    Raises `RecursionError` for one that holds itself.

    >>> inlined({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"title": "A", "type": "null"}}})
    {'properties': {'a': {'type': 'null'}}}
    """
    found: dict[str, Any] = _inlined(schema, schema.get("$defs", {}), ())
    return found


def _inlined(schema: Any, definitions: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_inlined(one, definitions, inside) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(reference := schema.get("$ref"), str):
        name = reference.rpartition("/")[2]
        if name in inside or name not in definitions:
            raise RecursionError(name)
        rest = {key: one for key, one in schema.items() if key != "$ref"}
        return _inlined({**definitions[name], **rest}, definitions, (*inside, name))
    out = {}
    for key, one in schema.items():
        if key == "properties" and isinstance(one, Mapping):  # a member may be called title
            out[key] = {name: _inlined(member, definitions, inside) for name, member in one.items()}
        elif key not in ("$defs", "title"):
            out[key] = _inlined(one, definitions, inside)
    return out
