"""The arguments of a tool call, as models and clients write them, as the object the Messages API wants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Call
from engine.dialects.codec import Losses
from engine.dialects.messages.write_arguments import write_arguments

CASES: list[tuple[str, Any, str | None]] = [
    ("", {}, None),
    (" \n", {}, None),
    ("{}", {}, None),
    ('{"a": {"b": [1, null]}}', {"a": {"b": [1, None]}}, None),
    ('{"a": "b', {"a": "b"}, "approximated"),
    ('{"a": 1, "b', {"a": 1}, "approximated"),
    ('{"a": 1, "b":', {"a": 1}, "approximated"),
    ('{"a": [1, 2', {"a": [1, 2]}, "approximated"),
    ('{"a": {"c": "x\\', {"a": {"c": "x"}}, "approximated"),
    ('{"a": "\\"}', {"a": '"}'}, "approximated"),
    ('{"a": [{"b": "]}"', {"a": [{"b": "]}"}]}, "approximated"),
    ("{", {}, "approximated"),
    ("[1]", {"value": [1]}, "dropped"),
    ("null", {"value": None}, "dropped"),
    ('"x"', {"value": "x"}, "dropped"),
    ("sunny?", {"_raw": "sunny?"}, "dropped"),
    ('{"a": 1}}', {"_raw": '{"a": 1}}'}, "dropped"),
    ("{'a': 1}", {"_raw": "{'a': 1}"}, "dropped"),
    ('{"a": NaN}', {"_raw": '{"a": NaN}'}, "dropped"),
]


@pytest.mark.parametrize(("arguments", "value", "grade"), CASES)
def test_write_arguments(arguments: str, value: Any, grade: str | None) -> None:
    losses = Losses()
    assert write_arguments(Call(id="1", name="f", arguments=arguments, at="c"), losses) == value
    expected = [] if grade is None else [("c.arguments", grade)]
    assert [(loss.path, loss.grade) for loss in losses.found] == expected


def cut_off(arguments: str) -> Any:
    return write_arguments(Call(id="1", name="f", arguments=arguments, at="c"), Losses())


def test_megabytes_are_mended_in_one_go() -> None:
    """A repair that copies the text at every comma or bracket would take minutes here."""
    assert cut_off('{"a":[' + "1," * 1_000_000) == {"a": [1] * 1_000_000}
    assert cut_off('{"a":[' + "{}," * 500_000) == {"a": [{}] * 500_000}
    assert cut_off('{"a":"' + '\\"' * 1_000_000) == {"a": '"' * 1_000_000}


@pytest.mark.parametrize("arguments", ['{"a":' * 500_000, '{"a":' + "[" * 500_000 + "]" * 500_000 + "}"])
def test_what_is_nested_too_deeply_stays_as_it_is(arguments: str) -> None:
    assert cut_off(arguments) == {"_raw": arguments}


def test_the_text_of_a_custom_tool_is_one_argument() -> None:
    assert write_arguments(Call(id="1", name="f", arguments="*** Begin", kind="custom"), Losses()) == {
        "input": "*** Begin"
    }


TEXTS = st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.data())
def test_an_object_cut_off_anywhere_stays_an_object(value: dict[str, Any], data: st.DataObject) -> None:
    whole = json.dumps(value)
    cut = data.draw(st.integers(1, len(whole)))
    found = write_arguments(Call(id="1", name="f", arguments=whole[:cut]), Losses())
    assert "_raw" not in found or "_raw" in value
    assert found == value or cut < len(whole)


@given(st.text() | st.text(alphabet='{}[]",:\\ a1', max_size=12))
def test_any_text_becomes_an_object(arguments: str) -> None:
    assert isinstance(write_arguments(Call(id="1", name="f", arguments=arguments), Losses()), dict)
