"""Where a path of the contract stands in a body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

STEP = re.compile(r"(?P<name>[^.\[\]]+)(?P<mark>\[[^\]]*\])?")


class Step(NamedTuple):
    """A field, and which of the objects in it: "[]" or "[label]"; "" for a field that is no object's."""

    name: str
    mark: str


class Place(NamedTuple):
    """Something in a body. `at` is its path there, as in `messages[0].content`."""

    at: str
    value: Any
    holder: Any
    key: Any
    """`holder[key]` is the value."""


def steps(path: str) -> list[Step]:
    return [Step(found["name"], found["mark"] or "") for found in STEP.finditer(path)]


def found(body: Any, path: str) -> list[Place]:
    """Return everything that stands at a path; a step without a mark enters lists and objects alike."""
    places = [Place("", body, None, None)]
    for step in steps(path):
        places = [inner for place in places for inner in entered(place, step)]
    return places


def entered(place: Place, step: Step) -> Iterator[Place]:
    if not isinstance(place.value, dict) or step.name not in place.value:
        return
    at = f"{place.at}.{step.name}" if place.at else step.name
    value = place.value[step.name]
    if not step.mark:
        yield Place(at, value, place.value, step.name)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if is_meant(one, step):
                yield Place(f"{at}[{index}]", one, value, index)
    elif is_meant(value, step):
        yield Place(at, value, place.value, step.name)


def is_meant(value: Any, step: Step) -> bool:
    """Say whether a mark names this value: by its `type`, else its `role`, else as what such a thing is untold."""
    if step.mark == "[]":
        return True
    if not isinstance(value, dict):
        return False
    untold = {"tools": "custom", "input": "message", "tool_calls": "custom" if "custom" in value else "function"}
    return step.mark == f"[{value.get('type', value.get('role', untold.get(step.name)))}]"


def related(loss: str, place: str) -> bool:
    """Say whether a loss is told of a place, of what surrounds it or of what it holds."""
    return holds(loss, place) or holds(place, loss)


def holds(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}[")) or not outer
