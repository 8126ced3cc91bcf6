"""Tools, their names and their results that did not survive the way from one API to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.oracles import request_flaws
from tests.dialects.recorded import RECORDED, Recorded
from tests.end_to_end.field.house import (
    JSON_OR_STREAM,
    blocks,
    called,
    chat_of,
    conversation,
    functions,
    good,
    lost,
    tool_result,
    tool_use,
    tools,
)
from tests.support.answers import chat_events
from tests.support.apis import MESSAGES
from tests.support.http import post
from tests.support.loop import Call
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.end_to_end.field.house import House

CORPUS = [one for one in RECORDED if one.api == "chat" and (one.json.get("tools") or one.json.get("functions"))]

assert len(CORPUS) > 3, "the recorded chat requests with tools are missing"


@pytest.mark.parametrize("recorded", CORPUS, ids=lambda one: one.name)
def test_10_every_tool_request_of_the_corpus_crosses(house: House, recorded: Recorded) -> None:
    """A release broke every chat request with tools on its way to Anthropic.

    https://github.com/maximhq/bifrost/issues/3512
    """
    answer = post(house.turnout.url, recorded.path, {**recorded.json, "model": "claude-opus-4-8"})
    assert answer.status == 200, answer.body
    sent = house.anthropic.last.json
    assert request_flaws("messages", sent) == []
    names = [tool[tool["type"]]["name"] for tool in recorded.json["tools"]]
    assert [tool["name"] for tool in sent["tools"]] == names
    assert all(tool["input_schema"]["type"] == "object" for tool in sent["tools"])


LONG = "mcp__plugin_house_of_many_servers__a_tool_with_a_name_that_is_far_too_long"
TWINS = [f"{LONG}_read", f"{LONG}_write"]


@JSON_OR_STREAM
def test_12_long_names_are_shortened_and_restored(house: House, stream: bool) -> None:
    """Names of more than 64 characters were refused by OpenAI.

    https://github.com/BerriAI/litellm/issues/17904
    """
    messages = conversation(
        {"role": "assistant", "content": [tool_use("toolu_a", TWINS[0], path="/a")]},
        {"role": "user", "content": [tool_result("toolu_a", "A")]},
    )

    def answer(seen: Any) -> Any:
        calls = [Call(seen.json["tools"][1]["function"]["name"], {"path": "/b"})]
        if stream:
            return as_stream(chat_events(calls=calls))
        made = {"id": "call_0", "type": "function", "function": {"name": calls[0].tool, "arguments": '{"path": "/b"}'}}
        return as_json(chat_of({"content": None, "tool_calls": [made]}, "tool_calls"))

    house.openai.script(answer)
    choice = {"type": "tool", "name": TWINS[1]}
    got = house.messages("gpt-5.5", stream=stream, messages=messages, tools=tools(*TWINS), tool_choice=choice)
    sent = house.openai.last.json
    names = [tool["function"]["name"] for tool in sent["tools"]]
    assert len(set(names)) == 2
    assert all(len(name) <= 64 and name.startswith("mcp__plugin") for name in names)
    assert sent["messages"][1]["tool_calls"][0]["function"]["name"] == names[0]
    assert sent["tool_choice"]["function"]["name"] == names[1]
    assert (blocks(got.body) if stream else got.json["content"]) == [tool_use("call_0", TWINS[1], path="/b")]


def test_12_a_refused_name_is_not_called_a_full_context(house: House) -> None:
    """`string too long` about a name was reported as an exceeded context window: clients compacted for nothing.

    https://github.com/BerriAI/litellm/issues/17904
    """
    message = (
        "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string "
        "with length 70 instead."
    )
    error = {"message": message, "type": "invalid_request_error", "param": "tools[0].function.name"}
    house.openai.script(as_json({"error": {**error, "code": "string_above_max_length"}}, 400))
    answer = house.ask(MESSAGES, "gpt-5.5", tools=tools("read_file"))
    told = MESSAGES.error(answer)
    assert (answer.status, told["type"], told["message"]) == (400, "invalid_request_error", message)


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DATA_URL = f"data:image/png;base64,{PNG}"


def test_13_images_in_a_tool_result_arrive(house: House) -> None:
    """Images inside a tool_result were silently dropped: the model said that it saw none.

    https://github.com/BerriAI/litellm/issues/23712 and https://github.com/ggml-org/llama.cpp/pull/22536
    """
    result = tool_result("toolu_a", [{"type": "text", "text": "a screenshot"}, IMAGE])
    messages = conversation(
        {"role": "assistant", "content": [tool_use("toolu_a", "read_file", path="/a.png")]},
        {"role": "user", "content": [result, {"type": "text", "text": "What is on it?"}]},
    )
    answer = house.messages("gpt-5.5", stream=False, messages=messages, tools=tools("read_file"))
    _, _, told, asked = house.openai.last.json["messages"]
    assert (told["role"], told["tool_call_id"], told["content"]) == ("tool", "toolu_a", "a screenshot")
    images = [part["image_url"]["url"] for part in asked["content"] if part["type"] == "image_url"]
    assert (asked["role"], images) == ("user", [DATA_URL])
    assert asked["content"][-1] == {"type": "text", "text": "What is on it?"}
    assert lost(answer) == set()


def test_13_images_in_a_tool_message_arrive(house: House) -> None:
    """The same the other way: the parts of a tool message.

    https://github.com/BerriAI/litellm/pull/25476
    """
    parts = [{"type": "text", "text": "a screenshot"}, {"type": "image_url", "image_url": {"url": DATA_URL}}]
    messages = conversation(
        called(("call_a", "read_file", "{}")), {"role": "tool", "tool_call_id": "call_a", "content": parts}
    )
    house.chat("claude-sonnet-5", stream=False, messages=messages, tools=functions("read_file"))
    result = house.anthropic.last.json["messages"][2]["content"][0]
    assert (result["type"], result["content"]) == ("tool_result", [{"type": "text", "text": "a screenshot"}, IMAGE])


def test_13_a_model_without_eyes_is_told_and_so_is_the_client(house: House) -> None:
    """Where the model sees no images, something else stands in their place, and the loss is named.

    https://github.com/BerriAI/litellm/issues/23712
    """
    messages = conversation(
        {"role": "assistant", "content": [tool_use("toolu_a", "read_file", path="/a.png")]},
        {"role": "user", "content": [tool_result("toolu_a", [IMAGE])]},
    )
    answer = house.messages("gpt-3.5-turbo", stream=False, messages=messages, tools=tools("read_file"))
    assert "image" in house.openai.last.json["messages"][2]["content"]
    assert PNG not in house.openai.last.body.decode()
    assert lost(answer) == {"messages[2].content[0].content[0]"}


def test_14_results_lead_the_turn_whatever_the_client_sends(house: House) -> None:
    """A tool_result behind a text, an unanswered call, a turn in two messages: 400 each.

    https://github.com/NousResearch/hermes-agent/pull/58732
    """
    messages = conversation(
        called(("call_a", "read_file", "{}"), ("call_b", "read_file", "{}"), ("call_c", "read_file", "{}")),
        {"role": "user", "content": "And be quick"},
        {"role": "tool", "tool_call_id": "call_b", "content": "B"},
        {"role": "tool", "tool_call_id": "call_a", "content": "A"},
        {"role": "user", "content": "Well?"},
    )
    house.chat("claude-sonnet-5", stream=False, messages=messages, tools=functions("read_file"))
    question, calls, results = house.anthropic.last.json["messages"]
    assert [question["role"], calls["role"], results["role"]] == ["user", "assistant", "user"]
    assert [(block["type"], block.get("tool_use_id", block.get("text"))) for block in results["content"]] == [
        ("tool_result", "call_a"),
        ("tool_result", "call_b"),
        ("tool_result", "call_c"),
        ("text", "And be quick"),
        ("text", "Well?"),
    ]
    assert results["content"][2]["is_error"] is True


def test_14_results_follow_their_calls_in_chat_too(house: House) -> None:
    """The same the other way: a text in front of the results, and results in another order than the calls.

    https://github.com/NousResearch/hermes-agent/pull/58732
    """
    messages = conversation(
        {"role": "assistant", "content": [tool_use("toolu_a", "read_file"), tool_use("toolu_b", "read_file")]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Here"},
                tool_result("toolu_b", "B"),
                tool_result("toolu_a", "A", is_error=True),
            ],
        },
    )
    house.messages("gpt-5.5", stream=False, messages=messages, tools=tools("read_file"))
    sent = house.openai.last.json["messages"][2:]
    assert [(one["role"], one.get("tool_call_id"), one["content"]) for one in sent] == [
        ("tool", "toolu_a", "Error: A"),
        ("tool", "toolu_b", "B"),
        ("user", None, "Here"),
    ]


SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}


@pytest.mark.parametrize("others", [["read_file"], []], ids=["with another", "alone"])
@pytest.mark.parametrize("choice", [{"type": "tool", "name": "web_search"}, {"type": "any"}], ids=["named", "any"])
def test_15_a_dropped_server_tool_is_not_demanded(house: House, others: list[str], choice: dict[str, str]) -> None:
    """The web search of Anthropic was dropped, but tool_choice still named it: 400.

    https://github.com/maximhq/bifrost/issues/3596 and https://github.com/BerriAI/litellm/issues/25477
    """
    answer = house.messages("gpt-5.5", stream=False, tools=[SEARCH, *tools(*others)], tool_choice=choice)
    sent = house.openai.last.json
    assert [tool["function"]["name"] for tool in sent.get("tools", [])] == others
    assert sent.get("tool_choice") == ("required" if others and choice["type"] == "any" else None)
    assert "tools[0]" in lost(answer)
    assert ("tool_choice" in lost(answer)) == (sent.get("tool_choice") is None)


def test_15_where_it_exists_it_passes(house: House) -> None:
    """On its own API the server tool and the choice of it pass as they are.

    https://github.com/maximhq/bifrost/issues/3596
    """
    choice = {"type": "tool", "name": "web_search"}
    house.messages("claude-sonnet-5", stream=False, tools=[SEARCH], tool_choice=choice)
    sent = house.anthropic.last.json
    assert (sent["tools"], sent["tool_choice"]) == ([SEARCH], choice)


FINDER = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
LATER = {**tools("write_file")[0], "defer_loading": True}


def test_16_deferred_tools_pass_on_their_own_api(house: House) -> None:
    """defer_loading and tool search were dropped with a 200: the full price for every tool.

    https://github.com/theopenco/llmgateway/issues/3604 and https://github.com/anthropics/claude-code/issues/89211
    """
    flag = ("anthropic-beta", "advanced-tool-use-2025-11-20")
    offered = [FINDER, *tools("read_file"), LATER]
    good(house.ask(MESSAGES, "claude-sonnet-5", (flag,), tools=offered))
    assert house.anthropic.last.json["tools"] == offered
    assert house.anthropic.last.header(flag[0]) == flag[1]


def test_16_elsewhere_they_are_sent_at_once_and_the_client_is_told(house: House) -> None:
    """A model of another API cannot load tools later: it gets them now, and what was dropped is named.

    https://github.com/decolua/9router/issues/3889
    """
    answer = house.messages("gpt-5.5", stream=False, tools=[FINDER, *tools("read_file"), LATER])
    sent = house.openai.last.json["tools"]
    assert [tool["function"]["name"] for tool in sent] == ["read_file", "write_file"]
    assert b"defer_loading" not in house.openai.last.body
    assert lost(answer) == {"tools[0]"}
