"""An answer told with the usage of more rounds than its own, and with a text in front: all else stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.retold import blocks, joined, retold, told_whole, untold, usage_of
from tests.support.answers import chat, chat_events, message, message_events
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api
from tests.support.items import response, response_events
from tests.support.loop import Call

API = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
CALLS = [Call("read", {"path": "a"}, "1")]
WHOLE: dict[str, Any] = {"chat": chat, "messages": message, "responses": response}
STREAMED: dict[str, Any] = {"chat": chat_events, "messages": message_events, "responses": response_events}


def whole(api: Api, **how: Any) -> bytes:
    return json.dumps(WHOLE[api.name](**how)).encode()


def stream(api: Api, **how: Any) -> bytes:
    return b"".join(STREAMED[api.name](**({"usage": True} if api is CHAT else {}), **how))


@API
def test_without_rounds_and_text_nothing_changes(api: Api) -> None:
    assert json.loads(retold(api.name, whole(api), [], "")) == json.loads(whole(api))
    told = blocks(retold(api.name, stream(api), [], ""))
    assert [one.value for one in told] == [one.value for one in blocks(stream(api))]


@API
@pytest.mark.parametrize("streamed", [False, True])
def test_usage_is_added_number_by_number(api: Api, streamed: bool) -> None:
    body = stream(api) if streamed else whole(api)
    own = usage_of(api.name, body)
    assert any(isinstance(value, int) and value for value in own.values())
    told = usage_of(api.name, retold(api.name, body, [own, own], ""))
    numbers = {name: value for name, value in own.items() if isinstance(value, int)}
    assert {name: told[name] for name in numbers} == {name: value * 3 for name, value in numbers.items()}
    assert told.keys() == own.keys()


@API
@pytest.mark.parametrize("how", [{}, {"calls": CALLS}, {"calls": CALLS, "before": "Let me see"}], ids=str)
def test_a_text_stands_in_front(api: Api, how: dict[str, Any]) -> None:
    """Whole and streamed alike; what was there stays in its order, and every number still counts from 0."""
    before, told = whole(api, **how), retold(api.name, whole(api, **how), [], "first\n\n")
    if "calls" not in how or "before" in how:
        assert api.said(json.loads(told)).startswith("first\n\n")
    events = blocks(retold(api.name, stream(api, **how), [], "first\n\n"))
    assert api.text(joined(events)).startswith("first\n\n")
    assert (b'"read"' in before) == (b'"read"' in told) == (b'"read"' in joined(events))
    values = [one.value for one in events if one.value is not None]
    if api is MESSAGES:
        starts = [value["index"] for value in values if value["type"] == "content_block_start"]
        assert starts == list(range(len(starts)))
    if api is RESPONSES:
        assert [value["sequence_number"] for value in values] == list(range(len(values)))
        added = [value["output_index"] for value in values if value["type"] == "response.output_item.added"]
        assert added == list(range(len(added)))


def test_thinking_stays_first() -> None:
    """A turn that thinks must begin with it (Messages API, extended thinking with tools)."""
    told = json.loads(retold("messages", whole(MESSAGES, calls=CALLS, thinks="summarized"), [], "first"))
    assert [one["type"] for one in told["content"]] == ["thinking", "text", "tool_use"]
    events = blocks(retold("messages", stream(MESSAGES, calls=CALLS, thinks="summarized"), [], "first"))
    starts = [one.value for one in events if one.value and one.value["type"] == "content_block_start"]
    assert [(one["index"], one["content_block"]["type"]) for one in starts] == [
        (0, "thinking"),
        (1, "text"),
        (2, "tool_use"),
    ]


def test_only_the_clients_tools_are_repeated() -> None:
    body = json.dumps({**response(), "tools": [{"name": "ours"}]}).encode()
    assert json.loads(untold(body, []))["tools"] == []
    told = untold(stream(RESPONSES).replace(b'"tools": []', b'"tools": [{"name": "ours"}]'), [{"name": "own"}])
    assert b"ours" not in told


def test_a_stream_of_responses_ends_with_the_whole() -> None:
    told = told_whole(stream(RESPONSES, calls=CALLS))
    assert told is not None
    assert json.loads(told)["output"] == response(calls=CALLS)["output"]
    assert told_whole(stream(CHAT)) is None
    assert told_whole(stream(MESSAGES)) is None


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 99) | st.booleans() | st.text()), max_size=4))
def test_what_is_no_number_is_never_added(past: list[dict[str, Any]]) -> None:
    own: dict[str, Any] = {"a": 1, "b": "x", "c": True, "d": {"e": 2}}
    told = json.loads(retold("chat", json.dumps({"choices": [], "usage": own}).encode(), past, ""))["usage"]
    more = [one["a"] for one in past if isinstance(one.get("a"), int) and not isinstance(one.get("a"), bool)]
    assert told == {**own, "a": 1 + sum(more)}
