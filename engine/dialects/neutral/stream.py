"""Answers of upstreams inside Turnout: a stream is one event of `engine.chat` after the other, each a frame of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from engine.chat import (
    Argued,
    Called,
    Ended,
    Event,
    Failed,
    Failure,
    Finished,
    Lost,
    Refused,
    Response,
    Sealed,
    Signed,
    Started,
    Stopped,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.sse import Splitter, frame, parse
from engine.texts import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Problem
    from engine.dialects.base import Failing
    from engine.dialects.codec import Asked

Heard: TypeAlias = (
    Started | Wrote | Thought | Signed | Sealed | Refused | Called | Argued | Ended | Used | Lost | Stopped | Finished
)
EVENT = msgspec.json.Decoder(Heard)
RESPONSE = msgspec.json.Decoder(Response)
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def clean(event: Event) -> Event:
    """Return `event` with its texts as UTF-8 can carry them: models may say half of a surrogate pair."""
    texts = {name: value for name in event.__struct_fields__ if isinstance(value := getattr(event, name), str)}
    return msgspec.structs.replace(event, **{name: printable(text) for name, text in texts.items()})


class NeutralEncoder:
    """Implements `Encoder` (codec.py)."""

    __slots__ = ()

    def __init__(self, asked: Asked | None = None) -> None:
        """What was asked changes nothing here."""

    def feed(self, events: Iterable[Event]) -> bytes:
        try:
            return b"".join([frame(msgspec.json.encode(event)) for event in events])
        except UnicodeEncodeError:
            return b"".join([frame(msgspec.json.encode(clean(event))) for event in events])

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:  # noqa: ARG002 - an answer that fails raises
        return None


class NeutralDecoder:
    """Implements `Decoder` (codec.py)."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.ended = False
        self._splitter = Splitter()

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for piece in self._splitter.feed(data):
            said = parse(piece)[1]
            if said is None or self.failure is not None or self.ended:
                continue
            try:
                event = EVENT.decode(said)
            except UNREADABLE:
                self.failure = Failure(reason="disconnect", message="the upstream sent an event that is none")
                break
            events.append(event)
            self.ended = isinstance(event, Finished)
        return events

    def finish(self) -> list[Event]:
        if not self.ended and self.failure is None:
            self.failure = Failure(reason="disconnect", message="the upstream's stream ended without its end")
        return []


def read_answer(body: bytes) -> Response:
    """Read a whole answer. Raises `Failed` when it is none."""
    try:
        return RESPONSE.decode(body)
    except UNREADABLE:
        raise Failed(Failure(reason="disconnect", message="the upstream sent an answer that is none")) from None


def write_answer(response: Response, asked: Asked | None = None) -> bytes:  # noqa: ARG001 - as every codec's
    return msgspec.json.encode(response)
