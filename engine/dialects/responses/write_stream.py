"""Writes a stream for a client of the Responses API. One object per stream, sans-io.

Protocol facts: openai 3.54 (types/responses/response_stream_event.py, lib/streaming/responses/_responses.py); clients
build their history from response.output_item.done, which tells the whole item (Codex 0.169).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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
    Stop,
    Stopped,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.measure import octets
from engine.dialects.openai.answers import Ids, explanation, guessed
from engine.dialects.responses.broken import failed_event
from engine.dialects.responses.items import CALL_ID, CALLS, cut_short, sealed, spaces
from engine.dialects.responses.response import response_of
from engine.dialects.responses.waiting import Queue, Waiting
from engine.dialects.responses.write_answer import note_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.chat import Event, Problem, Usage
    from engine.dialects.base import Failing
    from engine.dialects.codec import Asked
    from engine.dialects.responses.tell import Standing


MOVING = frozenset({"status", "completed_at", "error", "incomplete_details", "output", "usage"})
"""The fields of a response that change while it is told."""


class ResponsesEncoder:
    """Implements `Encoder` (codec.py)."""

    __slots__ = (
        "_asked",
        "_base",
        "_calls",
        "_finished",
        "_ids",
        "_queue",
        "_refused",
        "_size",
        "_spaces",
        "_started",
        "_stop",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._base: dict[str, Any] = {}
        """What the client was told of the response before this encoder went on with it."""
        self._ids = Ids(asked, CALL_ID)
        self._spaces = spaces(asked.tools)
        self._queue = Queue(asked)
        self._calls: dict[int, Waiting] = {}
        self._started = False
        self._finished = False
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
                self._begin(out)
            if take := TAKERS.get(type(event)):
                take(self, event)
            if isinstance(event, Finished):
                self._end(out)
            else:
                self._queue.drain(out)
        return b"".join(out)

    def go_on(self, response: dict[str, Any], standing: Standing) -> None:
        """Go on with a stream of text; `response` is what its first events tell."""
        self._started = True
        self._base = {field: value for field, value in response.items() if field not in MOVING}
        self._queue.go_on(standing)

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:  # noqa: ARG002 - the response has its own id
        if not self._started or self._finished:
            return None
        self._finished = True
        told = {**response_of(self._asked, "in_progress", self._queue.tell.output), **self._base}
        return failed_event(told, problem, self._queue.tell.number)

    def _begin(self, out: list[bytes]) -> None:
        self._started = True
        told = {"response": msgspec.Raw(msgspec.json.encode(response_of(self._asked, "in_progress", [])))}
        out += (self._queue.tell.event(kind, told) for kind in ("response.created", "response.in_progress"))

    def _write(self, event: Wrote) -> None:
        self._fill("output_text", event.text)

    def _refuse(self, event: Refused) -> None:
        self._refused = self._refused or bool(event.text)
        self._fill("refusal", event.text)

    def _think(self, event: Thought) -> None:
        self._fill("reasoning", event.text)

    def _sign(self, event: Signed) -> None:
        block = self._queue.last("reasoning")  # a seal without text is an item too
        block.id, block.encrypted = sealed(self._asked.source, event.form, signature=event.signature, told=block.id)
        block.done = True

    def _seal(self, event: Sealed) -> None:
        block = self._queue.add(Waiting("reasoning"))
        block.id, block.encrypted = sealed(self._asked.source, event.form, data=event.data)
        block.done = True

    def _call(self, event: Called) -> None:
        named = {"call_id": self._ids.give(event.id), **self._spaces.get(event.name, {"name": event.name})}
        self._calls[event.index] = self._queue.add(Waiting(CALLS[event.kind], named))

    def _argue(self, event: Argued) -> None:
        block = self._calls[event.index]
        block.pending.append(event.arguments)
        block.spoken = block.spoken or bool(event.arguments.strip())
        self._weigh(event.arguments)

    def _ended(self, event: Ended) -> None:
        if event.index is None:
            self._queue.end_text()
        else:
            self._calls[event.index].done = True

    def _use(self, event: Used) -> None:
        self._usage = event.usage

    def _stopped(self, event: Stopped) -> None:
        self._stop = event.stop

    def _lose(self, event: Lost) -> None:
        self._asked.lost.once(event.loss)

    def _weigh(self, said: str) -> None:
        if self._usage is None:
            self._size += octets(said)

    def _fill(self, kind: str, text: str) -> None:
        """Add what the model wrote; no text is nothing."""
        if text:
            self._queue.put(kind, text)
            self._weigh(text)

    def _end(self, out: list[bytes]) -> None:
        self._finished = True
        said = explanation(self._stop)
        if said and not self._refused:
            self._refused = True
            self._queue.put("refusal", said)
        reason = cut_short(self._stop, refused=self._refused)
        self._queue.finish(out, cut=reason is not None)
        note_end(self._stop, self._usage, self._asked)
        usage = self._usage or guessed(self._asked, self._size)
        status: Literal["completed", "incomplete"] = "incomplete" if reason else "completed"
        told = {**response_of(self._asked, status, self._queue.tell.output, reason=reason, usage=usage), **self._base}
        if self._asked.keep is not None:
            self._asked.keep(told)
        out.append(self._queue.tell.event(f"response.{status}", {"response": told}))


TAKERS: dict[type[Event], Callable[[ResponsesEncoder, Any], None]] = {
    Wrote: ResponsesEncoder._write,
    Refused: ResponsesEncoder._refuse,
    Thought: ResponsesEncoder._think,
    Signed: ResponsesEncoder._sign,
    Sealed: ResponsesEncoder._seal,
    Called: ResponsesEncoder._call,
    Argued: ResponsesEncoder._argue,
    Ended: ResponsesEncoder._ended,
    Used: ResponsesEncoder._use,
    Lost: ResponsesEncoder._lose,
    Stopped: ResponsesEncoder._stopped,
}
"""What an event does to the state. `Started` does nothing that the first event of any kind does not do; `Finished` ends
it all."""
