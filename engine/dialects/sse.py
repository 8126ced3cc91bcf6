"""Server-sent events as bytes: where one ends, and what it says. Knows no vendor.

The rules are those of the WHATWG HTML standard, "server-sent events": lines end in LF, CRLF or CR, an empty line ends
an event, several `data` lines join with LF, a line that begins with a colon is a comment, one BOM may lead the stream.
"""

from __future__ import annotations

import re

BOM = b"\xef\xbb\xbf"
BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
EDGE = 3
"""How many bytes of a blank line may have come before the last one."""


class Splitter:
    """Cuts a stream into events, byte for byte: what `feed` returned so far plus `rest` is what came in.

    An event includes its blank line. A CR at the very end of the input may be half of a CRLF: the event is given out,
    and the LF follows as a piece of its own (`b"\\n"`), which belongs to the event before it.
    """

    __slots__ = ("_begun", "_crs", "_half")

    def __init__(self) -> None:
        self._begun = bytearray()
        """An event that is not whole: it grows in place, for it may come in a million pieces."""
        self._crs = False
        self._half = False

    @property
    def rest(self) -> bytes:
        """What has come of an event that is not whole."""
        return bytes(self._begun)

    @property
    def size(self) -> int:
        """Return how many bytes that is."""
        return len(self._begun)

    def take(self) -> bytes:
        """Return `rest`, and begin anew."""
        rest = self.rest
        self._begun.clear()
        return rest

    @property
    def busy(self) -> bool:
        """Say whether the next byte belongs to an event that has begun."""
        return self._half or bool(self._begun)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the events that `data` completes; the caller minds the `size` of the rest."""
        events: list[bytes] = []
        if self._half and data:
            self._half = False
            if data.startswith(b"\n"):
                events.append(b"\n")
                data = data[1:]
        self._crs = self._crs or b"\r" in data
        rest, seen = data, 0
        if self._begun:
            seen = max(0, len(self._begun) - EDGE)
            self._begun += data
            if not (BLANK_LINE.search(self._begun, seen) if self._crs else self._begun.find(b"\n\n", seen) >= 0):
                return events
            rest = self.take()
        if self._crs:
            start = 0
            while found := BLANK_LINE.search(rest, max(start, seen)):
                events.append(rest[start : found.end()])
                start = found.end()
            self._half = start == len(rest) and rest.endswith(b"\r")
            rest = rest[start:]
        elif rest.find(b"\n\n", seen) >= 0:
            *whole, rest = rest.split(b"\n\n")
            events += [event + b"\n\n" for event in whole]
        self._begun += rest
        return events


def cut(data: bytes) -> list[bytes]:
    """Return the events of bytes that are all there is; what is left over, as the last one."""
    splitter = Splitter()
    return [*splitter.feed(data), *([splitter.rest] if splitter.size else [])]


def parse(event: bytes) -> tuple[bytes, bytes | None]:
    """Return an event's name (b"" if it has none) and its data (None for a comment or an empty event)."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return b"", event[6:-2]
    name = b""
    lines: list[bytes] = []
    for line in event.removeprefix(BOM).splitlines():
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value
    return name, b"\n".join(lines) if lines else None


def frame(data: bytes, name: bytes = b"") -> bytes:
    """Return one event that carries `data` (a single line)."""
    head = b"event: " + name + b"\n" if name else b""
    return head + b"data: " + data + b"\n\n"
