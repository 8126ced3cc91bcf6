"""What a request says beside its text: instructions, pictures, the form and the length of the answer."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.check import Room, fail, must, same
from tests.conformance.checks.tools import PIXEL
from tests.conformance.upstream.scenarios import plain_text
from tests.conformance.words import Ask, Image

PHOTO = Image(url="https://example.com/a%20photo.jpg?size=1&x=2")
RULES = ("Answer in one word.", "Never mention tea.")
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "nonce": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "nonce", "tags"],
    "additionalProperties": False,
}


def instructions(room: Room) -> None:
    """System and developer messages at the front reach the upstream as instructions, in their order.

    chat: roles system and developer; messages: top-level system; responses: instructions, then role developer.
    """
    room.says("text", Ask("Hello.", instructions=RULES))
    heard = room.arrived().heard
    said = "\n".join(heard.instructions)
    must(all(rule in said for rule in RULES), f"the upstream's instructions are {said!r}")
    must(said.index(RULES[0]) < said.index(RULES[1]), "their order is another")
    must(not any(rule in text for _, text in heard.said for rule in RULES), "they are in the conversation too")


def midway(room: Room) -> None:
    """Instructions in the middle of a conversation are not lost, and the upstream takes the request.

    chat and responses: role developer anywhere; messages: role system behind a user turn, from Claude Opus 4.8 on.
    """
    body = room.body("text")
    rule = {"role": "developer", "content": RULES[0]}
    more = {"role": "user", "content": "And now?"}
    if room.pair.client == "messages":
        rule = {"role": "system", "content": RULES[0]}
        body["messages"] += [rule]
    elif room.pair.client == "chat":
        body["messages"] += [{"role": "assistant", "content": "Yes."}, rule, more]
    else:
        body["input"] += [{"role": "assistant", "content": "Yes."}, rule, more]
    room.answer(body)
    heard = room.arrived().heard
    found = [*heard.instructions, *heard.midway, *(text for _, text in heard.said)]
    must(any(RULES[0] in text for text in found), "the instruction did not reach the upstream")


def pictures(room: Room) -> None:
    """Pictures reach the upstream: the same bytes, the same address.

    chat: image_url with a data URL; messages: source of type base64 or url; responses: input_image.
    """
    room.says("text", Ask("What is this?", images=(PIXEL, PHOTO)))
    heard = room.arrived().heard
    missing = [image for image in (PIXEL, PHOTO) if image not in heard.images]
    must(not missing, f"missing: {missing!r:.120}; the upstream sees {heard.images!r:.200}")


def structured(room: Room) -> None:
    """A schema for the answer reaches the upstream, and the answer is text that keeps to it.

    chat: response_format.json_schema; messages: output_config.format; responses: text.format. A gateway may force a
    tool that has the schema instead, or tell it in words, if the client does not notice.
    """
    reading = room.says("structured", Ask("Who is it?", schema=PERSON))
    arrived = room.arrived()
    must(all(name in json.dumps(arrived.body) for name in ("nonce", "tags")), "the schema did not reach the upstream")
    try:
        found = json.loads(reading.text)
    except ValueError:
        fail(f"the text is no JSON: {reading.text!r:.200}; calls: {reading.calls!r:.100}")
    same(found, {"name": "Ada", "nonce": room.nonce, "tags": ["a", "b"]}, "the answer")
    same(reading.stop, "end", "why the answer ended")


def no_limit(room: Room) -> None:
    """A client that sets no limit of tokens is served.

    messages: max_tokens is required there, so the gateway must find one.
    """
    same(room.says("text", Ask("Hello.", limit=None)).text, plain_text(room.nonce), "the text")


def limit(room: Room) -> None:
    """The limit of tokens reaches the upstream in its own field.

    chat: max_completion_tokens (or max_tokens, for servers that know no other); messages: max_tokens; responses:
    max_output_tokens.
    """
    room.says("text", Ask("Hello.", limit=777))
    same(room.arrived().heard.limit, 777, "the upstream's limit")
