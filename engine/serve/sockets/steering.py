"""What a client says to a response that is under way (`response.steer`): its successor begins with it.

The vendor may stop a response for it, or let it end by itself and then go on (types/responses/response_steer_event.py,
openai 3.57). Turnout does the second, which any upstream can: the answer under way is left as it is.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import msgspec
from msgspec import Raw

MOST = 16
"""How many steers may wait for one response."""
PARTS = frozenset({"input_text", "input_image", "input_file"})
SAID = {
    "response_not_found": "no such response is under way on this connection",
    "response_already_completed": "the response has completed: send a response.create that goes on from it",
    "response_not_active": "the response was cancelled",
    "invalid_input": "`input` must be a string or a list of user messages that is not empty",
    "too_many_pending_steers": f"{MOST} steers wait for this response already",
    "successor_creation_failed": "the response failed, so it has no successor",
}
_start = os.urandom(5).hex()
_count = itertools.count(1)


class Part(msgspec.Struct):
    type: str


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A user message, and nothing else."""

    role: str
    content: str | list[Part]
    type: str = "message"


class Steer(msgspec.Struct, frozen=True):
    """One that has been accepted."""

    id: str
    target: str
    input: Raw


class Steering:
    """What waits for one response."""

    def __init__(self) -> None:
        self.waiting: list[Steer] = []

    def take(self, sent: Raw, target: str, lane: str | None) -> bytes:
        """Accept what was sent, or say why not; return the frame for it."""
        if items_of(sent) is None:
            return failed("invalid_input", sent, target, lane)
        if len(self.waiting) >= MOST:
            return failed("too_many_pending_steers", sent, target, lane)
        steer = Steer(f"steer_{_start}{next(_count):08x}", target, sent)
        self.waiting.append(steer)
        said = {"id": steer.id, "previous_response_id": target}
        return _frame("response.steer.accepted", {"steer": said}, lane)

    def items(self) -> tuple[Raw, ...]:
        """Return what waits, as items of an input."""
        return tuple(item for steer in self.waiting for item in items_of(steer.input) or ())

    def pend(self, required: list[dict[str, Any]], lane: str | None, number: int) -> list[bytes]:
        """Return the frames that say that the client's own results come first."""
        return [
            _frame(
                "response.steer.pending",
                {
                    "steer": {"id": steer.id, "previous_response_id": steer.target},
                    "reason": "waiting_for_required_input",
                    "required_input": required,
                },
                lane,
                number + place,
            )
            for place, steer in enumerate(self.waiting)
        ]

    def fail(self, code: str, lane: str | None) -> list[bytes]:
        """Return the frames that give everything back."""
        waiting, self.waiting = self.waiting, []
        return [failed(code, one.input, one.target, lane, one.id) for one in waiting]


def items_of(sent: Raw) -> tuple[Raw, ...] | None:
    """Return the user messages of a steer, None where it is something else."""
    try:
        if bytes(sent).lstrip().startswith(b'"'):
            text = msgspec.json.decode(sent, type=str)
            content = [{"type": "input_text", "text": text}]
            return (
                (Raw(msgspec.json.encode({"type": "message", "role": "user", "content": content})),) if text else None
            )
        items = msgspec.json.decode(sent, type=list[Raw])
        messages = [msgspec.json.decode(item, type=Message) for item in items]
    except msgspec.DecodeError:
        return None
    fits = all(
        one.role == "user"
        and one.type == "message"
        and (isinstance(one.content, str) or all(part.type in PARTS for part in one.content))
        for one in messages
    )
    return tuple(items) if items and fits else None


def failed(code: str, sent: Raw, target: str, lane: str | None, ident: str | None = None) -> bytes:
    """Return the frame that gives a steer back."""
    steer: dict[str, Any] = {"input": sent, "previous_response_id": target}
    error = {"type": "invalid_request_error", "code": code, "message": SAID[code]}
    return _frame("response.steer.failed", {"error": error, "steer": steer | ({"id": ident} if ident else {})}, lane)


def _frame(kind: str, fields: dict[str, Any], lane: str | None, number: int = 0) -> bytes:
    said = {"type": kind, "sequence_number": number, **fields}
    return msgspec.json.encode(said if lane is None else {**said, "stream_id": lane})
