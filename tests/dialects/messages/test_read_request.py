"""Requests of the Messages API, read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Call, File, Image, Message, Opaque, Problem, Reasoning, Request, Result, Text, Thinking, Tool
from engine.dialects import ANTHROPIC
from engine.dialects.messages.read_request import read
from engine.dialects.seal import seal
from tests.dialects.recorded import RECORDED, Recorded

HI: list[Any] = [{"role": "user", "content": "Hi"}]


def request(**fields: Any) -> Request:
    return read(json.dumps({"model": "m", "max_tokens": 9, "messages": HI, **fields}, ensure_ascii=False).encode())


def turn(role: str, *blocks: Any) -> Message:
    """Return how the last of three turns is read, whose content are `blocks`."""
    return request(
        messages=[*HI, {"role": "assistant", "content": "Yes?"}, {"role": role, "content": [*blocks]}]
    ).messages[2]


def test_the_least_request() -> None:
    assert request() == Request(
        model="m",
        max_tokens=9,
        messages=(Message(role="user", blocks=(Text(text="Hi", at="messages[0].content"),), at="messages[0]"),),
        named=request().named,
    )


def test_system_leads() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
    assert request(system=blocks).messages[0] == Message(
        role="system", blocks=(Text(text="a", at="system[0]"), Text(text="b", cache="", at="system[1]")), at="system"
    )
    assert request(system="").messages[0].role == "user"


@pytest.mark.parametrize(
    ("block", "found"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iV\nBO"}},
            Image(media_type="image/png", data="iVBO"),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://x.test"}}, Image(url="https://x.test")),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JV"},
                "title": "a",
            },
            File(media_type="application/pdf", data="JV", name="a"),
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "context": "c"},
            File(media_type="text/plain", text="x", context="c"),
        ),
        ({"type": "document", "source": {"type": "url", "url": "https://x.test"}}, File(url="https://x.test")),
        (
            {"type": "document", "source": {"type": "content", "content": "x"}},
            File(media_type="text/plain", text="x"),
        ),
        (
            {"type": "container_upload", "file_id": "f", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Opaque(
                vendor="anthropic",
                kind="container_upload",
                raw={"type": "container_upload", "file_id": "f", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                cache="1h",
            ),
        ),
    ],
)
def test_what_users_send(block: dict[str, Any], found: Any) -> None:
    (read_,) = turn("user", block).blocks
    assert read_ == type(found)(
        **{**{f: getattr(found, f) for f in found.__struct_fields__}, "at": "messages[2].content[0]"}
    )


def test_a_call_keeps_the_order_and_the_letters_of_its_arguments() -> None:
    (call,) = turn(
        "assistant", {"type": "tool_use", "id": "t", "name": "f", "input": {"z": "ä", "a": [1.5, None]}}
    ).blocks
    assert call == Call(id="t", name="f", arguments='{"z":"ä","a":[1.5,null]}', at="messages[2].content[0]")


def test_a_result_holds_texts_images_and_what_only_the_vendor_knows() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "u"}}
    content = [{"type": "text", "text": "x"}, image, {"type": "tool_reference", "tool_name": "f"}]
    (result,) = turn("user", {"type": "tool_result", "tool_use_id": "t", "content": content, "is_error": True}).blocks
    assert isinstance(result, Result)
    assert result.error
    assert [type(part) for part in result.parts] == [Text, Image, Opaque]
    assert result.parts[1].at == "messages[2].content[0].content[1]"


@pytest.mark.parametrize("content", [None, "", []])
def test_an_empty_result(content: Any) -> None:
    (result,) = turn("user", {"type": "tool_result", "tool_use_id": "t", "content": content}).blocks
    assert result == Result(id="t", at="messages[2].content[0]")


@pytest.mark.parametrize(
    ("signature", "thought"),
    [
        ("EqQB", Thinking(text="Hm", signature="EqQB")),
        (seal("up/m"), Thinking(text="Hm", model="up/m")),
        (seal("up/m")[:-3] + "!", Thinking(text="Hm", model="")),
        ("", Thinking(text="Hm")),
    ],
    ids=["another vendor's", "ours", "ours, damaged", "none"],
)
def test_thinking_knows_who_thought_it(signature: str, thought: Thinking) -> None:
    (block,) = turn("assistant", {"type": "thinking", "thinking": "Hm", "signature": signature}).blocks
    assert isinstance(block, Thinking)
    assert (block.text, block.signature, block.model) == (thought.text, thought.signature, thought.model)


def test_tools() -> None:
    schema = {"type": "object", "properties": {}}
    found = request(
        tools=[
            {"name": "f", "description": "d", "input_schema": schema, "strict": True, "type": "custom"},
            {"name": "g", "input_schema": schema, "defer_loading": True, "cache_control": {"type": "ephemeral"}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
            {"type": "mcp_toolset", "mcp_server_name": "x"},
        ]
    ).tools
    assert found == (
        Tool(name="f", description="d", schema=schema, strict=True, at="tools[0]"),
        Tool(name="g", schema=schema, deferred=True, cache="", at="tools[1]"),
        Tool(name="web_search", hosted="web_search_20250305", at="tools[2]"),
        Tool(name="mcp_toolset", hosted="mcp_toolset", at="tools[3]"),
    )


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"thinking": {"type": "adaptive", "display": "updates"}}, Reasoning(mode="adaptive", shown="updates")),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, Reasoning(mode="budget", budget=1024)),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, Reasoning(mode="off", effort="max")),
        ({"thinking": {"type": "between_tools"}}, Reasoning(mode="adaptive")),
        ({"thinking": {"type": "novel"}}, Reasoning()),
        ({"output_config": {"effort": "novel"}}, None),
    ],
)
def test_reasoning(fields: dict[str, Any], found: Reasoning | None) -> None:
    got = request(**fields).reasoning
    assert (got and (got.mode, got.effort, got.budget, got.shown)) == (
        found and (found.mode, found.effort, found.budget, found.shown)
    )


def test_the_latest_effort_counts() -> None:
    later = [{"role": "system", "content": "x", "output_config": {"effort": word}} for word in ("low", "high")]
    found = request(messages=[*HI, *later], output_config={"effort": "max"})
    assert found.reasoning == Reasoning(effort="high", at="messages[2].output_config.effort")
    assert [loss.path for loss in found.losses] == ["messages[1].output_config", "messages[2].output_config"]


@pytest.mark.parametrize(
    ("user_id", "user", "session"),
    [
        ('{"device_id": "d", "account_uuid": "a", "session_id": "s"}', "a", "s"),
        ('{"device_id": "d", "account_uuid": "", "session_id": "s"}', "d", "s"),
        ('{"session_id": "s"}', None, "s"),
        ('{"name": "ada"}', '{"name": "ada"}', None),
        ("{not json", "{not json", None),
        ("user_0a_account_0b-1_session_0c-2", "user_0a_account_0b-1", "0c-2"),
        ("ada", "ada", None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_who_asks(user_id: str | None, user: str | None, session: str | None) -> None:
    found = request(metadata={"user_id": user_id})
    assert (found.user, found.session) == (user, session)


def test_what_has_no_place_is_kept() -> None:
    config = {"effort": "low", "task_budget": {"type": "tokens", "total": 20000}}
    found = request(context_management={"edits": []}, output_config=config, metadata={"team": 1}, speed=None)
    assert found.extra == {
        "context_management": {"edits": []},
        "output_config.task_budget": {"type": "tokens", "total": 20000},
        "metadata.team": 1,
    }


def test_no_tokens_are_not_no_limit() -> None:
    assert request(max_tokens=0).max_tokens == 0
    assert request(max_tokens=None).max_tokens is None


def test_a_thread_is_refused_so_that_the_sdk_goes_on_without() -> None:
    with pytest.raises(Problem) as raised:
        request(thread={"type": "create"})
    error = json.loads(ANTHROPIC.error(raised.value, "req_1"))["error"]
    assert error["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert (raised.value.status, raised.value.param) == (400, "thread")


NAMED: list[tuple[dict[str, Any], list[str]]] = [
    ({"system": [{"type": "text", "text": "a", "citations": [{}]}]}, ["system[0].citations"]),
    ({"tools": [{"name": "a", "input_schema": {}, "allowed_callers": ["direct"]}]}, []),
    (
        {"tools": [{"name": "a", "input_schema": {}, "allowed_callers": ["direct", "code_execution_20260120"]}]},
        ["tools[0].allowed_callers"],
    ),
    ({"messages": [{"role": "system", "content": "a", "clear_at": "never"}]}, []),
    ({"messages": [{"role": "system", "content": "a", "clear_at": "next_user_message"}]}, ["messages[0].clear_at"]),
]


@pytest.mark.parametrize(("fields", "lost"), NAMED)
def test_what_is_lost_already_is_named_where_it_stands(fields: dict[str, Any], lost: list[str]) -> None:
    assert [loss.path for loss in request(**fields).losses] == lost


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*blocks]}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        (user("Hi"), "messages[0].content[0]"),
        (user({"text": "Hi"}), "messages[0].content[0].type"),
        (user({"type": "text"}), "messages[0].content[0].text"),
        (user({"type": "text", "text": 1}), "messages[0].content[0].text"),
        (user({"type": "text", "text": "", "cache_control": 1}), "messages[0].content[0].cache_control"),
        (user({"type": "image"}), "messages[0].content[0].source"),
        (user({"type": "image", "source": {}}), "messages[0].content[0].source.type"),
        (user({"type": "image", "source": {"type": "novel"}}), "messages[0].content[0].source.type"),
        (user({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages[0].content[0].source"),
        (user({"type": "tool_use", "id": "t", "name": "f", "input": {}}), "messages[0].content[0]"),
        (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
        (user({"type": "tool_result", "tool_use_id": "t", "content": 1}), "messages[0].content[0].content"),
        (user({"type": "tool_result", "tool_use_id": "t", "content": [1]}), "messages[0].content[0].content[0]"),
        ({"system": 1}, "system"),
        ({"system": ["x"]}, "system[0]"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "0"}, "temperature"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [1]}, "stop_sequences[0]"),
        ({"stream": "yes"}, "stream"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": [{"name": "f", "input_schema": []}]}, "tools[0].input_schema"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "novel"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": "adaptive"}, "thinking"),
        ({"output_config": {"format": {"type": "json"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"metadata": {"user_id": 1}}, "metadata.user_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_are_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as raised:
        request(**fields)
    assert (raised.value.status, raised.value.param) == (400, param)
    assert f"`{param}" in raised.value.message


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b'"\xff"', b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000]
)
def test_what_is_no_request_is_a_problem(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read(body)
    assert raised.value.status == 400


words = st.sampled_from(
    ["user", "assistant", "system", "text", "image", "document", "tool_use", "tool_result", "thinking", "base64", "url"]
)
names = st.sampled_from(
    [
        *("role", "content", "type", "text", "source", "input", "id", "tool_use_id", "name", "data", "media_type"),
        *("thinking", "signature", "cache_control", "citations", "format", "effort", "schema", "input_schema"),
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | words | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
fields = st.sampled_from(
    [
        *("messages", "system", "tools", "tool_choice", "max_tokens", "thinking", "output_config", "metadata"),
        *("output_format", "stop_sequences", "cache_control", "stream", "temperature"),
    ]
)


@given(st.dictionaries(fields, anything, max_size=4))
def test_nonsense_is_read_or_refused(given_: dict[str, Any]) -> None:
    refused = None
    try:
        request(**given_)
    except Problem as problem:
        refused = problem
    assert refused is None or (refused.status == 400 and refused.param)


@pytest.mark.parametrize(
    "recorded", [one for one in RECORDED if one.api in ("messages", "count_tokens")], ids=lambda one: one.name
)
def test_what_real_clients_send_is_read(recorded: Recorded) -> None:
    if "thread" in recorded.json:
        with pytest.raises(Problem):
            read(recorded.body)
        return
    found = read(recorded.body)
    assert [tool.name for tool in found.tools] == [tool["name"] for tool in recorded.json.get("tools", [])]
    turns = [message for message in found.messages if message.at != "system"]
    assert len(turns) == len(recorded.json["messages"])
    assert found.max_tokens == recorded.json.get("max_tokens")
