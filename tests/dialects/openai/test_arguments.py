"""The arguments of a call, as JSON text."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dialects.openai.arguments import arguments_of, broken, complete, is_object

TEXTS = [
    # text, an object, whole with something in it, begun as an object and broken
    ("", False, False, False),
    (" ", False, False, False),
    ("{}", True, False, False),
    (' {"a": 1} ', True, True, False),
    ('{"a": 1', False, False, True),
    ('{"a": 1}}', False, False, True),
    ("{'a': 1}", False, False, True),
    ("[1]", False, False, False),
    ('"a"', False, False, False),
    ("city=Paris", False, False, False),
    ('{"a":' * 100_000, False, False, True),
]


@pytest.mark.parametrize(("text", "object_", "whole", "torn"), TEXTS, ids=[text[:9] for text, *_ in TEXTS])
def test_what_arguments_are(text: str, object_: bool, whole: bool, torn: bool) -> None:
    assert (is_object(text), complete(text), broken(text)) == (object_, whole, torn)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("", ""), ('{ "a": 1 }', '{ "a": 1 }'), ({"a": 1}, '{"a":1}'), ({}, "{}"), ([1], "[1]"), (7, "7")],
)
def test_whatever_form_a_server_chose(value: Any, text: str) -> None:
    assert arguments_of(value) == text
