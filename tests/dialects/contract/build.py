"""Makes the smallest body that has something at a path of the contract, with values out of the SDK's types."""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Collection
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from tests.dialects.contract.fields import (
    TYPES,
    Side,
    grouped,
    hints_of,
    inner,
    is_object,
    is_required,
    labels,
    objects,
    parts,
    tag,
)
from tests.dialects.contract.places import Place, Step, entered, found, holds, steps
from tests.dialects.contract.samples import SAMPLES

KEY = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
GIVEN = msgspec.UNSET


class Built(NamedTuple):
    body: dict[str, Any]
    at: str
    """Where the field stands in the body, as in `messages[0].name`; of a row with everything in it, where that is."""
    value: Any
    """What stands there."""
    without: dict[str, Any]
    """The same body without it."""


def build(api: str, side: Side, path: str, value: Any = GIVEN, root: str = "") -> Built:
    """Return a body with `value` at `path`; without one the sample's, or a value of the field's type.

    `root` is what is left out of `without`, if that is not the field itself but something around it.
    """
    base, settings, values = SAMPLES[api, side]
    setting = max((one for one in settings if holds(one, path)), key=len, default=None)
    body = copy.deepcopy({**base, **(settings[setting] if setting is not None else {})})
    meant = [place.at for place in found(body, setting)] if setting is not None else []
    place, kinds, at, hints = Place("", body, None, None), TYPES[api, side], "", []
    *before, last = steps(path)
    roots: list[Place] = []
    for step in (*before, last) if last.mark else before:
        hints = inner(kinds, at).get(step.name, [])
        kinds = grouped(hints).get(step.mark, [])
        place = reached(place, step, meant) or made(place, step, kinds, hints)
        at = f"{at}.{step.name}{step.mark}".removeprefix(".")
        roots += [place] if root in (at, at.removesuffix(step.mark)) else []
    if not last.mark:
        hints = inner(kinds, at).get(last.name, [])
        place = Place(f"{place.at}.{last.name}".removeprefix("."), None, place.value, last.name)
        if value is not GIVEN:
            place.holder[place.key] = value
        elif path in values:
            place.holder[place.key] = copy.deepcopy(values[path])
        elif setting != path or place.key not in place.holder:
            place.holder[place.key] = filled(hints, path)
    place = (roots or [place])[0]
    return Built(body, place.at, place.holder[place.key], removed(body, place.at))


def reached(place: Place, step: Step, meant: Collection[str]) -> Place | None:
    """Return the object at a step further on; of several the one in which the sample has what is meant."""
    there = [one for one in entered(place, step) if isinstance(one.value, dict)]
    return next((one for one in there if any(holds(one.at, at) for at in meant)), next(iter(there), None))


def made(place: Place, step: Step, kinds: Collection[Any], hints: Collection[Any]) -> Place:
    """Return an object at a step further on, made where there is none yet."""
    kind = next(iter(kinds), None)
    one = minimal(kind, step.mark.strip("[]"))
    listed = step.mark == "[]" or any(listed and each is kind for hint in hints for listed, each in objects(hint))
    if listed:
        given = place.value.get(step.name)
        held = given if isinstance(given, list) else []
        place.value[step.name] = [*held[:1], one, *held[1:]]
    else:
        place.value[step.name] = one
    return next(entered(place, step))


def removed(body: dict[str, Any], at: str) -> dict[str, Any]:
    """Return a copy of `body` without what stands `at`."""
    left = copy.deepcopy(body)
    keys = [int(index) if index else name for name, index in KEY.findall(at)]
    holder: Any = left
    for key in keys[:-1]:
        holder = holder[key]
    del holder[keys[-1]]
    return left


def minimal(kind: Any, label: str = "") -> dict[str, Any]:
    """Return an object of a type with what it must have."""
    if kind is None:
        return {}
    named = tag(kind)
    held = {name: filled([hint], name) for name, hint in hints_of(kind).items() if is_required(kind, name)}
    return held if named is None else {**held, named: label or labels(kind)[0]}


def filled(hints: Collection[Any], path: str) -> Any:
    """Return a value of a field's type, another one for each path."""
    given = (each for hint in hints for each in parts(hint) if each[1] is not type(None))
    listed, kind = next(given, (False, str))
    number = zlib.crc32(path.encode()) % 9000 + 1000
    value: Any = f"w{number}"
    if get_origin(kind) is Literal:
        value = get_args(kind)[0]
    elif is_object(kind):
        value = minimal(kind)
    elif isinstance(kind, type) and issubclass(kind, bool):
        value = True
    elif isinstance(kind, type) and issubclass(kind, int):
        value = number
    elif isinstance(kind, type) and issubclass(kind, float):
        value = number / 10000
    elif get_origin(kind) is not None:
        value = {value: filled(get_args(kind)[1:], path)}
    return [value] if listed else value
