"""What a model answers, in no vendor's form: whole as a `Response`, in a stream as events."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from engine.chat.request import Block, Form, Kind, Loss


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens, in buckets that do not overlap, but for `reasoning`, which is part of `output`."""

    input: int = 0
    """Input that was neither read from a cache nor written to one."""
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int | None = None
    estimated: bool = False
    """The upstream did not say: this is our own guess."""

    def __add__(self, other: Usage) -> Usage:
        """Return both together."""
        thought = [usage.reasoning for usage in (self, other) if usage.reasoning is not None]
        return Usage(
            input=self.input + other.input,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=sum(thought) if thought else None,
            estimated=self.estimated or other.estimated,
        )


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Why the model stopped. `details` is what the vendor adds to a refusal."""

    reason: Literal["end", "length", "sequence", "tool", "refusal", "pause", "context"]
    sequence: str | None = None
    details: dict[str, Any] | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. `blocks` are Text, Thinking, Call, Refusal and Opaque, which has its path in the answer."""

    id: str
    model: str
    blocks: tuple[Block, ...]
    stop: Stop
    usage: Usage | None = None
    losses: tuple[Loss, ...] = ()
    """What was lost on the way in already; paths are those of the upstream's answer."""


class Event(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower):
    """A piece of a streamed answer. Pieces of one kind in a row are one block; `Ended` closes a block early."""


class Started(Event, frozen=True):
    """The first event of a stream."""

    id: str
    model: str


class Wrote(Event, frozen=True):
    """Text of the answer."""

    text: str


class Thought(Event, frozen=True):
    """Text of the reasoning."""

    text: str


class Signed(Event, frozen=True):
    """The seal on the reasoning before it, given in the API `form`; ends that block, which may be empty."""

    signature: str
    form: Form = "messages"


class Sealed(Event, frozen=True):
    """A whole block of reasoning that only the vendor of the API `form` can read."""

    data: str
    form: Form = "messages"


class Refused(Event, frozen=True):
    """Text of a refusal."""

    text: str


class Called(Event, frozen=True):
    """A tool call begins. `index` counts the calls of this stream from 0, in the order in which they began."""

    index: int
    id: str
    name: str
    kind: Kind = "function"


class Argued(Event, frozen=True):
    """A fragment of the arguments of call `index`; fragments of several calls may alternate."""

    index: int
    arguments: str


class Ended(Event, frozen=True):
    """A block is complete: call `index`, or with None the text or reasoning before it."""

    index: int | None = None


class Used(Event, frozen=True):
    """The usage so far; the last one counts."""

    usage: Usage


class Lost(Event, frozen=True):
    """Something that no other API can be told stood here; a stream may say so of each of its kind."""

    loss: Loss


class Stopped(Event, frozen=True):
    """Why the model stopped; usage may still follow."""

    stop: Stop


class Finished(Event, frozen=True):
    """The proper end of the stream: nothing follows."""
