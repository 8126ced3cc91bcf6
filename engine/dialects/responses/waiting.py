"""The items of a stream in the order in which they began, one after the other, whatever comes in turn.

Where an upstream speaks of several calls in turn, the first streams on and the others wait until their turn comes, and
so does text that comes while a call is still open. Nothing is lost. Texts and refusals in a row are the parts of one
message.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from engine.dialects.openai.arguments import is_object
from engine.dialects.responses.items import call, ident, message, reasoning, sealed
from engine.dialects.responses.tell import Teller

if TYPE_CHECKING:
    from engine.dialects.codec import Asked
    from engine.dialects.responses.items import Status
    from engine.dialects.responses.tell import Standing

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


class Queue:
    """What is open, and what waits behind it. `tell` is the stream so far."""

    __slots__ = ("_asked", "_blocks", "_cut", "_message", "_over", "tell")

    def __init__(self, asked: Asked) -> None:
        self.tell = Teller()
        self._asked = asked
        self._blocks: deque[Waiting] = deque()
        self._message = ""
        """The id of the message that is open: its last text may be done, and another one follow."""
        self._over = False
        self._cut = False

    def go_on(self, standing: Standing) -> None:
        self.tell.go_on(standing)
        self._message = standing.item or ""
        if standing.said is not None:
            block = self.add(Waiting("output_text"))
            block.begun = block.spoken = True
            block.done = standing.ended

    def put(self, kind: str, text: str) -> None:
        """Add text to what came last if it is of this kind, else to something new."""
        block = self.last(kind)
        block.pending.append(text)
        block.spoken = True

    def last(self, kind: str) -> Waiting:
        if self._blocks and self._blocks[-1].kind == kind and not self._blocks[-1].done:
            return self._blocks[-1]
        return self.add(Waiting(kind))

    def add(self, block: Waiting) -> Waiting:
        self.end_text()
        self._blocks.append(block)
        return block

    def end_text(self) -> None:
        """The text or reasoning that came last is complete; calls say themselves when they are."""
        if self._blocks and not self._blocks[-1].named:
            self._blocks[-1].done = True

    def finish(self, out: list[bytes], *, cut: bool) -> None:
        """Nothing more comes. `cut`: what came last was cut short."""
        self._over, self._cut = True, cut
        for block in self._blocks:
            block.done = True
        self.drain(out)
        self._close_message("incomplete" if cut else "completed", out)

    def drain(self, out: list[bytes]) -> None:
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
            out.append(self.tell.say(said))
        block.pending.clear()

    def _open(self, block: Waiting, out: list[bytes]) -> None:
        block.begun = True
        tell = self.tell
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
        return ident(self._asked, kind, len(self.tell.output))

    def _waits(self, block: Waiting) -> bool:
        """Say whether a call is done that may have been cut short: what follows tells."""
        last = block.kind == "function_call" and block is self._blocks[-1]
        return last and not self._over and not self._is_whole(block)

    def _is_whole(self, block: Waiting) -> bool:
        """Say whether the arguments of the call that is open are a JSON object."""
        if block.whole is None:
            block.whole = is_object(self.tell.said())
        return block.whole

    def _close(self, block: Waiting, out: list[bytes]) -> None:
        tell = self.tell
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
        cut = self._cut and block is self._blocks[-1]
        if not block.spoken and not cut:
            block.pending = ["{}"]
        self._say(block, out)
        out.append(self.tell.end())
        status: Status = "incomplete" if cut and not self._is_whole(block) else "completed"
        out.append(self.tell.close(call(block.kind, block.id, block.named, self.tell.said(), status)))

    def _close_message(self, status: Status, out: list[bytes]) -> None:
        if self._message:
            out.append(self.tell.close(message(self._message, self.tell.parts, status)))
            self._message = ""
