"""A stream for a client of the Messages API: blocks one after the other, whatever comes in turn."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given

from engine.chat import (
    Argued,
    Call,
    Called,
    Ended,
    Event,
    Finished,
    Refused,
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
from engine.dialects.codec import Asked
from engine.dialects.fold import fold
from engine.dialects.messages.read_answer import read_answer
from engine.dialects.messages.read_stream import MessagesDecoder
from engine.dialects.messages.write_answer import write_answer
from engine.dialects.messages.write_stream import MessagesEncoder
from engine.dialects.seal import seal
from tests.dialects import oracles
from tests.dialects.events import streams
from tests.dialects.pairs import events as parsed
from tests.support.wire import violations

ASKED = Asked(model="asked", id="x", created=0, source="up/model", input_tokens=33)
SEAL = seal("up/model")


def written(events: list[Event]) -> bytes:
    return MessagesEncoder(ASKED).feed(events)


@given(streams())
def test_every_stream_keeps_the_rules(events: list[Event]) -> None:
    body = written(events)
    assert violations("messages", body) == []
    assert [flaw for event in parsed(body) for flaw in oracles.event_flaws("messages", event)] == []


@given(streams())
def test_nothing_is_lost_and_the_whole_answer_says_the_same(events: list[Event]) -> None:
    decoder = MessagesDecoder()
    streamed = fold([*decoder.feed(written(events)), *decoder.finish()])
    assert decoder.ended
    whole = read_answer(write_answer(fold(without_empty(events)), ASKED))
    assert [as_object(block) for block in streamed.blocks] == [as_object(block) for block in whole.blocks]
    assert streamed.stop == whole.stop
    if any(isinstance(event, Used) for event in events):
        assert streamed.usage == whole.usage


@given(streams())
def test_event_by_event_writes_what_all_at_once_writes(events: list[Event]) -> None:
    encoder = MessagesEncoder(ASKED)
    assert b"".join(encoder.feed([event]) for event in events) == written(events)


@given(streams())
def test_after_every_event_the_client_has_whole_events(events: list[Event]) -> None:
    encoder = MessagesEncoder(ASKED)
    body = b""
    for event in events:
        piece = encoder.feed([event])
        assert not piece or piece.endswith(b"\n\n")
        body += piece
        assert violations("messages", body, cut=True) == []


def without_empty(events: list[Event]) -> list[Event]:
    """Leave out empty texts: they make no block."""
    return [event for event in events if not (isinstance(event, Wrote | Thought | Refused) and not event.text)]


def as_object(block: Any) -> Any:
    return (block.name, block.id, json.loads(block.arguments or "{}")) if isinstance(block, Call) else block


def told(events: list[Event]) -> list[str]:
    """Return a stream as lines: `0 text`, `0 + Hi`, `0 .`"""
    lines = []
    for event in parsed(written(events)):
        match event:
            case {"type": "content_block_start", "index": index, "content_block": block}:
                lines.append(f"{index} {block['type']} {block.get('id') or block.get('data') or ''}".rstrip())
            case {"type": "content_block_delta", "index": index, "delta": {"type": _, **rest}}:
                lines.append(f"{index} + {next(iter(rest.values()))}")
            case {"type": "content_block_stop", "index": index}:
                lines.append(f"{index} .")
    return lines


ORDER: dict[str, tuple[list[Event], list[str]]] = {
    "nothing": ([], []),
    "empty pieces": ([Wrote(""), Thought(""), Refused("")], []),
    "text": ([Wrote("a"), Wrote("b")], ["0 text", "0 + a", "0 + b", "0 ."]),
    "an end divides": ([Wrote("a"), Ended(), Wrote("b")], ["0 text", "0 + a", "0 .", "1 text", "1 + b", "1 ."]),
    "a refusal is a text of its own": (
        [Wrote("a"), Refused("b")],
        ["0 text", "0 + a", "0 .", "1 text", "1 + b", "1 ."],
    ),
    "reasoning without a seal gets ours": ([Thought("a")], ["0 thinking", "0 + a", f"0 + {SEAL}", "0 ."]),
    "reasoning keeps its seal": ([Thought("a"), Signed("s")], ["0 thinking", "0 + a", "0 + s", "0 ."]),
    "a seal of nothing": ([Wrote("a"), Signed("s")], ["0 text", "0 + a", "0 .", "1 thinking", "1 + s", "1 ."]),
    "sealed": ([Sealed("d"), Sealed("e")], ["0 redacted_thinking d", "0 .", "1 redacted_thinking e", "1 ."]),
    "a call streams": (
        [Called(0, "c", "f"), Argued(0, '{"a"'), Argued(0, ""), Argued(0, ":1}"), Ended(0)],
        ["0 tool_use c", '0 + {"a"', "0 + :1}", "0 ."],
    ),
    "a call without arguments": ([Called(0, "c", "f"), Argued(0, ""), Ended(0)], ["0 tool_use c", "0 ."]),
    "arguments that are no object wait for their end": (
        [Called(0, "c", "f"), Argued(0, "[1"), Argued(0, "]"), Ended(0)],
        ["0 tool_use c", '0 + {"value":[1]}', "0 ."],
    ),
    "arguments that are no JSON": (
        [Called(0, "c", "f"), Argued(0, "city=Paris"), Ended(0)],
        ["0 tool_use c", '0 + {"_raw":"city=Paris"}', "0 ."],
    ),
    "free text": (
        [Called(0, "c", "f", "custom"), Argued(0, '{"a'), Argued(0, '":1}'), Ended(0)],
        ["0 tool_use c", '0 + {"input":"{\\"a\\":1}"}', "0 ."],
    ),
    "the second call waits for the first": (
        [
            *[Called(0, "c", "f"), Called(1, "d", "g"), Argued(1, "{}"), Argued(0, '{"a"')],
            *[Ended(1), Argued(0, ":1}"), Ended(0)],
        ],
        ["0 tool_use c", '0 + {"a"', "0 + :1}", "0 .", "1 tool_use d", "1 + {}", "1 ."],
    ),
    "the second call goes on by itself when the first is over": (
        [
            *[Called(0, "c", "f"), Called(1, "d", "g"), Argued(1, '{"b"'), Argued(0, "{}")],
            *[Ended(0), Argued(1, ":"), Argued(1, "2}"), Ended(1)],
        ],
        ["0 tool_use c", "0 + {}", "0 .", "1 tool_use d", '1 + {"b"', "1 + :", "1 + 2}", "1 ."],
    ),
    "text waits for an open call": (
        [Called(0, "c", "f"), Argued(0, '{"a"'), Wrote("b"), Argued(0, ":1}"), Wrote("c"), Ended(0)],
        ["0 tool_use c", '0 + {"a"', "0 + :1}", "0 .", "1 text", "1 + b", "1 + c", "1 ."],
    ),
    "ids that do not fit": (
        [Called(0, "", "f"), Ended(0), Called(1, "c", "f"), Ended(1), Called(2, "c", "f"), Ended(2)],
        ["0 tool_use toolu_x0", "0 .", "1 tool_use c", "1 .", "2 tool_use toolu_x2", "2 ."],
    ),
}


@pytest.mark.parametrize(("events", "lines"), ORDER.values(), ids=ORDER.keys())
def test_blocks_stand_in_the_order_in_which_they_began(events: list[Event], lines: list[str]) -> None:
    assert told([Started("1", "m"), *events, Stopped(Stop(reason="end")), Finished()]) == lines


def test_the_first_call_streams_while_others_wait() -> None:
    encoder = MessagesEncoder(ASKED)
    encoder.feed([Called(0, "c", "f"), Called(1, "d", "g"), Argued(1, "{}"), Ended(1)])
    assert b'"partial_json":"{\\"a\\"' in encoder.feed([Argued(0, '{"a"')])
    assert encoder.feed([Wrote("later")]) == b""


def test_the_estimate_stands_at_the_start_and_the_truth_at_the_end() -> None:
    usage = Usage(input=20, cache_read=80, cache_write=20, output=57, reasoning=9)
    start, *_, end, _ = parsed(
        written([Started("1", "m"), Used(Usage(output=1)), Stopped(Stop(reason="end")), Used(usage), Finished()])
    )
    assert start["message"]["usage"]["input_tokens"] == 33
    assert end["usage"] == {
        "input_tokens": 20,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 80,
        "output_tokens": 57,
        "output_tokens_details": {"thinking_tokens": 9},
    }


def test_the_end_comes_once() -> None:
    encoder = MessagesEncoder(ASKED)
    body = encoder.feed([Finished(), Finished()]) + encoder.feed([Wrote("more"), Finished()])
    assert [event["type"] for event in parsed(body)] == ["message_start", "message_delta", "message_stop"]


def test_without_an_end_it_writes_none() -> None:
    body = written([Started("1", "m"), Thought("a"), Stopped(Stop(reason="end"))])
    assert [event["type"] for event in parsed(body)] == ["message_start", "content_block_start", "content_block_delta"]


@pytest.mark.parametrize("events", [case[0] for case in ORDER.values()], ids=ORDER.keys())
def test_the_vendors_sdk_gathers_the_whole_answer(events: list[Event]) -> None:
    whole = [Started("1", "m"), *events, Used(Usage(input=7, output=3)), Stopped(Stop(reason="end")), Finished()]
    body = written(whole)
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))
    client = anthropic.Anthropic(api_key="k", base_url="http://upstream.test", http_client=http, max_retries=0)
    with (
        client,
        client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream,
    ):
        message = stream.get_final_message()
    expected = {"stop_details": None, **json.loads(write_answer(fold(without_empty(whole)), ASKED))}
    assert message.to_dict(exclude_unset=True) == expected
