"""A JSON body opened at the top level only: its shape checked, its model replaced, all else byte for byte."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from msgspec import Raw

from engine.chat import Failed, Failure, Problem
from engine.dialects.clip import clipped

if TYPE_CHECKING:
    from collections.abc import Callable

Fields = dict[str, Raw]
FIELDS = msgspec.json.Decoder(Fields)

TOO_DEEP = "the body is nested too deeply"
WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
"""msgspec's names of JSON types, in plain words."""


class Shape:
    """The check of one endpoint's body. `struct` names the fields that matter; the others are never looked into.

    The body is split once into its top-level fields, and only the fields of `struct` are decoded, each by its own
    type: the tools and system prompts of a coding agent (most of its bytes) are not read twice.
    """

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        self._struct = struct
        fields = msgspec.structs.fields(struct)
        self._required = tuple(field.encode_name for field in fields if field.required)
        self._decode: dict[str, Callable[[Raw], Any]] = {
            field.encode_name: msgspec.json.Decoder(field.type).decode for field in fields
        }
        self._types = {field.encode_name: field.type for field in fields}

    def open(self, body: bytes) -> tuple[Fields, dict[str, Any]]:
        """Return all fields raw, and those of the struct decoded. Raises `Problem` (400) at the first mistake."""
        try:
            if not body.isascii():
                body.decode()  # the fields we skip are not checked by anyone else
            fields = FIELDS.decode(body)
        except UnicodeDecodeError as error:
            raise refused(f"the body is not valid UTF-8 (byte {error.start})") from None
        except RecursionError:
            raise refused(TOO_DEEP) from None
        except msgspec.ValidationError:
            raise refused("the body must be a JSON object") from None
        except msgspec.DecodeError as error:
            raise refused(f"the body is not valid JSON: {said(error)}") from None
        for name in self._required:
            if name not in fields:
                raise refused(f"`{name}` is missing", name)
        known = {}
        for name, decode in self._decode.items():
            if name in fields:
                try:
                    known[name] = decode(fields[name])
                except RecursionError:
                    raise refused(TOO_DEEP, name) from None
                except msgspec.ValidationError as error:
                    raise mismatch(error, name, self._types[name]) from None
        return fields, known


def refused(message: str, param: str | None = None) -> Problem:
    """Return the 400 that says what is wrong with a request."""
    return Problem(400, "invalid_request", message, param=param)


def mismatch(error: msgspec.ValidationError, name: str, kind: Any = None) -> Problem:
    """Say a mistake of shape in plain words; `name` is the field, or "" when the whole body was decoded."""
    text, at, where = str(error).rpartition(" - at `$")  # the last one: the first may be in the value
    text, where = (text, clipped(where, 200)) if at else (where, "")
    path = (name + where.rstrip("`")).lstrip(".")
    if text.startswith("Object missing required field"):
        lacking = text.split("`")[1]
        path = f"{path}.{lacking}".lstrip(".")
        return refused(f"`{path}` is missing", path)
    if text.startswith("Invalid enum value"):
        choice = choices(kind, path)
        known = f"; it must be one of {', '.join(choice)}" if choice else ""
        value = text.removeprefix("Invalid enum value ")
        shown = f"'{clipped(value[1:-1])}'" if value.startswith("'") else clipped(value)
        return refused(f"`{path}` has an unknown value {shown}{known}", path)
    if "of length >=" in text:
        return refused(f"`{path}` must not be empty", path)
    expected = re.findall(r"`([^`]+)`", text)
    if not text.startswith("Expected") or not expected:
        return refused(f"`{path}`: {clipped(text, 200)}", path)
    wanted = " or ".join(WORDS.get(word, word) for word in expected[0].split(" | "))
    got = f", not {WORDS.get(expected[1], expected[1])}" if len(expected) > 1 else ""
    return refused(f"`{path}` must be {wanted}{got}", path)


def choices(kind: Any, path: str) -> tuple[str, ...]:
    """Return the words that `path` may hold, if the type says so: looks for the field's Literal inside `kind`."""
    leaf = path.rpartition(".")[2]
    pending = [kind]
    while pending:
        one = pending.pop()
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            for field in msgspec.structs.fields(one):
                if field.encode_name == leaf:
                    return tuple(word for word in get_args(field.type) if isinstance(word, str))
                pending.append(field.type)
        else:
            pending.extend(get_args(one))
    return ()


def whole(body: bytes | Raw) -> Any:
    """Return a value decoded to the bottom. Raises `Problem` (400) for what no number or no nesting can be."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise refused(TOO_DEEP) from None
    except msgspec.DecodeError as error:
        raise refused(f"the body cannot be read: {said(error).partition(' - at ')[0].lower()}") from None


TOO_EARLY = "it ends too early, or a \\ud800 to \\udbff escape in it lacks its second half"
"""msgspec 0.22 says the same of both; clients that cut texts in the middle of an emoji send the latter."""


def said(error: msgspec.DecodeError) -> str:
    """Return msgspec's own words about malformed JSON, without its preamble."""
    return str(error).removeprefix("JSON is malformed: ").replace("Input data was truncated", TOO_EARLY)


def renamed(body: bytes, model: str) -> bytes:
    """Return a JSON answer with its top-level `model` replaced, if it has one. Raises `Failed` on malformed JSON.

    A model name inside a tool's input is never touched.
    """
    try:
        fields = FIELDS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failed(Failure(reason="disconnect", message="the upstream sent a malformed answer")) from None
    if "model" not in fields:
        return body
    new = msgspec.json.encode(model)
    place = only_place(body, fields["model"])
    if place is None:
        return msgspec.json.encode({**fields, "model": Raw(new)})
    return body[: place[0]] + new + body[place[1] :]


def only_place(text: bytes, value: Raw) -> tuple[int, int] | None:
    """Return where the value of a `model` that is known to be `value` stands in `text`; None if that is ambiguous."""
    found = list(re.finditer(rb'"model"\s*:\s*(' + re.escape(bytes(value)) + rb")", text))
    return found[0].span(1) if len(found) == 1 else None
