"""Where a stream breaks, and how: what is carried on, what is whole already, and what ends in an error as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.breaks.house import GO_ON, breaking, whole
from tests.support.answers import chat_chunk, event, message_events, message_start
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES
from tests.support.items import call_item, item_events, numbered, opened, reasoning_item, response
from tests.support.loop import Call
from tests.support.script import CUT, RESET, Reply, as_json, as_stream
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.end_to_end.breaks.house import House
    from tests.support.apis import Api
    from tests.support.script import Step

CLIENTS = pytest.mark.parametrize("client", APIS, ids=lambda api: api.name)
SERVERS = pytest.mark.parametrize("server", APIS, ids=lambda api: api.name)
OTHER = {CHAT: MESSAGES, MESSAGES: RESPONSES, RESPONSES: CHAT}
"""An API that is not the first one's: who carries on, in the tests that have but one."""


def named(server: Api) -> str:
    return f"{server.name}-{OTHER[server].name}"


HOW: dict[str, Any] = {
    "closed": lambda *_: [CUT],
    "reset": lambda *_: [0.05, RESET],
    "end of the body": lambda *_: [b""],
    "malformed": lambda *_: [b"data: {]\n\n"],
    "torn": lambda *_: [b'data: {"choices": [{"del', CUT],
    "overloaded": lambda server, upto: [server.fails(upto, "overloaded_error", "Overloaded")],
    "server error": lambda server, upto: [server.fails(upto, "server_error", "oops")],
}


@CLIENTS
@SERVERS
@pytest.mark.parametrize("how", HOW)
def test_whatever_breaks_it(house: House, client: Api, server: Api, how: str) -> None:
    upto = server.begun("It goes", " on")
    house.first.script(as_stream([*upto, *HOW[how](server, upto)]))
    house.second.script(OTHER[server].stream(" and on", "."))
    answer = house.ask(client, named(server))
    assert whole(client, answer) == "It goes on and on."


@CLIENTS
@SERVERS
def test_an_error_of_the_clients_own_making_is_told_and_nobody_else_is_asked(
    house: House, client: Api, server: Api
) -> None:
    upto = server.begun("It goes", " on")
    error = server.fails(upto, "invalid_request_error", f"no {CREDENTIALS['TEST_OPENAI_KEY']} here")
    house.first.script(as_stream([*upto, error]))
    answer = house.ask(client, named(server))
    assert client.text(answer.body) == "It goes on"
    told = client.in_band(answer.body)["message"]
    assert told.startswith("no ")
    assert server is MESSAGES or "***" in told
    assert not house.second.requests
    assert house.record(answer)["attempts"][-1]["reason"] == "bad_request"


@CLIENTS
@SERVERS
def test_before_any_text_it_is_nothing_but_a_fallback(house: House, client: Api, server: Api) -> None:
    house.first.script(as_stream([*server.events()[: server.lifecycle], CUT]))
    house.second.script(OTHER[server].stream("from", " second"))
    answer = house.ask(client, named(server))
    assert whole(client, answer) == "from second"
    assert answer.header("x-turnout-attempts") == "2"
    assert [one["continued"] for one in house.record(answer)["attempts"]] == [False, False]
    assert GO_ON.encode() not in house.second.last.body


def calling(server: Api) -> list[Step]:
    """Return a stream that says a word and breaks in the arguments of a call."""
    if server is CHAT:
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "read", "arguments": '{"pa'}}
        return [*server.begun("Well"), chat_chunk({"tool_calls": [call]}), CUT]
    if server is RESPONSES:
        tool = Call("read", {"path": "/a/long/one"})
        told = response("Well", calls=[tool], before="Well")
        rows = [*item_events(0, told["output"][0], ["Well"]), *item_events(1, call_item(tool))[:2]]
        return [*numbered([*opened(told), *rows]), CUT]
    block = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}
    half = {"type": "input_json_delta", "partial_json": '{"pa'}
    return [
        *server.begun("Well"),
        event("content_block_stop", index=0),
        event("content_block_start", index=1, content_block=block),
        event("content_block_delta", index=1, delta=half),
        CUT,
    ]


@CLIENTS
@SERVERS
def test_a_tool_call_is_not_carried_on(house: House, client: Api, server: Api) -> None:
    house.first.script(as_stream(calling(server)))
    answer = house.ask(client, named(server))
    assert client.text(answer.body) == "Well"
    client.in_band(answer.body)
    assert not house.second.requests


THOUGHTS: dict[Api, list[bytes]] = {
    CHAT: [chat_chunk({"role": "assistant", "content": ""}), chat_chunk({"reasoning_content": "hm"})],
    MESSAGES: [
        message_start(),
        event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
    ],
    RESPONSES: numbered([*opened(response()), *item_events(0, reasoning_item([], shown=True))[:3]]),
}


@SERVERS
def test_thinking_is_not_carried_on(house: House, server: Api) -> None:
    house.first.script(as_stream([*THOUGHTS[server], CUT]))
    answer = house.ask(server, named(server))
    server.in_band(answer.body)
    assert not house.second.requests


def test_a_reasoning_item_in_which_nothing_stands_hinders_nobody(house: House) -> None:
    hollow = {**reasoning_item([]), "encrypted_content": None}
    rows = [*item_events(0, hollow), *item_events(1, response("Well")["output"][0], ["Well"])[:3]]
    house.first.script(as_stream([*numbered([*opened(response()), *rows]), CUT]))
    house.second.script(CHAT.stream(", go", " on."))
    answer = house.ask(RESPONSES, named(RESPONSES))
    assert whole(RESPONSES, answer) == "Well, go on."


def test_a_refusal_is_not_carried_on(house: House) -> None:
    house.first.script(as_stream([chat_chunk({"role": "assistant", "refusal": "I can"}), CUT]))
    answer = house.ask(CHAT, named(CHAT))
    CHAT.in_band(answer.body)
    assert not house.second.requests


def test_a_stream_that_lacks_only_its_last_line_is_whole(house: House) -> None:
    house.first.script(as_stream([*message_events(("All", " said"))[:-1], CUT]))
    answer = house.ask(MESSAGES, named(MESSAGES))
    assert whole(MESSAGES, answer) == "All said"
    assert not house.second.requests


WISHES: list[tuple[Api, dict[str, Any]]] = [
    (CHAT, {"n": 2}),
    (CHAT, {"logprobs": True}),
    (CHAT, {"response_format": {"type": "json_object"}}),
    (MESSAGES, {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
    (RESPONSES, {"text": {"format": {"type": "json_object"}}}),
    (RESPONSES, {"include": ["message.output_text.logprobs"]}),
]


@pytest.mark.parametrize(("client", "wish"), WISHES, ids=lambda one: next(iter(one)) if isinstance(one, dict) else "")
def test_who_asks_for_more_than_plain_text_gets_an_error(house: House, client: Api, wish: dict[str, Any]) -> None:
    house.first.script(breaking(client, ("Yes", " and")))
    answer = house.ask(client, named(client), **wish)
    client.in_band(answer.body)
    assert not house.second.requests


FAILS: dict[str, Reply] = {
    "refused": as_json({"error": {"message": "no", "type": "server_error"}}, 500),
    "whole": as_json({"object": "something"}),
    "cut": as_stream([CUT]),
}


@CLIENTS
@SERVERS
@pytest.mark.parametrize("how", FAILS)
def test_where_nobody_is_left_it_ends_in_one_error(house: House, client: Api, server: Api, how: str) -> None:
    house.first.script(breaking(server, ("It goes", " on")))
    house.second.script(FAILS[how])
    answer = house.ask(client, named(server))
    assert client.text(answer.body) == "It goes on"
    client.in_band(answer.body)
    record = house.record(answer)
    assert [(one["target"].partition("-")[0], one["continued"]) for one in record["attempts"]] == [
        ("first", False),
        ("second", True),
    ]
    assert all(one["reason"] for one in record["attempts"])


@CLIENTS
@SERVERS
def test_it_may_break_again_where_it_was_carried_on(house: House, client: Api, server: Api) -> None:
    house.first.script(breaking(server, ("One", ", two")))
    house.second.script(breaking(OTHER[server], (", three", ", fo")))
    answer = house.ask(client, named(server))
    assert client.text(answer.body) == "One, two, three, fo"
    client.in_band(answer.body)
    assert len(house.record(answer)["attempts"]) == 2
