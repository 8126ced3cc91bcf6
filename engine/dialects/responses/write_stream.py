"""Writes a stream for a client of the Responses API. One object per stream, sans-io.

Items are strictly sequential here: where an upstream speaks of several calls in turn, the first streams on and the
others wait until their turn comes, and so does text that comes while a call is still open. Nothing is lost, and the
items stand in the order in which they began. Texts and refusals in a row are the parts of one message.

Protocol facts: openai 3.54 (types/responses/response_stream_event.py, lib/streaming/responses/_responses.py); clients
build their history from response.output_item.done, which tells the whole item (Codex 0.169).
"""

from __future__ import annotations

from collections import deque
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
    Stop,
    Stopped,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.measure import octets
from engine.dialects.openai.answers import Ids, explanation, guessed
from engine.dialects.openai.arguments import is_object
from engine.dialects.responses.broken import failed_event
from engine.dialects.responses.items import (
    CALL_ID,
    CALLS,
    call,
    cut_short,
    ident,
    message,
    reasoning,
    sealed,
    spaces,
)
from engine.dialects.responses.response import response_of
from engine.dialects.responses.tell import Teller
from engine.dialects.responses.write_answer import note_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.chat import Event, Problem, Usage
    from engine.dialects.base import Failing
    from engine.dialects.codec import Asked
    from engine.dialects.responses.items import Status

TEXTS = ("output_text", "refusal")
"""What makes the parts of a message."""


class Waiting:
    """What is open, or waits for its turn: a text of a message, reasoning, or a call."""

    __slots__ = ("begun", "done", "encrypted", "id", "kind", "named", "pending", "spoken", "whole")

    def __init__(self, kind: str, named: dict[str, str] | None = None) -> None:
        self.kind = kind
        self.named = named or {}
        """Of a call: its call_id, its name and its namespace."""
        self.id = ""
        """That of its item; reasoning may bring its own."""
        self.pending: list[str] = []
        """What came for it and was not written yet."""
        self.spoken = kind == "custom_tool_call"
        """What came for it may be written: of the arguments of a function, more than blanks came."""
        self.encrypted: str | None = None
        self.begun = False
        self.done = False
        self.whole: bool | None = None
        """Whether the arguments of a call that is done are a JSON object; None: nobody looked yet."""


class ResponsesEncoder:
    """Implements `Encoder` (codec.py)."""

    __slots__ = (
        "_asked",
        "_blocks",
        "_calls",
        "_cut",
        "_finished",
        "_ids",
        "_message",
        "_refused",
        "_size",
        "_spaces",
        "_started",
        "_stop",
        "_tell",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._ids = Ids(asked, CALL_ID)
        self._spaces = spaces(asked.tools)
        self._tell = Teller()
        self._blocks: deque[Waiting] = deque()
        """What is open, and what waits behind it."""
        self._calls: dict[int, Waiting] = {}
        self._message = ""
        """The id of the message that is open: the last text may be done, and another one follow."""
        self._started = False
        self._finished = False
        self._refused = False
        self._cut: str | None = None
        """Why the response is incomplete."""
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
            self._drain(out)
            if self._finished:
                self._end(out)
        return b"".join(out)

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:  # noqa: ARG002 - the response has its own id
        if not self._started or self._finished:
            return None
        self._finished = True
        told = response_of(self._asked, "in_progress", self._tell.output)
        return failed_event(told, problem, self._tell.number)

    def _begin(self, out: list[bytes]) -> None:
        self._started = True
        told = {"response": msgspec.Raw(msgspec.json.encode(response_of(self._asked, "in_progress", [])))}
        out += (self._tell.event(kind, told) for kind in ("response.created", "response.in_progress"))

    def _write(self, event: Wrote) -> None:
        self._fill("output_text", event.text)

    def _refuse(self, event: Refused) -> None:
        self._refused = self._refused or bool(event.text)
        self._fill("refusal", event.text)

    def _think(self, event: Thought) -> None:
        self._fill("reasoning", event.text)

    def _sign(self, event: Signed) -> None:
        block = self._last("reasoning")  # a seal without text is an item too
        block.id, block.encrypted = sealed(self._asked.source, event.form, signature=event.signature, told=block.id)
        block.done = True

    def _seal(self, event: Sealed) -> None:
        block = self._add(Waiting("reasoning"))
        block.id, block.encrypted = sealed(self._asked.source, event.form, data=event.data)
        block.done = True

    def _call(self, event: Called) -> None:
        named = {"call_id": self._ids.give(event.id), **self._spaces.get(event.name, {"name": event.name})}
        self._calls[event.index] = self._add(Waiting(CALLS[event.kind], named))

    def _argue(self, event: Argued) -> None:
        block = self._calls[event.index]
        block.pending.append(event.arguments)
        block.spoken = block.spoken or bool(event.arguments.strip())
        self._weigh(event.arguments)

    def _ended(self, event: Ended) -> None:
        if event.index is None:
            self._close_text()
        else:
            self._calls[event.index].done = True

    def _use(self, event: Used) -> None:
        self._usage = event.usage

    def _stopped(self, event: Stopped) -> None:
        self._stop = event.stop

    def _lose(self, event: Lost) -> None:
        self._asked.lost.once(event.loss)

    def _finish(self, _event: Finished) -> None:
        self._finished = True
        said = explanation(self._stop)
        if said and not self._refused:
            self._refused = True
            self._put("refusal", said)
        self._cut = cut_short(self._stop, refused=self._refused)
        for block in self._blocks:
            block.done = True

    def _weigh(self, said: str) -> None:
        if self._usage is None:
            self._size += octets(said)

    def _fill(self, kind: str, text: str) -> None:
        """Add what the model wrote; no text is nothing."""
        if text:
            self._put(kind, text)
            self._weigh(text)

    def _put(self, kind: str, text: str) -> None:
        """Add text to what came last if it is of this kind, else to something new."""
        block = self._last(kind)
        block.pending.append(text)
        block.spoken = True

    def _last(self, kind: str) -> Waiting:
        if self._blocks and self._blocks[-1].kind == kind and not self._blocks[-1].done:
            return self._blocks[-1]
        return self._add(Waiting(kind))

    def _add(self, block: Waiting) -> Waiting:
        self._close_text()
        self._blocks.append(block)
        return block

    def _close_text(self) -> None:
        """The text or reasoning that came last is complete; calls say themselves when they are."""
        if self._blocks and not self._blocks[-1].named:
            self._blocks[-1].done = True

    def _drain(self, out: list[bytes]) -> None:
        """Write what may be written: what is open as far as it came, and what waits behind it if that is complete."""
        while self._blocks:
            block = self._blocks[0]
            if not block.begun:
                self._open(block, out)
            if block.spoken:  # blanks alone are no arguments, and what went out cannot be taken back
                self._say(block, out)
            if not block.done or self._waits(block):
                return
            self._close(block, out)
            self._blocks.popleft()

    def _say(self, block: Waiting, out: list[bytes]) -> None:
        if said := "".join(block.pending):
            out.append(self._tell.say(said))
        block.pending.clear()

    def _open(self, block: Waiting, out: list[bytes]) -> None:
        block.begun = True
        tell = self._tell
        if block.kind in TEXTS:
            if not self._message:
                self._message = self._ident("message")
                out.append(tell.open(message(self._message, [], "in_progress")))
            out.append(tell.begin(block.kind))
            return
        self._close_message("completed", out)
        block.id = block.id or self._ident(block.kind)
        if block.kind == "reasoning":
            out.append(tell.open(reasoning(block.id, [])))
            if block.spoken:
                out.append(tell.begin("summary_text"))
        else:
            out.append(tell.open(call(block.kind, block.id, block.named, "", "in_progress")))
            out.append(tell.begin(block.kind))

    def _ident(self, kind: str) -> str:
        return ident(self._asked, kind, len(self._tell.output))

    def _waits(self, block: Waiting) -> bool:
        """Say whether a call is done that may have been cut short: what follows tells."""
        last = block.kind == "function_call" and block is self._blocks[-1]
        return last and not self._finished and not self._is_whole(block)

    def _is_whole(self, block: Waiting) -> bool:
        """Say whether the arguments of the call that is open are a JSON object."""
        if block.whole is None:
            block.whole = is_object(self._tell.said())
        return block.whole

    def _close(self, block: Waiting, out: list[bytes]) -> None:
        tell = self._tell
        if block.kind in TEXTS:
            out.append(tell.end())
        elif block.kind == "reasoning":
            if block.spoken:
                out.append(tell.end())
            encrypted = block.encrypted or sealed(self._asked.source)[1]
            out.append(tell.close(reasoning(block.id, tell.parts, encrypted)))
        else:
            self._close_call(block, out)

    def _close_call(self, block: Waiting, out: list[bytes]) -> None:
        cut = self._cut is not None and block is self._blocks[-1]
        if not block.spoken and not cut:
            block.pending = ["{}"]
        self._say(block, out)
        out.append(self._tell.end())
        status: Status = "incomplete" if cut and not self._is_whole(block) else "completed"
        out.append(self._tell.close(call(block.kind, block.id, block.named, self._tell.said(), status)))

    def _close_message(self, status: Status, out: list[bytes]) -> None:
        if self._message:
            out.append(self._tell.close(message(self._message, self._tell.parts, status)))
            self._message = ""

    def _end(self, out: list[bytes]) -> None:
        note_end(self._stop, self._usage, self._asked)
        status: Status = "incomplete" if self._cut else "completed"
        self._close_message(status, out)
        usage = self._usage or guessed(self._asked, self._size)
        told = response_of(self._asked, status, self._tell.output, reason=self._cut, usage=usage)
        if self._asked.keep is not None:
            self._asked.keep(told)
        out.append(self._tell.event(f"response.{status}", {"response": told}))


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
    Finished: ResponsesEncoder._finish,
}
"""What an event does to the state; `Started` does nothing that the first event of any kind does not do."""
