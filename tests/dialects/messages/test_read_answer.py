"""What an upstream of the Messages API answers, read as a whole."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Block, Call, Failed, Opaque, Response, Stop, Text, Thinking, Usage
from engine.dialects.messages.read_answer import read_answer
from tests.dialects.claude import message, responses


def answer(*content: Any, **more: Any) -> bytes:
    fixed = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return json.dumps({**fixed, "content": content, **more}).encode()


@given(responses())
def test_every_answer_is_read_as_it_was_meant(response: Response) -> None:
    got = read_answer(json.dumps(message(response)).encode())
    assert parsed(got) == parsed(response)


BLOCKS: dict[str, tuple[Any, Block | None]] = {
    "text": ({"type": "text", "text": "Hi", "citations": None}, Text(text="Hi")),
    "empty text": ({"type": "text", "text": ""}, None),
    "text that is none": ({"type": "text", "text": 7}, None),
    "thinking": (
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        Thinking(text="Hm", signature="s"),
    ),
    "a signature alone": ({"type": "thinking", "thinking": "", "signature": "s"}, Thinking(signature="s")),
    "thinking of others, unsigned": ({"type": "thinking", "thinking": "Hm"}, Thinking(text="Hm")),
    "nothing thought": ({"type": "thinking", "thinking": "", "signature": ""}, None),
    "redacted": ({"type": "redacted_thinking", "data": "eA=="}, Thinking(sealed="eA==")),
    "a call": (
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1, None, "ü"]}},
        Call(id="t", name="f", arguments='{"a":[1,null,"ü"]}'),
    ),
    "a call without input": ({"type": "tool_use", "id": "t", "name": "f"}, Call(id="t", name="f", arguments="")),
    "a call of nothing": (
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        Call(id="t", name="f", arguments=""),
    ),
    "a server's tool": (
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        Opaque(
            vendor="anthropic",
            kind="server_tool_use",
            raw={"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            at="content[0]",
        ),
    ),
    "input that is text": (
        {"type": "tool_use", "id": "t", "name": "f", "input": ' {"a":1} '},
        Call(id="t", name="f", arguments='{"a":1}'),
    ),
    "input that is blank": (
        {"type": "tool_use", "id": "t", "name": "f", "input": " "},
        Call(id="t", name="f", arguments=""),
    ),
    "input that is any text": (
        {"type": "tool_use", "id": "t", "name": "f", "input": "a"},
        Call(id="t", name="f", arguments='"a"'),
    ),
    "no block": ("text", None),
}


@pytest.mark.parametrize(("block", "read"), BLOCKS.values(), ids=BLOCKS)
def test_blocks(block: Any, read: Block | None) -> None:
    assert read_answer(answer(block)).blocks == (() if read is None else (read,))


CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
STOPS: dict[str, tuple[list[Any], dict[str, Any], Stop]] = {
    "end": ([], {"stop_reason": "end_turn"}, Stop(reason="end")),
    "null": ([], {"stop_reason": None}, Stop(reason="end")),
    "a word of tomorrow": ([], {"stop_reason": "tired"}, Stop(reason="end")),
    "compaction": ([], {"stop_reason": "compaction"}, Stop(reason="end")),
    "tool": ([CALL], {"stop_reason": "tool_use"}, Stop(reason="tool")),
    "end with a call": ([CALL], {"stop_reason": "end_turn"}, Stop(reason="tool")),
    "tool without a call": ([], {"stop_reason": "tool_use"}, Stop(reason="end")),
    "cut off in a call": ([CALL], {"stop_reason": "max_tokens"}, Stop(reason="length")),
    "window": ([], {"stop_reason": "model_context_window_exceeded"}, Stop(reason="context")),
    "pause": ([], {"stop_reason": "pause_turn"}, Stop(reason="pause")),
    "sequence": (
        [],
        {"stop_reason": "stop_sequence", "stop_sequence": "END"},
        Stop(reason="sequence", sequence="END"),
    ),
    "refusal": (
        [],
        {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "bio"}},
        Stop(reason="refusal", details={"type": "refusal", "category": "bio"}),
    ),
}


@pytest.mark.parametrize(("content", "more", "stop"), STOPS.values(), ids=STOPS)
def test_stops(content: list[Any], more: dict[str, Any], stop: Stop) -> None:
    assert read_answer(answer(*content, **more)).stop == stop


USAGES: dict[str, tuple[Any, Usage | None]] = {
    "none": (None, None),
    "plain": ({"input_tokens": 3, "output_tokens": 4}, Usage(input=3, output=4)),
    "all": (
        {
            "input_tokens": 3,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5},
            "output_tokens": 4,
            "output_tokens_details": {"thinking_tokens": 2},
            "service_tier": "standard",
        },
        Usage(input=3, cache_read=10, cache_write=20, output=4, reasoning=2),
    ),
    "nulls": (
        {"input_tokens": 3, "cache_read_input_tokens": None, "output_tokens": 4, "output_tokens_details": None},
        Usage(input=3, output=4),
    ),
    "by life alone": (
        {"input_tokens": 3, "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}},
        Usage(input=3, cache_write=20),
    ),
    "nonsense": ({"input_tokens": "3", "output_tokens": -4, "cache_read_input_tokens": True}, Usage()),
}


@pytest.mark.parametrize(("told", "usage"), USAGES.values(), ids=USAGES)
def test_usage(told: Any, usage: Usage | None) -> None:
    assert read_answer(answer(usage=told)).usage == usage


@pytest.mark.parametrize(
    ("body", "reason", "said"),
    [
        (b"", "disconnect", "malformed"),
        (b'{"content": [', "disconnect", "malformed"),
        (b"[" * 5000, "disconnect", "malformed"),
        (b"<html>", "disconnect", "malformed"),
        (b'{"content": "\xff"}', "disconnect", "malformed"),
        (b"[]", "disconnect", "no message"),
        (b'"hello"', "disconnect", "no message"),
        (b'{"choices": []}', "disconnect", "no message"),
        (b'{"content": "text"}', "disconnect", "no message"),
        (b'{"content": [{"type": "tool_use", "id": "toolu_1", "input": {}}]}', "disconnect", "call without a name"),
        (
            b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}',
            "overloaded",
            "Overloaded",
        ),
        (b'{"error": "out of memory"}', "server_error", "out of memory"),
    ],
)
def test_what_is_no_message_has_failed(body: bytes, reason: str, said: str) -> None:
    with pytest.raises(Failed) as failed:
        read_answer(body)
    assert failed.value.failure.reason == reason
    assert said in failed.value.failure.message


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "text", "tool_use", "thinking", "refusal"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*BLOCKS["a call"][0], "text", "thinking", "data"]), inner, max_size=5)
    ),
)


@given(anything, anything, anything)
def test_no_shape_breaks_the_reader(block: Any, usage: Any, reason: Any) -> None:
    body = answer(block, usage=usage, stop_reason=reason, stop_details=usage, id=reason)
    if isinstance(block, dict) and block.get("type") == "tool_use" and not isinstance(block.get("name") or 0, str):
        with pytest.raises(Failed, match="a tool call without a name"):
            read_answer(body)
    else:
        assert msgspec.json.encode(read_answer(body))


def parsed(response: Response) -> Response:
    """Return `response` with its arguments in one spelling."""
    respelled = tuple(
        msgspec.structs.replace(block, arguments=json.dumps(json.loads(block.arguments or "{}")))
        if isinstance(block, Call)
        else block
        for block in response.blocks
    )
    return msgspec.structs.replace(response, blocks=respelled)


@pytest.mark.parametrize(
    ("usage", "told"), [({}, None), ({"service_tier": "standard"}, None), ({"output_tokens": 0}, Usage())]
)
def test_an_empty_usage_tells_nothing(usage: Any, told: Usage | None) -> None:
    assert read_answer(answer(usage=usage)).usage == told


def test_citations_are_noted_once_where_they_stand_first() -> None:
    cited = {"type": "text", "text": "a", "citations": [{"type": "char_location"}]}
    got = read_answer(answer({"type": "text", "text": "b"}, cited, cited))
    assert [(loss.path, loss.grade) for loss in got.losses] == [("content[1].citations", "dropped")]
