"""Text, and the bytes it comes in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from tests.conformance.check import Room, fail, must, same
from tests.conformance.checks.tools import TOOLS
from tests.conformance.upstream.scenarios import EMOJI, plain_text
from tests.conformance.words import Ask

if TYPE_CHECKING:
    from tests.conformance.words import Api


def text(room: Room) -> None:
    """The text of an answer arrives unchanged, and the question reaches the upstream.

    Whole answers are application/json, streams text/event-stream, and end as their API ends them.
    """
    same(room.says("text", Ask("What is it?")).text, plain_text(room.nonce), "the text")
    must("What is it?" in room.arrived().heard.said[-1][1], "the question did not reach the upstream")


def wire(room: Room) -> None:
    """A stream with a thought, text, calls and usage keeps every rule of its API.

    chat: openai 3.54 types/chat/chat_completion_chunk.py; messages: anthropic 2.12 types/raw_message_stream_event.py;
    responses: openai 3.54 types/responses/response_stream_event.py. Blocks and items open, grow and close in order.
    """
    got = room.send(room.body("rich", Ask("Look it up.", tools=TOOLS, thinks=True)))
    room.read(got)
    room.keeps_the_rules(got)


def shape(room: Room) -> None:
    """A whole answer with a thought, text, calls and usage has every field that its API's types require.

    openai 3.54 ChatCompletion and Response, anthropic 2.12 Message, read strictly; fields beyond them are let through.
    """
    got = room.send(room.body("rich", Ask("Look it up.", tools=TOOLS, thinks=True)))
    room.read(got)
    try:
        _adapter(room.pair.client).validate_json(got.body, strict=True)
    except ValidationError as error:
        fail(_told(error))


def _told(error: ValidationError) -> str:
    """Return the first error of the member of a union that the value says it is."""
    found = error.errors()
    others = [one["loc"][:-1] for one in found if one["type"] == "literal_error" and one["loc"][-1] in ("type", "role")]
    own = [one for one in found if not any(one["loc"][: len(other)] == other for other in others)]
    first = (own or found)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _adapter(api: Api) -> TypeAdapter[Any]:
    from anthropic.types import Message
    from openai.types.chat import ChatCompletion
    from openai.types.responses import Response

    kinds: dict[Api, Any] = {"chat": ChatCompletion, "messages": Message, "responses": Response}
    return TypeAdapter(kinds[api])


def emoji(room: Room) -> None:
    """Characters survive that the upstream's chunks cut apart.

    UTF-8 has up to four bytes a character, HTTP chunks and TCP segments end anywhere.
    """
    same(room.says("emoji").text, EMOJI * 4 + room.nonce, "the text")


def crlf(room: Room) -> None:
    """A stream of the upstream may end its lines with CRLF.

    https://html.spec.whatwg.org/multipage/server-sent-events.html: lines end in LF, CR or CRLF.
    """
    same(room.says("crlf").text, plain_text(room.nonce), "the text")


def comments(room: Room) -> None:
    """Comments between the events of the upstream's stream, sent to keep it alive, harm nothing.

    https://html.spec.whatwg.org/multipage/server-sent-events.html: a line that begins with a colon is ignored.
    """
    same(room.says("comments").text, plain_text(room.nonce), "the text")


def pace(room: Room) -> None:
    """A stream is passed on piece by piece, not held back until it is complete.

    The upstream says the rest only when the client has heard the first piece.
    """
    came = threading.Event()

    def heard(body: bytes) -> bool:
        if b"Hello" in body:
            came.set()
            room.act.gate.set()
        return False

    patience = threading.Timer(min(room.gateway.timeout, 5.0), room.act.gate.set)
    patience.start()
    try:
        reading = room.read(room.send(room.body("paced"), heard=heard))
        held = not patience.is_alive()
    finally:
        patience.cancel()
    must(came.is_set() and not held, "the first piece was held back until the upstream had said more")
    same(reading.text, plain_text(room.nonce), "the text")
