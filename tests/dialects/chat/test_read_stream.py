"""A stream of the chat API, read piece by piece, from servers of every sort."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import (
    Argued,
    Called,
    Ended,
    Event,
    Failure,
    Finished,
    Response,
    Started,
    Stop,
    Stopped,
    Thought,
    Usage,
    Used,
    Wrote,
)
from engine.dialects.chat.read_answer import read_answer
from engine.dialects.chat.read_stream import ChatDecoder
from engine.dialects.fold import fold
from engine.dialects.tap import EVENT_LIMIT
from tests.dialects.gpt import Style, completion, responses, stream, styles, wire
from tests.dialects.splits import pieces

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)
START = Started("1", "m")
END: list[Event] = [Stopped(Stop(reason="end")), Finished()]
CALLED: list[Event] = [Stopped(Stop(reason="tool")), Finished()]


def read(body: bytes, cuts: list[int] | None = None) -> tuple[list[Event], Failure | None]:
    """Return what a decoder says of a whole stream, and how that failed."""
    decoder = ChatDecoder()
    events = [event for piece in pieces(body, cuts or [1 << 20]) for event in decoder.feed(piece)]
    events += decoder.finish()
    assert decoder.ended == (Finished() in events)
    assert not (decoder.ended and decoder.failure)
    return events, decoder.failure


@given(responses(), styles(), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), sizes)
def test_any_split_of_the_bytes_reads_alike(
    response: Response, style: Style, end: str, comments: bool, cuts: list[int]
) -> None:
    body = wire(stream(response, style), done=style.done, end=end, comments=comments)
    assert read(body, cuts) == read(body)


@given(responses(), styles())
def test_a_stream_says_what_the_whole_answer_says(response: Response, style: Style) -> None:
    events, failure = read(wire(stream(response, style), done=style.done))
    assert failure is None
    whole = read_answer(json.dumps(completion(response, style.reasoning)).encode())
    assert fold(events) == whole == response


@given(responses(), styles())
def test_a_field_that_nobody_knows_changes_nothing(response: Response, style: Style) -> None:
    chunks = stream(response, style)
    body = wire(chunks, done=style.done)
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice["delta"]["unheard_of"] = None
    assert read(wire(chunks, done=style.done)) == read(body)


def test_it_leaves_the_end_of_a_stream_that_says_done_to_nobody() -> None:
    decoder = ChatDecoder()
    decoder.feed(wire([chunk({"content": "Hi"}, "stop")]))
    assert decoder.ended
    assert decoder.feed(wire([chunk({"content": "more"})])) == decoder.finish() == []


def test_a_call_ends_when_something_else_comes_and_its_arguments_are_whole() -> None:
    decoder = ChatDecoder()
    whole = decoder.feed(data(chunk(calls(fragment(0, '{"a":1}', "x", "f")))))
    assert whole == [START, Called(0, "x", "f"), Argued(0, '{"a":1}')]
    assert decoder.feed(data(chunk(calls(fragment(1, "{}", "y", "g"))))) == [
        Ended(0),
        Called(1, "y", "g"),
        Argued(1, "{}"),
    ]
    assert decoder.feed(data(chunk({"content": "Hi"}))) == [Wrote("Hi")]  # `{}` may yet be the beginning of more


def chunk(delta: Any, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def calls(*fragments: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": list(fragments)}


def fragment(
    index: int | None, arguments: Any = None, ident: str | None = None, name: str | None = None
) -> dict[str, Any]:
    told = {"index": index, "id": ident}
    function = {"name": name, "arguments": arguments}
    return {
        **{key: value for key, value in told.items() if value is not None},
        "function": {key: value for key, value in function.items() if value is not None},
    }


def data(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks)


HI = chunk({"content": "Hi"})
STOP = chunk({}, "stop")
TOOLS = chunk({}, "tool_calls")
F0: list[Event] = [Called(0, "x", "f"), Argued(0, '{"a":1}')]
G1: list[Event] = [Called(1, "y", "g"), Argued(1, '{"b":2}')]

FORMS: dict[str, tuple[list[Any], list[Event]]] = {
    "everything in one delta": (
        [chunk({"tool_calls": [fragment(0, "{}", "x", "f")], "content": "b", "reasoning": "a"}, "tool_calls")],
        [Thought("a"), Wrote("b"), Called(0, "x", "f"), Argued(0, "{}"), Ended(0), *CALLED],
    ),
    "an empty list of calls": ([chunk({"content": "Hi", "tool_calls": []}), STOP], [Wrote("Hi"), *END]),
    "no index, by id": (
        [
            chunk(calls(fragment(None, "", "x", "f"))),
            chunk(calls(fragment(None, "", "y", "g"))),
            chunk(calls(fragment(None, '{"a":1}', "x"))),
            chunk(calls(fragment(None, '{"b":2}', "y"))),
            TOOLS,
        ],
        [Called(0, "x", "f"), Called(1, "y", "g"), F0[1], G1[1], Ended(0), Ended(1), *CALLED],
    ),
    "no index and no id, by place": (
        [
            chunk(calls(fragment(None, '{"a"', name="f"), fragment(None, '{"b"', name="g"))),
            chunk(calls(fragment(None, ":1}"), fragment(None, ":2}"))),
            TOOLS,
        ],
        [
            *[Called(0, "", "f"), Argued(0, '{"a"'), Called(1, "", "g"), Argued(1, '{"b"')],
            *[Argued(0, ":1}"), Argued(1, ":2}"), Ended(0), Ended(1), *CALLED],
        ],
    ),
    "no index and no id, whole calls one after the other": (
        [chunk(calls(fragment(None, '{"a":1}', name="f"))), chunk(calls(fragment(None, '{"a":2}', name="f"))), TOOLS],
        [
            *[Called(0, "", "f"), Argued(0, '{"a":1}'), Ended(0)],
            *[Called(1, "", "f"), Argued(1, '{"a":2}'), Ended(1), *CALLED],
        ],
    ),
    "one index for all": (
        [chunk(calls(fragment(0, '{"a":1}', "x", "f"))), chunk(calls(fragment(0, '{"b":2}', "y", "g"))), TOOLS],
        [*F0, Ended(0), *G1, Ended(1), *CALLED],
    ),
    "an id that changes with every fragment": (
        [chunk(calls(fragment(0, '{"a"', "x", "f"))), chunk(calls(fragment(0, ":1}", "z"))), TOOLS],
        [Called(0, "x", "f"), Argued(0, '{"a"'), Argued(0, ":1}"), Ended(0), *CALLED],
    ),
    "the name after the arguments": (
        [chunk(calls(fragment(0, '{"a"', "x"))), chunk(calls(fragment(0, ":1}", None, "f"))), TOOLS],
        [*F0, Ended(0), *CALLED],
    ),
    "the second name first": (
        [
            chunk(calls(fragment(0, '{"a":1}', "x"))),
            chunk(calls(fragment(1, '{"b":2}', "y", "g"))),
            chunk(calls(fragment(0, None, None, "f"))),
            TOOLS,
        ],
        [
            *[Called(0, "y", "g"), Argued(0, '{"b":2}'), Ended(0)],
            *[Called(1, "x", "f"), Argued(1, '{"a":1}'), Ended(1), *CALLED],
        ],
    ),
    "the id after the name": (
        [chunk(calls(fragment(0, "", None, "f"))), chunk(calls(fragment(0, '{"a":1}', "x"))), TOOLS],
        [Called(0, "", "f"), Argued(0, '{"a":1}'), Ended(0), *CALLED],
    ),
    "white space after whole arguments": (
        [chunk(calls(fragment(0, '{"a":1}', "x", "f"))), HI, chunk(calls(fragment(0, "\n"))), TOOLS],
        [*F0, Ended(0), Wrote("Hi"), *CALLED],
    ),
    "an entry that says nothing": ([chunk(calls({"index": 0})), HI, STOP], [Wrote("Hi"), *END]),
    "a custom call": (
        [
            chunk(calls({"index": 0, "id": "x", "type": "custom", "custom": {"name": "f", "input": ""}})),
            chunk(calls({"index": 0, "custom": {"input": '{"a":1}'}})),
            TOOLS,
        ],
        [Called(0, "x", "f", "custom"), Argued(0, '{"a":1}'), Ended(0), *CALLED],
    ),
    "usage with null counts, then numbers": (
        [
            {**HI, "usage": {"prompt_tokens": None, "completion_tokens": None}},
            STOP,
            {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2.0}},
        ],
        [Wrote("Hi"), Used(Usage(input=3, output=2)), *END],
    ),
    "usage of Groq": (
        [HI, chunk({}, "stop", x_groq={"usage": {"prompt_tokens": 3, "completion_tokens": 2}})],
        [Wrote("Hi"), Used(Usage(input=3, output=2)), *END],
    ),
    "a whole message in the stream": (
        [{"id": "1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}],
        [Wrote("Hi"), *END],
    ),
    "things that are no chunks": (
        [HI, 7, None, {"id": "1"}, {"choices": None}, {"choices": [3]}, STOP],
        [Wrote("Hi"), *END],
    ),
    "an error that is null": ([{**HI, "error": None}, STOP], [Wrote("Hi"), *END]),
}


@pytest.mark.parametrize(("chunks", "events"), FORMS.values(), ids=FORMS.keys())
def test_forms_that_servers_have(chunks: list[Any], events: list[Event]) -> None:
    assert read(data(*chunks) + b"data: [DONE]\n\n") == ([START, *events], None)


FAILURES: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "disconnect", "broke off"),
    "only [DONE]": (b"data: [DONE]\n\n", "disconnect", "before anything else"),
    "an end in the middle": (data(HI), "disconnect", "without a finish_reason"),
    "an end within an event": (data(HI) + b'data: {"choices":[{"del', "disconnect", "not JSON"),
    "no JSON": (data(HI) + b"data: <html>\n\n", "disconnect", "not JSON"),
    "nested too deeply": (data(HI) + b"data: " + b"[" * 100_000 + b"\n\n", "disconnect", "not JSON"),
    "an error event that is no JSON": (data(HI) + b"event: error\ndata: out of memory\n\n", "server_error", "out of"),
    "an error event without a wrapper": (
        data(HI) + b'event: error\ndata: {"message":"slow down","code":"rate_limit_exceeded"}\n\n',
        "rate_limit",
        "slow down",
    ),
    "an error with a status for its code": (data({"error": {"message": "no", "code": 429}}), "rate_limit", "no"),
    "an error object": (
        data({"object": "error", "message": "prompt is too long", "code": 40303}),
        "context_length",
        "too",
    ),
    "an error in a list": (data([{"error": {"message": "gone", "code": 503}}]), "overloaded", "gone"),
    "a bare text": (data("out of memory"), "server_error", "out of memory"),
    "a list of details": (data({"detail": [{"msg": "no", "loc": []}]}), "server_error", "refused"),
    "an answer that broke off": (data(HI, chunk({}, "network_error")), "server_error", "network_error"),
    "a call without a name": (data(chunk(calls(fragment(0, "{}"))), TOOLS), "disconnect", "without a name"),
    "arguments that are no JSON": (data(chunk(calls(fragment(0, "{'a'}", "x", "f"))), TOOLS), "disconnect", "not JSON"),
}


@pytest.mark.parametrize(("body", "reason", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_what_fails(body: bytes, reason: str, message: str) -> None:
    events, failure = read(body)
    assert failure is not None
    assert failure.reason == reason
    assert message in failure.message
    assert Finished() not in events


def test_a_torn_event_after_the_finish_takes_nothing_away() -> None:
    assert read(data(HI, STOP) + b'data: {"cho') == ([START, Wrote("Hi"), *END], None)
    assert read(data(HI, STOP) + b"data: [DONE]") == ([START, Wrote("Hi"), *END], None)


def test_nothing_follows_a_failure() -> None:
    decoder = ChatDecoder()
    decoder.feed(data({"error": "no"}))
    failure = decoder.failure
    assert decoder.feed(data(HI, STOP)) == decoder.finish() == []
    assert decoder.failure is failure


def test_an_event_has_a_limit() -> None:
    decoder = ChatDecoder()
    for _ in range(EVENT_LIMIT // (1 << 20)):
        decoder.feed(b"x" * (1 << 20))
        assert decoder.failure is None
    decoder.feed(b"x")
    assert decoder.failure is not None
    assert decoder.failure.reason == "disconnect"


def test_bytes_that_are_no_utf8_are_a_malformed_stream() -> None:
    decoder = ChatDecoder()
    assert decoder.feed(b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n') == []
    assert decoder.failure is not None
    assert decoder.failure.reason == "disconnect"
