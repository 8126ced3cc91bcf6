"""A whole answer of the chat API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Call, Ended, Failed, Lost, Opaque, Refusal, Response, Stop, Text, Thinking, Usage
from engine.dialects.chat.read_answer import read_answer
from engine.dialects.chat.read_stream import ChatDecoder
from tests.dialects.gpt import completion, responses

REASONINGS = st.sampled_from(["reasoning_content", "reasoning", "reasoning_details"])


@given(responses(), REASONINGS)
def test_an_answer_comes_back(response: Response, reasoning: str) -> None:
    assert read_answer(json.dumps(completion(response, reasoning)).encode()) == response


def read(message: Any, **more: Any) -> Response:
    choice = {"index": 0, "message": message, "finish_reason": "stop", **more}
    return read_answer(json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode())


def detail(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"reasoning.{kind}", "format": "anthropic-claude-v1", **fields}


CALL = Call(id="c", name="f", arguments="{}")
CITATION = {"type": "url_citation", "url_citation": {"url": "https://example.com/"}}
FOREIGN = [
    {"type": "reasoning.summary", "summary": "a", "format": "openai-responses-v1"},
    {"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1"},
    {"type": "reasoning.text", "text": "b", "signature": "s", "format": "google-gemini-v1"},
]
BLOCKS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "nothing": ({"content": None}, []),
    "a text in parts": (
        {"content": [{"type": "text", "text": "a"}, "b", 7, {"type": "text"}]},
        [Text(text="a"), Text(text="b")],
    ),
    "a refusal among parts": ({"content": [{"type": "refusal", "refusal": "a"}]}, [Refusal(text="a")]),
    "reasoning among parts": (
        {"content": [{"type": "thinking", "thinking": "a"}, {"type": "thinking", "thinking": [{"text": "b"}]}]},
        [Thinking(text="a"), Thinking(text="b")],
    ),
    "a part nobody knows": (
        {"content": [{"type": "reference", "ids": [1]}]},
        [
            Opaque(
                vendor="openai",
                kind="reference",
                raw={"type": "reference", "ids": [1]},
                at="choices[0].message.content[0]",
            )
        ],
    ),
    "annotations": (
        {"content": "a", "annotations": [CITATION]},
        [
            Text(text="a"),
            Opaque(vendor="openai", kind="url_citation", raw=CITATION, at="choices[0].message.annotations"),
        ],
    ),
    "audio": (
        {"content": None, "audio": {"id": "a"}},
        [Opaque(vendor="openai", kind="audio", raw={"audio": {"id": "a"}}, at="choices[0].message.audio")],
    ),
    "a call with an object": (
        {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}]},
        [Call(id="c", name="f", arguments='{"a":1}')],
    ),
    "a call with nothing": (
        {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": None}}]},
        [Call(id="c", name="f", arguments="")],
    ),
    "a free-text call": (
        {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "a"}}]},
        [Call(id="c", name="f", arguments="a", kind="custom")],
    ),
    "a legacy call": (
        {"function_call": {"name": "f", "arguments": "{}"}},
        [Call(id="", name="f", arguments="{}")],
    ),
    "both forms of one call": (
        {"function_call": {"name": "f"}, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        [CALL],
    ),
    "an id given twice": (
        {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}] * 2},
        [CALL, Call(id="", name="f", arguments="{}")],
    ),
    "calls that are none": ({"content": "a", "tool_calls": [7, None], "function_call": None}, [Text(text="a")]),
    "details with seals": (
        {
            "reasoning": "ab",
            "reasoning_details": [
                detail("text", text="a", signature="s"),
                detail("encrypted", data="d"),
                detail("text", text="b", signature="t"),
            ],
        },
        [Thinking(text="a", signature="s"), Thinking(sealed="d"), Thinking(text="b", signature="t")],
    ),
    "a seal beside plain reasoning": (
        {"reasoning_content": "a", "reasoning_details": [detail("text", signature="s")]},
        [Thinking(text="a", signature="s")],
    ),
    "details that tell only the end of it": (
        {"reasoning": "ab", "reasoning_details": [detail("text", text="b", signature="s")]},
        [Thinking(text="a"), Thinking(text="b", signature="s")],
    ),
    "details in pieces": (
        {"reasoning_details": [detail("text", text="a"), detail("text", text="b"), detail("text", signature="s")]},
        [Thinking(text="ab", signature="s")],
    ),
    "seals of others": (
        {"reasoning_details": FOREIGN},
        [
            Thinking(text="ab"),
            Opaque(
                vendor="openai",
                kind="reasoning_details",
                raw={"reasoning_details": FOREIGN},
                at="choices[0].message.reasoning_details",
            ),
        ],
    ),
    "details that are none": ({"content": "a", "reasoning_details": [7, {}], "reasoning": None}, [Text(text="a")]),
}


@pytest.mark.parametrize(("message", "blocks"), BLOCKS.values(), ids=BLOCKS.keys())
def test_forms_that_servers_have(message: dict[str, Any], blocks: list[Any]) -> None:
    assert list(read(message).blocks) == blocks


STOPS = [
    ({}, {"finish_reason": "stop"}, Stop(reason="end")),
    ({}, {"finish_reason": None}, Stop(reason="end")),
    ({}, {"finish_reason": 7}, Stop(reason="end")),
    ({}, {"finish_reason": "tool_calls"}, Stop(reason="end")),
    ({}, {"finish_reason": "model_length"}, Stop(reason="context")),
    ({}, {"finish_reason": "sensitive"}, Stop(reason="refusal")),
    ({"refusal": "No."}, {"finish_reason": "stop"}, Stop(reason="refusal")),
    ({"function_call": {"name": "f"}}, {"finish_reason": "stop"}, Stop(reason="tool")),
    ({"function_call": {"name": "f"}}, {"finish_reason": "length"}, Stop(reason="length")),
    ({}, {"finish_reason": "stop", "stop_reason": "X"}, Stop(reason="sequence", sequence="X")),
    ({}, {"finish_reason": "stop", "stop_reason": 128001}, Stop(reason="end")),
    ({}, {"finish_reason": "stop", "stop_reason": "end_turn"}, Stop(reason="end")),
    ({}, {"finish_reason": "length", "stop_reason": "X"}, Stop(reason="length")),
]


@pytest.mark.parametrize(("message", "choice", "stop"), STOPS)
def test_why_it_stopped(message: dict[str, Any], choice: dict[str, Any], stop: Stop) -> None:
    assert read(message, **choice).stop == stop


USAGES: list[tuple[Any, Usage | None]] = [
    (None, None),
    ({}, None),
    ({"prompt_tokens": 9, "completion_tokens": 2}, Usage(input=9, output=2)),
    ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(input=5, cache_read=4)),
    ({"prompt_tokens": 9, "prompt_tokens_details": None, "cached_tokens": 4}, Usage(input=5, cache_read=4)),
    ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, Usage(input=5, cache_read=4)),
    (
        {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
        Usage(input=2, cache_read=4, cache_write=3),
    ),
    ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(cache_read=4)),
    (
        {"completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 1}},
        Usage(output=2, reasoning=1),
    ),
    ({"completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 9}}, Usage(output=2, reasoning=2)),
    ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 9}, Usage(input=3, output=6)),
    ({"prompt_tokens": "3", "completion_tokens": -2}, Usage()),
    ({"prompt_tokens": None, "total_tokens": 3}, None),
]


@pytest.mark.parametrize(("told", "usage"), USAGES)
def test_usage(told: Any, usage: Usage | None) -> None:
    choice = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
    assert read_answer(json.dumps({"choices": [choice], "usage": told}).encode()).usage == usage


FAILURES = [
    (b"", "disconnect"),
    (b"<html>", "disconnect"),
    (b"[" * 100_000, "disconnect"),
    (b"[]", "disconnect"),
    (b"{}", "disconnect"),
    (b'{"choices": []}', "disconnect"),
    (b'{"choices": [{"index": 0, "message": null}]}', "disconnect"),
    (b'{"error": {"message": "no", "code": "insufficient_quota"}}', "quota"),
    (b'{"detail": "out of memory"}', "server_error"),
    (b'{"errors": [{"message": "no", "code": "insufficient_quota"}]}', "quota"),
    (b'{"errors": ["no"]}', "server_error"),
    (b'{"choices": [{"message": {"content": ""}, "finish_reason": "error"}]}', "server_error"),
    (b'{"choices": [{"message": {"tool_calls": [{"id": "c", "function": {"arguments": "{}"}}]}}]}', "disconnect"),
]


@pytest.mark.parametrize(("body", "reason"), FAILURES)
def test_what_is_no_answer(body: bytes, reason: str) -> None:
    with pytest.raises(Failed) as raised:
        read_answer(body)
    assert raised.value.failure.reason == reason


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "length", "content_filter", None])
@pytest.mark.parametrize("arguments", ['{"a":', '{"a": b}', '{"a":1}', "[1", "no", " ", '"a"'])
def test_a_call_that_is_broken_is_so_in_a_stream_too(arguments: str, finish: str | None) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    fields = {"index": 0, "finish_reason": finish}
    decoder = ChatDecoder()
    choices: list[Any] = [{"delta": {"tool_calls": [call]}, "index": 0}, {"delta": {}, **fields}]
    for chunk in choices:
        decoder.feed(b"data: " + json.dumps({"id": "1", "model": "m", "choices": [chunk]}).encode() + b"\n\n")
    decoder.feed(b"data: [DONE]\n\n")
    body = {"id": "1", "model": "m", "choices": [{"message": {"tool_calls": [call]}, **fields}]}
    try:
        read_answer(json.dumps(body).encode())
        failed = None
    except Failed as raised:
        failed = raised.failure
    assert decoder.failure == failed
    assert (failed is not None) == (arguments.startswith("{") and "1" not in arguments and finish in FINISHED)


FINISHED = ("tool_calls", "stop", None)
"""Why a model stops that has called a tool, and is not cut off."""


@pytest.mark.parametrize(("word", "known"), [("stop", True), ("model_length", True), (None, True), ("eos", False)])
def test_a_word_that_is_read_as_an_end_is_noted(word: str | None, known: bool) -> None:
    noted = [(loss.path, loss.grade) for loss in read({"content": "a"}, finish_reason=word).losses]
    assert noted == ([] if known else [("choices[0].finish_reason", "approximated")])
    decoder = ChatDecoder()
    chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": word}]}
    events = decoder.feed(b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
    assert [(event.loss.path, event.loss.grade) for event in events if isinstance(event, Lost)] == noted


def test_what_a_stream_cannot_tell_does_not_end_a_call() -> None:
    delta = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a":1}'}}]}
    noted = {"annotations": [CITATION], "audio": {"id": "a"}}
    decoder = ChatDecoder()
    events = [
        event
        for one in (delta, noted)
        for event in decoder.feed(b"data: " + json.dumps({"choices": [{"index": 0, "delta": one}]}).encode() + b"\n\n")
    ]
    assert [event.loss.path for event in events if isinstance(event, Lost)] == [
        "choices[0].delta.annotations",
        "choices[0].delta.audio",
    ]
    assert Ended(0) not in events
