"""A tap on one stream: holds back what is no content yet, then lets the bytes pass, and rewrites `model` where asked.

One machine for every dialect whose streams are server-sent events. What an event means is the dialect's own knowledge,
given as a `Reader`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failure
from engine.dialects.body import FIELDS, only_place
from engine.dialects.sse import ENDS, EVENT_LIMIT, EventTooLarge, Splitter, frame, parse

if TYPE_CHECKING:
    from collections.abc import Callable

PARTIAL_LIMIT = 16 * 1024
"""How much of an unfinished event is kept, after the commit point, to look for errors and the end in it, in bytes."""


class Sign(Enum):
    """What one event is to the relay."""

    NOISE = auto()
    """A ping or a comment: worth nothing before the commit point."""
    FRAME = auto()
    """A lifecycle frame, held until content comes."""
    CONTENT = auto()
    END = auto()
    """The stream's own end, so that silence after it is no failure."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect knows of its streams."""

    read: Callable[[bytes, bytes], Sign | Failure]
    """An event's name and data -> what it is. Raises `msgspec.DecodeError` where the data is not JSON."""
    marks: tuple[bytes, ...]
    """After the commit point only events that hold one of these are read: every end and every error has one."""
    nested: str | None = None
    """The field that holds `model`; None where it is at the top level of the data."""
    everywhere: bool = True
    """Every event carries `model`; False where only a frame before the content does."""


class StreamTap:
    """Implements `Tap` (base.py)."""

    __slots__ = (
        "_held",
        "_kept",
        "_marks",
        "_model",
        "_needle",
        "_partial",
        "_raw",
        "_reader",
        "_size",
        "_splitter",
        "between_events",
        "committed",
        "ended",
        "failure",
    )

    def __init__(self, reader: Reader, rename: str | None) -> None:
        self.committed = False
        self.failure: Failure | None = None
        self.ended = False
        self.between_events = True
        self._reader = reader
        self._marks = reader.marks
        self._model = None if rename is None else msgspec.json.encode(rename)
        self._needle: tuple[bytes, bytes] | None = None
        """The bytes that hold the upstream's model name in an event of this stream, and what replaces them."""
        self._splitter = Splitter()
        self._held: list[bytes] = []
        self._kept = False
        """The last event was held, not dropped."""
        self._size = 0
        self._raw = False
        """Bytes pass as they come."""
        self._partial = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream, return what may go to the client now."""
        if self._raw:
            window = self._partial + data if self._partial else data
            if window.endswith(ENDS):
                self.between_events = True
                self._partial = b""
            else:
                self.between_events = False
                self._keep(window)
            if not self.ended:
                for mark in self._marks:
                    if mark in window:
                        self._look(window)
                        break
            return data
        if self.failure is not None and not self.committed:
            return b""
        try:
            events = self._splitter.feed(data)
        except EventTooLarge:
            return self._garbage(f"an event of more than {EVENT_LIMIT >> 20} MB")
        return self._take(events)

    def finish(self) -> bytes:
        """Return what is still held when the upstream's body is over; a last event may lack its blank line."""
        if self._raw:
            if self._partial and not self.ended:
                self._look(self._partial + b"\n\n")
            return b""
        if self.failure is not None and not self.committed:
            return b""
        rest = self._splitter.rest
        self._splitter.rest = b""
        out = self._take([rest]) if rest else b""
        if not self.committed and self.failure is None:
            self.failure = malformed("the end of its stream before any content")
        return out

    def _take(self, events: list[bytes]) -> bytes:
        """Weigh whole events: hold, drop or release them."""
        out: list[bytes] = []
        for event in events:
            if self.committed:
                out.append(self._passed(event))
                continue
            if event == b"\n" and self._kept:
                self._held.append(event)  # the second half of a CRLF
                continue
            sign = self._weigh(event)
            if isinstance(sign, Failure):
                self.failure = sign
                self._held.clear()
                return b""
            self._kept = sign is not Sign.NOISE
            if sign is Sign.NOISE:
                continue
            self._held.append(event)
            self._size += len(event)
            if self._size > EVENT_LIMIT:
                return self._garbage(f"{EVENT_LIMIT >> 20} MB without any content")
            if sign is Sign.FRAME:
                continue
            self.committed = True
            self.ended = sign is Sign.END
            out.extend(self._held if self._model is None else map(self._renamed, self._held))
            self._held.clear()
        if self.committed and (self._model is None or not self._reader.everywhere):
            self._pass(out)
        return b"".join(out)

    def _pass(self, out: list[bytes]) -> None:
        """Let the bytes pass from here on; the beginning of the next event goes with `out`."""
        self._raw = True
        rest = self._splitter.rest
        self._splitter.rest = b""
        out.append(rest)
        self.between_events = not rest
        self._partial = rest[-PARTIAL_LIMIT:]

    def _weigh(self, event: bytes) -> Sign | Failure:
        name, data = parse(event)
        if data is None:
            return Sign.NOISE
        try:
            return self._reader.read(name, data)
        except (msgspec.DecodeError, RecursionError):
            return malformed("an event that is not JSON")

    def _passed(self, event: bytes) -> bytes:
        """Read an event after the commit point, and rewrite it."""
        if not self.ended and any(mark in event for mark in self._marks):
            self._glance(event)
        return event if self._model is None else self._renamed(event)

    def _look(self, window: bytes) -> None:
        """Read the whole events in `window`, which holds a mark."""
        for event in Splitter().feed(window):
            self._glance(event)

    def _glance(self, event: bytes) -> None:
        """Note the end or an error. What cannot be read is the client's to judge: it has it already."""
        name, data = parse(event)
        try:
            sign = Sign.NOISE if data is None else self._reader.read(name, data)
        except (msgspec.DecodeError, RecursionError):
            return
        if isinstance(sign, Failure):
            self.failure = self.failure or sign
        elif sign is Sign.END:
            self.ended = True

    def _keep(self, window: bytes) -> None:
        """Keep the unfinished event at the end of `window`."""
        start = max(window.rfind(end) + len(end) if end in window else 0 for end in ENDS)
        self._partial = window[max(start, len(window) - PARTIAL_LIMIT) :]

    def _renamed(self, event: bytes) -> bytes:
        """Return `event` with its model replaced, every other byte as it was wherever that is possible."""
        assert self._model is not None
        if self._needle is not None and event.count(self._needle[0]) == 1:
            return event.replace(*self._needle)
        name, data = parse(event)
        if data is None or b'"model"' not in data:
            return event
        nested = self._reader.nested
        try:
            fields = FIELDS.decode(data)
            holder = fields if nested is None else FIELDS.decode(fields[nested])
            old = holder["model"]
        except (msgspec.DecodeError, KeyError, RecursionError):
            return event
        place = only_place(event, old)
        if place is None:
            holder = {**holder, "model": msgspec.Raw(self._model)}
            whole = holder if nested is None else {**fields, nested: msgspec.Raw(msgspec.json.encode(holder))}
            return frame(msgspec.json.encode(whole), name)
        start, end = place
        key = event.rindex(b'"model"', 0, start)
        self._needle = (event[key:end], event[key:start] + self._model)
        return event[:start] + self._model + event[end:]

    def _garbage(self, what: str) -> bytes:
        self.failure = malformed(what)
        self._held.clear()
        return b""


def malformed(what: str) -> Failure:
    """Return the failure of an upstream that sent what its API does not know."""
    return Failure(reason="disconnect", message=f"the upstream sent {what}")
