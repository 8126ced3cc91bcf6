"""A stop sequence that the model does not take: the answer ends there at once, and the upstream is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.end_to_end.translation.house import TO_GPT, good, said
from tests.support.answers import chat_events
from tests.support.apis import CHAT, payloads
from tests.support.script import STALL, as_stream

if TYPE_CHECKING:
    from tests.end_to_end.translation.house import House
    from tests.support.upstream import Seen

SOON = 2.0
"""Seconds within which the upstream must see the close; nothing else would end its stream."""


def left(seen: Seen) -> bool:
    return seen.left_within(SOON)


def ended(body: bytes) -> dict[str, Any]:
    """Return the last message_delta, which stands right in front of message_stop."""
    *_, delta, stop = payloads(body)
    assert (delta["type"], stop["type"]) == ("message_delta", "message_stop")
    end: dict[str, Any] = delta
    return end


def test_a_stream_ends_at_the_sequence_and_the_upstream_is_left(house: House) -> None:
    begun, _ = CHAT.parted(words=("one ST", "OP two"))
    house.openai.script(as_stream([*begun, *CHAT.events("OP two")[1:2], STALL]))
    answer = good(house.ask(TO_GPT, stream=True, stop_sequences=["STOP"]))
    assert said(TO_GPT, answer) == "one "
    delta = ended(answer.body)
    assert delta["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "STOP"}
    assert delta["usage"]["output_tokens"] > 0
    assert "stop" not in house.openai.last.json
    assert left(house.openai.last)
    assert said(TO_GPT, house.ask(TO_GPT)) == "Hello there"


def test_a_sequence_at_the_very_start_is_an_answer(house: House) -> None:
    house.openai.script(as_stream([*CHAT.events("STOP")[:2], STALL]))
    answer = good(house.ask(TO_GPT, stream=True, stop_sequences=["STOP"]))
    assert said(TO_GPT, answer) == ""
    assert ended(answer.body)["delta"]["stop_reason"] == "stop_sequence"
    assert left(house.openai.last)


def test_a_stream_that_has_ended_as_well_tells_its_own_usage(house: House) -> None:
    house.openai.script(as_stream([b"".join(chat_events(["one STOP"], usage=True))]))
    answer = good(house.ask(TO_GPT, stream=True, stop_sequences=["STOP"]))
    assert said(TO_GPT, answer) == "one "
    usage = ended(answer.body)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (11, 7)
