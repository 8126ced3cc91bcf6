"""Instances of JSON Schemas; the `jsonschema` package is the judge."""

from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.upstreams.drivers.echo.instance import instance

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER


def judged(schema: Any) -> Any:
    """Return the instance, after holding it against the schema."""
    value = instance(schema)
    jsonschema.Draft202012Validator(schema, format_checker=CHECKER).validate(value)
    return value


SCHEMAS: list[Any] = [
    {},
    True,
    {"type": "string"},
    {"type": ["null", "integer"]},
    {"const": {"a": [1]}},
    {"enum": ["b", "a"]},
    {"enum": [None, 3, 40], "type": "integer", "minimum": 10},
    {"type": "string", "minLength": 30},
    {"type": "string", "maxLength": 2},
    {"type": "string", "minLength": 5, "maxLength": 5},
    *({"type": "string", "format": form} for form in ("date-time", "date", "time", "email", "uri", "uuid", "ipv4")),
    *({"type": "string", "format": form} for form in ("ipv6", "hostname", "duration", "something-else")),
    {"type": "integer", "minimum": 7},
    {"type": "integer", "maximum": -7},
    {"type": "integer", "exclusiveMinimum": 7, "exclusiveMaximum": 9},
    {"type": "integer", "minimum": 6, "multipleOf": 5},
    {"type": "number", "minimum": 0.1, "maximum": 0.2},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "number", "multipleOf": 0.5, "exclusiveMinimum": 1},
    {"type": "array"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
    {"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "items": False},
    {"type": "array", "items": False},
    {"type": "array", "maxItems": 0},
    {"type": "object", "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": False, "b": True}},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 1, "required": ["c"]},
    {"properties": {"a": {"type": "null"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "string", "default": "yes"}}},
    {"type": "integer", "default": "wrong"},
    {"type": "string", "examples": ["like this"]},
    {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 9}]},
    {"anyOf": [{"type": "string", "enum": []}, {"type": "integer"}]},
    {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 0.5}]},
    {
        "oneOf": [
            {"properties": {"k": {"const": "a"}}, "required": ["k"]},
            {"properties": {"k": {"const": "b"}}, "required": ["k"]},
        ]
    },
    {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {"allOf": [{"type": "integer", "minimum": 5}, {"maximum": 6}]},
    {
        "allOf": [
            {"required": ["a"], "properties": {"a": {"type": "string"}}},
            {"required": ["b"], "properties": {"a": {"minLength": 7}}},
        ]
    },
    {"$ref": "#/$defs/p", "$defs": {"p": {"type": "integer"}}},
    {"$ref": "#/definitions/a~1b%20c", "definitions": {"a/b c": {"const": 5}}},
    {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
    {
        "$defs": {
            "n": {
                "type": "object",
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}},
                "required": ["next"],
            }
        },
        "$ref": "#/$defs/n",
    },
    {
        "$defs": {
            "t": {
                "type": "object",
                "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/t"}}},
                "required": ["kids"],
            }
        },
        "$ref": "#/$defs/t",
    },
    {
        "$defs": {
            "expression": {"anyOf": [{"$ref": "#/$defs/sum"}, {"$ref": "#/$defs/number"}]},
            "sum": {
                "type": "object",
                "properties": {"left": {"$ref": "#/$defs/expression"}, "right": {"$ref": "#/$defs/expression"}},
                "required": ["left", "right"],
                "additionalProperties": False,
            },
            "number": {"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]},
        },
        "$ref": "#/$defs/expression",
    },
    {"not": {"const": "echo"}},
    {"type": "integer", "not": {"minimum": 1, "maximum": 2}},
    {
        "type": "object",
        "properties": {"a": {"type": "boolean"}, "b": {"type": "string"}},
        "required": ["a"],
        "if": {"properties": {"a": {"const": True}}},
        "then": {"required": ["b"]},
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema)[:50])
def test_an_instance_is_valid(schema: Any) -> None:
    assert judged(schema) == instance(schema)


def test_optional_properties_are_filled_too() -> None:
    assert judged({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}).keys() == {
        "a",
        "b",
    }


def numbers(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    def made(times: int, step: int, span: int, stepped: bool) -> dict[str, Any]:
        low = times * step
        return {"type": kind, "minimum": low, "maximum": low + span, **({"multipleOf": step} if stepped else {})}

    return st.builds(made, st.integers(-20, 20), st.integers(1, 9), st.integers(0, 30), st.booleans())


def sized(low: int, more: int) -> dict[str, int]:
    return {"minLength": low, "maxLength": low + more}


leaves = st.one_of(
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"type": "string", "format": "date"}, {}, True]),
    st.builds(lambda low, more: {"type": "string", **sized(low, more)}, st.integers(0, 20), st.integers(0, 9)),
    numbers("integer"),
    numbers("number"),
    st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=4), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
    st.builds(lambda value: {"const": value}, st.integers() | st.text(max_size=4)),
)


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["a", "b", "c", "d"])

    def thing(properties: dict[str, Any], required: set[str], closed: bool) -> dict[str, Any]:
        needed = sorted(required & properties.keys() if closed else required)
        made: dict[str, Any] = {"type": "object", "properties": properties, "required": needed}
        return {**made, **({"additionalProperties": False} if closed else {})}

    return st.one_of(
        st.builds(thing, st.dictionaries(names, inner, max_size=4), st.sets(names, max_size=2), st.booleans()),
        st.builds(
            lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
            inner,
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        inner.map(lambda one: {"allOf": [one, {"title": "the same"}]}),
    )


schemas = st.recursive(leaves, grown, max_leaves=8)


@given(schemas)
@settings(deadline=None, max_examples=200)
def test_any_schema_that_has_an_instance_gets_one(schema: Any) -> None:
    judged(schema)


@given(schemas)
@settings(deadline=None, max_examples=50)
def test_so_does_one_that_is_referred_to(schema: Any) -> None:
    reference = {"$ref": "#/$defs/x"}
    judged({"type": "array", "items": reference, "minItems": 1, "$defs": {"x": schema}})


HOSTILE: list[Any] = [
    {"type": "array", "minItems": 10**9},
    {"type": "string", "minLength": 10**12},
    {"type": "object", "minProperties": 10**9},
    {"$ref": "#"},
    {"$ref": "https://example.com/schema.json"},
    {"$ref": 7},
    {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
    {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
    {"type": "string", "pattern": "(a+)+$"},
    {"type": "number", "multipleOf": 1e-320, "minimum": 1e300},
    {"type": "integer", "minimum": 5, "maximum": 4},
    {"type": 7, "properties": [], "required": "abc", "enum": {}},
    {"type": "array", "items": 5, "minItems": "x"},
    {"minimum": "a", "allOf": [{"minimum": 3}]},
    {"allOf": 5, "anyOf": {}, "oneOf": "x"},
    {"enum": [1, 2, 3], "type": "string"},
    False,
    None,
    [],
    "text",
]


@pytest.mark.parametrize("schema", HOSTILE, ids=lambda schema: str(schema)[:50])
def test_a_hostile_schema_costs_little_and_breaks_nothing(schema: Any) -> None:
    begun = time.perf_counter()
    instance(schema)
    assert time.perf_counter() - begun < 60
