"""Thoughts: shown to the client that asks for them, and brought back to the model that had them."""

from __future__ import annotations

from tests.conformance.check import Room, Skipped, must, same
from tests.conformance.checks.tools import TOOLS, given
from tests.conformance.upstream.asked import thought
from tests.conformance.upstream.scenarios import CITIES, plain_text
from tests.conformance.words import Ask, Result


def shown(room: Room) -> None:
    """What the model thinks is shown to a client that asks for reasoning, apart from the text.

    messages: thinking blocks; responses: a reasoning item with a summary; chat: reasoning_content, as DeepSeek, vLLM
    and OpenRouter have it. OpenAI's own models show none to clients of chat: what they think is not asked for here.
    """
    if (room.pair.client, room.pair.upstream) == ("chat", "responses"):
        raise Skipped("reasoning_effort does not ask for a summary")
    reading = room.says("think", Ask("Think first.", thinks=True))
    same(reading.text, plain_text(room.nonce), "the text")
    same(reading.thought, thought(room.pair.upstream, room.nonce).text, "the thought")


def brought_back(room: Room) -> None:
    """In a tool loop the model gets its own thought back, unmodified, sealed as it was, before the call it led to.

    messages: 400 `Expected thinking` without the block, 400 `Invalid signature` where it is changed; responses: the
    item with its encrypted_content; chat: reasoning_content, without which DeepSeek and Kimi refuse the turn. The
    client brings back whatever it was given.
    """
    body = room.body("thinking-loop", Ask("How is the weather?", tools=TOOLS, thinks=True))
    reading = room.answer(body)
    (call,) = given(reading, ("get_weather", {"city": CITIES[0]}))
    answer = room.answer(room.goes_on(body, reading, Result(call.id, f"sun {room.nonce}")))
    same(answer.text, f"It is sun {room.nonce}.", "what the upstream made of the result")
    expected = thought(room.pair.upstream, room.nonce)
    thoughts = room.arrived(1).heard.thoughts
    must(thoughts, "the upstream got no thought back")
    found, before = thoughts[0]
    same(len(thoughts), 1, "the number of thoughts")
    same(found.seal, expected.seal, "the seal")
    same(before, 0, "the number of calls before it")
    if found.text or room.pair.upstream == "chat":
        same(found.text, expected.text, "the thought")
