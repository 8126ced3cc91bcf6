"""A small valid instance of a JSON Schema: how echo fills a requested schema and the arguments of a tool.

It knows the keywords that tools and structured outputs use; `pattern` and other keywords are not looked at, and a
`$ref` is followed only inside the schema itself. Schemas come from clients: work is bounded, and no client's regular
expression is ever run.
"""

from __future__ import annotations

import math
from typing import Any

from engine.upstreams.drivers.echo.fit import Fit, listed, numeric, resolved

BUDGET = 10_000
"""Most schema nodes that one try may take."""
DEPTHS = (6, 12, 24)
"""Nesting beyond which a schema counts as endless, one try after the other: a recursive schema ends early that way."""
OPTIONAL = 6
"""Nesting beyond which optional parts are left out."""
CHOICES = 16
"""Most branches of a choice that are looked at."""
VARIANTS = 8
"""How many different values are tried where the first ones do not fit."""

FORMATS: dict[str, str] = {
    "date-time": "2026-01-01T00:00:{:02d}Z",
    "date": "2026-01-{:02d}",
    "time": "00:00:{:02d}Z",
    "duration": "PT{}S",
    "email": "echo{}@example.com",
    "idn-email": "echo{}@example.com",
    "hostname": "echo{}.example.com",
    "idn-hostname": "echo{}.example.com",
    "ipv4": "192.0.2.{}",
    "ipv6": "2001:db8::{}",
    "uri": "https://example.com/{}",
    "uri-reference": "https://example.com/{}",
    "iri": "https://example.com/{}",
    "url": "https://example.com/{}",
    "uuid": "00000000-0000-4000-8000-{:012d}",
    "json-pointer": "/{}",
    "regex": "a{{{}}}",
}


class Endless(Exception):  # noqa: N818 - a property of the schema, not of the program
    """The schema has no finite instance that we can find."""


def instance(schema: Any) -> Any:
    """Return a value that `schema` accepts, the same every time; a guess where we can find none."""
    guess: Any = None
    for deepest in DEPTHS:
        filler = Filler(schema, deepest)
        for variant in range(VARIANTS):
            try:
                guess = filler.fill(schema, variant)
            except (Endless, RecursionError, ArithmeticError):
                break
            if filler.fit.holds(guess, schema):
                return guess
    return guess


class Filler:
    """Makes values for the parts of one schema document."""

    def __init__(self, root: Any, deepest: int) -> None:
        self.root = root
        self.fit = Fit(root, BUDGET)
        self._deepest = deepest
        self._left = BUDGET

    def fill(self, schema: Any, variant: int = 0, depth: int = 0) -> Any:
        """Return a value for `schema`; another `variant` gives another value where there is one. Raises `Endless`."""
        if not isinstance(schema, dict):
            return "echo"
        schema = self._folded(schema, depth)
        if "const" in schema:
            return schema["const"]
        for ready in (schema.get("default"), *listed(schema.get("examples"))):
            if ready is not None and variant == 0 and self.fit.holds(ready, schema):
                return ready
        for choice in ("anyOf", "oneOf"):
            branches = [one for one in listed(schema.get(choice)) if one is not False]
            if branches:
                return self._chosen(schema, choice, branches[:CHOICES], variant, depth)
        options = listed(schema.get("enum"))
        if options:
            fitting = [one for one in options if self.fit.holds(one, schema)] or options
            return fitting[variant % len(fitting)]
        return self._typed(schema, variant, depth)

    def _folded(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """Return `schema` with its references and its allOf folded in."""
        self._left -= 1
        if self._left < 0 or depth > self._deepest:
            raise Endless
        if "$ref" in schema:
            target = resolved(self.root, schema["$ref"])
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self._folded(both(target, rest) if isinstance(target, dict) else rest, depth + 1)
        parts = [part for part in listed(schema.get("allOf")) if isinstance(part, dict)]
        if not parts:
            return schema
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts:
            whole = both(whole, self._folded(part, depth + 1))
        return whole

    def _chosen(self, schema: dict[str, Any], choice: str, branches: list[Any], variant: int, depth: int) -> Any:
        """Return a value for the first branch that has one; a null branch comes last."""
        rest = {key: value for key, value in schema.items() if key != choice}
        order = sorted(branches, key=lambda one: isinstance(one, dict) and one.get("type") == "null")
        turn = variant % len(order)
        guesses: list[Any] = []
        for branch in (*order[turn:], *order[:turn]):
            try:
                value = self.fill(both(rest, branch) if isinstance(branch, dict) else rest, variant, depth + 1)
            except Endless:
                continue
            if self.fit.holds(value, schema):
                return value
            guesses.append(value)
        if not guesses:
            raise Endless
        return guesses[0]

    def _typed(self, schema: dict[str, Any], variant: int, depth: int) -> Any:
        kind = schema.get("type") or _implied(schema)
        if isinstance(kind, list):
            kinds = sorted(kind, key=lambda one: one == "null") or ["string"]
            kind = kinds[variant % len(kinds)] if variant else kinds[0]
        if kind == "object":
            return self._object(schema, variant, depth)
        if kind == "array":
            return self._array(schema, variant, depth)
        if kind in ("integer", "number"):
            return _number(schema, variant, whole=kind == "integer")
        if kind == "boolean":
            return variant % 2 == 0
        return None if kind == "null" else _string(schema, variant)

    def _object(self, schema: dict[str, Any], variant: int, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        extra = schema.get("additionalProperties", True)
        required = [name for name in listed(schema.get("required")) if isinstance(name, str)]
        most = numeric(schema.get("maxProperties"), math.inf)
        made: dict[str, Any] = {}
        for name in dict.fromkeys(required):
            made[name] = self.fill(properties.get(name, extra), variant, depth + 1)
        for name, inner in properties.items():
            if name in made or len(made) >= most or depth > OPTIONAL or inner is False:
                continue
            try:
                value = self.fill(inner, variant, depth + 1)
            except Endless:
                continue
            if self.fit.holds(value, inner):
                made[name] = value
        number = 0
        while len(made) < min(numeric(schema.get("minProperties"), 0), 1000):
            number += 1
            if extra is False:
                break
            made[f"echo{number}"] = self.fill(extra, variant, depth + 1)
        return made

    def _array(self, schema: dict[str, Any], variant: int, depth: int) -> list[Any]:
        first = listed(schema.get("prefixItems"))
        items = schema.get("items", True)
        if isinstance(items, list):  # how draft-07 writes prefixItems
            first, items = items, schema.get("additionalItems", True)
        least = numeric(schema.get("minItems"), 0)
        most = numeric(schema.get("maxItems"), math.inf)
        size = int(min(max(least, min(1, most) if items is not False and depth <= OPTIONAL else 0, len(first)), most))
        if size > BUDGET:
            raise Endless
        made: list[Any] = []
        for place in range(size):
            inner = first[place] if place < len(first) else items
            if place >= len(first) and items is False:
                break
            try:
                made.append(self._another(inner, made if schema.get("uniqueItems") else [], variant, depth))
            except Endless:
                if place >= least:
                    break
                raise
        return made

    def _another(self, schema: Any, taken: list[Any], variant: int, depth: int) -> Any:
        """Return a value for `schema` that is not in `taken`, if one of the first variants is."""
        value = None
        for more in range(VARIANTS + len(taken)):
            value = self.fill(schema, variant + more, depth + 1)
            if value not in taken:
                break
        return value


def both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return one schema that asks for what both ask for, as far as their keywords can be joined."""
    made = {**one, **other}
    for key in one.keys() & other.keys():
        first, second = one[key], other[key]
        if key in ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum"):
            made[key] = max(numeric(first, -math.inf), numeric(second, -math.inf))
        elif key in ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum"):
            made[key] = min(numeric(first, math.inf), numeric(second, math.inf))
        elif key in ("required", "allOf"):
            made[key] = [*listed(first), *listed(second)]
        elif key in ("anyOf", "oneOf"):
            pairs = [
                (a, b) for a in listed(first) for b in listed(second) if isinstance(a, dict) and isinstance(b, dict)
            ]
            made[key] = [both(a, b) for a, b in pairs[:CHOICES]]
        elif key == "enum":
            made[key] = [one for one in listed(first) if one in listed(second)] or first
        elif key == "properties" and isinstance(first, dict) and isinstance(second, dict):
            made[key] = {**first, **second}
            for name in first.keys() & second.keys():
                if isinstance(first[name], dict) and isinstance(second[name], dict):
                    made[key][name] = both(first[name], second[name])
        elif key == "type":
            kinds = [kind for kind in _list(first) if kind in _list(second)]
            made[key] = kinds or second
        elif key == "additionalProperties" and False in (first, second):
            made[key] = False
    return made


def _number(schema: dict[str, Any], variant: int, *, whole: bool) -> float:
    low = numeric(schema.get("minimum"), -math.inf)
    high = numeric(schema.get("maximum"), math.inf)
    above = numeric(schema.get("exclusiveMinimum"), -math.inf)
    below = numeric(schema.get("exclusiveMaximum"), math.inf)
    step = numeric(schema.get("multipleOf"), 0)
    if step <= 0 and whole:
        step = 1
    elif whole and not float(step).is_integer():
        step = next((step * n for n in range(1, 1001) if float(step * n).is_integer()), 1)
    if step > 0:
        start = max(low, above)
        first = 1 if not math.isfinite(start) else math.ceil(start / step)
        if math.isfinite(start) and first * step <= above:
            first += 1
        end = min(high, below)
        if math.isfinite(end) and first * step > end:
            first = math.floor(end / step)
        if math.isfinite(end) and first * step >= below:
            first -= 1
        value = (first + variant) * step if (first + variant) * step <= high else first * step
        return int(value) if whole or float(value).is_integer() else value
    base = max(low, above)
    top = min(high, below)
    if math.isfinite(base) and math.isfinite(top):
        return base if base == top else base + (top - base) / (variant + 2)
    if math.isfinite(base):
        return base + variant + 1
    if math.isfinite(top):
        return top - variant - 1
    return variant + 0.5


def _string(schema: dict[str, Any], variant: int) -> str:
    form = schema.get("format")
    if isinstance(form, str) and form in FORMATS:
        return FORMATS[form].format(variant + 1)
    text = "echo" if variant == 0 else f"echo-{variant}"
    least = int(min(numeric(schema.get("minLength"), 0), 100_000))
    most = numeric(schema.get("maxLength"), math.inf)
    text = text.ljust(least, "o")
    if len(text) > most:
        text = "abcdefgh"[variant % 8] * int(most)
    return text


def _implied(schema: dict[str, Any]) -> str:
    """Return the type that the keywords of an untyped schema speak of."""
    for kind, keys in (
        ("object", ("properties", "required", "minProperties", "additionalProperties")),
        ("array", ("items", "prefixItems", "minItems", "uniqueItems")),
        ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    ):
        if any(key in schema for key in keys):
            return kind
    return "string"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
