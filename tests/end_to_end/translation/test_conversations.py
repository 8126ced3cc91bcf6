"""Conversations that change their target between two APIs: everybody is sent what is theirs, and loops go on."""

from __future__ import annotations

from dataclasses import replace
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
from tests.end_to_end.translation.house import JSON_OR_STREAM, House, Way, good, said, written
from tests.end_to_end.translation.turns import READING, THINK, told
from tests.support.answers import DONE, chat_chunk
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  claude-first: {targets: [anthropic/claude-sonnet-5, openai/gpt-5.5], hold: 300ms}
  gpt-first: {targets: [openai/gpt-5.5, anthropic/claude-sonnet-5], hold: 300ms}
  resp-first: {targets: [responses/gpt-5.5, anthropic/claude-sonnet-5], hold: 300ms}
"""
ERROR = {"error": {"message": "out of order", "type": "api_error"}}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


def through(client: Api, server: Api) -> Way:
    return Way(client, server, "")


THINKING: dict[str, Any] = {**THINK["messages"], "tools": tools("read_file")}
CALL = {"id": "call_1", "type": "function", "function": {"name": "read_file", "arguments": '{"path":"/a"}'}}
TO_OPENAI = pytest.mark.parametrize(("model", "server"), [("gpt-first", CHAT), ("resp-first", RESPONSES)])


def content(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = blocks(answer.body) if b"event: " in answer.body else answer.json["content"]
    return found


@JSON_OR_STREAM
@TO_OPENAI
def test_reasoning_of_another_vendor_never_reaches_anthropic(
    house: House, stream: bool, model: str, server: Api
) -> None:
    """The client carries it under our seal, which Anthropic would refuse as a forgery."""
    way = through(MESSAGES, server)
    house.openai.script(told(server, READING, stream=stream))
    turn = content(good(house.ask(way, model=model, stream=stream, **THINKING)))
    assert [block["type"] for block in turn] == ["thinking", "text", "tool_use"]
    assert turn[0]["thinking"] == "Look at the file."
    assert turn[0]["signature"].startswith("turnout1.")

    conversation = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": turn},
        {"role": "user", "content": [tool_result(turn[2]["id"], "what it says")]},
    ]
    house.openai.script(as_json(ERROR, 503))
    answer = house.ask(way, model=model, stream=stream, messages=conversation, **THINKING)
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
    counting = replace(MESSAGES, name="count_tokens", path="/v1/messages/count_tokens")
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
    asked = {"model": "claude-first", "messages": conversation, **THINKING}
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
    house.openai.script(told(CHAT, READING, stream=stream))
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
