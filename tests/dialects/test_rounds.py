"""Tools added to a request, and a request that goes on with what they said, in each API's own form."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.chat import Problem
from engine.dialects import CODECS
from engine.dialects.rounds import Offered, Told, gone_on, names, offered
from tests.support.answers import chat, message
from tests.support.apis import APIS, CHAT, Api
from tests.support.items import response
from tests.support.loop import Call

API = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
TOOL = Offered(name="add", description="Adds", schema={"type": "object", "properties": {"a": {"type": "integer"}}})
WHOLE: dict[str, Any] = {"chat": chat, "messages": message, "responses": response}


def fields(body: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}


@API
def test_a_tool_is_read_as_any_other(api: Api) -> None:
    told = offered(api.name, fields({**api.body(), "max_tokens": 9} if api.name == "messages" else api.body()), [TOOL])
    assert names(told) == {"add"}
    (tool,) = CODECS[api.name].read(msgspec.json.encode(told)).tools  # type: ignore[index]
    assert (tool.name, tool.description, tool.schema) == ("add", "Adds", TOOL.schema)
    assert names(offered(api.name, told, [msgspec.structs.replace(TOOL, name="sub")])) == {"add", "sub"}


@API
def test_results_are_read_as_results_of_their_calls(api: Api) -> None:
    made = [Call("add", {"a": 1}, "1"), Call("add", {"a": 2}, "2")]
    ids = {"chat": "call_", "messages": "toolu_", "responses": "call_"}[api.name]
    answer = json.dumps(WHOLE[api.name](calls=made)).encode()
    results = [Told(id=f"{ids}1", text="one"), Told(id=f"{ids}2", text="no", error=True)]
    body = {**api.body(), "max_tokens": 9} if api.name == "messages" else api.body()
    told = gone_on(api.name, fields(body), answer, results)
    request = CODECS[api.name].read(msgspec.json.encode(told))  # type: ignore[index]
    found = [block for turn in request.messages for block in turn.blocks]
    kinds = [type(block).__name__ for block in found]
    assert kinds == ["Text", "Call", "Call", "Result", "Result"]
    first, second = found[-2:]
    assert (first.id, first.parts[0].text, first.error) == (f"{ids}1", "one", False)  # type: ignore[union-attr]
    said = second.parts[0].text  # type: ignore[union-attr]
    assert (said, second.error) == (("no", True) if api.name == "messages" else ("Error: no", False))  # type: ignore[union-attr]


def test_an_input_that_is_a_text_becomes_a_turn() -> None:
    answer = json.dumps(response(calls=[Call("add", {"a": 1}, "1")])).encode()
    told = gone_on("responses", fields({"model": "m", "input": "Hi"}), answer, [Told(id="call_1", text="1")])
    kinds = [one["type"] for one in json.loads(bytes(told["input"]))]
    assert kinds == ["message", "function_call", "function_call_output"]


def test_names_of_every_form_are_seen() -> None:
    tools = [
        {"type": "function", "function": {"name": "a"}},
        {"type": "custom", "custom": {"name": "b"}},
        {"type": "function", "name": "c"},
        {"name": "d", "input_schema": {}},
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "image_generation"},
    ]
    assert names(fields({"tools": tools})) == {"a", "b", "c", "d", "web_search", ""}


def test_what_is_no_list_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        offered("chat", fields({**CHAT.body(), "tools": {"a": 1}}), [TOOL])
    assert caught.value.param == "tools"
