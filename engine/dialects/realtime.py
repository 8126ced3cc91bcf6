"""OpenAI's Realtime API as far as a relay looks into it: the model that is named, responses, their usage, errors.

Every other event passes as it is. Protocol facts: openai 3.54 (types/realtime: session_update_event.py,
session_created_event.py, response_done_event.py, realtime_response_usage.py, realtime_error_event.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus

import msgspec
from msgspec import UNSET, Raw, UnsetType

from engine.chat import Problem, Usage
from engine.dialects.meter import MOST
from engine.dialects.openai_chat import OpenAIChat

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/v1/realtime"
SUBPROTOCOL = "realtime"
"""What pages offer, and are answered (openai-node, src/realtime/websocket.ts)."""
MODEL = "model"
CONFIGURED = frozenset({"session.created", "session.updated"})
AUDIO = ("_audio.delta", ".audio.delta")
SOUND, TEXT = 3200, 4
"""Bytes of a delta for a token: 50 ms of 16-bit sound at 24 kHz in base64, and what text commonly has."""
ERRORS = OpenAIChat()


class Event(msgspec.Struct):
    """What is looked at of every event."""

    type: str = ""
    session: Raw | UnsetType = UNSET
    response: Raw | UnsetType = UNSET
    delta: Raw | UnsetType = UNSET


class Details(msgspec.Struct):
    cached_tokens: Any = None


class Told(msgspec.Struct):
    """`usage` of a response. `input_tokens` is all input, text and audio, cached too."""

    input_tokens: Any = None
    output_tokens: Any = None
    input_token_details: Details | None = None


class Done(msgspec.Struct):
    usage: Told | None = None


class Said(msgspec.Struct, frozen=True):
    """An event of the upstream: `data` as it goes on to the client, and what it means."""

    data: bytes
    begins: bool = False
    """A response is in progress from now on."""
    ends: bool = False
    """One has ended; `usage` is what it took, where that is told."""
    usage: Usage | None = None
    error: bool = False
    wrote: float = 0.0
    """Tokens of output in it, by our own guess."""


EVENT = msgspec.json.Decoder(Event)
DONE = msgspec.json.Decoder(Done)
FIELDS = msgspec.json.Decoder(dict[str, Raw])
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def heard(data: bytes, model: str) -> bytes:
    """Return a text frame of the client as the upstream gets it: `session.model` is `model`, whatever it says.

    The connection was routed by the model of its handshake; another one would pass by everything that decided that.
    Raises `Problem` (400) for what is no event.
    """
    try:
        event = EVENT.decode(data)
        if event.type == "session.update" and event.session is not UNSET:
            return renamed(data, bytes(event.session), model)
    except UNREADABLE as error:
        raise Problem(400, "invalid_json", f"the frame is no event: {error}") from None
    return data


def said(data: bytes, shown: str) -> Said:
    """Read a text frame of the upstream; `shown` is the model that the client sees. What is no event passes."""
    try:
        event = EVENT.decode(data)
        if event.type in CONFIGURED and event.session is not UNSET:
            return Said(renamed(data, bytes(event.session), shown))
        if event.type == "response.created":
            return Said(data, begins=True)
        if event.type == "response.done":
            return Said(data, ends=True, usage=usage_of(event.response))
    except UNREADABLE:
        return Said(data)
    if event.delta is not UNSET and event.type.startswith("response."):
        return Said(data, wrote=len(bytes(event.delta)) / (SOUND if event.type.endswith(AUDIO) else TEXT))
    return Said(data, error=event.type == "error")


def renamed(data: bytes, session: bytes, model: str) -> bytes:
    """Return an event with the model of its `session` replaced, if it names one; every other value byte for byte."""
    inner = FIELDS.decode(session) if session.startswith(b"{") else {}
    if MODEL not in inner:
        return data
    inner[MODEL] = Raw(msgspec.json.encode(model))
    return msgspec.json.encode({**FIELDS.decode(data), "session": inner})


def usage_of(response: Raw | UnsetType) -> Usage | None:
    """Return what a response took, None where it is not told. Audio has no price of its own, and counts as tokens."""
    if response is UNSET:
        return None
    try:
        told = DONE.decode(response).usage
    except UNREADABLE:
        return None
    if told is None or (told.input_tokens is None and told.output_tokens is None):
        return None
    asked = count(told.input_tokens)
    cached = min(count(told.input_token_details.cached_tokens if told.input_token_details else 0), asked)
    return Usage(input=asked - cached, cache_read=cached, output=count(told.output_tokens))


def count(value: Any) -> int:
    """Return a number of tokens, 0 for whatever is none."""
    return min(int(value), MOST) if isinstance(value, int | float) and value > 0 else 0


def error(problem: Problem, event_id: str, request_id: str) -> bytes:
    """Return the event that says `problem`. `event_id` is our own name for it."""
    body = msgspec.json.decode(ERRORS.error(problem, request_id))
    return msgspec.json.encode({"type": "error", "event_id": event_id, "error": body["error"]})


def asked_model(query: bytes) -> str | None:
    """Return the model that the query of a handshake names, None where it names none."""
    return next((unquote_plus(value) for name, value, _ in _parts(query) if name == MODEL), None)


def with_model(query: bytes, model: str) -> bytes:
    """Return the query with its `model` replaced; everything else byte for byte."""
    named = f"{MODEL}={quote(model, safe='')}".encode()
    return b"&".join(named if name == MODEL else part for name, _, part in _parts(query))


def _parts(query: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield (name, value as written, the whole part) of each part of a query."""
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        yield unquote_plus(name.decode("latin-1")), value.decode("latin-1"), part
