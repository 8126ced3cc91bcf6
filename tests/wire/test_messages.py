"""The rules of a Messages stream: good streams keep them all, and each has a stream that breaks it alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import event, message_events
from tests.support.loop import Call
from tests.support.wire import violations

USAGE = {"input_tokens": 3, "output_tokens": 1}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": USAGE,
}
START = event("message_start", message=MESSAGE)
STOP = event("message_stop")
PING = event("ping")
OVERLOADED = {"type": "overloaded_error", "message": "Overloaded"}
ERROR = event("error", error=OVERLOADED)
TEXT = {"type": "text", "text": ""}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}


def opens(index: int, block: Any, **more: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block, **more)


def adds(index: int, kind: str, **fields: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **fields})


def closes(index: int) -> bytes:
    return event("content_block_stop", index=index)


def ends(stop: str | None = "end_turn", sequence: str | None = None, **more: Any) -> bytes:
    return event("message_delta", delta={"stop_reason": stop, "stop_sequence": sequence}, usage=USAGE, **more)


def wrong_usage(**usage: Any) -> bytes:
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return event("message_delta", delta=delta, usage={"output_tokens": 1, **usage})


def started(**fields: Any) -> bytes:
    return event("message_start", message={**MESSAGE, **fields})


SAYS = [opens(0, TEXT), adds(0, "text_delta", text="Hi"), closes(0)]
THINKS = [
    opens(0, THINKING),
    adds(0, "thinking_delta", thinking="so"),
    adds(0, "signature_delta", signature="s"),
    closes(0),
]
CALLS = [opens(0, TOOL), adds(0, "input_json_delta", partial_json='{"a":1}'), closes(0)]
ALL = [
    START,
    *THINKS,
    opens(1, TEXT),
    PING,
    adds(1, "text_delta", text="Hi"),
    closes(1),
    opens(2, TOOL),
    adds(2, "input_json_delta", partial_json=""),
    adds(2, "input_json_delta", partial_json='{"a"'),
    adds(2, "input_json_delta", partial_json=":1}"),
    closes(2),
    opens(3, TOOL),
    closes(3),
    ends("tool_use"),
    STOP,
]
GOOD = {
    "scripted text": message_events(),
    "scripted call": message_events(calls=[Call("read", {"path": "/a"})]),
    "everything": ALL,
    "nothing": [START, ends(), STOP],
    "pings before the start, comments anywhere": [PING, b": hello\n\n", START, *SAYS, b":\n\n", ends(), PING, STOP],
    "CRLF": [one.replace(b"\n", b"\r\n") for one in ALL],
    "error at once": [PING, ERROR],
    "error within a block": [START, *SAYS[:2], ERROR],
    "redacted thinking": [START, opens(0, {"type": "redacted_thinking", "data": "x"}), closes(0), ends(), STOP],
    "thinking whose text is omitted": [START, THINKS[0], *THINKS[2:], ends(), STOP],
    "stop sequence": [START, *SAYS, ends("stop_sequence", "END"), STOP],
    "arguments cut short": [
        START,
        opens(0, TOOL),
        adds(0, "input_json_delta", partial_json='{"a'),
        closes(0),
        ends("max_tokens"),
        STOP,
    ],
}
BAD: dict[str, tuple[list[bytes], str]] = {
    "a last event without an empty line": ([*ALL[:-1], STOP[:-1]], "not closed by an empty line"),
    "a line of no kind": ([START, b"hello\n\n"], "no data, event or comment"),
    "no UTF-8": ([START, b'data: "\xff"\n\n'], "not UTF-8"),
    "no name": ([b"data: {}\n\n"], "without a name"),
    "no JSON": ([b"event: ping\ndata: {\n\n"], "no JSON"),
    "NaN": ([b'event: ping\ndata: {"type": NaN}\n\n'], "no JSON"),
    "no object": ([b"event: ping\ndata: []\n\n"], "no JSON object"),
    "another type than the name": ([b'event: ping\ndata: {"type": "message_stop"}\n\n'], "says it is"),
    "unknown event": ([START, event("novel")], "unknown event"),
    "a ping that says something": ([event("ping", text="x")], "unknown fields"),
    "no end": ([START, *SAYS, ends()], "no message_stop and no error"),
    "after the end": ([*ALL, PING], "comes after message_stop"),
    "after the error": ([START, ERROR, STOP], "comes after the error"),
    "an error without a known type": (
        [event("error", error={"type": "oops", "message": "x"})],
        "unknown type of error",
    ),
    "an error without a message": ([event("error", error={"type": "api_error"})], "lacks message"),
    "an error with an empty message": ([event("error", error={"type": "api_error", "message": ""})], "is empty"),
    "an error with strange fields": ([event("error", error=OVERLOADED, status=529)], "unknown fields: status"),
    "content before the start": ([*SAYS, ends(), STOP], "before message_start"),
    "two starts": ([START, START], "second message_start"),
    "a start without usage": ([event("message_start", message={**MESSAGE, "usage": None})], "usage has the wrong type"),
    "a start with content": ([started(content=[TEXT])], "content already"),
    "a start of the user": ([started(role="user")], "no message of the assistant"),
    "a start without an id": ([started(id="")], "is empty"),
    "a start with a stop_reason": ([started(stop_reason="end_turn")], "stop_reason has the wrong type"),
    "a start with a strange field": ([started(object="x")], "unknown fields: object"),
    "a start with usage below zero": ([started(usage={"input_tokens": -1, "output_tokens": 0})], "below zero"),
    "usage that is true": ([started(usage={"input_tokens": True, "output_tokens": 0})], "wrong type"),
    "a block within a block": ([START, opens(0, TEXT), opens(1, TEXT)], "within another"),
    "an index that is skipped": ([START, opens(1, TEXT)], "block 1 after 0 blocks"),
    "an index that comes again": ([START, *SAYS, opens(0, TEXT)], "block 0 after 1 blocks"),
    "an index that is text": ([START, event("content_block_start", index="0", content_block=TEXT)], "wrong type"),
    "an unknown block": ([START, opens(0, {"type": "novel"})], "unknown block"),
    "a block without its field": ([START, opens(0, {"type": "text"})], "lacks text"),
    "thinking without a signature field": ([START, opens(0, {"type": "thinking", "thinking": ""})], "lacks signature"),
    "a tool id with strange characters": ([START, opens(0, {**TOOL, "id": "a.b"})], "the id of a tool_use"),
    "a tool without an id": ([START, opens(0, {**TOOL, "id": ""})], "the id of a tool_use"),
    "a tool without a name": ([START, opens(0, {**TOOL, "name": ""})], "without a name"),
    "input that is text": ([START, opens(0, {**TOOL, "input": ""})], "input has the wrong type"),
    "input at the start": ([START, opens(0, {**TOOL, "input": {"a": 1}})], "input comes in deltas"),
    "a delta of no block": ([START, adds(0, "text_delta", text="x")], "not open"),
    "a delta of another block": ([START, opens(0, TEXT), adds(1, "text_delta", text="x")], "but block 0 is open"),
    "a delta of a closed block": ([START, *SAYS, adds(0, "text_delta", text="x")], "not open"),
    "an unknown delta": ([START, opens(0, TEXT), adds(0, "novel")], "unknown delta"),
    "a delta with strange fields": ([START, opens(0, TEXT), adds(0, "text_delta", text="x", a=1)], "unknown fields"),
    "a delta of another kind": ([START, opens(0, TEXT), adds(0, "thinking_delta", thinking="x")], "in a text block"),
    "arguments in a text": ([START, opens(0, TEXT), adds(0, "input_json_delta", partial_json="{}")], "in a text block"),
    "thinking after its signature": (
        [START, *THINKS[:3], adds(0, "thinking_delta", thinking="x")],
        "after the signature",
    ),
    "an empty signature": ([START, THINKS[0], adds(0, "signature_delta", signature="")], "empty signature"),
    "thinking that is not signed": ([START, *THINKS[:2], closes(0)], "without a signature"),
    "arguments that are no JSON": (
        [START, opens(0, TOOL), adds(0, "input_json_delta", partial_json='{"a'), closes(0), ends("tool_use")],
        "the input of a tool is no JSON",
    ),
    "arguments that are no object": (
        [START, opens(0, TOOL), adds(0, "input_json_delta", partial_json="[1]"), closes(0), ends("tool_use")],
        "no JSON object",
    ),
    "broken arguments before another block": (
        [START, opens(0, TOOL), adds(0, "input_json_delta", partial_json="["), closes(0), opens(1, TEXT), closes(1)],
        "after a tool whose input is no JSON object",
    ),
    "broken arguments before an error": (
        [START, opens(0, TOOL), adds(0, "input_json_delta", partial_json="["), closes(0), ERROR],
        "the input of a tool is no JSON",
    ),
    "message_delta within a block": ([START, *SAYS[:2], ends()], "within a block"),
    "message_delta twice": ([START, ends(), ends()], "message_delta after message_delta"),
    "a block after message_delta": ([START, ends(), *SAYS], "after message_delta"),
    "no stop_reason": ([START, ends(None)], "stop_reason has the wrong type"),
    "an unknown stop_reason": ([START, ends("stop")], "stop_reason 'stop'"),
    "tool_use without a tool": ([START, *SAYS, ends("tool_use")], "without a tool_use block"),
    "end_turn with a tool": ([START, *CALLS, ends("end_turn")], "although there is a tool_use block"),
    "stop_sequence without one": ([START, ends("stop_sequence")], "stop_sequence None"),
    "a sequence without stop_sequence": ([START, ends("end_turn", "END")], "stop_sequence 'END'"),
    "no stop_sequence field": (
        [event("message_start", message=MESSAGE), event("message_delta", delta={}, usage=USAGE)],
        "lacks",
    ),
    "stop_details without a refusal": (
        [
            START,
            event(
                "message_delta",
                delta={"stop_reason": "end_turn", "stop_sequence": None, "stop_details": {}},
                usage=USAGE,
            ),
        ],
        "stop_details without a refusal",
    ),
    "no usage at the end": (
        [START, event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None})],
        "lacks usage",
    ),
    "strange usage": ([START, wrong_usage(prompt_tokens=1)], "unknown fields: prompt_tokens"),
    "usage below zero": ([START, wrong_usage(cache_read_input_tokens=-1)], "below zero"),
    "thinking tokens that are no count": (
        [START, wrong_usage(output_tokens_details={"thinking_tokens": "1"})],
        "no count",
    ),
    "more thinking than output": (
        [START, wrong_usage(output_tokens_details={"thinking_tokens": 2})],
        "more than output",
    ),
    "message_stop at once": ([START, STOP], "before message_delta"),
    "message_stop that says something": ([START, ends(), event("message_stop", a=1)], "unknown fields"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_streams(name: str) -> None:
    assert violations("messages", b"".join(GOOD[name])) == []


@pytest.mark.parametrize("name", BAD)
def test_each_rule(name: str) -> None:
    stream, rule = BAD[name]
    assert [rule in flaw for flaw in violations("messages", b"".join(stream))] == [True]


def test_a_stream_that_was_left_owes_no_end() -> None:
    whole = b"".join(ALL)
    assert [cut for cut in range(len(whole)) if violations("messages", whole[:cut], cut=True)] == []
    assert violations("messages", b"".join([START, opens(1, TEXT)]), cut=True)


def test_the_flaw_names_the_event() -> None:
    assert violations("messages", b"".join([PING, START, STOP]))[0].startswith("event 3: ")
    assert json.loads(START.partition(b"data: ")[2])["message"] == MESSAGE
