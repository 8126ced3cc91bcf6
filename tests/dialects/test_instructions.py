"""A text in the system prompt of each API: before it, after it, in place of it; all else byte for byte."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.chat import Problem
from engine.dialects.instructions import CHANGES, Place, instructed

USER = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Old"}
DEVELOPER = {"role": "developer", "content": "Old"}
NEW = {"role": "system", "content": "New"}

CASES: list[tuple[str, Place, dict[str, Any], dict[str, Any]]] = [
    ("chat", "before", {"messages": [USER]}, {"messages": [NEW, USER]}),
    ("chat", "after", {"messages": [USER]}, {"messages": [NEW, USER]}),
    ("chat", "before", {"messages": [SYSTEM, USER]}, {"messages": [NEW, SYSTEM, USER]}),
    ("chat", "after", {"messages": [SYSTEM, USER]}, {"messages": [SYSTEM, NEW, USER]}),
    ("chat", "after", {"messages": [DEVELOPER, USER]}, {"messages": [DEVELOPER, {**NEW, "role": "developer"}, USER]}),
    ("chat", "replace", {"messages": [SYSTEM, USER, DEVELOPER]}, {"messages": [NEW, USER]}),
    ("messages", "before", {"messages": [USER]}, {"messages": [USER], "system": "New"}),
    ("messages", "before", {"system": "Old"}, {"system": "New\n\nOld"}),
    ("messages", "after", {"system": "Old"}, {"system": "Old\n\nNew"}),
    ("messages", "replace", {"system": "Old"}, {"system": "New"}),
    (
        "messages",
        "before",
        {"system": [{"type": "text", "text": "Old", "cache_control": {"type": "ephemeral"}}]},
        {
            "system": [
                {"type": "text", "text": "New"},
                {"type": "text", "text": "Old", "cache_control": {"type": "ephemeral"}},
            ]
        },
    ),
    (
        "messages",
        "after",
        {"system": [{"type": "text", "text": "Old"}]},
        {"system": [{"type": "text", "text": "Old"}, {"type": "text", "text": "New"}]},
    ),
    ("responses", "before", {"input": "Hi"}, {"input": "Hi", "instructions": "New"}),
    ("responses", "before", {"instructions": "Old"}, {"instructions": "New\n\nOld"}),
    ("responses", "after", {"instructions": "Old"}, {"instructions": "Old\n\nNew"}),
    (
        "responses",
        "replace",
        {"instructions": "Old", "input": [DEVELOPER, USER, {"type": "function_call_output"}]},
        {"instructions": "New", "input": [USER, {"type": "function_call_output"}]},
    ),
    ("completions", "before", {"prompt": "Hi"}, {"prompt": "Hi"}),
    ("embeddings", "replace", {"input": "Hi"}, {"input": "Hi"}),
]


def fields(body: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])


@pytest.mark.parametrize(("api", "place", "before", "after"), CASES)
def test_where_it_stands(api: str, place: Place, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert json.loads(msgspec.json.encode(instructed(api, fields(before), "New", place))) == after


def test_all_else_is_byte_for_byte() -> None:
    odd = b'{"x":{"a": 1e2,  "b":"\\u00e9"}, "messages":[{"role":"user" , "content":"Hi","y":[1.0]}]}'
    sent = msgspec.json.decode(odd, type=dict[str, msgspec.Raw])
    body = msgspec.json.encode(instructed("chat", sent, "New", "before"))
    assert b'{"a": 1e2,  "b":"\\u00e9"}' in body
    assert b'{"role":"user" , "content":"Hi","y":[1.0]}' in body


@pytest.mark.parametrize(
    ("api", "body", "param"),
    [
        ("chat", {"messages": 7}, "messages"),
        ("messages", {"system": 7}, "system"),
        ("responses", {"instructions": 7}, "instructions"),
    ],
)
def test_what_has_another_shape_is_refused(api: str, body: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as caught:
        instructed(api, fields(body), "New", "before")
    assert (caught.value.status, caught.value.param) == (400, param)


def test_every_conversation_has_its_form() -> None:
    from engine.dialects import CODECS

    assert CHANGES.keys() >= CODECS.keys() - {"neutral"}
