"""A stop sequence that the model does not take: the answer ends there at once, and the upstream is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import (
    CHAT_TO_RESPONSES,
    JSON_OR_STREAM,
    MESSAGES_TO_RESPONSES,
    TO_GPT,
    Way,
    good,
    said,
)
from tests.support.answers import chat_events
from tests.support.apis import CHAT, payloads
from tests.support.script import STALL, as_stream

if TYPE_CHECKING:
    from tests.end_to_end.translation.house import House
    from tests.support.upstream import Seen

TO_OPENAI = pytest.mark.parametrize("way", [TO_GPT, MESSAGES_TO_RESPONSES], ids=lambda way: way.name)
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


@TO_OPENAI
def test_a_stream_ends_at_the_sequence_and_the_upstream_is_left(house: House, way: Way) -> None:
    house.openai.script(as_stream([*way.server.begun("one ST", "OP two"), STALL]))
    answer = good(house.ask(way, stream=True, stop_sequences=["STOP"]))
    assert said(way, answer) == "one "
    delta = ended(answer.body)
    assert delta["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "STOP"}
    assert delta["usage"]["output_tokens"] > 0
    assert "stop" not in house.openai.last.json
    assert left(house.openai.last)
    assert said(way, house.ask(way)) == "Hello there"


@TO_OPENAI
def test_a_sequence_at_the_very_start_is_an_answer(house: House, way: Way) -> None:
    house.openai.script(as_stream([*way.server.begun("STOP"), STALL]))
    answer = good(house.ask(way, stream=True, stop_sequences=["STOP"]))
    assert said(way, answer) == ""
    assert ended(answer.body)["delta"]["stop_reason"] == "stop_sequence"
    assert left(house.openai.last)


@TO_OPENAI
def test_a_stream_that_has_ended_as_well_tells_its_own_usage(house: House, way: Way) -> None:
    events = chat_events(["one STOP"], usage=True) if way.server is CHAT else way.server.events("one STOP")
    house.openai.script(as_stream([b"".join(events)]))
    answer = good(house.ask(way, stream=True, stop_sequences=["STOP"]))
    assert said(way, answer) == "one "
    usage = ended(answer.body)["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    assert (usage["input_tokens"] + cached, usage["output_tokens"]) == (11, 7)


@JSON_OR_STREAM
def test_a_chat_client_has_its_answer_cut_too_where_the_api_knows_no_sequences(house: House, stream: bool) -> None:
    way = CHAT_TO_RESPONSES
    upto = way.server.begun("one ST", "OP two")
    house.openai.script(as_stream([*upto, STALL]) if stream else way.server.whole("one STOP two"))
    answer = good(house.ask(way, stream=stream, stop=["STOP"]))
    assert said(way, answer) == "one "
    choices = [choice for value in payloads(answer.body) for choice in value["choices"]] if stream else []
    assert (choices or answer.json["choices"])[-1]["finish_reason"] == "stop"
    assert not stream or left(house.openai.last)
