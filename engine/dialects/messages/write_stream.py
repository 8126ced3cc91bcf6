"""Writes a stream for a client of the Messages API. One object per stream, sans-io.

Blocks are strictly sequential here: where an upstream speaks of several calls in turn, the first streams on and the
others wait until their turn comes, and so does text that comes while a call is still open. Nothing is lost, and the
blocks stand in the order in which they began.

Protocol facts: anthropic 2.12 (types/raw_*_event.py, lib/streaming/_messages.py).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import (
    Argued,
    Call,
    Called,
    Ended,
    Finished,
    Lost,
    Refused,
    Sealed,
    Signed,
    Stop,
    Stopped,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.lost import UNTOLD
from engine.dialects.messages.write_answer import (
    Ids,
    counted,
    data_of,
    guessed,
    head,
    input_text,
    note_input,
    signature_of,
    stopped,
)
from engine.dialects.sse import frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.chat import Event, Kind, Problem, Usage
    from engine.dialects.base import Failing
    from engine.dialects.codec import Asked


DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":%s}}\n\n'
"""What a stream is mostly made of."""


class Waiting:
    """A block that is open, or waits for its turn. `kind` is the type of what fills it, "" for one that comes whole."""

    __slots__ = ("begun", "call", "done", "kind", "live", "opening", "pending", "place", "signature", "start")

    def __init__(self, kind: str, start: dict[str, Any], call: Kind | None = None) -> None:
        self.kind = kind
        self.start = start
        self.call = call
        """What a call takes: None for any other block."""
        self.pending: list[str] = []
        """What came for it and was not written yet."""
        self.opening = ""
        """The first character of a call's input that is not blank."""
        self.place = 0
        """The number of the call in the answer."""
        self.live = False
        """The input of a call is being written as it comes."""
        self.signature: str | None = None
        self.begun = False
        self.done = False


class MessagesEncoder:
    """Implements `Encoder` (codec.py)."""

    __slots__ = (
        "_asked",
        "_blocks",
        "_calls",
        "_finished",
        "_ids",
        "_next",
        "_refusal",
        "_size",
        "_started",
        "_stop",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._ids = Ids(asked)
        self._blocks: deque[Waiting] = deque()
        """The block that is open, and those behind it."""
        self._calls: dict[int, Waiting] = {}
        self._next = 0
        """The index of the next block to begin."""
        self._started = False
        self._finished = False
        self._refusal: list[str] = []
        self._stop: Stop | None = None
        self._usage: Usage | None = None
        self._size = 0
        """Bytes of UTF-8 that the model wrote, for a guess at its tokens."""

    def feed(self, events: Iterable[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if self._finished:
                break
            if not self._started:
                self._started = True
                out.append(self._begin())
            if take := TAKERS.get(type(event)):
                take(self, event)
            self._drain(out)
            if isinstance(event, Finished):
                self._finished = True
                out.append(self._end())
        return b"".join(out)

    def go_on(self, following: int, *, inside: bool) -> None:
        """Go on with a stream of texts whose next block is number `following`; `inside`: the one before it is open."""
        self._started = True
        self._next = following - inside
        if inside:
            block = self._add(Waiting("text", {}))
            block.begun = True

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:  # noqa: ARG002 - an error stands by itself
        return None

    def _begin(self) -> bytes:
        """The true input is not known yet: the estimate stands here, the truth in message_delta."""
        message = {
            **head(self._asked),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": guessed(self._asked, 0),
        }
        return _event("message_start", {"message": message})

    def _write(self, event: Wrote) -> None:
        self._fill("text", event.text)

    def _refuse(self, event: Refused) -> None:
        self._refusal.append(event.text)
        self._fill("refusal", event.text)

    def _think(self, event: Thought) -> None:
        self._fill("thinking", event.text)

    def _sign(self, event: Signed) -> None:
        block = self._last("thinking")  # a signature without text is a block too
        block.signature = signature_of(event.signature, event.form, self._asked.source)
        block.done = True

    def _seal(self, event: Sealed) -> None:
        data = data_of(event.data, event.form, self._asked.source)
        self._add(Waiting("", {"type": "redacted_thinking", "data": data})).done = True

    def _call(self, event: Called) -> None:
        start = {"type": "tool_use", "id": self._ids.give(event.id), "name": event.name, "input": {}}
        block = self._calls[event.index] = self._add(Waiting("tool", start, event.kind))
        block.place = len(self._calls) - 1

    def _argue(self, event: Argued) -> None:
        block = self._calls[event.index]
        block.pending.append(event.arguments)
        block.opening = block.opening or event.arguments.lstrip()[:1]
        self._size += len(event.arguments.encode())

    def _ended(self, event: Ended) -> None:
        if event.index is None:
            self._close()
        else:
            self._calls[event.index].done = True

    def _use(self, event: Used) -> None:
        self._usage = event.usage

    def _stopped(self, event: Stopped) -> None:
        self._stop = event.stop

    def _lose(self, event: Lost) -> None:
        self._asked.lost.once(event.loss)

    def _finish(self, _event: Finished) -> None:
        for block in self._blocks:
            block.done = True

    def _fill(self, kind: str, text: str) -> None:
        """Add text to the last block if it is of this kind, else to a new one; no text, no block."""
        if text:
            self._last(kind).pending.append(text)
            self._size += len(text.encode())

    def _last(self, kind: str) -> Waiting:
        """Return the last block if it is of this kind and open, else a new one."""
        if self._blocks and self._blocks[-1].kind == kind and not self._blocks[-1].done:
            return self._blocks[-1]
        empty: dict[str, Any] = {"type": "text", "text": ""}
        if kind == "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
        return self._add(Waiting(kind, empty))

    def _add(self, block: Waiting) -> Waiting:
        self._close()
        self._blocks.append(block)
        return block

    def _close(self) -> None:
        """The text or reasoning that came last is complete; calls say themselves when they are."""
        if self._blocks and self._blocks[-1].kind != "tool":
            self._blocks[-1].done = True

    def _drain(self, out: list[bytes]) -> None:
        """Write what may be written: the first block as far as it came, and the next ones if it is complete."""
        while self._blocks:
            block = self._blocks[0]
            if not block.begun:
                out.append(_event("content_block_start", {"index": self._next, "content_block": block.start}))
            out += self._deltas(block)
            block.begun = True
            if not block.done:
                return
            out.append(_event("content_block_stop", {"index": self._next}))
            self._next += 1
            self._blocks.popleft()

    def _deltas(self, block: Waiting) -> list[bytes]:
        """Return what is to be written of the first block now."""
        if block.kind == "tool":
            return [self._delta("input_json_delta", "partial_json", one) for one in self._arguments(block)]
        pending, block.pending = block.pending, []
        if block.kind != "thinking":
            return [self._delta("text_delta", "text", one) for one in pending]
        deltas = [self._delta("thinking_delta", "thinking", one) for one in pending]
        if block.done:
            signature = block.signature or signature_of(None, "messages", self._asked.source)
            deltas.append(self._delta("signature_delta", "signature", signature))
        return deltas

    def _arguments(self, block: Waiting) -> list[str]:
        """Return the fragments of a call's input that may be written now, none of them empty.

        An open call streams as the model writes it. What does not begin as an object waits until it is whole, and then
        becomes one as in a whole answer (`input_of`); so does a call that is complete before its turn comes.
        """
        assert block.call is not None
        if not block.live and block.done:
            call = Call(id="", name="", arguments="".join(block.pending), kind=block.call)
            note_input(call, block.place, self._asked)
            block.pending = [input_text(call)]
        elif not block.live and (block.call == "custom" or block.opening != "{"):
            return []
        block.live = True
        pending, block.pending = block.pending, []
        return [one for one in pending if one]

    def _delta(self, kind: str, field: str, value: str) -> bytes:
        return DELTA % (self._next, kind.encode(), field.encode(), msgspec.json.encode(value))

    def _end(self) -> bytes:
        stop = self._stop or Stop(reason="end")
        if self._usage is None or self._usage.estimated:
            self._asked.lost.once(UNTOLD)
        usage = guessed(self._asked, self._size) if self._usage is None else counted(self._usage)
        delta = {"delta": stopped(stop, called=bool(self._calls), refusal="".join(self._refusal)), "usage": usage}
        return _event("message_delta", delta) + STOP


TAKERS: dict[type[Event], Callable[[MessagesEncoder, Any], None]] = {
    Wrote: MessagesEncoder._write,
    Refused: MessagesEncoder._refuse,
    Thought: MessagesEncoder._think,
    Signed: MessagesEncoder._sign,
    Sealed: MessagesEncoder._seal,
    Called: MessagesEncoder._call,
    Argued: MessagesEncoder._argue,
    Ended: MessagesEncoder._ended,
    Used: MessagesEncoder._use,
    Lost: MessagesEncoder._lose,
    Stopped: MessagesEncoder._stopped,
    Finished: MessagesEncoder._finish,
}
"""What an event does to the state; `Started` does nothing that the first event of any kind does not do."""


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return frame(msgspec.json.encode({"type": name, **fields}), name.encode())


STOP = _event("message_stop", {})
