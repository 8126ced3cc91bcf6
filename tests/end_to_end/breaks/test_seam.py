"""What is asked of the model that carries on, and how its words are joined to those that the client has."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.breaks.house import GO_ON, House, breaking, turns, whole, written
from tests.support.answers import CHAT_USAGE
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, payloads
from tests.support.events import data
from tests.support.http import Line, post, send
from tests.support.items import call_item, response, response_of, response_stream
from tests.support.loop import Call
from tests.support.script import CUT, STALL, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.apis import Api
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

CLIENTS = pytest.mark.parametrize("client", APIS, ids=lambda api: api.name)
SECONDS = pytest.mark.parametrize("second", APIS, ids=lambda api: api.name)
MODELS = """
  prefilled: {targets: [first-chat/gpt-5.5, second-messages/claude-sonnet-4-5]}
  straight-prefilled: {targets: [first-messages/claude-sonnet-5, second-messages/claude-sonnet-4-5]}
  again: {targets: [first-chat/gpt-5.5, second-messages/claude-sonnet-5], retries: 2}
  picky: {targets: [first-chat/gpt-5.5, second-messages/claude-sonnet-5], fallback_on: [timeout]}
  off: {targets: [first-chat/gpt-5.5, second-messages/claude-sonnet-5], on_break: error}
  patient: {targets: [first-chat/gpt-5.5, second-messages/claude-sonnet-5], hold: 200ms}
  on: {targets: [first-chat/gpt-5.5, second-messages/claude-sonnet-5]}
"""
ROUTES = """
routes:
  - {name: by-route, when: {model: off, header: {x-carry: "yes"}}, to: off, on_break: continue}
"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    text = written(_openai, _anthropic, models=MODELS, more=", timeouts: {idle: 1s, total: 4s}")
    return start(text + ROUTES)


@pytest.mark.parametrize(("model", "first"), [("prefilled", CHAT), ("straight-prefilled", MESSAGES)])
@CLIENTS
def test_a_model_that_takes_a_beginning_is_given_one(house: House, client: Api, model: str, first: Api) -> None:
    house.first.script(breaking(first, ("One,", " two, ")))
    house.second.script(MESSAGES.stream(" three", "."))
    answer = house.ask(client, model)
    assert whole(client, answer) == "One, two, three."
    assert turns(MESSAGES, house.second.last) == [("user", "Hi"), ("assistant", "One, two,")]


def test_a_model_that_thinks_first_takes_no_beginning(house: House) -> None:
    house.first.script(breaking(CHAT, ("One,", " two")))
    house.second.script(MESSAGES.stream(", three"))
    assert whole(CHAT, house.ask(CHAT, "prefilled", reasoning_effort="low")) == "One, two, three"
    assert turns(MESSAGES, house.second.last)[-1][1].startswith(GO_ON)


@CLIENTS
@SECONDS
def test_words_that_are_said_again_are_taken_off(house: House, client: Api, second: Api) -> None:
    house.first.script(breaking(CHAT, ("The quick brown", " fox jumps ov")))
    house.second.script(second.stream("brown", " fox", " jumps ov", "er the", " dog."))
    assert whole(client, house.ask(client, f"chat-{second.name}")) == "The quick brown fox jumps over the dog."


@CLIENTS
def test_a_word_that_is_begun_anew_is_told_once(house: House, client: Api) -> None:
    house.first.script(breaking(CHAT, ("The quick", " bro")))
    house.second.script(MESSAGES.stream("b", "row", "n fox"))
    assert whole(client, house.ask(client, "on")) == "The quick brown fox"


@CLIENTS
@SECONDS
def test_limits_leave_room_for_the_rest(house: House, client: Api, second: Api) -> None:
    limit = {"chat": "max_completion_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}
    house.first.script(breaking(CHAT, ("QQ", "Q" * 398)))
    house.second.script(second.stream("y"))
    house.ask(client, f"chat-{second.name}", **{limit[client.name]: 1000})
    assert house.second.last.json[limit[second.name]] == 1000 - 115
    house.first.script(breaking(CHAT, ("QQ", "Q" * 398)))
    house.second.script(second.stream("y"))
    house.ask(client, f"chat-{second.name}", **{limit[client.name]: 100})
    assert house.second.last.json[limit[second.name]] == 16


@pytest.mark.parametrize("client", [CHAT, MESSAGES], ids=lambda api: api.name)
@SECONDS
def test_a_stop_sequence_may_lie_across_the_seam(house: House, client: Api, second: Api) -> None:
    field = {"stop": ["END.", "\n\n"]} if client is CHAT else {"stop_sequences": ["END."]}
    house.first.script(breaking(client, ("One, two", ", EN")))
    house.second.script(second.stream("D", ". Never."))
    answer = house.ask(client, f"{client.name}-{second.name}", **field)
    assert whole(client, answer) == "One, two, EN"
    last = payloads(answer.body)
    if client is CHAT:
        assert next(one["choices"][0]["finish_reason"] for one in last[::-1] if one["choices"]) == "stop"
    else:
        ended = next(one["delta"] for one in last if one["type"] == "message_delta")
        assert (ended["stop_reason"], ended["stop_sequence"]) == ("stop_sequence", "END.")


def counted(client: Api, answer: Any) -> tuple[int, int]:
    """Return what the client is told of input and output."""
    told = [one for one in payloads(answer.body) if one.get("usage") or one.get("response", {}).get("usage")]
    usage = told[-1].get("usage") or told[-1]["response"]["usage"]
    if client is CHAT:
        return usage["prompt_tokens"], usage["completion_tokens"]
    cached = usage.get("cache_read_input_tokens", 0)
    return usage["input_tokens"] + cached, usage["output_tokens"]


@CLIENTS
@SECONDS
def test_the_usage_is_that_of_all_tries(house: House, client: Api, second: Api) -> None:
    asks = {"stream_options": {"include_usage": True}} if client is CHAT else {}
    house.first.script(breaking(MESSAGES, ("x" * 40, "y" * 40)))
    carrying = second.events("z")
    if second is CHAT:
        carrying.insert(-1, data({**payloads(carrying[0])[0], "choices": [], "usage": CHAT_USAGE}))
    house.second.script(as_stream(carrying))
    answer = house.ask(client, f"messages-{second.name}", **asks)
    whole(client, answer)
    read, wrote = counted(client, answer)
    assert read == 14 + (14 if second is MESSAGES else 11)  # as both have told, with what was cached
    assert wrote == 23 + 7  # 80 bytes by our estimate, and what the second one told


def test_a_call_may_follow_the_text(house: House) -> None:
    house.first.script(breaking(MESSAGES, ("Let me", " look")))
    said = response_of(response(" at it:")["output"][0], call_item(Call("read", {"path": "/a"})))
    house.second.script(as_stream(response_stream(said)))
    tool = {"name": "read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
    answer = house.ask(MESSAGES, "messages-responses", tools=[tool])
    assert whole(MESSAGES, answer) == "Let me look at it:"
    blocks = [one["content_block"]["type"] for one in payloads(answer.body) if one["type"] == "content_block_start"]
    indexes = [one["index"] for one in payloads(answer.body) if one["type"] == "content_block_start"]
    assert (blocks, indexes) == (["text", "tool_use"], [0, 1])


def test_it_breaks_and_is_carried_on_until_tries_are_used_up(house: House) -> None:
    house.first.script(breaking(CHAT, ("One", ",")), CHAT.stream(" three", "."))
    house.second.script(breaking(MESSAGES, (" two", ",")))
    answer = house.ask(CHAT, "again")
    assert whole(CHAT, answer) == "One, two, three."
    assert [one["continued"] for one in house.record(answer)["attempts"]] == [False, True, True]
    assert turns(CHAT, house.first.last)[1] == ("assistant", "One, two,")


def test_only_reasons_to_fall_back_are_reasons_to_go_on(house: House) -> None:
    house.first.script(breaking(CHAT, ("One", ",")))
    CHAT.in_band(house.ask(CHAT, "picky").body)
    assert not house.second.requests


def test_the_file_says_whether_it_goes_on(house: House) -> None:
    house.first.script(breaking(CHAT, ("One", ",")))
    CHAT.in_band(house.ask(CHAT, "off").body)
    assert not house.second.requests
    house.first.script(breaking(CHAT, ("One", ",")))
    house.second.script(MESSAGES.stream(" two"))
    assert whole(CHAT, house.ask(CHAT, "off", {"x-carry": "yes"})) == "One, two"


@CLIENTS
def test_a_stall_is_a_break_and_the_client_is_kept_alive(house: House, client: Api) -> None:
    gate = threading.Event()
    house.first.script(breaking(CHAT, ("One", ","), STALL))
    house.second.script(MESSAGES.stream(" two").after(gate))
    with Line(house.turnout.url) as line:
        line.ask("POST", client.path, body=client.body("patient", stream=True))
        got, pieces = b"", line.chunks(line.head())
        for piece in pieces:
            got += piece.data
            if len(house.second.requests) and client.keepalives(got):
                break
        gate.set()
        got += b"".join(piece.data for piece in pieces)
    assert client.text(got) == "One, two"
    assert client.terminal in got


def test_the_time_for_all_counts_over_all_tries(house: House) -> None:
    house.first.script(breaking(CHAT, ("One", ","), 0.7, CHAT.begun("x", " on")[-1], 0.7, CUT))
    house.second.script(MESSAGES.stream(" two").after(STALL))
    answer = house.ask(CHAT, "on")
    CHAT.in_band(answer.body)
    record = house.record(answer)
    assert [one["reason"] for one in record["attempts"]] == ["disconnect", "timeout"]
    assert record["seconds"] < 6


def test_a_client_that_leaves_while_the_next_is_asked_takes_that_with_it(house: House) -> None:
    house.first.script(breaking(CHAT, ("One", ",")))
    house.second.script(MESSAGES.stream(" two").after(STALL))
    with Line(house.turnout.url) as line:
        line.ask("POST", CHAT.path, body=CHAT.body("on", stream=True))
        next(line.chunks(line.head()))
        seen = house.second.wait_for(1)
    assert seen.left_within(10)


def test_a_response_that_was_carried_on_can_be_asked_for_and_gone_on_from(house: House) -> None:
    house.first.script(breaking(RESPONSES, ("One", ",")))
    house.second.script(RESPONSES.stream(" two"))
    answer = house.ask(RESPONSES, "responses-responses")
    ident = payloads(answer.body)[0]["response"]["id"]
    stored = send(house.turnout.url, "GET", f"/v1/responses/{ident}")
    assert RESPONSES.said(stored.json) == "One, two"
    body = {"model": "chat-chat", "input": "And then?", "previous_response_id": ident}
    assert post(house.turnout.url, RESPONSES.path, body).status == 200
    assert turns(CHAT, house.first.last) == [("user", "Hi"), ("assistant", "One, two"), ("user", "And then?")]


def test_the_log_for_people_says_that_it_was_carried_on(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    text = written(openai, anthropic, models=MODELS).replace("format: json", "format: text")
    house = House(start(text), openai, anthropic)
    house.first.script(breaking(CHAT, ("One", ",")))
    house.second.script(MESSAGES.stream(" two"))
    house.ask(CHAT, "on")
    house.turnout.wait_for(
        re.compile(r"on -> second-messages/\S+ 200 .* after first-chat/gpt-5.5: disconnect continued ")
    )


def test_a_body_of_the_other_api_is_carried_on_in_its_own_form(house: House) -> None:
    """Cursor sends requests of the Responses API to chat completions, and reads chunks."""
    house.first.script(breaking(CHAT, ("One", ",")))
    house.second.script(MESSAGES.stream(" two"))
    body = {"model": "on", "input": "Hi", "stream": True, "stream_options": {"include_usage": True}}
    answer = post(house.turnout.url, CHAT.path, body)
    assert whole(CHAT, answer) == "One, two"
    assert turns(MESSAGES, house.second.last)[:2] == [("user", "Hi"), ("assistant", "One,")]
