"""Writes a stream for a client of chat completions. One object per stream, sans-io.

Protocol facts: openai 3.54 (types/chat/chat_completion_chunk.py, _streaming.py). The chunk type there knows function
calls only; free-text calls go as the API itself sends them: `{index, id, type: custom, custom: {name, input}}`, which
nobody meets who has not asked for a custom tool.
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
    Refused,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.chat.write_answer import SECOND, finish, head, sealed, signed
from engine.dialects.lost import UNTOLD
from engine.dialects.measure import octets
from engine.dialects.openai.answers import Ids, explanation, guessed, note_stop
from engine.dialects.openai.choice import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.chat import Event, Kind, Problem, Usage
    from engine.dialects.base import Failing
    from engine.dialects.codec import Asked

DONE = b"data: [DONE]\n\n"
SAID: dict[Kind, str] = {"function": "arguments", "custom": "input"}
"""Kind of call -> the field that holds what the model wrote."""


def head_of(asked: Asked, told: dict[str, Any]) -> bytes:
    """Return how every chunk begins; what a stream has `told` already stays as it is."""
    return msgspec.json.encode({**head(asked, "chat.completion.chunk"), **told})[:-1] + b',"choices":['


class Calling:
    """A call that has begun. `place` is its index on the wire; None for one that has no place there."""

    __slots__ = ("argued", "ended", "kind", "place")

    def __init__(self, place: int | None, kind: Kind) -> None:
        self.place = place
        self.kind = kind
        self.argued = False
        self.ended = False


class ChatEncoder:
    """Implements `Encoder` (codec.py)."""

    __slots__ = (
        "_asked",
        "_calls",
        "_finished",
        "_head",
        "_ids",
        "_refused",
        "_size",
        "_started",
        "_stop",
        "_tail",
        "_thinking",
        "_thoughts",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._head = head_of(asked, {})
        self._tail = b'],"usage":null}\n\n' if asked.usage else b"]}\n\n"
        self._asked = asked
        self._ids = Ids(asked)
        self._started = False
        self._finished = False
        self._calls: dict[int, Calling] = {}
        self._thinking: list[str] | None = None
        """The text of the reasoning that is open; None: there is none."""
        self._thoughts = 0
        """How many blocks of reasoning have begun."""
        self._refused = False
        self._stop = Stop(reason="end")
        self._usage: Usage | None = None
        self._size = 0
        """Bytes the model wrote while nothing was known of its usage."""

    def feed(self, events: Iterable[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if self._finished:
                break
            if not self._started:
                self._started = True
                out.append(self._chunk({"role": "assistant", "content": ""}))
            WRITERS[type(event)](self, event, out)
        return b"".join(out)

    def go_on(self, told: dict[str, Any]) -> None:
        """Go on with a stream whose chunks have `told` in common."""
        self._started = True
        self._head = head_of(self._asked, told)

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:  # noqa: ARG002 - an error stands by itself
        return None

    def _chunk(self, delta: dict[str, Any], ending: dict[str, Any] | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, **(ending or {"finish_reason": None})}
        return b"data: " + self._head + msgspec.json.encode(choice) + self._tail

    def _weigh(self, said: str) -> None:
        if self._usage is None:
            self._size += octets(said)

    def _start(self, _event: Started, _out: list[bytes]) -> None:
        """The role went out already."""

    def _write(self, event: Wrote, out: list[bytes]) -> None:
        self._thinking = None
        if event.text:
            self._weigh(event.text)
            out.append(self._chunk({"content": event.text}))

    def _refuse(self, event: Refused, out: list[bytes]) -> None:
        self._thinking = None
        if event.text:
            self._refused = True
            self._weigh(event.text)
            out.append(self._chunk({"refusal": event.text}))

    def _think(self, event: Thought, out: list[bytes]) -> None:
        if self._thinking is None:
            self._thinking = []
            self._thoughts += 1
        if event.text:
            self._thinking.append(event.text)
            self._weigh(event.text)
            out.append(self._chunk(dict.fromkeys(self._asked.reasoning, event.text)))

    def _sign(self, event: Signed, out: list[bytes]) -> None:
        self._thoughts += self._thinking is None
        thought = "".join(self._thinking or ())
        detail = signed(self._thoughts - 1, thought, event.signature, event.form, self._asked.source)
        self._thinking = None
        out.append(self._chunk({"reasoning_details": [detail]}))

    def _seal(self, event: Sealed, out: list[bytes]) -> None:
        self._thinking = None
        self._thoughts += 1
        detail = sealed(self._thoughts - 1, event.data, event.form, self._asked.source)
        out.append(self._chunk({"reasoning_details": [detail]}))

    def _call(self, event: Called, out: list[bytes]) -> None:
        self._thinking = None
        place = len(self._calls)
        if self._asked.legacy:
            self._calls[event.index] = Calling(None if place else 0, event.kind)
            if place:
                self._asked.lost.once(SECOND)
            else:  # one call is all that this form can say; the client asks again after it
                out.append(self._chunk({"function_call": {"name": event.name, "arguments": ""}}))
            return
        self._calls[event.index] = Calling(place, event.kind)
        ident = self._ids.give(event.id)
        called = {"name": event.name, SAID[event.kind]: ""}
        out.append(self._chunk({"tool_calls": [{"index": place, "id": ident, "type": event.kind, event.kind: called}]}))

    def _argue(self, event: Argued, out: list[bytes]) -> None:
        call = self._calls[event.index]
        # blanks alone are no arguments, and what went out cannot be taken back when nothing follows them
        blank = not call.argued and call.kind == "function" and not event.arguments.strip()
        if not event.arguments or blank or call.place is None:
            return
        call.argued = True
        self._weigh(event.arguments)
        if self._asked.legacy:
            out.append(self._chunk({"function_call": {"arguments": event.arguments}}))
            return
        said = {SAID[call.kind]: event.arguments}
        out.append(self._chunk({"tool_calls": [{"index": call.place, call.kind: said}]}))

    def _end(self, event: Ended, out: list[bytes]) -> None:
        if event.index is None:
            self._thinking = None
            return
        call = self._calls[event.index]
        if not call.argued and not call.ended and call.kind == "function":
            self._argue(Argued(event.index, "{}"), out)
        call.ended = True

    def _use(self, event: Used, _out: list[bytes]) -> None:
        self._usage = event.usage

    def _stopped(self, event: Stopped, _out: list[bytes]) -> None:
        self._stop = event.stop
        note_stop(event.stop, self._asked)

    def _lose(self, event: Lost, _out: list[bytes]) -> None:
        self._asked.lost.once(event.loss)

    def _finish(self, _event: Finished, out: list[bytes]) -> None:
        for index in self._calls:
            self._end(Ended(index), out)  # a call may have been left open
        said = explanation(self._stop)
        if said and not self._refused:
            out.append(self._chunk({"refusal": said}))
        out.append(self._chunk({}, finish(self._stop, bool(self._calls), self._asked.legacy)))
        if self._asked.usage:
            if self._usage is None or self._usage.estimated:
                self._asked.lost.once(UNTOLD)
            usage = counted(self._usage or guessed(self._asked, self._size))
            out.append(b"data: " + self._head + b'],"usage":' + msgspec.json.encode(usage) + b"}\n\n")
        out.append(DONE)
        self._finished = True


WRITERS: dict[type[Event], Callable[[ChatEncoder, Any, list[bytes]], None]] = {
    Started: ChatEncoder._start,
    Wrote: ChatEncoder._write,
    Refused: ChatEncoder._refuse,
    Thought: ChatEncoder._think,
    Signed: ChatEncoder._sign,
    Sealed: ChatEncoder._seal,
    Called: ChatEncoder._call,
    Argued: ChatEncoder._argue,
    Ended: ChatEncoder._end,
    Used: ChatEncoder._use,
    Lost: ChatEncoder._lose,
    Stopped: ChatEncoder._stopped,
    Finished: ChatEncoder._finish,
}
