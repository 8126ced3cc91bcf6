"""A tap on one stream: holds back what is no content yet, then lets the bytes pass, and rewrites `model` where asked.

One machine for every dialect whose streams are server-sent events. What an event means is the dialect's own knowledge,
given as a `Reader`. Passing costs a fraction of a microsecond a chunk, because nobody looks: a stream's end and errors
are read off the bytes kept last, at the moment somebody asks.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failure
from engine.dialects.body import FIELDS, only_place
from engine.dialects.sse import Splitter, frame, parse

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT_LIMIT = 32 * 1024 * 1024
"""Most that is held, of one event or of all events before any content, in bytes: a picture in base64 fits."""
KEPT = 16 * 1024
"""How much of what has passed is kept at least, in bytes: the last events of a stream are far smaller."""
LAST = 32
"""How many of the last events are looked at for an end or an error."""


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
    nested: str | None = None
    """The field that holds `model`; None where it is at the top level of the data."""
    everywhere: bool = True
    """Every event carries `model`; False where only a frame before the content does."""


class StreamTap:
    """Implements `Tap` (base.py)."""

    __slots__ = (
        "_ended",
        "_failure",
        "_held",
        "_kept",
        "_last",
        "_model",
        "_needle",
        "_older",
        "_raw",
        "_reader",
        "_size",
        "_splitter",
        "committed",
    )

    def __init__(self, reader: Reader, rename: str | None) -> None:
        self.committed = False
        self._failure: Failure | None = None
        self._ended = False
        self._reader = reader
        self._model = None if rename is None else msgspec.json.encode(rename)
        self._needle: tuple[bytes, bytes] | None = None
        """The bytes that hold the upstream's model name in the events of this stream, and what replaces them."""
        self._splitter = Splitter()
        self._held: list[bytes] = []
        self._kept = False
        """The last event was held, not dropped."""
        self._size = 0
        """Bytes in `_held` before the commit point, in `_last` after it."""
        self._raw = False
        """Bytes pass as they come."""
        self._older: list[bytes] = []
        self._last: list[bytes] = []

    @property
    def failure(self) -> Failure | None:
        self._settle()
        return self._failure

    @property
    def ended(self) -> bool:
        self._settle()
        return self._ended

    @property
    def between_events(self) -> bool:
        if not self._raw:
            return True
        self._settle()
        return not self._last

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream, return what may go to the client now."""
        if self.committed:
            self._last.append(data)
            self._size += len(data)
            if self._size > KEPT:
                self._older, self._last, self._size = self._last, [], 0
            if self._raw:
                return data
            if self._needle is not None and not self._splitter.busy and data.find(b"\n\n") == len(data) - 2:
                old, new = self._needle
                if data.count(old) == 1 and b"\r" not in data:
                    return data.replace(old, new)
        elif self._failure is not None:
            return b""
        out = self._take(self._splitter.feed(data))
        if len(self._splitter.rest) > EVENT_LIMIT:
            return out + self._overflow()
        return out

    def finish(self) -> bytes:
        """Return what is still held when the upstream's body is over; a last event may lack its blank line."""
        if self._raw:
            self._settle(over=True)
            return b""
        if self._failure is not None and not self.committed:
            return b""
        rest, self._splitter.rest = self._splitter.rest, b""
        out = self._take([rest]) if rest else b""
        if self.committed:
            self._settle(over=True)
        elif self._failure is None:
            self._refuse(malformed("the end of its stream before any content"))
        return out

    def _take(self, events: list[bytes]) -> bytes:
        """Hold, drop or release whole events."""
        if self.committed:
            return b"".join(map(self._renamed, events))
        for number, event in enumerate(events, 1):
            if event == b"\n" and self._kept:
                self._held.append(event)  # the second half of a CRLF
                continue
            sign = self._weigh(event)
            if isinstance(sign, Failure):
                return self._refuse(sign)
            self._kept = sign is not Sign.NOISE
            if not self._kept:
                continue
            self._held.append(event)
            self._size += len(event)
            if self._size > EVENT_LIMIT:
                return self._refuse(malformed(f"{EVENT_LIMIT >> 20} MB without any content"))
            if sign is not Sign.FRAME:
                self._ended = sign is Sign.END
                return self._commit(events[number:])
        return b""

    def _commit(self, more: list[bytes]) -> bytes:
        """Release what was held, and what came with it. From here on bytes pass."""
        self.committed = True
        out = [*self._held, *more]
        self._held.clear()
        if self._model is not None:
            out = [self._renamed(event) for event in out]
        self._last = [*more, self._splitter.rest]
        if self._model is None or not self._reader.everywhere:
            self._raw = True
            out.append(self._splitter.rest)
            self._splitter.rest = b""
        self._size = sum(map(len, self._last))
        return b"".join(out)

    def _overflow(self) -> bytes:
        """Give up on an event that does not end: before any content the upstream, after it the renaming."""
        if not self.committed:
            return self._refuse(malformed(f"an event of more than {EVENT_LIMIT >> 20} MB"))
        self._raw = True
        rest, self._splitter.rest = self._splitter.rest, b""
        return rest

    def _weigh(self, event: bytes) -> Sign | Failure:
        name, data = parse(event)
        if data is None:
            return Sign.NOISE
        try:
            return self._reader.read(name, data)
        except (msgspec.DecodeError, RecursionError):
            return malformed("an event that is not JSON")

    def _refuse(self, failure: Failure) -> bytes:
        self._failure = failure
        self._held.clear()
        return b""

    def _settle(self, *, over: bool = False) -> None:
        """Read the end or an error off the events that passed last; keep the unfinished one, unless it is `over`.

        What cannot be read is the client's to judge: it has it already.
        """
        if not self._last and not self._older:
            return
        splitter = Splitter()
        events = splitter.feed(b"".join(self._older) + b"".join(self._last))
        if over:
            events.append(splitter.rest)
            splitter.rest = b""
        for event in events[-LAST:]:
            name, data = parse(event)
            try:
                sign = Sign.NOISE if data is None else self._reader.read(name, data)
            except (msgspec.DecodeError, RecursionError):
                continue
            if isinstance(sign, Failure):
                self._failure = self._failure or sign
            elif sign is Sign.END:
                self._ended = True
        self._older.clear()
        self._last = [splitter.rest] if splitter.rest else []
        self._size = len(splitter.rest)

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
        if self._reader.everywhere:
            key = event.rindex(b'"model"', 0, start)
            self._needle = (event[key:end], event[key:start] + self._model)
        return event[:start] + self._model + event[end:]


def malformed(what: str) -> Failure:
    """Return the failure of an upstream that sent what its API does not know."""
    return Failure(reason="disconnect", message=f"the upstream sent {what}")
