"""Has a stream tell its usage where the client did not ask for it, and keeps that from the client (level 1).

Only chat and legacy completions need to be asked: `stream_options.include_usage` adds one chunk without choices (openai
3.54, types/chat/chat_completion_stream_options_param.py). Every other byte goes to the client as it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.dialects.around import Around
from engine.dialects.body import FIELDS
from engine.dialects.meter import NEEDLE, TOLD, UNREADABLE
from engine.dialects.sse import cut, parse

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.chat import Failure
    from engine.dialects.base import Tap

ASKABLE = frozenset({"chat", "completions"})
"""The APIs whose streams tell their usage only where they are asked."""
FIELD = "stream_options"
"""The field that says so; as a word of `Codec.correction`, that an upstream refuses it."""
FLAG = "include_usage"


def asking(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request with its usage asked for, every other value as it was; `fields` itself where it is
    asked for already, or cannot be."""
    options = _options(fields.get(FIELD))
    if options is None or _true(options.get(FLAG)):
        return fields
    return {**fields, FIELD: {**options, FLAG: True}}


def is_ours(edited: Collection[str]) -> bool:
    """Say whether it is left to us: not where the file edits that field itself (paths of `set` and `unset`)."""
    return not any(path == FIELD or path.startswith(f"{FIELD}.") for path in edited)


def names_it(failure: Failure) -> bool:
    """Say whether an upstream refused what was asked for here: in words, or by its place in the body (FastAPI)."""
    said = failure.message.encode() + (failure.body or b"")
    return FIELD.encode() in said or FLAG.encode() in said


class Unasked(Around):
    """Lets everything through but the chunk that tells only the usage."""

    __slots__ = ("_half",)

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._half = False
        """What was dropped last ended in a CR, whose LF may still come."""

    def feed(self, data: bytes) -> bytes:
        out = self._tap.feed(data)
        return self.change(out) if self._half or NEEDLE in out else out

    def change(self, out: bytes) -> bytes:
        if self._half and out:
            self._half = False
            out = out.removeprefix(b"\n")
        if NEEDLE not in out or TOLD.search(out) is None:
            return out
        kept = []
        for event in cut(out):
            if _tells_only_usage(event):
                self._half = event.endswith(b"\r")
            elif self._half and event == b"\n":
                self._half = False
            else:
                kept.append(event)
                self._half = False
        return b"".join(kept)


def _tells_only_usage(event: bytes) -> bool:
    if TOLD.search(event) is None:
        return False
    try:
        chunk = msgspec.json.decode(parse(event)[1] or b"null")
    except UNREADABLE:
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)


def _options(value: Any) -> dict[str, Any] | None:
    """Return the members of `stream_options`, none where it is absent or null; None for what cannot be read."""
    if isinstance(value, Raw):
        value = None if bytes(value).strip() == b"null" else _opened(value)
        return {} if value is None else value
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _opened(value: Raw) -> dict[str, Any]:
    return FIELDS.decode(value)  # the shape of the request was checked when it came in


def _true(value: Any) -> bool:
    return value is True or (isinstance(value, Raw) and bytes(value).strip() == b"true")
