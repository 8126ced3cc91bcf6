"""Tools of the client are held until it brings their results, over as many HTTP requests as that takes."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT
from tests.support.http import Answer, post
from tests.upstreams.claude_code.conftest import body, said, until

if TYPE_CHECKING:
    from tests.upstreams.claude_code.conftest import Begin, Bridge

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [
    {"name": "weather", "description": "Tells the weather", "input_schema": SCHEMA},
    {"name": "time.of day", "input_schema": {"type": "object"}},
]


@pytest.fixture(scope="module")
def bridge(begin: Begin) -> Bridge:
    return begin("warm: 0")


def result(call: dict[str, Any], content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call["id"], "content": content, **more}


def calls(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer.json["stop_reason"] == "tool_use"
    return [block for block in answer.json["content"] if block["type"] == "tool_use"]


def test_one_call(bridge: Bridge) -> None:
    asked = 'call weather {"city": "Paris"}'
    first = bridge.ask(asked, tools=TOOLS)
    (call,) = calls(first)
    assert (call["name"], call["input"]) == ("weather", {"city": "Paris"})
    assert until(lambda: bridge.pool["held"]) == 1
    second = bridge.ask(asked, first.json["content"], [result(call, "sunny")], tools=TOOLS)
    assert said(second) == "sunny"
    assert second.header("x-turnout-loss") == first.header("x-turnout-loss") == "max_tokens=claude decides that itself"
    assert len(bridge.pids) == 1
    assert len(bridge.events("user")) == 1, "the result went back as the answer of the call, not as a message"


def test_calls_beside_each_other_over_several_requests(bridge: Bridge) -> None:
    asked = 'call weather {"city": "Oslo"} & weather {"city": "Rome"} & time_of_day {}'
    asked = asked.replace("time_of_day", "tool_1")
    first = bridge.ask(asked, tools=TOOLS)
    one, two, three = calls(first)
    assert [one["input"], two["input"], three["name"]] == [{"city": "Oslo"}, {"city": "Rome"}, "time.of day"]
    given = [result(two, "hot"), result(three, [{"type": "text", "text": "noon"}]), result(one, "cold", is_error=True)]
    history: list[Any] = [asked, first.json["content"], given]
    second = bridge.ask(*history, tools=TOOLS)
    assert said(second) == "cold | hot | noon"
    (came,) = [one["results"] for one in bridge.events("results") if one["pid"] == bridge.pids[-1]]
    assert [one["isError"] for one in came] == [True, False, False]


def test_a_loop_of_calls_stays_in_one_process(bridge: Bridge) -> None:
    history: list[Any] = ['call weather {"city": "A"}']
    before = len(bridge.pids)
    for turn in range(4):
        answer = bridge.ask(*history, tools=TOOLS)
        (call,) = calls(answer)
        more = 'call weather {"city": "B"}' if turn < 3 else "done"
        history += [answer.json["content"], [result(call, more)]]
    assert said(bridge.ask(*history, tools=TOOLS)) == "done"
    assert len(bridge.pids) == before + 1


def test_arguments_are_streamed_while_they_come(bridge: Bridge) -> None:
    asked = 'call weather {"city": "Lima"}'
    answer = post(bridge.url, "/v1/messages", body(asked, tools=TOOLS, stream=True))
    assert answer.body.count(b"input_json_delta") == 2
    assert b'"name":"weather"' in answer.body
    assert b"mcp__" not in answer.body
    assert answer.body.rstrip().endswith(b'"type":"message_stop"}')


def test_what_is_said_beside_a_result_is_told_with_it(bridge: Bridge) -> None:
    asked = 'call weather {"city": "Bern"}'
    first = bridge.ask(asked, tools=TOOLS)
    (call,) = calls(first)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    given = [result(call, [{"type": "text", "text": "rain"}, image]), {"type": "text", "text": "and hurry"}]
    second = bridge.ask(asked, first.json["content"], given, tools=TOOLS)
    assert said(second) == "rain image and hurry"


def refused(answer: Answer) -> str:
    assert answer.status == 400, answer.body
    return str(answer.json["error"]["message"])


def test_results_that_do_not_fit_their_calls_are_refused(bridge: Bridge) -> None:
    """As the API does. What is right then is answered by the process that still waits."""
    asked = 'call weather {"city": "X"} & weather {"city": "Y"}'
    first = bridge.ask(asked, tools=TOOLS)
    one, two = calls(first)
    history = (asked, first.json["content"])
    good = [result(one, "fine"), result(two, "wet")]
    assert f"the call {two['id']} has no `tool_result`" in refused(bridge.ask(*history, good[:1], tools=TOOLS))
    assert f"the call {one['id']} has no `tool_result`" in refused(bridge.ask(*history, "never mind", tools=TOOLS))
    stray = result({"id": "toolu_other"}, "?")
    assert "the `tool_result` of toolu_other answers" in refused(bridge.ask(*history, [*good, stray], tools=TOOLS))
    assert f"the call {one['id']} has two" in refused(bridge.ask(*history, [*good, result(one, "?")], tools=TOOLS))
    before = len(bridge.pids)
    assert said(bridge.ask(*history, good, tools=TOOLS)) == "fine | wet"
    assert len(bridge.pids) == before


TOOL = {"name": "weather", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("tools", "told"),
    [
        ([{"name": "t", "input_schema": {"type": "string"}}], "tools[0].input_schema: it must be"),
        ([TOOL, {"name": "t"}], "tools[1].input_schema: it must be"),
        ([{"input_schema": {"type": "object"}}], "tools[0].name: it is missing"),
        ([TOOL, TOOL], "tools[1].name: there is another"),
    ],
)
def test_tools_that_are_none_are_refused(bridge: Bridge, tools: list[Any], told: str) -> None:
    before = len(bridge.pids)
    assert told in refused(bridge.ask("say well", tools=tools))
    assert len(bridge.pids) == before


def test_a_block_that_claude_does_not_take_is_a_loss(bridge: Bridge) -> None:
    answer = bridge.ask([{"type": "text", "text": "say well"}, {"type": "container_upload", "file_id": "f"}])
    assert said(answer) == "well"
    assert "content.container_upload=claude takes no such block" in str(answer.header("x-turnout-loss"))


def test_who_waits_for_a_process_lets_results_pass_that_free_one(begin: Begin) -> None:
    bridge = begin("warm: 0, processes: 1, concurrency: 1, queue: 1, queue_timeout: 30s")
    asked = 'call weather {"city": "Kiel"}'
    first = bridge.ask(asked, tools=TOOLS)
    (call,) = calls(first)
    waited: list[Answer] = []
    waiting = threading.Thread(target=lambda: waited.append(bridge.ask("say patience")))
    waiting.start()
    until(lambda: bridge.pool["waiting"] == 1)
    assert bridge.pool["busy"] == 0
    assert said(bridge.ask(asked, first.json["content"], [result(call, "windy")], tools=TOOLS)) == "windy"
    waiting.join(20)
    assert said(waited[0]) == "patience"
    assert (bridge.pool["busy"], bridge.pool["waiting"]) == (0, 0)


def test_a_history_that_nobody_holds_is_told_as_text(bridge: Bridge) -> None:
    use = {"type": "tool_use", "id": "toolu_unknown", "name": "weather", "input": {"city": "Kyiv"}}
    answer = bridge.ask("how is it?", [use], [result(use, "snow")], tools=TOOLS)
    assert "<result of=toolu_unknown>\nsnow\n</result>" in said(answer)
    assert 'tool=weather>{"city":"Kyiv"}</call>' in said(answer)


def test_clients_of_other_apis_bring_results_too(bridge: Bridge) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    asked = {"role": "user", "content": 'call weather {"city": "Bonn"} & weather {"city": "Wien"}'}
    request = {"model": "claude-sonnet-5", "tools": tools}
    message = post(bridge.url, CHAT.path, {**request, "messages": [asked]}).json["choices"][0]["message"]
    cities = [json.loads(one["function"]["arguments"])["city"] for one in message["tool_calls"]]
    assert cities == ["Bonn", "Wien"]
    results = [
        {"role": "tool", "tool_call_id": one["id"], "content": f"it is {city}"}
        for one, city in zip(message["tool_calls"], cities, strict=True)
    ]
    before = len(bridge.pids)
    second = post(bridge.url, CHAT.path, {**request, "messages": [asked, message, *results]})
    assert second.json["choices"][0]["message"]["content"] == "it is Bonn | it is Wien"
    assert len(bridge.pids) == before


def test_no_tools_where_the_client_wants_none(bridge: Bridge) -> None:
    assert said(bridge.ask("say none", tools=TOOLS, tool_choice={"type": "none"})) == "none"
    argv = bridge.events("start")[-1]["argv"]
    assert "--mcp-config" not in argv
    assert argv[argv.index("--tools") + 1] == ""
