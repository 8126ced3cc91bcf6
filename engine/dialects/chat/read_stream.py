"""Reads a stream of the chat API. One object per stream, sans-io.

Strict servers and careless ones: calls without an index, one index for all calls, an id or a name on every fragment,
a whole call in one delta, usage anywhere, no [DONE].

Protocol facts: openai 3.54 (types/chat/chat_completion_chunk.py, _streaming.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import (
    Failed,
    Failure,
    Finished,
    Lost,
    Opaque,
    Refusal,
    Refused,
    Sealed,
    Signed,
    Started,
    Stopped,
    Text,
    Thinking,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.chat import plain
from engine.dialects.chat.calls import Calls
from engine.dialects.chat.finish import stop_of, unheard
from engine.dialects.chat.piece import delta_piece, said_plainly, usage_of
from engine.dialects.failure import text
from engine.dialects.lost import opaque
from engine.dialects.openai.errors import confessed
from engine.dialects.sse import Splitter, parse
from engine.dialects.tap import EVENT_LIMIT, malformed

if TYPE_CHECKING:
    from engine.chat import Block, Event, Usage


class ChatDecoder:
    """Implements `Decoder` (codec.py).

    Calls end, and the reason for the stop is told, when the stream does: some servers put a finish_reason on more
    than one chunk. A stream that only falls silent after its finish_reason is complete: `finish` says so.
    """

    __slots__ = ("_calls", "_choice", "_plain", "_refused", "_splitter", "_started", "_usage", "ended", "failure")

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.ended = False
        self._splitter = Splitter()
        self._started = False
        self._calls = Calls()
        self._choice: dict[str, Any] | None = None
        """The last choice with a finish_reason."""
        self._plain = False
        """Reasoning has come as plain text."""
        self._refused = False
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self.failure is not None or self.ended:
            return events
        for event in self._splitter.feed(data):
            self._take(event, events)
            if self.failure is not None or self.ended:
                return events
        if self._splitter.size > EVENT_LIMIT:
            self.failure = malformed(f"an event of more than {EVENT_LIMIT >> 20} MB")
        return events

    def finish(self) -> list[Event]:
        events: list[Event] = []
        if self.failure is not None or self.ended:
            return events
        rest = self._splitter.take()
        if rest:  # a last event may lack its blank line
            self._take(rest, events)
        if (
            self._choice is not None
            and not self.ended
            and (self.failure is None or self.failure.reason == "disconnect")
        ):
            self.failure = None  # a torn event after the finish_reason takes nothing away
            self._end(events)
        elif not self.ended and self.failure is None:
            self.failure = Failure(
                reason="disconnect", message="the upstream's stream broke off without a finish_reason or [DONE]"
            )
        return events

    def _take(self, event: bytes, events: list[Event]) -> None:
        name, data = parse(event)
        if data is None or not data.strip():
            return
        if data.startswith(b"[DONE]"):
            self._end(events)
            return
        if not name:
            try:
                chunk = plain.decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
            else:
                self._speak(chunk, events)
                return
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = name == b"error" and data.decode(errors="replace")
            self.failure = confessed(told, data) if told else malformed("an event that is not JSON")
            return
        self.failure = confessed(value, data, named=name == b"error")
        if self.failure is None and isinstance(value, dict):
            self._read(value, events)

    def _speak(self, chunk: plain.Chunk, events: list[Event]) -> None:
        """Give out what a plain chunk says, as `_hear` does with any."""
        if not self._started:
            self._start(chunk.id, chunk.model, events)
        delta = chunk.choices[0].delta
        if thought := delta.reasoning_content or delta.reasoning:
            self._plain = True
            self._calls.settle(events)
            events.append(Thought(thought))
        if delta.content:
            self._calls.settle(events)
            events.append(Wrote(delta.content))
        if delta.tool_calls:
            self._calls.take([entry.fragment() for entry in delta.tool_calls], events)

    def _start(self, ident: Any, model: Any, events: list[Event]) -> None:
        self._started = True
        events.append(Started(text(ident), text(model)))

    def _read(self, chunk: dict[str, Any], events: list[Event]) -> None:
        choice = _choice(chunk)
        if choice is not None:
            if not self._started:
                self._start(chunk.get("id"), chunk.get("model"), events)
            delta = choice.get("delta") or choice.get("message")
            if isinstance(delta, dict):
                self._hear(delta, events)
            if isinstance(choice.get("finish_reason"), str) and choice["finish_reason"]:
                self._choice = choice
        usage = usage_of(chunk, choice, chunk.get("x_groq"))
        if usage is not None and usage != self._usage:
            self._usage = usage
            events.append(Used(usage))

    def _hear(self, delta: dict[str, Any], events: list[Event]) -> None:
        """Give out everything a delta says: what was thought, then said, then called."""
        self._plain = self._plain or bool(said_plainly(delta))
        said = delta_piece(delta, plain=self._plain)
        for block in (*said.thoughts, *said.blocks):
            found = _events(block)
            if found and not isinstance(block, Opaque):
                self._calls.settle(events)
            events += found
            self._refused = self._refused or isinstance(block, Refusal)
        if said.calls:
            self._calls.take(said.calls, events)

    def _end(self, events: list[Event]) -> None:
        """The stream is over: end what is open, and say why it stopped."""
        if not self._started:
            self.failure = malformed("the end of its stream before anything else")
            return
        if self._calls.nameless:
            self.failure = malformed("a tool call without a name")
            return
        try:
            stop = stop_of(self._choice or {}, called=self._calls.count > 0, refused=self._refused)
        except Failed as failed:
            self.failure = failed.failure
            return
        if stop.reason == "tool" and self._calls.broken:
            self.failure = malformed("a tool call whose arguments are not JSON")  # the client has seen half of it
            return
        self._calls.end(events)
        events += (*map(Lost, unheard(self._choice or {})), Stopped(stop), Finished())
        self.ended = True


def _choice(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first choice of a chunk; those of `n` above 1 are not ours to merge."""
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return None


def _events(block: Block) -> list[Event]:
    match block:
        case Thinking(sealed=str(data)):
            return [Sealed(data)]
        case Thinking():
            said: list[Event] = [Thought(block.text)] if block.text else []
            return [*said, Signed(block.signature)] if block.signature is not None else said
        case Text():
            return [Wrote(block.text)]
        case Refusal():
            return [Refused(block.text)]
        case Opaque():
            return [Lost(opaque(block))]
    return []  # the reader makes no other
