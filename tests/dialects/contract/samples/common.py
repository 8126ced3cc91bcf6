"""What the bodies of every API are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]


class Sample(NamedTuple):
    """What makes the bodies of one API and side."""

    base: Json
    """The least that the API takes, or that is an answer or a stream of it."""
    settings: dict[str, Json]
    """Path -> the fields of a body in which something at this path, or in it, makes sense; the longest path counts."""
    values: dict[str, Any]
    """Path -> a value, where the type admits others that nobody would understand."""


PNG = "iVBORw0KGgoAAAANSUhEUg=="
PDF = "JVBERi0xLjcK"
CLOSED: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
"""A schema that every API can hold a model to."""

HELLO: Json = {"role": "user", "content": "hello"}


def said(**fields: Any) -> Json:
    """Return a conversation in which the assistant has spoken."""
    return {"messages": [HELLO, {"role": "assistant", "content": "aha", **fields}, HELLO]}
