"""The rules of chat streams, and of legacy completions: good streams keep them all, bad ones break one each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.answers import CREATED, DONE, chat_events, data
from tests.support.loop import Call
from tests.support.wire import violations

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": "m"}
ROLE = {"role": "assistant", "content": ""}
COMMENT = b": keep-alive\n\n"


def chunk(delta: Any, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return data({**HEAD, "choices": [choice]})


def used(usage: Any = USAGE, **more: Any) -> bytes:
    return data({**HEAD, "choices": [], "usage": usage, **more})


def error(**fields: Any) -> bytes:
    return data({"error": {"message": "broke", "type": "server_error", "param": None, "code": None, **fields}})


def calls(index: int, arguments: str, **first: Any) -> bytes:
    """Return a fragment of call `index`: the first one if it has `id` and `name`."""
    function = {"arguments": arguments, **({"name": first["name"]} if "name" in first else {})}
    head = {"index": index, "function": function}
    if "id" in first:
        head |= {"id": first["id"], "type": first.get("type", "function")}
    return chunk({"tool_calls": [head]})


START = chunk(ROLE)
SAYS = [START, chunk({"content": "Hi"})]
STOP = chunk({}, "stop")
FIRST = calls(0, "", id="call_0", name="f")
CALLS = [START, FIRST, calls(0, '{"a"'), calls(0, ":1}")]
CUSTOM = {"index": 0, "id": "call_0", "type": "custom", "custom": {"name": "f", "input": "not "}}
LEGACY = [
    START,
    chunk({"function_call": {"name": "f", "arguments": ""}}),
    chunk({"function_call": {"arguments": "{}"}}),
]
THOUGHT = {"reasoning_content": "so", "reasoning": "so"}
SEALED = {"type": "reasoning.encrypted", "data": "x", "format": "anthropic-claude-v1", "index": 0}

GOOD: dict[str, tuple[list[bytes], bool | None]] = {
    "scripted text": (chat_events(), False),
    "scripted usage": (chat_events(usage=True), True),
    "scripted call": (chat_events(calls=[Call("read", {"path": "/a"})], usage=True), None),
    "comments anywhere": ([COMMENT, START, COMMENT, STOP, COMMENT, DONE], False),
    "usage null before": ([data({**HEAD, "choices": [], "usage": None})[:0], *SAYS, STOP, used(), DONE], True),
    "two calls in turn": (
        [*CALLS[:3], calls(1, "", id="call_1", name="g"), CALLS[3], calls(1, "{}"), chunk({}, "tool_calls"), DONE],
        False,
    ),
    "arguments cut short": ([*CALLS[:3], chunk({}, "length"), DONE], False),
    "custom call": (
        [
            START,
            chunk({"tool_calls": [CUSTOM]}),
            chunk({"tool_calls": [{"index": 0, "custom": {"input": "JSON"}}]}),
            chunk({}, "tool_calls"),
            DONE,
        ],
        False,
    ),
    "legacy call": ([*LEGACY, chunk({}, "function_call"), DONE], False),
    "reasoning": ([START, chunk(THOUGHT), chunk({"reasoning_details": [SEALED]}), STOP, DONE], False),
    "refusal": ([START, chunk({"refusal": "No."}), chunk({}, "content_filter"), DONE], False),
    "stop sequence": ([*SAYS, chunk({}, "stop", stop_reason="END"), DONE], False),
    "two choices": ([START, chunk(ROLE, index=1), chunk({}, "stop", 1), STOP, DONE], False),
    "error at once": ([COMMENT, error()], True),
    "error in the middle": ([*CALLS[:3], error()], True),
}
BAD: dict[str, tuple[list[bytes], bool | None, str]] = {
    "a named event": ([b"event: chunk\n" + START, STOP, DONE], None, "an event with a name"),
    "no JSON": ([b"data: {\n\n"], None, "no JSON"),
    "no object": ([b"data: 1\n\n"], None, "no JSON object"),
    "no end": ([*SAYS, STOP], None, "no [DONE] and no error"),
    "nothing": ([], None, "no [DONE] and no error"),
    "after [DONE]": ([*SAYS, STOP, DONE, COMMENT], None, "comes after [DONE]"),
    "[DONE] after an error": ([*SAYS, error(), DONE], None, "comes after the error"),
    "an error without a message": (
        [data({"error": {"type": "x", "param": None, "code": None}})],
        None,
        "lacks message",
    ),
    "an error with an empty message": ([error(message="")], None, "is empty"),
    "an error with strange fields": ([error(status=500)], None, "unknown fields: status"),
    "an error beside a chunk": ([data({**HEAD, "choices": [], "error": {}})], None, "unknown fields"),
    "an error that is text": ([data({"error": "broke"})], None, "wrong type"),
    "[DONE] at once": ([DONE], None, "[DONE] without a choice"),
    "[DONE] before the finish": ([*SAYS, DONE], None, "[DONE] before the finish_reason"),
    "[DONE] without usage": ([*SAYS, STOP, DONE], True, "usage that was asked for"),
    "a chunk without an id": ([data({"choices": []})], None, "lacks created, id"),
    "a chunk with a strange field": ([data({**HEAD, "choices": [], "type": "x"})], None, "unknown fields: type"),
    "created that is no integer": ([data({**HEAD, "created": 1.5, "choices": []})], None, "created has the wrong type"),
    "another object": ([data({**HEAD, "object": "chat.completion", "choices": []})], None, "object is"),
    "an empty model": ([data({**HEAD, "model": "", "choices": []})], None, "id or model is empty"),
    "an id that changes": ([START, data({**HEAD, "id": "x", "choices": []})], None, "id, created and model change"),
    "created that changes": (
        [START, data({**HEAD, "created": 1, "choices": []})],
        None,
        "id, created and model change",
    ),
    "a model that changes": (
        [START, data({**HEAD, "model": "n", "choices": []})],
        None,
        "id, created and model change",
    ),
    "neither choices nor usage": ([START, data({**HEAD, "choices": []})], None, "without choices and usage"),
    "usage that nobody asked for": ([*SAYS, STOP, used(), DONE], False, "nobody asked for"),
    "usage before the finish": ([*SAYS, used(), STOP, DONE], True, "usage before the finish_reason"),
    "usage beside choices": (
        [*SAYS, data({**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE})],
        True,
        "usage beside choices",
    ),
    "usage twice": ([*SAYS, STOP, used(), used(), DONE], True, "after the usage chunk"),
    "usage without a sum": ([*SAYS, STOP, used({**USAGE, "total_tokens": 1})], True, "no sum"),
    "usage that lacks a count": ([*SAYS, STOP, used({"prompt_tokens": 1})], True, "lacks"),
    "usage below zero": (
        [*SAYS, STOP, used({"prompt_tokens": -1, "completion_tokens": 1, "total_tokens": 0})],
        True,
        "below",
    ),
    "usage of another API": ([*SAYS, STOP, used({**USAGE, "input_tokens": 1})], True, "unknown fields: input_tokens"),
    "more cached than sent": (
        [*SAYS, STOP, used({**USAGE, "prompt_tokens_details": {"cached_tokens": 12}})],
        True,
        "more than prompt_tokens",
    ),
    "details that are no counts": (
        [*SAYS, STOP, used({**USAGE, "completion_tokens_details": {"reasoning_tokens": "1"}})],
        True,
        "holds no counts",
    ),
    "a choice without a delta": (
        [data({**HEAD, "choices": [{"index": 0, "finish_reason": None}]})],
        None,
        "lacks delta",
    ),
    "a delta with a strange field": ([START, chunk({"text": "x"})], None, "unknown fields: text"),
    "content that is a list": ([START, chunk({"content": []})], None, "content has the wrong type"),
    "a choice that is skipped": ([chunk(ROLE, index=1)], None, "choice 1 after 0 choices"),
    "no role": ([chunk({"content": "Hi"})], None, "no role assistant"),
    "a role twice": ([START, START], None, "a second role"),
    "an unknown finish": ([*SAYS, chunk({}, "end_turn")], None, "finish_reason 'end_turn'"),
    "a finish twice": ([*SAYS, STOP, STOP], None, "goes on after its finish_reason"),
    "content after the finish": ([*SAYS, STOP, chunk({"content": "x"})], None, "goes on after its finish_reason"),
    "stop_reason before the finish": ([START, chunk({}, stop_reason="END")], None, "before the finish_reason"),
    "unknown reasoning": ([START, chunk({"reasoning_details": [{"type": "x"}]})], None, "reasoning_details holds"),
    "reasoning without its text": (
        [START, chunk({"reasoning_details": [{"type": "reasoning.text"}]})],
        None,
        "lacks text",
    ),
    "a call without an index": (
        [START, chunk({"tool_calls": [{"function": {"arguments": ""}}]})],
        None,
        "without an index",
    ),
    "a call that is skipped": ([START, calls(1, "", id="a", name="f")], None, "call 1 after 0 calls"),
    "a call without an id": ([START, calls(0, "", name="f")], None, "lacks id"),
    "a call with an empty id": ([START, calls(0, "", id="", name="f")], None, "no id or no name"),
    "a call without a name": ([START, calls(0, "", id="a")], None, "lacks name"),
    "a call of a wrong type": ([START, calls(0, "", id="a", name="f", type="tool")], None, "is of type 'tool'"),
    "an id that comes again": ([*CALLS, calls(0, "", id="call_0")], None, "unknown fields: id"),
    "a name that comes again": ([*CALLS, calls(0, "", name="f")], None, "unknown fields: name"),
    "a call that changes its type": (
        [START, FIRST, chunk({"tool_calls": [{"index": 0, "custom": {"input": ""}}]})],
        None,
        "changes its type",
    ),
    "arguments that are an object": (
        [START, FIRST, chunk({"tool_calls": [{"index": 0, "function": {"arguments": {}}}]})],
        None,
        "wrong type",
    ),
    "arguments that end early": ([*CALLS[:3], chunk({}, "tool_calls")], None, "the arguments of a call is no JSON"),
    "no arguments": ([START, FIRST, chunk({}, "tool_calls")], None, "the arguments of a call is no JSON"),
    "arguments that are no object": ([START, FIRST, calls(0, "1"), chunk({}, "tool_calls")], None, "no JSON object"),
    "tool_calls without calls": ([*SAYS, chunk({}, "tool_calls")], None, "tool_calls without calls"),
    "stop with calls": ([*CALLS, STOP], None, "stop although there are calls"),
    "function_call without one": ([*SAYS, chunk({}, "function_call")], None, "function_call without one"),
    "stop with a function_call": ([*LEGACY, STOP], None, "stop after a function_call"),
    "function_call beside calls": ([*CALLS, LEGACY[1]], None, "function_call beside tool_calls"),
    "a function_call without a name": ([START, LEGACY[2]], None, "lacks name"),
    "a function_call with an empty name": (
        [START, chunk({"function_call": {"name": "", "arguments": ""}})],
        None,
        "function_call has no name",
    ),
    "a function_call named twice": ([*LEGACY, LEGACY[1]], None, "unknown fields: name"),
    "a function_call that ends early": (
        [*LEGACY[:2], chunk({}, "function_call")],
        None,
        "the arguments of a call is no JSON",
    ),
}
OLD = {"id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": "m"}


def piece(text: Any, finish: str | None = None) -> bytes:
    return data({**OLD, "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}]})


@pytest.mark.parametrize("name", GOOD)
def test_good_streams(name: str) -> None:
    stream, usage = GOOD[name]
    assert violations("chat", b"".join(stream), usage=usage) == []


@pytest.mark.parametrize("name", BAD)
def test_each_rule(name: str) -> None:
    stream, usage, rule = BAD[name]
    assert [rule in flaw for flaw in violations("chat", b"".join(stream), usage=usage)] == [True]


def test_a_stream_that_was_left_owes_no_end() -> None:
    whole = b"".join(GOOD["two calls in turn"][0])
    assert [cut for cut in range(len(whole)) if violations("chat", whole[:cut], cut=True)] == []
    assert violations("chat", b"".join([START, START]), cut=True)


def test_completions() -> None:
    assert violations("completions", b"".join([piece("a"), piece("b", "stop"), DONE])) == []
    bad = {
        "text has the wrong type": [piece(None)],
        "finish_reason 'tool_calls'": [piece("", "tool_calls")],
        "before the finish_reason": [piece("a"), DONE],
        "goes on after": [piece("a", "stop"), piece("b")],
        "object is": [START],
    }
    for rule, stream in bad.items():
        assert [rule in flaw for flaw in violations("completions", b"".join(stream))] == [True], rule
