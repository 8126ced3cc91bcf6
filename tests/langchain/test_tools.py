"""Tools of the client's, and answers that must fit a schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.langchain.test_custom import events
from tests.support.apis import CHAT, MESSAGES
from tests.support.http import post

if TYPE_CHECKING:
    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout

FILE = """
upstreams:
  worker: {kind: langchain, object: my_team.models:Worker}
  parrot: {kind: langchain, object: my_team.models:Parrot}
  modest: {kind: langchain, object: my_team.models:Modest}
  spare: {kind: echo}
models:
  plain: modest/plain
  gifted: modest/gifted
  worker: worker/w
  parrot: parrot/p
  either: {targets: [parrot/p], fallback: [spare/e]}
"""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
]
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
EITHER = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


@pytest.fixture(scope="module")
def turnout(beside: Beside) -> Turnout:
    return beside(FILE)


def test_parallel_calls_in_chat(turnout: Turnout) -> None:
    body = {**CHAT.conversation("call them"), "model": "worker", "tools": CHAT_TOOLS}
    choice = post(turnout.url, CHAT.path, body).json["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert [(one["id"], one["function"]["name"]) for one in choice["message"]["tool_calls"]] == [
        ("call_a", "weather"),
        ("call_b", "clock"),
    ]
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "Paris"}


def test_parallel_calls_in_chat_streamed(turnout: Turnout) -> None:
    body = {**CHAT.conversation("call them"), "model": "worker", "tools": CHAT_TOOLS, "stream": True}
    calls: dict[int, list[str]] = {}
    for event in events(post(turnout.url, CHAT.path, body).body):
        for piece in event["choices"][0]["delta"].get("tool_calls", ()) if event["choices"] else ():
            calls.setdefault(piece["index"], []).append(piece["function"].get("arguments", ""))
    assert {index: "".join(pieces) for index, pieces in calls.items()} == {0: '{"city": "Paris"}', 1: "{}"}


def test_parallel_calls_in_messages_streamed(turnout: Turnout) -> None:
    tools = [{"name": one["function"]["name"], "input_schema": one["function"]["parameters"]} for one in CHAT_TOOLS]
    body = {**MESSAGES.conversation("call them"), "model": "worker", "tools": tools, "stream": True}
    heard = events(post(turnout.url, MESSAGES.path, body).body)
    started = [event["content_block"] for event in heard if event["type"] == "content_block_start"]
    assert [(one["id"], one["name"]) for one in started] == [("call_a", "weather"), ("call_b", "clock")]
    delta = next(event for event in heard if event["type"] == "message_delta")
    assert delta["delta"]["stop_reason"] == "tool_use"


def test_calls_in_responses(turnout: Turnout) -> None:
    tools = [{"type": "function", **one["function"]} for one in CHAT_TOOLS]
    output = post(turnout.url, "/v1/responses", {"model": "worker", "input": "call them", "tools": tools}).json[
        "output"
    ]
    assert [(one["type"], one["name"], json.loads(one["arguments"])) for one in output] == [
        ("function_call", "weather", {"city": "Paris"}),
        ("function_call", "clock", {}),
    ]


@EITHER
def test_structured_output_by_a_call_is_told_as_text(turnout: Turnout, stream: bool) -> None:
    body = {**CHAT.conversation("answer Rome"), "model": "worker", "response_format": FORMAT, "stream": stream}
    answer = post(turnout.url, CHAT.path, body)
    text = CHAT.text(answer.body) if stream else CHAT.said(answer.json)
    assert json.loads(text) == {"city": "Rome"}


@EITHER
def test_any_json_object_can_only_be_asked_for_in_words(turnout: Turnout, stream: bool) -> None:
    wish = {"type": "json_object"}
    body = {**CHAT.conversation("see"), "model": "worker", "response_format": wish, "stream": stream}
    answer = post(turnout.url, CHAT.path, body)
    told: dict[str, Any] = json.loads(CHAT.text(answer.body) if stream else CHAT.said(answer.json))
    assert "JSON object" in told["messages"][0]["content"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"tools": CHAT_TOOLS}, "tools"), ({"response_format": FORMAT}, "response_format")],
    ids=["tools", "schema"],
)
def test_what_the_model_cannot_do_is_refused(turnout: Turnout, fields: dict[str, Any], param: str) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hi"), "model": "parrot", **fields})
    assert answer.status == 400
    error = CHAT.error(answer)
    assert error["param"] == param
    assert "`my_team.models:Parrot`" in error["message"]


def test_or_goes_to_the_next_target(turnout: Turnout) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("weather?"), "model": "either", "tools": CHAT_TOOLS})
    assert answer.header("x-turnout-target") == "spare/e"
    assert answer.json["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "weather"


def test_what_a_model_says_of_itself_counts(turnout: Turnout) -> None:
    body = {**CHAT.conversation("call them"), "tools": CHAT_TOOLS}
    assert post(turnout.url, CHAT.path, {**body, "model": "plain"}).status == 400
    assert post(turnout.url, CHAT.path, {**body, "model": "gifted"}).status == 200
    assert "`my_team.models:Modest` takes no tools and no schema" in turnout.log()


def test_the_warnings_say_what_it_cannot_do(turnout: Turnout) -> None:
    assert "`my_team.models:Parrot` takes no tools and no schema for its answer" in turnout.log()
    assert "`my_team.models:Worker` takes" not in turnout.log()
