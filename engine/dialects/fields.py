"""A JSON object of a client's body that knows where it stands: what is wrong with a field is a 400 with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.body import TOO_DEEP, refused, said
from engine.dialects.clip import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.chat import Problem


class Fields:
    """The fields of the object at path `at`. An absent field and null are the same."""

    __slots__ = ("at", "value")

    def __init__(self, value: dict[str, Any], at: str = "") -> None:
        self.value = value
        self.at = at

    def path(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name

    def text(self, name: str) -> str | None:
        value = self.value.get(name)
        if value is not None and not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self.missing(name)
        return value

    def named(self, name: str) -> str:
        value = self.required(name)
        if not value:
            raise refused(f"`{self.path(name)}` must not be empty", self.path(name))
        return value

    def count(self, name: str) -> int | None:
        value = self.value.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise self.wrong(name, "an integer from 0 up")
        return value

    def number(self, name: str) -> float | None:
        value = self.value.get(name)
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
            raise self.wrong(name, "a number")
        return value

    def flag(self, name: str) -> bool | None:
        value = self.value.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def schema(self, name: str) -> dict[str, Any] | None:
        """Return an object as it came."""
        value = self.value.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return value

    def object(self, name: str) -> Fields | None:
        value = self.schema(name)
        return None if value is None else Fields(value, self.path(name))

    def items(self, name: str) -> list[Any]:
        """Return a list as it came, empty where there is none."""
        value = self.value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        return value

    def objects(self, name: str) -> list[Fields]:
        found = []
        for index, item in enumerate(self.items(name)):
            at = f"{self.path(name)}[{index}]"
            if not isinstance(item, dict):
                raise refused(f"`{at}` must be an object", at)
            found.append(Fields(item, at))
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        for index, item in enumerate(self.items(name)):
            if not isinstance(item, str):
                at = f"{self.path(name)}[{index}]"
                raise refused(f"`{at}` must be a string", at)
        return tuple(self.items(name))

    def others(self, known: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """Yield the fields that are not `known`, by their path, without the nulls. A long name is cut."""
        for name, value in self.value.items():
            if name not in known and value is not None:
                yield self.path(clipped(name)), value

    def wrong(self, name: str, expected: str) -> Problem:
        return refused(f"`{self.path(name)}` must be {expected}", self.path(name))

    def missing(self, name: str) -> Problem:
        return refused(f"`{self.path(name)}` is missing", self.path(name))


def body_fields(body: bytes) -> Fields:
    """Return the fields of a whole body. Raises `Problem` (400) where it is no JSON object."""
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        raise refused(TOO_DEEP) from None
    except UnicodeDecodeError as error:
        raise refused(f"the body is not valid UTF-8 (byte {error.start})") from None
    except msgspec.DecodeError as error:
        raise refused(f"the body is not valid JSON: {said(error)}") from None
    if not isinstance(value, dict):
        raise refused("the body must be a JSON object")
    return Fields(value)
