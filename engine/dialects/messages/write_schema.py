"""A JSON Schema as Anthropic takes it for structured output and strict tools: a subset of the keywords.

What the subset does not hold is told to the model in the description, as the vendor's own SDK does.

Protocol facts: anthropic 2.12 (lib/_parse/_transform.py).
"""

from __future__ import annotations

from typing import Any

import msgspec

PLAIN = frozenset({"type", "enum", "const", "title", "default", "required", "$ref"})
"""Keywords that are kept as they are."""

FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
"""String formats that are kept."""

ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "examples", "strict"})
"""Keywords that bind nothing."""

BRANCHES = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
MAPS = {"$defs": "$defs", "definitions": "definitions", "properties": "properties"}


def object_schema(schema: dict[str, Any] | None) -> dict[str, Any]:
    """Return the schema of a tool's arguments, which is always that of an object."""
    if not schema:
        return {"type": "object", "properties": {}}
    return schema if schema.get("type") == "object" else {**schema, "type": "object"}


def narrowed(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return `schema` in the subset, and whether everything in it still binds the model."""
    found: dict[str, Any] = {}
    told: dict[str, Any] = {}
    whole = True
    for key, value in schema.items():
        if key in PLAIN:
            found[key] = value
        elif key in BRANCHES and isinstance(value, list):
            branches = [narrowed(one) for one in value if isinstance(one, dict)]
            found.setdefault(BRANCHES[key], []).extend(branch for branch, _ in branches)
            whole = whole and all(exact for _, exact in branches)
        elif key in MAPS and isinstance(value, dict):
            # true and false are schemas too
            inner = {name: narrowed(one if isinstance(one, dict) else {}) for name, one in value.items()}
            found[MAPS[key]] = {name: one for name, (one, _) in inner.items()}
            whole = whole and all(exact for _, exact in inner.values())
        elif key == "items" and isinstance(value, dict):
            found["items"], exact = narrowed(value)
            whole = whole and exact
        elif is_kept(key, value):
            found[key] = value
        elif key not in ANNOTATIONS | {"description", "additionalProperties"}:
            told[key] = value
    if has_type(schema, "object") or "properties" in schema:
        # a map from any key to a value has no place in the subset; an object left open is only closed
        whole = whole and not isinstance(schema.get("additionalProperties"), dict)
        found.setdefault("properties", {})
        found["additionalProperties"] = False
    if description := described(schema.get("description"), told):
        found["description"] = description
    return found, whole and not told


def is_kept(key: str, value: Any) -> bool:
    return (key == "format" and value in FORMATS) or (key == "minItems" and value in (0, 1))


def has_type(schema: dict[str, Any], name: str) -> bool:
    kind = schema.get("type")
    return kind == name or (isinstance(kind, list) and name in kind)


def described(description: Any, told: dict[str, Any]) -> str | None:
    """Return the description, with the keywords that no longer bind behind it."""
    own = description if isinstance(description, str) and description else None
    if not told:
        return own
    rules = ", ".join(f"{key}: {msgspec.json.encode(value).decode()}" for key, value in told.items())
    return f"{own}\n\n({rules})" if own else f"({rules})"


def fits(schema: dict[str, Any]) -> bool:
    """Say whether a tool with this schema can be strict."""
    narrow, whole = narrowed(schema)
    return (
        whole and closed(schema) and narrow == {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    )


def closed(schema: Any) -> bool:
    """Say whether every object of a schema names all its properties."""
    if isinstance(schema, list):
        return all(map(closed, schema))
    if not isinstance(schema, dict):
        return True
    if has_type(schema, "object") and schema.get("additionalProperties") is not False:
        return False
    return all(closed(value) for key, value in schema.items() if key not in ("enum", "const", "default", "examples"))
