"""A tap on one stream: holds back what is no content yet, then lets the bytes pass, and rewrites `model` where asked.

One machine for every dialect whose streams are server-sent events. What an event means is the dialect's own knowledge,
given as a `Reader`. What goes out is always whole events, so that a keep-alive or an error of ours may follow at any
time. Passing costs a fraction of a microsecond a chunk: only a chunk that may hold an error is looked into, and the
stream's end is read off what went out last, when somebody asks.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failed, Failure
from engine.dialects.body import FIELDS, only_place
from engine.dialects.sse import Splitter, cut, frame, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Problem
    from engine.dialects.base import Failing

EVENT_LIMIT = 32 * 1024 * 1024
"""Most that is held, of one event or of all events before any content, in bytes: a picture in base64 fits."""
LAST = 4
"""How many of the last pieces are looked at for the end: a finish, the usage, [DONE], and one to spare."""
TOLD = b'"response"'
"""In the events of a stream that tell what it is as a whole, where its end ties in with that."""
ALARM = b'"error"'
"""In every in-band error of both vendors, and in no text: a quote inside a JSON string is escaped."""


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
    broken: Callable[[bytes, bytes, Problem, Failing], bytes] | None = None
    """(first event, last event, problem, request) -> the event that ends a stream, where it ties in with those."""


class StreamTap:
    """Implements `Tap` (base.py)."""

    told = True
    over = False

    __slots__ = (
        "_begun",
        "_first",
        "_held",
        "_kept",
        "_last",
        "_model",
        "_needle",
        "_reader",
        "_size",
        "_splitter",
        "committed",
        "failure",
    )

    def __init__(self, reader: Reader, rename: str | None, begun: Callable[[bytes], None] | None = None) -> None:
        self.committed = False
        self.failure: Failure | None = None
        self._reader = reader
        self._model = None if rename is None else msgspec.json.encode(rename)
        self._needle: tuple[bytes, bytes] | None = None
        """The bytes that hold the upstream's model name in the events of this stream, and what replaces them."""
        self._splitter = Splitter()
        self._held: list[bytes] = []
        self._kept = False
        """The last event was held, not dropped."""
        self._size = 0
        """Bytes in `_held`."""
        self._begun = begun
        self._first = b""
        """The event with which the stream began, where its end ties in with it."""
        self._last: deque[bytes] = deque(maxlen=LAST)
        """What went out last."""

    @property
    def ended(self) -> bool:
        return any(self._weigh(event) is Sign.END for event in cut(b"".join(self._last)))

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:
        """Return the event that tells `problem` where it ties in with what went out, None where it need not."""
        if self._reader.broken is None or not self.committed:
            return None
        last = [event for event in cut(b"".join(self._last)) if parse(event)[1] is not None]
        return self._reader.broken(self._first, last[-1] if last else b"", problem, asked)

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream, return what may go to the client now: whole events, or nothing.

        Raises `Failed` for an event that does not end.
        """
        out = b""
        if not self.committed:
            out, data = self._begin(data)
        if self.failure is not None or not data:
            pass
        elif data.endswith(b"\n\n") and not self._splitter.busy:
            out += self._pass(data)  # the usual piece
        else:
            out += self._pass(b"".join(self._splitter.feed(data)))
        if self._splitter.size > EVENT_LIMIT:
            raise Failed(malformed(f"an event of more than {EVENT_LIMIT >> 20} MB"))
        return out

    def finish(self) -> bytes:
        """Return what is still held when the upstream's body is over; a last event may lack its blank line."""
        if self.failure is not None:
            return b""
        rest = self._splitter.take()
        if self.committed:
            torn = isinstance(self._weigh(rest), Failure) and ALARM not in rest
            return b"" if torn else self._pass(rest)
        out = self._take([rest]) if rest else b""
        if not self.committed and self.failure is None:
            self.failure = malformed("the end of its stream before any content")
        return out

    def _begin(self, data: bytes) -> tuple[bytes, bytes]:
        """Take event after event until one commits; return what may go out, and what comes after it as it is."""
        out, start = b"", 0
        while start < len(data) and not self.committed and self.failure is None:
            end = data.find(b"\n\n", start) + 2
            piece = data[start:end] if end > 1 else data[start:]
            out = self._take(self._splitter.feed(piece))
            start += len(piece)
        return out, data[start:]

    def _take(self, events: list[bytes]) -> bytes:
        """Hold, drop or release whole events."""
        for number, event in enumerate(events, 1):
            if event == b"\n" and self._kept:
                self._held.append(event)  # the second half of a CRLF
                continue
            sign = self._weigh(event)
            if isinstance(sign, Failure):
                self.failure = sign
                return b""
            self._kept = sign is not Sign.NOISE
            if not self._kept:
                continue
            self._held.append(event)
            self._size += len(event)
            if self._size > EVENT_LIMIT:
                self.failure = malformed(f"{EVENT_LIMIT >> 20} MB without any content")
                return b""
            if sign is not Sign.FRAME:
                self.committed = True
                if self._begun is not None:
                    for one in self._held:
                        self._begun(one)
                if self._reader.broken is not None:
                    first = next((one for one in self._held if TOLD in one), self._held[0])
                    self._first = first if self._model is None else self._renamed(first)
                out, self._held = [*self._held, *events[number:]], []
                if self._model is not None and not self._reader.everywhere:
                    out = [self._renamed(event) for event in out]
                return self._pass(b"".join(out))
        return b""

    def _pass(self, out: bytes) -> bytes:
        """Return whole events as they go to the client; nothing goes after an error."""
        if ALARM in out:
            out = self._until_error(out)
        if self._model is not None and self._reader.everywhere:
            needle = self._needle
            if needle is not None and out.count(needle[0]) == 1 and out.find(b"\n\n") == len(out) - 2:
                out = out.replace(*needle)
            else:
                out = b"".join(map(self._renamed, cut(out)))
        if out == b"\n" and self._last:
            self._last[-1] += out  # the second half of a CRLF is no piece of its own
        elif out:
            self._last.append(out)
        return out

    def _until_error(self, out: bytes) -> bytes:
        """Note an in-band error in `out`, and drop what the upstream sends after it."""
        passed: list[bytes] = []
        for event in cut(out):
            passed.append(event)
            sign = self._weigh(event)
            if isinstance(sign, Failure) and ALARM in event:
                self.failure = sign
                break
            if sign is Sign.END and self._begun is not None:
                self._begun(event)
        return b"".join(passed)

    def _weigh(self, event: bytes) -> Sign | Failure:
        name, data = parse(event)
        if data is None:
            return Sign.NOISE
        try:
            return self._reader.read(name, data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return malformed("an event that is not JSON")

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
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError):
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
