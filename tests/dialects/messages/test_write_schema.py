"""A JSON Schema as structured output takes it."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import transform_schema
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.messages.write_schema import fits, narrowed, object_schema

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "as it should be": (CLOSED, CLOSED, True),
    "an open object is closed": (
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        CLOSED,
        True,
    ),
    "a map has no place": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {}, "additionalProperties": False},
        False,
    ),
    "a bound is told": (
        {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many"},
        {"type": "integer", "description": "How many\n\n(minimum: 1, maximum: 9)"},
        False,
    ),
    "a pattern is told": (
        {"type": "string", "pattern": "a+"},
        {"type": "string", "description": '(pattern: "a+")'},
        False,
    ),
    "a known format stays": ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}, True),
    "another one is told": (
        {"type": "string", "format": "phone"},
        {"type": "string", "description": '(format: "phone")'},
        False,
    ),
    "one of": (
        {"oneOf": [{"const": 1}, {"type": "null"}]},
        {"anyOf": [{"const": 1}, {"type": "null"}]},
        True,
    ),
    "lists": (
        {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1},
        {"type": "array", "items": {"type": "number", "description": "(minimum: 0)"}, "minItems": 1},
        False,
    ),
    "longer lists": (
        {"type": "array", "items": {"type": "number"}, "minItems": 2},
        {"type": "array", "items": {"type": "number"}, "description": "(minItems: 2)"},
        False,
    ),
    "definitions": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string", "maxLength": 3}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string", "description": "(maxLength: 3)"}}},
        False,
    ),
    "what binds nothing goes": (
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string", "examples": ["a"]},
        {"type": "string"},
        True,
    ),
}


@pytest.mark.parametrize(("schema", "expected", "whole"), CASES.values(), ids=CASES)
def test_narrowed(schema: dict[str, Any], expected: dict[str, Any], whole: bool) -> None:
    assert narrowed(schema) == (expected, whole)


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({"type": "object", "properties": {}}, False),
        ({**CLOSED, "properties": {"a": {"type": "string", "minLength": 1}}}, False),
        ({**CLOSED, "properties": {"a": {"type": "object", "properties": {}}}}, False),
    ],
)
def test_fits(schema: dict[str, Any], strict: bool) -> None:
    assert fits(schema) is strict


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"properties": {}}, {"type": ["object", "null"]}])
def test_the_arguments_of_a_tool_are_an_object(schema: dict[str, Any] | None) -> None:
    assert object_schema(schema)["type"] == "object"


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "phone"},
        {"type": "integer", "minimum": 1},
        {"type": "boolean", "description": "Yes?"},
        {"enum": ["a", "b"]},
    ]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 2)),
        st.builds(lambda branches: {"oneOf": branches}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(
            lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)},
            st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        ),
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_it_is_what_the_vendors_sdk_makes_of_it_but_for_the_words(schema: dict[str, Any]) -> None:
    assert bare(narrowed(schema)[0]) == bare(transform_schema(schema))


def bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [bare(one) for one in schema]
    if isinstance(schema, dict):
        return {key: bare(value) for key, value in schema.items() if key != "description"}
    return schema
