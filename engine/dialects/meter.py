"""Reads the tokens that an answer took off its bytes as they pass, and estimates what the upstream did not tell.

One machine for every API; where the counts stand is the dialect's own knowledge, given as a `Gauge`. Only an event
that holds a usage object is opened. Of the text only the beginning is kept, to guess from it what the whole took in
case the stream breaks: nothing is counted while it flows.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Usage
from engine.dialects.measure import Tally, tokens
from engine.dialects.sse import Splitter, cut, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEEDLE = b'"usage"'
"""In every event that tells a usage, and in no text: a quote inside a JSON string is escaped."""
TOLD = re.compile(rb'"usage"\s*:\s*\{')
"""A usage that is one: with `include_usage` every chunk says `"usage":null`."""
SAMPLE = 16384
"""How many bytes of a stream are kept to guess from."""
MOST = 10**11
"""The most tokens that are believed of one answer, in each bucket: sums of them, and what they cost, fit everywhere."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Read = tuple[Usage | None, bool]


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect knows of the usage in its answers."""

    read: Callable[[bytes, dict[str, Any]], Read]
    """The data of an event, and what the stream told before (the reader's own notes) -> the usage so far, and whether
    it is that of the whole answer."""
    answer: Callable[[bytes], Usage | None]
    """A whole JSON answer -> its usage."""
    said: Callable[[Any], Any]
    """An event, or a whole answer -> what the model wrote in it, in any shape that `Tally` counts."""


class Meter:
    """The tokens of one answer. Feed it the upstream's bytes, split anywhere, or the whole answer once."""

    __slots__ = ("_gauge", "_notes", "_passed", "_sample", "_sampled", "_splitter", "_sure", "_torn", "given", "told")

    def __init__(self, gauge: Gauge) -> None:
        self.told: Usage | None = None
        """What the upstream has said so far."""
        self.given = False
        """Something of the answer went to the client."""
        self._sure = False
        """That is the usage of the whole answer."""
        self._gauge = gauge
        self._notes: dict[str, Any] = {}
        self._splitter = Splitter()
        self._sample: list[bytes] = []
        self._sampled = 0
        """Bytes in `_sample`."""
        self._passed = 0
        """Bytes of the stream."""
        self._torn = False
        """An event has begun that is not whole."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of a stream."""
        self._passed += len(data)
        if self._sampled < SAMPLE:
            self._sample.append(data)
            self._sampled += len(data)
        if self._torn or not data.endswith(b"\n\n"):
            events = self._splitter.feed(data)
            self._torn = self._splitter.busy
        elif NEEDLE in data:  # whole events, as is usual
            events = cut(data)
        else:
            return
        for event in events:
            if NEEDLE in event:
                self._see(event)

    def finish(self) -> None:
        """Take the last event of a stream, which may lack its blank line."""
        if self._splitter.size:
            self._see(self._splitter.take())

    def whole(self, body: bytes, *, streamed: bool = False) -> None:
        """Take an answer in one piece: JSON, or a stream."""
        if streamed:
            self.feed(body)
            self.finish()
            return
        self._passed = self._sampled = len(body)
        try:
            usage = self._gauge.answer(body)
        except UNREADABLE:
            return
        self.told = bounded(usage) if usage is not None else None
        self._sure = self.told is not None
        if self.told is None:
            self._sample = [body]

    def usage(self, input_tokens: Callable[[], int]) -> Usage:
        """Return what the answer took; what the upstream did not tell is estimated, `input_tokens` being our estimate
        of what it read."""
        told = self.told or Usage()
        if self.told is not None and self._sure:
            return told
        if not told.input + told.cache_read + told.cache_write:
            told = msgspec.structs.replace(told, input=input_tokens())
        output = max(told.output, tokens(self._written()))
        return msgspec.structs.replace(told, output=output, estimated=True)

    def _see(self, event: bytes) -> None:
        if TOLD.search(event) is None:
            return
        data = parse(event)[1]
        if data is None:
            return
        try:
            usage, sure = self._gauge.read(data, self._notes)
        except UNREADABLE:
            return
        if usage is not None:
            self.told = bounded(usage)
            self._sure = sure

    def _written(self) -> int:
        """Return about how many bytes of text the model wrote: counted where the stream began, as dense after that."""
        tally = Tally()
        spoken = 0
        for size, value in _values(b"".join(self._sample)):
            before = tally.size
            with contextlib.suppress(RecursionError):
                tally.add(self._gauge.said(value))
            spoken += size if tally.size > before else 0
        rest = self._passed - self._sampled
        return tally.size + (rest * tally.size // spoken if spoken else 0)


def bounded(usage: Usage) -> Usage:
    """Return `usage` without numbers that no answer has."""
    if max(usage.input, usage.cache_read, usage.cache_write, usage.output) <= MOST:
        return usage
    return Usage(
        input=min(usage.input, MOST),
        cache_read=min(usage.cache_read, MOST),
        cache_write=min(usage.cache_write, MOST),
        output=min(usage.output, MOST),
        reasoning=None if usage.reasoning is None else min(usage.reasoning, MOST),
        estimated=usage.estimated,
    )


def _values(sample: bytes) -> Iterator[tuple[int, Any]]:
    """Yield what can be read of a stream, event by event, or of a JSON answer; each with its size in bytes."""
    whole = sample.lstrip().startswith(b"{")
    for part in [sample] if whole else cut(sample):
        try:
            yield len(part), msgspec.json.decode((part if whole else parse(part)[1]) or b"null")
        except UNREADABLE:
            continue
