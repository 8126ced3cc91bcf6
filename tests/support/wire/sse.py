"""Server-sent events as a strict client reads them, and how a rule says that it was broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Flaw(Exception):  # noqa: N818 - it is a finding, not a failure of this code
    """A stream breaks a rule."""


@dataclass(frozen=True)
class Event:
    """One event. A comment has neither name nor data."""

    name: str | None
    data: str | None

    @property
    def json(self) -> dict[str, Any]:
        """Return the data, which must be one JSON object."""
        return parsed(self.data or "", "the data of an event")


def events(stream: bytes, *, cut: bool = False) -> Iterator[Event]:
    """Yield the events of a stream: UTF-8, lines that end in LF or CRLF, each event closed by an empty line.

    With `cut` the last event may be incomplete, and is left out.
    """
    *lines, rest = stream.replace(b"\r\n", b"\n").split(b"\n")
    name: str | None = None
    data: str | None = None
    open_ = False
    for line in lines:
        if not line:
            if open_:
                yield Event(name, data)
            name = data = None
            open_ = False
            continue
        open_ = True
        field, colon, value = _text(line).partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data = value if data is None else f"{data}\n{value}"
        elif field == "event":
            name = value
        elif field not in ("", "id", "retry") or not colon:
            raise Flaw(f"a line that is no data, event or comment: {line!r}")
    if not cut and (rest or open_):
        raise Flaw("the last event is not closed by an empty line")


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Flaw(f"not UTF-8: {line!r}") from None


# what every rule is made of ------------------------------------------------------------------------------------------


def must(holds: object, rule: str) -> None:
    """Break `rule` unless it holds."""
    if not holds:
        raise Flaw(rule)


def parsed(text: str, what: str) -> dict[str, Any]:
    """Return a JSON object."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except ValueError:
        raise Flaw(f"{what} is no JSON: {text[:80]!r}") from None
    must(isinstance(value, dict), f"{what} is no JSON object: {text[:80]!r}")
    found: dict[str, Any] = value
    return found


def _no_number(word: str) -> None:
    raise ValueError(word)


Kinds = type | tuple[type, ...]
Fields = Mapping[str, Kinds]


UNKNOWN: ContextVar[bool] = ContextVar("unknown", default=False)
"""Whether fields that the API does not have are let through."""


def shaped(value: Any, where: str, fields: Fields, optional: Fields) -> None:
    """Hold an object against the types of its fields: all of `fields` are there, none beside these and `optional`."""
    must(isinstance(value, dict), f"{where} is no object: {value!r}")
    missing = sorted(fields.keys() - value.keys())
    must(not missing, f"{where} lacks {', '.join(missing)}")
    unknown = sorted(value.keys() - fields.keys() - optional.keys())
    must(not unknown or UNKNOWN.get(), f"{where} has unknown fields: {', '.join(unknown)}")
    for name, kinds in {**optional, **fields}.items():
        if name in value:
            must(is_a(value[name], kinds), f"{where}.{name} has the wrong type: {value[name]!r}")


def is_a(value: Any, kinds: Kinds) -> bool:
    """Say whether `value` is of one of these types; true and false are no numbers."""
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    return isinstance(value, wanted) and (not isinstance(value, bool) or bool in wanted)


NOTHING = type(None)
TEXT = (str, NOTHING)
COUNT = (int, NOTHING)
OBJECT = (dict, NOTHING)
LIST = (list, NOTHING)
