"""What a chat completions request says, and what is wrong with one that cannot be understood."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import (
    Audio,
    Call,
    Choice,
    File,
    Format,
    Image,
    Opaque,
    Problem,
    Reasoning,
    Refusal,
    Request,
    Result,
    Text,
    Thinking,
    Tool,
)
from engine.dialects.chat.read_request import read
from engine.dialects.seal import seal


def asked(*messages: dict[str, Any], **fields: Any) -> Request:
    body = {"model": "asked", "messages": list(messages) or [{"role": "user", "content": "Hi"}], **fields}
    return read(json.dumps(body).encode())


def parts(*content: Any) -> tuple[Any, ...]:
    return asked({"role": "user", "content": list(content)}).messages[0].blocks


def said_by_assistant(**fields: Any) -> tuple[Any, ...]:
    return asked({"role": "assistant", **fields}).messages[0].blocks


PART = "messages[0].content[0]"
PDF, PNG = "JVBERi0xLjQK", "iVBORw0KGgo="

CONTENT = {
    "text": ({"type": "text", "text": "Hi"}, Text(text="Hi", at=PART)),
    "a bare text": ("Hi", Text(text="Hi", at=PART)),
    "an image in the request": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64, {PNG[:4]}\n{PNG[4:]}", "detail": "low"}},
        Image(media_type="image/png", data=PNG, detail="low", at=PART),
    ),
    "an image with parameters in its type": (
        {"type": "image_url", "image_url": {"url": f"data:image/PNG;charset=utf-8;base64,{PNG}"}},
        Image(media_type="image/png", data=PNG, at=PART),
    ),
    "an image at a URL": (
        {"type": "image_url", "image_url": "https://example.com/cat.png"},
        Image(url="https://example.com/cat.png", at=PART),
    ),
    "a pdf": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        File(media_type="application/pdf", data=PDF, name="a.pdf", at=PART),
    ),
    "a file that tells its type by its name": (
        {"type": "file", "file": {"filename": "a.md", "file_data": "SGk="}},
        File(media_type="text/markdown", text="Hi", name="a.md", at=PART),
    ),
    "a file that tells its type by its bytes": (
        {"type": "file", "file": {"file_data": PDF}},
        File(media_type="application/pdf", data=PDF, at=PART),
    ),
    "a file that is an image": (
        {"type": "file", "file": {"file_data": f"data:image/jpg;base64,{PNG}"}},
        Image(media_type="image/jpeg", data=PNG, at=PART),
    ),
    "a file at a URL": (
        {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
        File(url="https://example.com/a.pdf", at=PART),
    ),
    "a file stored at OpenAI": (
        {"type": "file", "file": {"file_id": "file-1"}},
        Opaque(
            vendor="openai",
            kind="file",
            raw={"type": "file", "file": {"file_id": "file-1"}},
            at=f"{PART}.file.file_id",
        ),
    ),
    "sound": (
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        Audio(data="UklG", format="wav", at=f"{PART}.input_audio"),
    ),
    "what is not known": (
        {"type": "video_url", "video_url": {"url": "x"}},
        Opaque(vendor="openai", kind="video_url", raw={"type": "video_url", "video_url": {"url": "x"}}, at=PART),
    ),
    "a cache breakpoint": (
        {"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
        Text(text="Hi", at=PART, cache="30m"),
    ),
    "a cache breakpoint as clients of OpenRouter set it": (
        {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}},
        Text(text="Hi", at=PART, cache=""),
    ),
}


@pytest.mark.parametrize(("part", "block"), CONTENT.values(), ids=CONTENT)
def test_content(part: Any, block: Any) -> None:
    assert parts(part) == (block,)


DETAILS = "messages[0].reasoning_details"
THOUGHT = {
    "as DeepSeek has it": ({"reasoning_content": "So."}, Thinking(text="So.", at="messages[0].reasoning_content")),
    "as vLLM has it": ({"reasoning": "So."}, Thinking(text="So.", at="messages[0].reasoning")),
    "signed": (
        {"reasoning_details": [{"type": "reasoning.text", "text": "So.", "signature": "EqQB"}], "reasoning": "So."},
        Thinking(text="So.", signature="EqQB", at=f"{DETAILS}[0]"),
    ),
    "signed, in the pieces of a stream": (
        {
            "reasoning_details": [
                {"type": "reasoning.text", "text": "S", "index": 0},
                {"type": "reasoning.text", "text": "o.", "index": 0},
                {"type": "reasoning.text", "signature": "EqQB", "index": 0},
            ]
        },
        Thinking(text="So.", signature="EqQB", at=f"{DETAILS}[0]"),
    ),
    "a summary": (
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "So."}]},
        Thinking(text="So.", at=f"{DETAILS}[0]"),
    ),
    "that only the vendor can read": (
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "AAAA", "format": "anthropic-claude-v1"}]},
        Thinking(sealed="AAAA", at=f"{DETAILS}[0]"),
    ),
    "under our own seal": (
        {"reasoning_details": [{"type": "reasoning.text", "text": "So.", "signature": seal("openai/gpt-5.5")}]},
        Thinking(text="So.", model="openai/gpt-5.5", at=f"{DETAILS}[0]"),
    ),
    "signed by another vendor": (
        {
            "reasoning_details": [
                {"type": "reasoning.text", "text": "So.", "signature": "x", "format": "google-gemini-v1"}
            ]
        },
        Thinking(text="So.", at=f"{DETAILS}[0]"),
    ),
    "an empty list beside a text": (
        {"reasoning_details": [], "reasoning": "So."},
        Thinking(text="So.", at="messages[0].reasoning"),
    ),
}


@pytest.mark.parametrize(("fields", "block"), THOUGHT.values(), ids=THOUGHT)
def test_thinking(fields: dict[str, Any], block: Thinking) -> None:
    assert said_by_assistant(content="Yes.", **fields) == (block, Text(text="Yes.", at="messages[0].content"))


def test_what_only_another_vendor_can_read_is_a_loss() -> None:
    detail = {"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1"}
    request = asked({"role": "assistant", "content": "Yes.", "reasoning_details": [detail]})
    assert [(loss.path, loss.grade) for loss in request.losses] == [(f"{DETAILS}[0].data", "approximated")]


def test_the_turn_of_an_assistant_in_order() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}},
        {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
    ]
    assert said_by_assistant(content="Look.", refusal="No.", reasoning="So.", tool_calls=calls) == (
        Thinking(text="So.", at="messages[0].reasoning"),
        Text(text="Look.", at="messages[0].content"),
        Refusal(text="No.", at="messages[0].refusal"),
        Call(id="a", name="weather", arguments='{"city":"Paris"}', at="messages[0].tool_calls[0].function"),
        Call(id="b", name="patch", arguments="*** Begin", kind="custom", at="messages[0].tool_calls[1].custom"),
    )


def test_a_result_is_a_turn_of_the_user() -> None:
    found = asked({"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "sunny"}]}).messages[0]
    text = Text(text="sunny", at="messages[0].content[0]")
    assert (found.role, found.blocks) == ("user", (Result(id="a", parts=(text,), at="messages[0]"),))


def test_the_form_before_tools_gets_ids() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"role": "assistant", "content": None, "function_call": {"name": name, "arguments": "{}"}}

    request = asked(
        call("a"),
        {"role": "function", "name": "a", "content": "1"},
        call("a"),
        call("b"),
        {"role": "function", "name": "b", "content": "2"},
        {"role": "function", "name": "a", "content": "3"},
        {"role": "function", "name": "a", "content": "4"},
        functions=[{"name": "a"}, {"name": "b"}],
        function_call={"name": "a"},
    )
    ids = [block.id for one in request.messages for block in one.blocks if isinstance(block, Call | Result)]
    assert [id_.removeprefix("call_legacy_") for id_ in ids] == ["0", "0", "1", "2", "2", "1", "3"]
    assert request.legacy
    assert [tool.name for tool in request.tools] == ["a", "b"]
    assert request.choice == Choice(mode="tool", name="a", at="function_call")


WEATHER = {"name": "weather", "parameters": {"type": "object"}, "strict": True}
TOOLS = {
    "function": (
        {"type": "function", "function": WEATHER},
        Tool(name="weather", schema={"type": "object"}, strict=True, at="tools[0].function"),
    ),
    "flat, as Cursor sends it": (
        {"type": "function", **WEATHER},
        Tool(name="weather", schema={"type": "object"}, strict=True, at="tools[0]"),
    ),
    "custom": (
        {"type": "custom", "custom": {"name": "patch", "format": {"type": "text"}}},
        Tool(name="patch", kind="custom", at="tools[0].custom"),
    ),
    "custom with a grammar": (
        {
            "type": "custom",
            "custom": {
                "name": "sum",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /./"}},
            },
        },
        Tool(
            name="sum",
            kind="custom",
            grammar={"syntax": "lark", "definition": "start: /./"},
            at="tools[0].custom",
        ),
    ),
    "run by the vendor": ({"type": "web_search"}, Tool(name="web_search", hosted="web_search", at="tools[0]")),
}


@pytest.mark.parametrize(("given_", "tool"), TOOLS.values(), ids=TOOLS)
def test_tools(given_: dict[str, Any], tool: Tool) -> None:
    assert asked(tools=[given_]).tools == (tool,)


CHOICES = [
    ("none", Choice(mode="none")),
    ("auto", Choice(mode="auto")),
    ("required", Choice(mode="required")),
    ("any", Choice(mode="required")),
    ({"type": "function", "function": {"name": "a"}}, Choice(mode="tool", name="a")),
    ({"type": "function", "name": "a"}, Choice(mode="tool", name="a")),
    ({"type": "custom", "custom": {"name": "a"}}, Choice(mode="tool", name="a")),
    ({"type": "auto"}, Choice(mode="auto")),
    (
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "a"}}]},
        },
        Choice(mode="required", allowed=("a",)),
    ),
]


@pytest.mark.parametrize(("value", "choice"), CHOICES)
def test_tool_choice(value: Any, choice: Choice) -> None:
    assert asked(tool_choice=value).choice == choice


REASONINGS = [
    ({"reasoning_effort": "high"}, Reasoning(effort="high", at="reasoning_effort")),
    ({"reasoning_effort": "none"}, Reasoning(effort="none", at="reasoning_effort")),
    ({"reasoning": {"effort": "low"}}, Reasoning(effort="low", at="reasoning")),
    ({"reasoning": {"max_tokens": 2000}}, Reasoning(mode="budget", budget=2000, at="reasoning")),
    ({"reasoning": {"enabled": False}}, Reasoning(mode="off", at="reasoning")),
    ({"reasoning": {"enabled": True, "exclude": True}}, Reasoning(mode="adaptive", shown="omitted", at="reasoning")),
    ({"thinking": {"type": "enabled"}}, Reasoning(mode="adaptive", at="thinking")),
    ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Reasoning(mode="budget", budget=9, at="thinking")),
    ({"thinking": {"type": "disabled"}}, Reasoning(mode="off", at="thinking")),
    (
        {"thinking": {"type": "adaptive"}, "reasoning_effort": "low"},
        Reasoning(effort="low", mode="adaptive", at="reasoning_effort"),
    ),
    ({"reasoning": {}}, None),
    ({"thinking": None, "reasoning_effort": None}, None),
]


@pytest.mark.parametrize(("fields", "reasoning"), REASONINGS)
def test_reasoning(fields: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert asked(**fields).reasoning == reasoning


FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"max_tokens": 5}, {"max_tokens": 5}),
    ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_tokens": 7}),
    ({"max_tokens": -1}, {"max_tokens": None}),
    ({"stop": "END"}, {"stop": ("END",)}),
    ({"stop": ["A", "", "B"]}, {"stop": ("A", "B")}),
    ({"stop": None}, {"stop": ()}),
    ({"temperature": 1.5, "top_p": 0.5, "top_k": 40}, {"temperature": 1.5, "top_p": 0.5, "top_k": 40}),
    ({"top_k": -1}, {"top_k": None}),
    ({"parallel_tool_calls": False}, {"parallel": False}),
    ({"stream": True}, {"stream": True, "usage": False}),
    ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True, "usage": True}),
    ({}, {"stream": False, "usage": True}),
    ({"user": "u"}, {"user": "u", "extra": {}}),
    ({"user": "u", "safety_identifier": "s"}, {"user": "s", "extra": {"user": "u"}}),
    ({"user": "u", "safety_identifier": "u"}, {"user": "u", "extra": {}}),
    ({"prompt_cache_key": "k", "service_tier": "flex"}, {"session": "k", "tier": "flex"}),
    ({"response_format": {"type": "text"}}, {"format": None}),
    ({"response_format": {"type": "json_object"}}, {"format": Format(kind="json_object", at="response_format")}),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}}},
        {"format": Format(kind="json_schema", schema={}, name="n", strict=True, at="response_format")},
    ),
    ({"seed": 1, "chat_template_kwargs": {"a": 1}}, {"extra": {"seed": 1, "chat_template_kwargs": {"a": 1}}}),
    (
        {
            "n": 1,
            "logprobs": False,
            "frequency_penalty": 0,
            "presence_penalty": 0.0,
            "logit_bias": {},
            "store": False,
            "modalities": ["text"],
            "seed": None,
        },
        {"extra": {}},
    ),
    ({"n": True, "logprobs": 0}, {"extra": {"n": True, "logprobs": 0}}),
]


@pytest.mark.parametrize(("fields", "expected"), FIELDS)
def test_parameters(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    request = asked(**fields)
    assert {name: getattr(request, name) for name in expected} == expected


def test_every_field_knows_what_the_client_calls_it() -> None:
    request = asked(max_tokens=1, user="u", functions=[{"name": "f"}])
    names = {"max_tokens": "max_tokens", "user": "user", "choice": "function_call", "temperature": "temperature"}
    assert {name: request.at(name) for name in names} == names
    assert asked(max_completion_tokens=1).at("max_tokens") == "max_completion_tokens"


def message(**fields: Any) -> dict[str, Any]:
    return {"messages": [fields]}


def part(**fields: Any) -> dict[str, Any]:
    return message(role="user", content=[fields])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"messages": None}, "messages"),
    ({"messages": "Hi"}, "messages"),
    ({"messages": ["Hi"]}, "messages[0]"),
    (message(content="Hi"), "messages[0].role"),
    (message(role="bot", content="Hi"), "messages[0].role"),
    (message(role="user", content=5), "messages[0].content"),
    (message(role="user", content=[5]), "messages[0].content[0]"),
    (message(role="user", content="Hi", name=5), "messages[0].name"),
    (part(text="Hi"), f"{PART}.type"),
    (part(type="text"), f"{PART}.text"),
    (part(type="image_url"), f"{PART}.image_url"),
    (part(type="image_url", image_url={}), f"{PART}.image_url.url"),
    (part(type="image_url", image_url="data:"), f"{PART}.image_url"),
    (part(type="image_url", image_url="data:image/png,raw"), f"{PART}.image_url"),
    (part(type="file", file={}), f"{PART}.file.file_data"),
    (part(type="file", file={"file_data": "data:text/plain;base64,/w=="}), f"{PART}.file.file_data"),
    (part(type="input_audio", input_audio={"data": "x"}), f"{PART}.input_audio.format"),
    (message(role="tool", content="x"), "messages[0].tool_call_id"),
    (
        message(role="tool", tool_call_id="a", content=[{"type": "refusal", "refusal": "x"}]),
        "messages[0].content[0]",
    ),
    (message(role="function", content="x"), "messages[0].name"),
    (message(role="assistant", tool_calls={}), "messages[0].tool_calls"),
    (message(role="assistant", tool_calls=[{"id": "a", "type": "function"}]), "messages[0].tool_calls[0].function"),
    (message(role="assistant", tool_calls=[{"id": "a", "type": "x"}]), "messages[0].tool_calls[0].type"),
    (
        message(role="assistant", tool_calls=[{"id": "a", "function": {"name": "f", "arguments": {}}}]),
        "messages[0].tool_calls[0].function.arguments",
    ),
    (message(role="assistant", reasoning={}), "messages[0].reasoning"),
    (message(role="assistant", reasoning_details=["x"]), "messages[0].reasoning_details[0]"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters"),
    ({"tool_choice": "maybe"}, "tool_choice"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
    ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "x"}}}, "tool_choice.allowed_tools.mode"),
    ({"functions": [{}]}, "functions[0].name"),
    ({"functions": [{"name": "f"}], "function_call": 5}, "function_call"),
    ({"max_tokens": "5"}, "max_tokens"),
    ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
    ({"temperature": "hot"}, "temperature"),
    ({"stop": 5}, "stop"),
    ({"stop": ["A", 5]}, "stop[1]"),
    ({"stream_options": []}, "stream_options"),
    ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ({"reasoning_effort": "much"}, "reasoning_effort"),
    ({"reasoning": "much"}, "reasoning"),
    ({"reasoning": {"effort": "much"}}, "reasoning.effort"),
    ({"thinking": {"type": "much"}}, "thinking.type"),
    ({"response_format": {}}, "response_format.type"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"model": 5}, "model"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG)
def test_what_cannot_be_understood_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as raised:
        asked(**fields)
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, "invalid_request", param)
    assert f"`{param}`" in raised.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WORDS = re.findall(
    r"\w+",
    """
    model messages role content type text image_url url file file_data file_id input_audio tool_calls id function name
    arguments custom input tool_call_id functions function_call tools parameters format tool_choice allowed_tools mode
    reasoning thinking reasoning_details data signature index stop stream stream_options response_format json_schema
    schema user metadata prompt_cache_breakpoint ttl
    """,
)
VALUES = ["user", "assistant", "tool", "function", "system", "text", "image_url", "file", "custom", "auto", "data:,x"]
LIKE_CHAT = st.recursive(
    JSON | st.sampled_from(VALUES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS), inner | st.sampled_from(VALUES), max_size=5)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(WORDS), LIKE_CHAT, max_size=6) | JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    if isinstance(value, dict):
        value = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **value}
    status = 200
    try:
        read(json.dumps(value).encode())
    except Problem as problem:
        status = problem.status
    assert status in (200, 400)


@pytest.mark.parametrize("body", [b"", b"{", b'"x"', b"\xff", b'{"model": "\xff"}', b"[" * 100_000, b'{"a":' * 5000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read(body)
    assert raised.value.status == 400
