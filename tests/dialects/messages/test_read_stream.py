"""A stream of the Messages API, read piece by piece."""

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
    Loss,
    Lost,
    Response,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Thought,
    Usage,
    Used,
    Wrote,
)
from engine.dialects.fold import fold
from engine.dialects.messages.read_answer import read_answer
from engine.dialects.messages.read_stream import MessagesDecoder
from engine.dialects.tap import EVENT_LIMIT
from tests.dialects.claude import message, responses, stream, wire
from tests.dialects.messages.test_read_answer import parsed
from tests.dialects.splits import pieces

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def read(body: bytes, cuts: list[int] | None = None) -> tuple[list[Event], Failure | None]:
    """Return what a decoder says of a whole stream, and how that failed."""
    decoder = MessagesDecoder()
    events = [event for piece in pieces(body, cuts or [1 << 20]) for event in decoder.feed(piece)]
    events += decoder.finish()
    assert decoder.ended == (Finished() in events)
    return events, decoder.failure


START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 3}}}
STOP = {"type": "message_stop"}


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def says(*blocks: list[dict[str, Any]]) -> list[Event]:
    """Return what a decoder makes of blocks, without what frames them."""
    events, failure = read(wire([START, *(event for one in blocks for event in one), STOP]))
    assert failure is None
    assert events[:2] == [Started("msg_1", "m"), Used(Usage(input=3))]
    assert [type(event) for event in events[-2:]] == [Stopped, Finished]
    return events[2:-2]


# however it comes ----------------------------------------------------------------------------------------------------


@given(responses(), sizes, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_any_split_of_the_bytes_reads_alike(response: Response, cuts: list[int], end: str, named: bool) -> None:
    whole, failure = read(wire(stream(response)))
    assert failure is None
    assert read(wire(stream(response), end, named), cuts) == (whole, None)


@given(responses(), sizes)
def test_comments_pings_and_a_mark_of_byte_order_change_nothing(response: Response, cuts: list[int]) -> None:
    whole, _ = read(wire(stream(response)))
    pieces_of_it = [wire([event]) for event in stream(response)]
    noise = b": keep-alive\n\n" + b'event: ping\ndata: {"type": "ping"}\n\n' + b"\n\n"
    assert read(b"\xef\xbb\xbf" + noise + noise.join(pieces_of_it) + noise, cuts) == (whole, None)


@given(responses(), st.integers(1, 5))
def test_the_stream_and_the_whole_answer_are_the_same(response: Response, cuts: int) -> None:
    events, _ = read(wire(stream(response, cuts)))
    assert parsed(fold(events)) == parsed(read_answer(json.dumps(message(response)).encode()))


@given(responses())
def test_calls_are_counted_from_nought_and_every_block_ends_once(response: Response) -> None:
    events, _ = read(wire(stream(response)))
    called = [event.index for event in events if isinstance(event, Called)]
    ended = [event.index for event in events if isinstance(event, Ended) and event.index is not None]
    assert called == list(range(len(called))) == ended


def test_the_last_event_may_lack_its_blank_line() -> None:
    body = wire([START, STOP])
    for lacking in (1, 2):
        assert read(body[:-lacking]) == read(body)


# blocks --------------------------------------------------------------------------------------------------------------

TEXT = {"type": "text", "text": ""}
TOOL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def delta(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def argues(fragment: str) -> dict[str, Any]:
    return delta("input_json_delta", partial_json=fragment)


def lost(what: str, at: str) -> Lost:
    return Lost(Loss(at, "dropped", f"{what} has no counterpart in the client's API"))


BLOCKS: dict[str, tuple[list[dict[str, Any]], list[Event]]] = {
    "text": (
        block(0, TEXT, delta("text_delta", text="a"), delta("text_delta", text="")),
        [Wrote("a"), Ended()],
    ),
    "text in the start": (
        block(0, {"type": "text", "text": "a"}, delta("text_delta", text="b")),
        [Wrote("a"), Wrote("b"), Ended()],
    ),
    "thinking in the start": (
        block(0, {"type": "thinking", "thinking": "a", "signature": "s"}),
        [Thought("a"), Signed("s")],
    ),
    "a later signature counts": (
        block(0, {**THINKING, "signature": "s"}, delta("signature_delta", signature="t")),
        [Signed("t")],
    ),
    "unsigned thinking": (block(0, THINKING, delta("thinking_delta", thinking="a")), [Thought("a"), Ended()]),
    "nothing thought": (block(0, THINKING), [Ended()]),
    "redacted": (block(0, {"type": "redacted_thinking", "data": "x"}), [Sealed("x")]),
    "arguments": (
        block(0, TOOL, argues(""), argues('{"a'), argues('":1}')),
        [Called(0, "t", "f"), Argued(0, '{"a'), Argued(0, '":1}'), Ended(0)],
    ),
    "no arguments": (block(0, TOOL), [Called(0, "t", "f"), Ended(0)]),
    "arguments in the start": (
        block(0, {**TOOL, "input": {"a": 1}}),
        [Called(0, "t", "f"), Argued(0, '{"a":1}'), Ended(0)],
    ),
    "arguments in the start and again": (
        block(0, {**TOOL, "input": {"a": 1}}, argues('{"a":1}')),
        [Called(0, "t", "f"), Argued(0, '{"a":1}'), Ended(0)],
    ),
    "a server's tool and its result": (
        [
            *block(0, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, argues('{"q":1}')),
            *block(1, {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
            *block(2, TOOL),
        ],
        [
            lost("`server_tool_use`", "content[0]"),
            lost("`web_search_tool_result`", "content[1]"),
            Called(0, "t", "f"),
            Ended(0),
        ],
    ),
    "deltas of tomorrow": (
        block(0, TEXT, delta("hologram_delta", text="no")),
        [Ended()],
    ),
    "citations": (
        block(2, TEXT, delta("citations_delta", citation={}), delta("text_delta", text="a")),
        [lost("`citations`", "content[2].citations"), Wrote("a"), Ended()],
    ),
    "citations in the start": (
        block(0, {**TEXT, "citations": [{}]}),
        [lost("`citations`", "content[0].citations"), Ended()],
    ),
    "a block of no word": (block(0, {"type": "<b>"}), [lost("this", "content[0]")]),
    "text that nobody began": (block(0, TEXT, delta("text_delta", text="a"))[1:], [Wrote("a"), Ended()]),
    "text that nobody began or ended": (block(0, TEXT, delta("text_delta", text="a"))[1:2], [Wrote("a"), Ended()]),
    "text that nobody began, after thinking": (
        [
            *block(0, THINKING, delta("thinking_delta", thinking="a"))[:2],
            *block(1, TEXT, delta("text_delta", text="b"))[1:],
        ],
        [Thought("a"), Ended(), Wrote("b"), Ended()],
    ),
    "text in the place of a server's tool": (
        block(0, {"type": "server_tool_use"}, delta("text_delta", text="no")),
        [lost("`server_tool_use`", "content[0]")],
    ),
    "arguments that are text": (
        block(0, {**TOOL, "input": '{"a":1}'}),
        [Called(0, "t", "f"), Argued(0, '{"a":1}'), Ended(0)],
    ),
    "a delta that does not belong there": (
        block(0, TEXT, argues("{}"), delta("signature_delta", signature="no")),
        [Ended()],
    ),
    "thoughts that do not belong there": (
        block(0, TEXT, delta("thinking_delta", thinking="a"), delta("signature_delta", signature="s")),
        [Ended(), Thought("a"), Signed("s")],
    ),
    "no index": (
        [{k: v for k, v in event.items() if k != "index"} for event in block(0, TEXT, delta("text_delta", text="a"))],
        [Wrote("a"), Ended()],
    ),
    "one index for all": (
        [*block(0, TOOL, argues("{}")), *block(0, {**TOOL, "id": "u"}, argues("[]"))],
        [Called(0, "t", "f"), Argued(0, "{}"), Ended(0), Called(1, "u", "f"), Argued(1, "[]"), Ended(1)],
    ),
    "calls in turn": (
        [
            block(0, TOOL)[0],
            block(1, {**TOOL, "id": "u"})[0],
            block(1, TOOL, argues("{"))[1],
            block(0, TOOL, argues("{}"))[1],
            block(1, TOOL, argues("}"))[1],
            block(1, TOOL)[1],
            block(0, TOOL)[1],
        ],
        [
            Called(0, "t", "f"),
            Called(1, "u", "f"),
            Argued(1, "{"),
            Argued(0, "{}"),
            Argued(1, "}"),
            Ended(1),
            Ended(0),
        ],
    ),
    "a stop too many": ([*block(0, TEXT), {"type": "content_block_stop", "index": 7}], [Ended()]),
    "text that nobody ended": (
        [block(0, TEXT)[0], *block(1, TOOL)],
        [Ended(), Called(0, "t", "f"), Ended(0)],
    ),
    "a call that nobody ended": ([block(0, TOOL)[0]], [Called(0, "t", "f"), Ended(0)]),
}


@pytest.mark.parametrize(("told", "events"), BLOCKS.values(), ids=BLOCKS)
def test_blocks(told: list[dict[str, Any]], events: list[Event]) -> None:
    assert says(told) == events


# usage and the end ---------------------------------------------------------------------------------------------------


def ends(*deltas: dict[str, Any], start: Any = None) -> tuple[Usage | None, Stop]:
    """Return the last word on usage and stop."""
    opened = {**START, "message": {"id": "msg_1", "model": "m", "usage": start}}
    events, failure = read(wire([opened, *({"type": "message_delta", **one} for one in deltas), STOP]))
    assert failure is None
    answer = fold(events)
    return answer.usage, answer.stop


def test_later_counts_replace_earlier_ones_and_null_says_nothing() -> None:
    first = {"input_tokens": 20, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5, "output_tokens": 1}
    last = {"input_tokens": None, "cache_read_input_tokens": 64, "output_tokens": 57}
    assert ends({"usage": last}, start=first)[0] == Usage(input=20, cache_read=64, cache_write=5, output=57)


def test_usage_that_comes_at_the_end_alone() -> None:
    told = {"input_tokens": 20, "output_tokens": 2, "output_tokens_details": {"thinking_tokens": 1}}
    assert ends({"usage": told})[0] == Usage(input=20, output=2, reasoning=1)
    assert ends({})[0] is None


@pytest.mark.parametrize(
    ("deltas", "stop"),
    [
        ([{"delta": {"stop_reason": "max_tokens", "stop_sequence": None}}], Stop(reason="length")),
        (
            [{"delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}}],
            Stop(reason="sequence", sequence="END"),
        ),
        ([{"delta": {"stop_reason": "max_tokens"}}, {"delta": {"stop_reason": None}}], Stop(reason="length")),
        ([{"delta": {"stop_reason": None}}], Stop(reason="end")),
        ([{"delta": None}], Stop(reason="end")),
        ([], Stop(reason="end")),
        (
            [{"delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": None}}}],
            Stop(reason="refusal", details={"type": "refusal", "category": None}),
        ),
    ],
)
def test_why_it_stopped(deltas: list[dict[str, Any]], stop: Stop) -> None:
    assert ends(*deltas)[1] == stop


def test_an_empty_usage_tells_nothing() -> None:
    assert ends({"usage": {}}, start={})[0] is None
    assert ends({"usage": {}}, start={"input_tokens": 3})[0] == Usage(input=3)


@pytest.mark.parametrize(
    ("word", "grade"),
    [("compaction", "dropped"), ("tomorrow", "approximated"), ("pause_turn", None), ("end_turn", None), (None, None)],
)
def test_a_word_that_is_read_as_an_end_is_noted(word: Any, grade: Any) -> None:
    events, _ = read(wire([START, {"type": "message_delta", "delta": {"stop_reason": word}}, STOP]))
    assert [(event.loss.path, event.loss.grade) for event in events if isinstance(event, Lost)] == (
        [("stop_reason", grade)] if grade else []
    )
    whole = read_answer(json.dumps({"type": "message", "content": [], "stop_reason": word}).encode())
    assert list(whole.losses) == [event.loss for event in events if isinstance(event, Lost)]


@pytest.mark.parametrize("torn", [b"", b"event: message_st", b"data: {oops"])
def test_a_stream_that_falls_silent_after_its_reason_is_complete(torn: bytes) -> None:
    reason = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
    body = wire([START, *block(0, TEXT, delta("text_delta", text="a")), reason])
    assert read(body + torn) == read(body + wire([STOP]))


def test_a_second_start_is_not_a_second_message() -> None:
    events, failure = read(wire([START, START, STOP]))
    assert (events.count(Started("msg_1", "m")), failure) == (1, None)


def test_a_stream_without_its_start_still_starts() -> None:
    events, failure = read(wire([*block(0, TEXT, delta("text_delta", text="a")), STOP]))
    assert (events[:2], failure) == ([Started("", ""), Wrote("a")], None)


def test_nothing_counts_after_the_end() -> None:
    body = wire([START, STOP])
    assert read(body + wire([*block(0, TEXT, delta("text_delta", text="a"))]) + b"data: {{{\n\n") == read(body)


# failures ------------------------------------------------------------------------------------------------------------

HI = [START, *block(0, TEXT, delta("text_delta", text="Hi"))]
FAILURES = {
    "an error": (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n',
        "overloaded",
        "Busy",
    ),
    "an error without a name": (
        b'data: {"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}\n\n',
        "rate_limit",
        "Slow down",
    ),
    "another vendor's error": (b'data: {"error":{"message":"Out of memory"}}\n\n', "server_error", "Out of memory"),
    "too long": (
        b'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error",'
        b'"message":"prompt is too long: 9 tokens > 8 maximum"}}\n\n',
        "context_length",
        "prompt is too long: 9 tokens > 8 maximum",
    ),
    "no JSON": (b"event: content_block_delta\ndata: {oops\n\n", "disconnect", "not JSON"),
    "a call of no tool": (
        b'data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1"}}\n\n',
        "disconnect",
        "call without a name",
    ),
    "too deep": (b"data: " + b"[" * 5000 + b"\n\n", "disconnect", "not JSON"),
    "no UTF-8": (b'data: {"type":"\xff"}\n\n', "disconnect", "not JSON"),
    "the end": (b"", "disconnect", "before the end of the message"),
    "another API's end": (b"data: [DONE]\n\n", "disconnect", "before the end of the message"),
    "the end in an event": (b'data: {"type":"message_st', "disconnect", "not JSON"),
}


@pytest.mark.parametrize(("body", "reason", "said"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("cut", [1, 1 << 20], ids=["byte by byte", "at once"])
def test_failures(body: bytes, reason: str, said: str, cut: int) -> None:
    decoder = MessagesDecoder()
    events = [event for piece in pieces(wire(HI) + body, [cut]) for event in decoder.feed(piece)]
    events += decoder.finish()
    assert decoder.failure is not None
    assert (decoder.failure.reason, said in decoder.failure.message) == (reason, True)
    assert Wrote("Hi") in events
    assert not decoder.ended
    assert not any(isinstance(event, Stopped | Finished) for event in events)
    assert decoder.feed(wire([*block(1, TEXT, delta("text_delta", text="more")), STOP])) == []
    assert decoder.finish() == []


def test_nothing_at_all_is_no_message() -> None:
    assert read(b"")[1] is not None


def test_an_event_that_does_not_end_is_not_kept_for_ever() -> None:
    decoder = MessagesDecoder()
    piece = b"data: " + b"x" * (EVENT_LIMIT // 4)
    fed = 0
    while decoder.failure is None and fed < 8:
        assert decoder.feed(piece) == []
        fed += 1
    assert fed == 4
    assert decoder.failure is not None
    assert decoder.failure.reason == "disconnect"


kinds = st.sampled_from(["message_start", "content_block_start", "content_block_delta", "message_delta", "tomorrow"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "text", "text_delta", "tool_use", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "input", "usage", "id", "stop_reason"]), inner, max_size=4)
    ),
    max_leaves=8,
)
odd = st.fixed_dictionaries(
    {"type": kinds | values},
    optional={"index": values, "message": values, "content_block": values, "delta": values, "usage": values},
)


@given(st.lists(odd, max_size=6))
def test_no_shape_breaks_the_decoder(events: list[dict[str, Any]]) -> None:
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in [*events, STOP])
    read_events, failure = read(body)
    assert failure is None
    assert fold(read_events).stop is not None
