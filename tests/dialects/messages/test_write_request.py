"""What the golden pairs do not show: what is remembered for the way back, and that any request becomes a legal one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.chat import Call, Message, Opaque, Problem, Request, Result, Text, Thinking, Tool
from engine.dialects import CODECS
from engine.dialects.codec import Written
from engine.dialects.messages.families import FAMILIES, family
from engine.dialects.messages.write_request import write
from engine.dialects.translate import read
from tests.dialects import oracles
from tests.dialects.rules import broken

OLD, NEW = "claude-opus-4-1", "claude-opus-4-8"
USER = {"role": "user", "content": "Hi"}


def written(model: str, *messages: dict[str, Any], **fields: Any) -> Written:
    body = {"model": "asked", "messages": list(messages) or [USER], **fields}
    return write(read(CODECS["chat"], json.dumps(body).encode()), family(model, ""), model)


def function(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def test_names_that_changed_are_remembered() -> None:
    assert written(NEW, tools=[function("files.read"), function("files_write")]).names == {"files_read": "files.read"}


def test_custom_tools_are_remembered_by_the_name_sent() -> None:
    tools = [{"type": "custom", "custom": {"name": "apply.patch"}}, function("f")]
    assert written(NEW, tools=tools).customs == {"apply_patch"}


def test_a_tool_that_stands_in_for_an_answer_is_remembered_and_is_nobody_elses() -> None:
    wish = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    found = written(OLD, tools=[function("structured_answer")], response_format=wish)
    assert found.shaped == "structured_answer_"
    assert [tool["name"] for tool in found.body["tools"]] == ["structured_answer", "structured_answer_"]
    assert written(NEW, response_format=wish).shaped is None


def test_an_answer_that_may_be_fenced_is_remembered() -> None:
    assert written(NEW, response_format={"type": "json_object"}).fenced
    assert not written(NEW).fenced


def test_blank_stop_sequences_are_cut_here() -> None:
    found = written(NEW, stop=["END", "\n\n", " "])
    assert (found.body["stop_sequences"], found.stop) == (["END"], ("\n\n", " "))


def test_the_version_is_always_told_and_a_beta_only_where_it_is_needed() -> None:
    thought = [{"type": "reasoning.text", "text": "So.", "signature": "EqQB"}]
    history = [USER, {"role": "assistant", "content": "Hello", "reasoning_details": thought}, USER]
    version = (b"anthropic-version", b"2023-06-01")
    assert written(NEW, *history).headers == [version]
    assert written("claude-opus-5-5").headers == [version]
    assert written("claude-opus-5-5", *history).headers == [
        version,
        (b"anthropic-beta", b"thinking-binding-controls-2026-08-01"),
    ]


def test_what_only_another_vendor_knows_is_told_as_text() -> None:
    def opaque(kind: str, at: str, **fields: Any) -> Opaque:
        return Opaque(vendor="openai", kind=kind, raw={"type": kind, "id": "x_1", **fields}, at=at)

    request = Request(
        model="asked",
        messages=(
            Message(role="user", blocks=(Text(text="Hi"),)),
            Message(role="assistant", blocks=(opaque("shell_call", "input[1]", action={"commands": ["ls"]}),)),
            Message(role="user", blocks=(opaque("shell_call_output", "input[2]", output=[{"stdout": "a"}]),)),
        ),
    )
    found = write(request, family(NEW, ""), NEW)
    assert found.body["messages"][1:] == [
        {"role": "assistant", "content": [{"type": "text", "text": '[shell_call] {"action":{"commands":["ls"]}}'}]},
        {"role": "user", "content": [{"type": "text", "text": '[shell_call_output] {"output":[{"stdout":"a"}]}'}]},
    ]
    assert [(loss.path, loss.grade) for loss in found.losses] == [("input[1]", "dropped"), ("input[2]", "dropped")]


def test_tools_that_are_loaded_later_are_sent_at_once() -> None:
    hello = Message(role="user", blocks=(Text(text="Hi"),))
    tool = Tool(name="f", deferred=True, at="tools[0]")
    found = write(Request(model="asked", messages=(hello,), tools=(tool,)), family(NEW, ""), NEW)
    assert [one["name"] for one in found.body["tools"]] == ["f"]
    assert [(loss.path, loss.grade) for loss in found.losses] == [("tools[0].defer_loading", "approximated")]


def test_what_is_not_there_goes_by_the_clients_name() -> None:
    with pytest.raises(Problem) as refused:
        write(Request(model="asked", messages=(), named={"messages": "input"}), family(NEW, ""), NEW)
    assert refused.value.param == "input"


def test_the_same_history_is_written_the_same_in_every_request() -> None:
    def turn(number: int) -> list[dict[str, Any]]:
        call = {"id": "call 0", "type": "function", "function": {"name": "f.g", "arguments": "{}"}}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call 0", "content": str(number)},
        ]

    short = written(NEW, USER, *turn(1), tools=[function("f.g")]).body["messages"]
    long = written(NEW, USER, *turn(1), *turn(2), tools=[function("f.g")]).body["messages"]
    assert long[: len(short)] == short


def test_a_texts_place_is_before_the_calls() -> None:
    blocks = (Call(id="a", name="f", arguments=""), Thinking(sealed="AAAA"), Text(text="Look."))
    turns = (Message(role="assistant", blocks=blocks), Message(role="user", blocks=(Result(id="a"),)))
    body = write(Request(model="m", messages=turns, tools=(Tool(name="f"),)), family(NEW, ""), NEW).body
    assert [block["type"] for block in body["messages"][1]["content"]] == ["text", "tool_use", "redacted_thinking"]


def test_a_tool_that_the_vendor_runs_is_left_out_unless_it_is_insisted_on() -> None:
    tools = [{"type": "web_search"}, function("f")]
    found = written(NEW, tools=tools, tool_choice="required")
    assert [tool["name"] for tool in found.body["tools"]] == ["f"]
    assert [(loss.path, loss.grade) for loss in found.losses] == [("tools[0]", "dropped")]
    with pytest.raises(Problem) as raised:
        written(NEW, tools=tools, tool_choice={"type": "web_search"})
    assert (raised.value.code, raised.value.param) == ("unsupported_parameter", "tool_choice")


def test_no_tool_is_left_to_choose_from() -> None:
    found = written(NEW, tools=[{"type": "web_search"}], tool_choice="required", parallel_tool_calls=False)
    assert not {"tools", "tool_choice"} & set(found.body)
    assert [loss.path for loss in found.losses] == ["tools[0]", "tool_choice"]


def test_a_second_tool_of_one_name() -> None:
    found = written(NEW, tools=[function("f"), function("f"), function("f", description="Other")])
    assert len(found.body["tools"]) == 1
    told = [(loss.path, loss.grade) for loss in found.losses]
    assert told == [("tools[1].function", "approximated"), ("tools[2].function", "dropped")]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_choice_that_allows_no_tool_there_is(mode: str) -> None:
    named = {"mode": mode, "tools": [function("g")]}
    found = written(NEW, tools=[function("f")], tool_choice={"type": "allowed_tools", "allowed_tools": named})
    assert not {"tools", "tool_choice"} & set(found.body)
    assert [(loss.path, loss.grade) for loss in found.losses] == [("tool_choice", "dropped")]


@pytest.mark.parametrize("levels", range(300, 520, 4))
def test_a_schema_nested_too_deeply_is_refused_or_written(levels: int) -> None:
    schema = '{"type": "object", "properties": {"a": ' * levels + "{}" + "}}" * levels
    wish = f'{{"type": "json_schema", "json_schema": {{"name": "n", "schema": {schema}}}}}'
    body = f'{{"model": "m", "messages": [{{"role": "user", "content": "Hi"}}], "response_format": {wish}}}'
    try:
        found = msgspec.json.encode(write(read(CODECS["chat"], body.encode()), family(NEW, ""), NEW).body).decode()
    except Problem as problem:
        found = problem.message
    assert found.count('"a"') == levels or found == "the body is nested too deeply"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": [{"type": "text", "text": " "}]}],
        [{"role": "system", "content": ""}, {"role": "user", "content": "\n"}],
        [{"role": "assistant", "content": "", "reasoning_details": [{"type": "reasoning.text", "text": "So."}]}],
    ],
)
def test_nothing_is_asked_where_nothing_was_said(messages: list[dict[str, Any]]) -> None:
    body = json.dumps({"model": "asked", "messages": messages}).encode()
    with pytest.raises(Problem) as caught:
        write(read(CODECS["chat"], body), family(NEW, ""), NEW)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_request", "messages")
    assert caught.value.message == "`messages` must hold something to answer: there is none, or all are empty"


def test_an_effort_that_an_upstream_refused_is_a_loss() -> None:
    body = json.dumps({"model": "asked", "messages": [USER], "reasoning_effort": "low"}).encode()
    for refused in ({"output_config.effort"}, {"output_config"}):
        known = msgspec.structs.replace(family(NEW, ""), refused=frozenset(refused))
        found = write(read(CODECS["chat"], body), known, NEW)
        assert "output_config" not in found.body
        assert [(loss.path, loss.grade, loss.reason) for loss in found.losses] == [
            ("reasoning_effort", "dropped", "this model takes no effort")
        ]


def test_the_room_that_the_input_leaves_is_the_limit() -> None:
    room = msgspec.structs.replace(family(NEW, ""), refused=frozenset({"room=700", "room=900"}))
    asked = {"model": "asked", "messages": [USER]}
    for limit, sent, lost in ((5000, 700, ["max_tokens"]), (700, 700, []), (None, 700, [])):
        body = json.dumps(asked if limit is None else {**asked, "max_tokens": limit}).encode()
        found = write(read(CODECS["chat"], body), room, NEW)
        assert found.body["max_tokens"] == sent
        assert [(loss.path, loss.grade, loss.reason) for loss in found.losses] == [
            (path, "dropped", "the input leaves room for 700 tokens") for path in lost
        ]


TEXTS = st.sampled_from(["", " ", "a", "b\n"])
IDS = st.sampled_from(["call_1", "call_2", "", "call 3"])
PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text, "prompt_cache_breakpoint": {"mode": "explicit"}}, TEXTS),
    st.just({"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "high"}}),
    st.just({"type": "file", "file": {"filename": "a.txt", "file_data": "SGk="}}),
)
CALLS = st.builds(
    lambda id_, name, arguments: {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}},
    IDS,
    st.sampled_from(["f", "g.h", "unknown"]),
    st.sampled_from(["", "{}", '{"a":', "[1]", "no"]),
)
MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda text: {"role": "system", "content": text}, TEXTS),
        st.builds(lambda content: {"role": "user", "content": content}, TEXTS | st.lists(PARTS, max_size=3)),
        st.builds(
            lambda text, calls, details: {
                "role": "assistant",
                "content": text,
                "tool_calls": calls,
                "reasoning_details": details,
            },
            TEXTS | st.none(),
            st.lists(CALLS, max_size=3),
            st.lists(
                st.sampled_from(
                    [
                        {"type": "reasoning.text", "text": "So.", "signature": "EqQB"},
                        {"type": "reasoning.text", "text": "So."},
                        {"type": "reasoning.encrypted", "data": "AAAA"},
                    ]
                ),
                max_size=2,
            ),
        ),
        st.builds(lambda id_, text: {"role": "tool", "tool_call_id": id_, "content": text}, IDS, TEXTS),
    ),
    max_size=8,
)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
TOOLS = [function("f", strict=True), function("g.h", parameters=SCHEMA), {"type": "custom", "custom": {"name": "c"}}]
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.lists(st.sampled_from(TOOLS), max_size=3),
        "tool_choice": st.sampled_from(["none", "auto", "required"]),
        "parallel_tool_calls": st.booleans(),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "reasoning": st.sampled_from([{"max_tokens": 500}, {"max_tokens": 90_000}, {"enabled": False}]),
        "max_tokens": st.sampled_from([1, 500, 5000, 500_000]),
        "temperature": st.sampled_from([0, 1, 1.5]),
        "top_p": st.just(0.5),
        "top_k": st.just(5),
        "stop": st.just(["a", " "]),
        "response_format": st.sampled_from(
            [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}]
        ),
    },
)


def says_something(message: dict[str, Any]) -> bool:
    content = message["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    said = any(part.get("text", "x").strip() for part in parts)
    return said or message["role"] == "tool" or bool(message.get("tool_calls"))


@given(MESSAGES, OPTIONS, st.sampled_from(FAMILIES))
def test_any_request_becomes_one_that_the_vendor_accepts(
    messages: list[dict[str, Any]], fields: dict[str, Any], known: Any
) -> None:
    body = {"model": "asked", "messages": messages, **fields}
    assume(any(says_something(message) for message in messages))
    found = write(read(CODECS["chat"], json.dumps(body).encode()), known, "claude")
    sent = json.loads(msgspec.json.encode(found.body))
    assert broken("messages", sent) == []
    assert oracles.request_flaws("messages", sent) == []
    assert sent["max_tokens"] <= known.output
    assert found.body == write(read(CODECS["chat"], json.dumps(body).encode()), known, "claude").body
