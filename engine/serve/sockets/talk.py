"""What is said on a socket: frames of a client to requests, and answers to frames. Pure but for what it remembers.

A `Talk` is one connection's; an `Answering` is one request's on it. `plain.py` and `responses.py` are the two kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from engine.chat import Headers, Problem
    from engine.upstreams.turn import Turn

FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Answering(Protocol):
    """One request, and how its answer is said."""

    turn: Turn | None
    """What the request says beside its body."""

    def body(self) -> bytes:
        """Return the body of the POST, as its turn comes. Raises `Problem`."""

    @property
    def over(self) -> bool:
        """Everything has been said: its end, or an error."""

    def refused(self, problem: Problem) -> list[bytes]:
        """Return the frames for a request that cannot be asked."""

    def begin(self, headers: Headers) -> None:
        """A stream begins, with this head."""

    def event(self, data: bytes) -> list[bytes]:
        """Return the frames for the data of one event of a stream."""

    def end(self) -> list[bytes]:
        """Return the frames that end a stream."""

    def whole(self, status: int, headers: Headers, body: bytes) -> list[bytes]:
        """Return the frames for an answer in one piece, an error too."""

    def broken(self) -> list[bytes]:
        """Return the frames for an answer that ended without its end."""

    def cancelled(self) -> list[bytes]:
        """Return the frames for a request that the client has taken back."""

    def follow(self) -> Ask | None:
        """Return what is asked next in its lane, before anything that waits there."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that asks something: the POST it stands for. Those of one `lane` go one after the other."""

    path: str
    """Of the endpoint, such as /v1/messages."""
    size: int
    """Bytes that it holds while it waits."""
    answering: Answering
    lane: str = ""
    name: str | None = None
    """By which the client may take it back."""


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that takes a request back. `name` None: whatever runs in `lane`; `waiting`: and whatever waits there."""

    lane: str = ""
    name: str | None = None
    waiting: bool = True


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that is answered at once."""

    frames: list[bytes]


Heard = Ask | Cancel | Say


class Talk(Protocol):
    """What one connection speaks."""

    def hear(self, data: bytes) -> Heard:
        """Read one text frame. Raises `Problem` (400) for one that says nothing that is known here."""

    def problem(self, problem: Problem, data: bytes = b"") -> bytes:
        """Return the frame that says `problem` of a frame."""

    def crowded(self, most: int) -> Problem:
        """Return the refusal of one more request than `most`."""

    def aged(self, seconds: float) -> bytes | None:
        """Return the frame that says that the connection is as old as it may get, where there is one."""

    def close(self) -> None:
        """Let go of what is kept for the connection."""


def opened(data: bytes) -> dict[str, msgspec.Raw]:
    """Return the fields of a frame. Raises `Problem` (400)."""
    from engine.chat import Problem

    try:
        return FIELDS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "invalid_json", f"the frame is not one JSON object: {error}") from None


def text_of(fields: dict[str, msgspec.Raw], name: str) -> str | None:
    """Return a field that is a text; None where it is absent or null. Raises `Problem` (400)."""
    from engine.chat import Problem

    raw = fields.get(name)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        raise Problem(400, "invalid_request", f"`{name}` must be a string", param=name) from None


def lost(headers: Headers) -> dict[str, str]:
    """Return the field of a good answer's head that says what was left out of the request; nothing if nothing was."""
    return {name.decode(): value.decode("latin-1") for name, value in headers if name == b"x-turnout-loss"}


def told(headers: Headers) -> dict[str, str]:
    """Return the fields of an error's head that clients act on: how long to wait, what is left, who it was."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers
        if name.startswith((b"retry-after", b"x-ratelimit-", b"anthropic-ratelimit-", b"x-turnout-", b"x-should-retry"))
        or name in (b"x-request-id", b"request-id")
    }
