"""Targets of both APIs behind one name: whichever answers, the client reads its own API, and conversations go on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import (
    blocks,
    chat_of,
    message_of,
    message_stream,
    tool_result,
    tool_use,
    tools,
)
from tests.end_to_end.translation.house import JSON_OR_STREAM, House, Way, good, lost, said, written
from tests.support.answers import DONE, chat_chunk, event
from tests.support.apis import APIS, CHAT, MESSAGES, Api
from tests.support.script import CUT, Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  claude-first: {targets: [anthropic/claude-sonnet-5, openai/gpt-5.5], hold: 300ms}
  gpt-first: {targets: [openai/gpt-5.5, anthropic/claude-sonnet-5], hold: 300ms}
  claude-then: {targets: [anthropic/claude-sonnet-5], fallback: [gpt-then]}
  gpt-then: {targets: [openai/gpt-5.5]}
  strict: {targets: [openai/gpt-5.5, anthropic/claude-sonnet-5], translation: strict}
"""
FIRST = pytest.mark.parametrize("model", ["claude-first", "gpt-first"])
CLIENTS = pytest.mark.parametrize("client", APIS, ids=lambda api: f"{api.name} client")
ERROR = {"error": {"message": "out of order", "type": "api_error"}}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


def order(house: House, model: str) -> list[tuple[Api, Upstream, str]]:
    """Return both targets in the order of the file: API, upstream, name."""
    both = [
        (MESSAGES, house.anthropic, "anthropic/claude-sonnet-5"),
        (CHAT, house.openai, "openai/gpt-5.5"),
    ]
    return both if model.startswith("claude") else both[::-1]


def through(client: Api, server: Api) -> Way:
    return Way(client, server, "")


FAULTS: dict[str, Any] = {
    "status": lambda _: as_json(ERROR, 503),
    "rate limit": lambda _: as_json(ERROR, 429),
    "cut": lambda _: Reply(parts=(CUT,), raw=True),
    "stream cut before content": lambda api: as_stream([*api.events()[: api.lifecycle], CUT]),
    "not JSON": lambda _: as_json(b"<html>"),
}


@CLIENTS
@FIRST
@JSON_OR_STREAM
@pytest.mark.parametrize("fault", FAULTS)
def test_the_second_answers_in_the_clients_form(
    house: House, client: Api, model: str, stream: bool, fault: str
) -> None:
    (api, first, _), (server, second, target) = order(house, model)
    first.answer = lambda _: FAULTS[fault](api)
    second.script(server.stream("from", " second") if stream else server.whole("from second"))
    answer = house.ask(through(client, server), model=model, stream=stream)
    assert said(through(client, server), answer) == "from second"
    assert answer.header("x-turnout-target") == target
    assert answer.header("x-turnout-attempts") == "2"
    assert len(second.requests) == 1


@CLIENTS
def test_so_does_a_fallback_entry(house: House, client: Api) -> None:
    house.anthropic.script(as_json(ERROR, 500))
    answer = good(house.ask(through(client, CHAT), model="claude-then", stream=True))
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"


@CLIENTS
@FIRST
def test_a_stream_that_was_opened_can_still_go_to_the_other_api(house: House, client: Api, model: str) -> None:
    gate = threading.Event()
    (api, first, _), (server, second, _) = order(house, model)
    first.script(as_stream([*api.events()[: api.lifecycle], gate, CUT]))
    second.script(server.stream("from", " second"))
    way = through(client, server)
    with house.line(way, model=model) as line:
        answer = line.head()
        pieces = line.chunks(answer)
        begun = next(pieces).data
        gate.set()
        got = begun + b"".join(piece.data for piece in pieces)
    assert client.keepalives(begun) == 1
    assert client.text(got) == "from second"
    assert got.count(b"event: message_start\n") == (client is MESSAGES)


@CLIENTS
@FIRST
@JSON_OR_STREAM
def test_when_the_second_fails_too_its_error_is_the_clients(
    house: House, client: Api, model: str, stream: bool
) -> None:
    (_, first, _), (_, second, target) = order(house, model)
    first.script(as_json(ERROR, 503))
    second.script(as_json({"type": "error", "error": {"message": "the second's", "type": "x"}}, 500))
    answer = house.ask(through(client, CHAT), model=model, stream=stream)
    assert answer.json["error"]["message"] == "the second's"
    assert answer.header("x-turnout-target") == target
    assert (answer.status >= 500, answer.header("x-should-retry")) == (True, "false")
    if target.startswith(client.kind):
        assert answer.status == 500, "its own words in its own API"
    else:
        client.error(answer)


def test_what_is_lost_is_what_the_target_lost_that_answered(house: House) -> None:
    for model in ("claude-first", "gpt-first"):
        (_, first, _), (api, _, _) = order(house, model)
        first.script(as_json(ERROR, 503))
        answer = good(house.ask(through(CHAT, api), model=model, seed=7))
        assert set(lost(answer)) == (set() if api is CHAT else {"seed"})


@JSON_OR_STREAM
@pytest.mark.parametrize(("model", "fields"), [("gpt-first", {"n": 2}), ("strict", {"seed": 7})])
def test_a_second_target_that_cannot_be_asked_this_does_not_hide_why_the_first_failed(
    house: House, stream: bool, model: str, fields: dict[str, Any]
) -> None:
    """A client that is told 400 does not come back; one that is told 503 does, when the first target is up again."""
    house.openai.script(as_json(ERROR, 503, ("retry-after", "3")))
    answer = house.ask(through(CHAT, CHAT), model=model, stream=stream, **fields)
    assert (answer.status, answer.json, answer.header("retry-after")) == (503, ERROR, "3")
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"
    assert answer.header("x-turnout-loss") is None
    assert house.anthropic.requests == []


# conversations that change their target ------------------------------------------------------------------------------

THINK: dict[str, Any] = {"thinking": {"type": "adaptive"}, "tools": tools("read_file")}
CALL = {"id": "call_1", "type": "function", "function": {"name": "read_file", "arguments": '{"path":"/a"}'}}


def by_gpt(stream: bool) -> Reply:
    """Return an answer of the openai target: it thinks, speaks and calls."""
    whole = {"content": "Reading.", "reasoning_content": "Look at the file.", "tool_calls": [CALL]}
    if not stream:
        return as_json(chat_of(whole, "tool_calls"))
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Look at the file."},
        {"content": "Reading."},
        {"tool_calls": [{"index": 0, **CALL}]},
    ]
    return as_stream([*(chat_chunk(delta) for delta in deltas), chat_chunk({}, "tool_calls"), DONE])


def content(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = blocks(answer.body) if b"event: " in answer.body else answer.json["content"]
    return found


@JSON_OR_STREAM
def test_reasoning_of_another_vendor_never_reaches_anthropic(house: House, stream: bool) -> None:
    """The client carries it under our seal, which Anthropic would refuse as a forgery."""
    way = through(MESSAGES, CHAT)
    house.openai.script(by_gpt(stream))
    turn = content(good(house.ask(way, model="gpt-first", stream=stream, **THINK)))
    assert [block["type"] for block in turn] == ["thinking", "text", "tool_use"]
    assert turn[0]["thinking"] == "Look at the file."
    assert turn[0]["signature"].startswith("turnout1.")

    conversation = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": turn},
        {"role": "user", "content": [tool_result(turn[2]["id"], "what it says")]},
    ]
    house.openai.script(as_json(ERROR, 503))
    answer = house.ask(way, model="gpt-first", stream=stream, messages=conversation, **THINK)
    assert answer.header("x-turnout-target") == "anthropic/claude-sonnet-5"
    assert said(through(MESSAGES, MESSAGES), answer)
    sent = house.anthropic.last.json["messages"]
    assert sent == [conversation[0], {"role": "assistant", "content": turn[1:]}, conversation[2]]
    assert b"turnout1." not in house.anthropic.last.body


def test_nor_when_tokens_are_counted(house: House) -> None:
    seal = {"type": "thinking", "thinking": "x", "signature": "turnout1.b3BlbmFpL2dwdC01LjU"}
    conversation = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [seal, {"type": "text", "text": "Yes"}]},
        {"role": "user", "content": "Go on"},
    ]
    counting = Api("count_tokens", "anthropic", "/v1/messages/count_tokens", "", "", 0, b"")
    answer = good(house.ask(Way(counting, counting, "claude-sonnet-5"), messages=conversation))
    assert answer.json["input_tokens"] > 0
    assert b"turnout1." not in house.anthropic.last.body


def test_a_turn_that_was_nothing_but_such_reasoning_is_left_out(house: House) -> None:
    seal = {"type": "thinking", "thinking": "x", "signature": "turnout1.b3BlbmFpL2dwdC01LjU"}
    conversation = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [seal]},
        {"role": "user", "content": "Go on"},
    ]
    good(house.ask(through(MESSAGES, MESSAGES), model="claude-first", messages=conversation))
    assert house.anthropic.last.json["messages"] == [conversation[0], conversation[2]]


def test_anthropics_own_reasoning_stays_as_it_is(house: House) -> None:
    """Byte for byte to Anthropic, not at all to another vendor, and none of it is lost on the way back."""
    own = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB+/=="}
    hidden = {"type": "redacted_thinking", "data": "Eowz"}
    conversation = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [own, hidden, tool_use("toolu_1", "read_file", path="/a")]},
        {"role": "user", "content": [tool_result("toolu_1", "what it says")]},
    ]
    asked = {"model": "claude-first", "messages": conversation, **THINK}
    good(house.ask(through(MESSAGES, MESSAGES), **asked))
    assert house.anthropic.last.json["messages"] == conversation
    house.anthropic.script(as_json(ERROR, 503))
    answer = good(house.ask(through(MESSAGES, CHAT), **asked))
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"
    assert b"EqQB" not in house.openai.last.body
    assert b"Eowz" not in house.openai.last.body
    good(house.ask(through(MESSAGES, MESSAGES), **asked))
    assert house.anthropic.last.json["messages"] == conversation


@JSON_OR_STREAM
def test_a_tool_loop_of_a_chat_client_that_changes_its_target_both_ways(house: House, stream: bool) -> None:
    way = Way(CHAT, MESSAGES, "")
    functions = [{"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}]
    calls = (tool_use("toolu_1", "read_file", path="/a"), tool_use("toolu_2", "read_file", path="/b"))
    house.anthropic.script(
        as_stream(message_stream(*calls, stop="tool_use")) if stream else as_json(message_of(*calls, stop="tool_use"))
    )
    answer = good(house.ask(way, model="claude-first", stream=stream, tools=functions))
    assert b'"toolu_1"' in answer.body
    made = [
        {"id": one["id"], "type": "function", "function": {"name": "read_file", "arguments": "{}"}} for one in calls
    ]
    conversation: list[dict[str, Any]] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": made},
        {"role": "tool", "tool_call_id": "toolu_2", "content": "two"},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "one"},
    ]
    house.anthropic.script(as_json(ERROR, 529))
    house.openai.script(by_gpt(stream))
    good(house.ask(way, model="claude-first", stream=stream, tools=functions, messages=conversation))
    assert house.openai.last.json["messages"] == conversation, "its own API: as it is"

    conversation += [
        {"role": "assistant", "content": "Reading.", "reasoning_content": "Look at the file.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "three"},
    ]
    good(house.ask(way, model="claude-first", stream=stream, tools=functions, messages=conversation))
    sent = house.anthropic.last.json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user", "assistant", "user"]
    uses = [block["id"] for block in sent[1]["content"] if block["type"] == "tool_use"]
    results = [(block["tool_use_id"], block["content"]) for block in sent[2]["content"]]
    assert uses == ["toolu_1", "toolu_2"]
    assert {id_: value if isinstance(value, str) else value[0]["text"] for id_, value in results} == {
        "toolu_1": "one",
        "toolu_2": "two",
    }
    assert [block["type"] for block in sent[3]["content"]] == ["text", "tool_use"]
    assert sent[4]["content"][0]["tool_use_id"] == "call_1"


@JSON_OR_STREAM
def test_a_name_that_only_one_api_takes_is_the_clients_own_at_both(house: House, stream: bool) -> None:
    name = "mcp__a-server-with-a-long-name__" + "read_file_" * 5
    call = {"index": 0, "id": "call_1", "type": "function"}

    def echo(seen: Any) -> Reply:
        sent = seen.json["tools"][0]["function"]["name"]
        made = {**call, "function": {"name": sent, "arguments": "{}"}}
        if not stream:
            return as_json(chat_of({"content": None, "tool_calls": [made]}, "tool_calls"))
        return as_stream([chat_chunk({"tool_calls": [made]}), chat_chunk({}, "tool_calls"), DONE])

    house.openai.script(echo)
    turn = content(good(house.ask(through(MESSAGES, CHAT), model="gpt-first", stream=stream, tools=tools(name))))
    assert turn[-1]["name"] == name
    assert len(house.openai.last.json["tools"][0]["function"]["name"]) <= 64
    house.openai.script(as_json(ERROR, 503))
    conversation = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": turn},
        {"role": "user", "content": [tool_result("call_1", "x")]},
    ]
    good(house.ask(through(MESSAGES, MESSAGES), model="gpt-first", messages=conversation, tools=tools(name)))
    assert house.anthropic.last.json["tools"][0]["name"] == name
    assert house.anthropic.last.json["messages"] == conversation


def test_an_error_after_content_is_final_whatever_the_other_api_could_do(house: House) -> None:
    begun = [one for one in MESSAGES.events("Hello") if b"message_" not in one and b"content_block_stop" not in one]
    opened = MESSAGES.events("Hello")[:1]
    failing = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    house.anthropic.script(as_stream([*opened, *begun, failing]))
    answer = house.ask(through(CHAT, MESSAGES), model="claude-first", stream=True)
    assert CHAT.in_band(answer.body)["code"] == "overloaded"
    assert house.openai.requests == []
