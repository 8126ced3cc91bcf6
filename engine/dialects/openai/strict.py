"""Whether a JSON Schema is one that OpenAI can hold a model to (`strict: true`)."""

from __future__ import annotations

from typing import Any

KEYWORDS = frozenset(
    {
        "type",
        "title",
        "description",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "anyOf",
        "$ref",
        "$defs",
        "definitions",
        "$schema",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
    }
)
"""What a strict schema may say (OpenAI's guide to structured outputs)."""
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
DEPTH = 10
"""How deep objects may stand in each other."""


def fits(schema: Any) -> bool:
    """Say whether a whole schema fits: an object that names all it holds, all of it required, down to its leaves."""
    return isinstance(schema, dict) and schema.get("type") == "object" and "anyOf" not in schema and _fits(schema, 0)


def _fits(schema: Any, depth: int) -> bool:
    if not isinstance(schema, dict) or not KEYWORDS.issuperset(schema) or depth > DEPTH:
        return False
    if "$ref" in schema:
        return isinstance(schema["$ref"], str) and schema["$ref"].startswith("#") and len(schema) == 1
    if schema.get("format", "date") not in FORMATS or not _closed(schema):
        return False
    inner: list[Any] = []
    for name in ("properties", "$defs", "definitions"):
        held = schema.get(name, {})
        if not isinstance(held, dict):
            return False
        inner += held.values()
    if "items" in schema:
        inner.append(schema["items"])
    choices = schema.get("anyOf", [])
    if not isinstance(choices, list) or not ({"type", "enum", "const", "anyOf", "$defs"} & schema.keys()):
        return False
    return all(_fits(one, depth + 1) for one in (*inner, *choices))


def _closed(schema: dict[str, Any]) -> bool:
    """Say whether an object admits nothing but its properties, and demands each of them."""
    kind = schema.get("type")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return True
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return False
    return schema.get("additionalProperties") is False and set(map(str, required)) == set(properties)
