"""Reads a stream of the Messages API. One object per stream, sans-io.

Protocol facts: anthropic 2.12 (types/raw_*_event.py, types/raw_content_block_delta.py, lib/streaming/_messages.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import (
    Argued,
    Called,
    Ended,
    Finished,
    Lost,
    Sealed,
    Signed,
    Started,
    Stopped,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.failure import failed, text
from engine.dialects.lost import foreign
from engine.dialects.messages.errors import judged
from engine.dialects.messages.read_answer import arguments, counted, counts, stop, unheard
from engine.dialects.sse import Splitter, parse
from engine.dialects.tap import EVENT_LIMIT, malformed

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Event, Failure

KNOWN = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
"""Blocks that a client of another API can be told of; all others are the upstream's own affair and are skipped."""

WRITING: dict[str, str] = {"text_delta": "text", "thinking_delta": "thinking"}
"""Deltas that say something by themselves -> the block they belong to, and the field that holds it: where no such block
was begun, one begins."""


class Open:
    """A block that has begun and not ended; one of the `kind` "" is skipped."""

    __slots__ = ("call", "given", "kind", "signature")

    def __init__(self, kind: str, call: int | None) -> None:
        self.kind = kind
        self.call = call
        """Which call of the stream it is; None for text and thinking."""
        self.given = ""
        """The input that came with the block's start: it counts only if no fragment follows."""
        self.signature = ""


class MessagesDecoder:
    """Implements `Decoder` (codec.py).

    A stream that only falls silent after it said why the model stopped is complete.
    """

    __slots__ = ("_alone", "_blocks", "_calls", "_last", "_splitter", "_started", "_stop", "_usage", "ended", "failure")

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.ended = False
        self._splitter = Splitter()
        self._started = False
        self._blocks: dict[int, Open] = {}
        """The open blocks by their index on the wire, in the order in which they began."""
        self._alone: int | None = None
        """The index of the block that began last and is no call: it ends where another one begins."""
        self._last = -1
        """The index of the block that began last: what a delta without an index belongs to."""
        self._calls = 0
        self._stop: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        """What the stream said of its usage so far: counts are cumulative, the last one that is not null stands."""

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self.ended or self.failure is not None:
            return events
        for event in self._splitter.feed(data):
            self._take(event, events)
        if self._splitter.size > EVENT_LIMIT and self.failure is None:
            self.failure = malformed(f"an event of more than {EVENT_LIMIT >> 20} MB")
        return events

    def finish(self) -> list[Event]:
        events: list[Event] = []
        if self.ended or self.failure is not None:
            return events
        rest = self._splitter.take()
        if rest:
            self._take(rest, events)  # the last event may lack its blank line
        torn = self.failure is None or self.failure.reason == "disconnect"
        if not self.ended and torn and self._stop.get("stop_reason"):
            self.failure = None
            self._message_stop({}, events)
        elif not self.ended and self.failure is None:
            self.failure = malformed("the end of its stream before the end of the message")
        return events

    def _take(self, event: bytes, out: list[Event]) -> None:
        """Read one event. Whatever is not known is passed over: the API may grow (its versioning page says so)."""
        if self.failure is not None or self.ended:
            return
        name, data = parse(event)
        if data is None or data.startswith(b"[DONE]"):
            return
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.failure = malformed("an event that is not JSON")
            return
        if not isinstance(value, dict):
            return
        kind = text(value.get("type")) or name.decode("utf-8", "replace")
        read = EVENTS.get(kind)
        if read is not None:
            read(self, value, out)
        elif kind == "error" or isinstance(value.get("error"), dict):
            reason, said = judged(None, value.get("error"))
            self.failure = failed(reason, None, said, [], data)

    def _message_start(self, value: dict[str, Any], out: list[Event]) -> None:
        self._start(value.get("message"), out)

    def _start(self, message: Any, out: list[Event]) -> None:
        message = message if isinstance(message, dict) else {}
        if not self._started:
            self._started = True
            out.append(Started(text(message.get("id")), text(message.get("model"))))
        self._count(message.get("usage"), out)

    def _count(self, usage: Any, out: list[Event]) -> None:
        if isinstance(usage, dict):
            self._usage |= {field: value for field, value in usage.items() if value is not None}
            if counts(self._usage):
                out.append(Used(counted(self._usage)))

    def _block_start(self, value: dict[str, Any], out: list[Event]) -> None:
        block = value.get("content_block")
        if not isinstance(block, dict):
            return
        kind = text(block.get("type"))
        index = self._index(value, self._last + 1)
        self._turn(index, out)
        if kind not in KNOWN:
            self._open(index, "")
            out.append(Lost(foreign(kind, f"content[{index}]")))
            return
        if block.get("citations"):
            out.append(Lost(foreign("citations", f"content[{index}].citations")))
        if kind == "redacted_thinking":
            out.append(Sealed(text(block.get("data"))))
            return
        if kind == "tool_use" and not text(block.get("name")):
            self.failure = malformed("a tool call without a name")
            return
        one = self._open(index, kind, self._calls if kind == "tool_use" else None)
        if kind == "tool_use":
            self._calls += 1
            out.append(Called(self._calls - 1, text(block.get("id")), text(block.get("name"))))
            one.given = arguments(block)
            return
        said = text(block.get(kind))
        if said:
            out.append(Wrote(said) if kind == "text" else Thought(said))
        one.signature = text(block.get("signature"))

    def _turn(self, index: int, out: list[Event]) -> None:
        """A block begins at `index`: text and thinking never overlap with another one."""
        if not self._started:
            self._start(None, out)
        if self._alone is not None:
            self._end(self._alone, out)
            self._alone = None
        self._end(index, out)
        self._last = index

    def _open(self, index: int, kind: str, call: int | None = None) -> Open:
        one = self._blocks[index] = Open(kind, call)
        if call is None:
            self._alone = index
        return one

    def _block_delta(self, value: dict[str, Any], out: list[Event]) -> None:
        delta = value.get("delta")
        if not isinstance(delta, dict):
            return
        kind = text(delta.get("type"))
        index = self._index(value, max(self._last, 0))
        one = self._blocks.get(index)
        if kind in WRITING:
            if said := text(delta.get(WRITING[kind])):
                self._say(index, WRITING[kind], said, out)
        elif kind == "citations_delta":
            out.append(Lost(foreign("citations", f"content[{index}].citations")))
        elif one is None:
            return
        elif kind == "signature_delta" and one.kind == "thinking":
            one.signature = text(delta.get("signature")) or one.signature
        elif kind == "input_json_delta" and one.call is not None and (fragment := text(delta.get("partial_json"))):
            one.given = ""
            out.append(Argued(one.call, fragment))

    def _say(self, index: int, kind: str, said: str, out: list[Event]) -> None:
        one = self._blocks.get(index)
        if one is None or (one.kind in WRITING.values() and one.kind != kind):
            self._turn(index, out)
            one = self._open(index, kind)
        if one.kind == kind:
            out.append(Wrote(said) if kind == "text" else Thought(said))

    def _block_stop(self, value: dict[str, Any], out: list[Event]) -> None:
        self._end(self._index(value, self._last), out)

    def _end(self, index: int, out: list[Event]) -> None:
        one = self._blocks.pop(index, None)
        if one is None or not one.kind:
            return
        if one.signature:
            out.append(Signed(one.signature))
            return
        if one.given and one.call is not None:
            out.append(Argued(one.call, one.given))
        out.append(Ended(one.call))

    def _message_delta(self, value: dict[str, Any], out: list[Event]) -> None:
        delta = value.get("delta")
        if isinstance(delta, dict):
            self._stop |= {field: one for field, one in delta.items() if one is not None}
        self._count(value.get("usage"), out)

    def _message_stop(self, _value: dict[str, Any], out: list[Event]) -> None:
        if not self._started:
            self._start(None, out)
        for index in list(self._blocks):
            self._end(index, out)
        out += map(Lost, unheard(self._stop))
        out.append(Stopped(stop(self._stop, self._calls > 0)))
        out.append(Finished())
        self.ended = True

    def _index(self, value: dict[str, Any], default: int) -> int:
        index = value.get("index")
        return index if type(index) is int else default


EVENTS: dict[str, Callable[[MessagesDecoder, dict[str, Any], list[Event]], None]] = {
    "message_start": MessagesDecoder._message_start,
    "content_block_start": MessagesDecoder._block_start,
    "content_block_delta": MessagesDecoder._block_delta,
    "content_block_stop": MessagesDecoder._block_stop,
    "message_delta": MessagesDecoder._message_delta,
    "message_stop": MessagesDecoder._message_stop,
}
