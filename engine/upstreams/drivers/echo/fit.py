"""Whether a value is an instance of a JSON Schema, as far as echo understands them: bounded, and without patterns."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import unquote

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int, float),
}


class Fit:
    """Judges values against the parts of one schema document. Beyond `budget` steps everything fits."""

    def __init__(self, root: Any, budget: int) -> None:
        self.root = root
        self._left = budget

    def holds(self, value: Any, schema: Any) -> bool:
        """Say whether `schema` accepts `value`."""
        self._left -= 1
        if self._left < 0 or schema is True:
            return True
        if not isinstance(schema, dict):
            return schema is not False
        if "$ref" in schema:
            target = resolved(self.root, schema["$ref"])
            rest = {key: inner for key, inner in schema.items() if key != "$ref"}
            return self.holds(value, target) and self.holds(value, rest)
        kinds = schema.get("type")
        if kinds is not None and not any(_is(value, kind) for kind in (kinds if isinstance(kinds, list) else [kinds])):
            return False
        if "const" in schema and not same(value, schema["const"]):
            return False
        if isinstance(schema.get("enum"), list) and not any(same(value, one) for one in schema["enum"]):
            return False
        return self._combined(value, schema) and self._sized(value, schema)

    def _combined(self, value: Any, schema: dict[str, Any]) -> bool:
        if not all(self.holds(value, one) for one in listed(schema.get("allOf"))):
            return False
        any_of, one_of = listed(schema.get("anyOf")), listed(schema.get("oneOf"))
        if any_of and not any(self.holds(value, one) for one in any_of):
            return False
        if one_of and sum(self.holds(value, one) for one in one_of) != 1:
            return False
        if "not" in schema and self.holds(value, schema["not"]):
            return False
        if "if" in schema:
            branch = "then" if self.holds(value, schema["if"]) else "else"
            return self.holds(value, schema.get(branch, True))
        return True

    def _sized(self, value: Any, schema: dict[str, Any]) -> bool:
        if isinstance(value, str):
            return _within(len(value), schema, "Length")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _bounded(value, schema)
        if isinstance(value, list):
            return self._items(value, schema)
        return self._properties(value, schema) if isinstance(value, dict) else True

    def _items(self, value: list[Any], schema: dict[str, Any]) -> bool:
        if not _within(len(value), schema, "Items"):
            return False
        if schema.get("uniqueItems") and any(same(one, two) for at, one in enumerate(value) for two in value[:at]):
            return False
        first, items = listed(schema.get("prefixItems")), schema.get("items", True)
        if isinstance(items, list):
            first, items = items, schema.get("additionalItems", True)
        return all(self.holds(one, first[at] if at < len(first) else items) for at, one in enumerate(value))

    def _properties(self, value: dict[str, Any], schema: dict[str, Any]) -> bool:
        if not _within(len(value), schema, "Properties"):
            return False
        if any(name not in value for name in listed(schema.get("required"))):
            return False
        known = schema.get("properties")
        known = known if isinstance(known, dict) else {}
        extra = schema.get("additionalProperties", True)
        return all(self.holds(inner, known.get(name, extra)) for name, inner in value.items())


def resolved(root: Any, reference: Any) -> Any:
    """Return what a `$ref` inside the document points at; True (anything) for one that leads elsewhere."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return True
    here = root
    for part in reference[1:].split("/")[1:]:
        step = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        else:
            return True
    return here


def same(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def numeric(value: Any, otherwise: float) -> float:
    """Return `value` if it is a number."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise


def _is(value: Any, kind: Any) -> bool:
    if not isinstance(kind, str) or kind not in TYPES:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, TYPES[kind])


def _within(size: int, schema: dict[str, Any], of: str) -> bool:
    return numeric(schema.get(f"min{of}"), 0) <= size <= numeric(schema.get(f"max{of}"), math.inf)


def _bounded(value: float, schema: dict[str, Any]) -> bool:
    if not numeric(schema.get("minimum"), -math.inf) <= value <= numeric(schema.get("maximum"), math.inf):
        return False
    low = numeric(schema.get("exclusiveMinimum"), -math.inf)
    if not low < value < numeric(schema.get("exclusiveMaximum"), math.inf):
        return False
    step = numeric(schema.get("multipleOf"), 0)
    return step <= 0 or math.isclose(value / step, round(value / step), rel_tol=0, abs_tol=1e-9)


def listed(value: Any) -> list[Any]:
    """Return `value` if it is a list."""
    return value if isinstance(value, list) else []
