"""What is long costs what it is long, as in ../test_costs.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.chat import Argued, Call, Called, Ended, Finished, Response, Stop, Text, Thinking, Wrote
from engine.dialects.codec import Asked
from engine.dialects.responses.read_answer import read_answer
from engine.dialects.responses.read_stream import ResponsesDecoder
from engine.dialects.responses.write_answer import write_answer
from engine.dialects.responses.write_stream import ResponsesEncoder
from tests.dialects.pairs import events as parsed

if TYPE_CHECKING:
    from engine.chat import Event

MANY = 100_000
ASKED = Asked(model="asked", id="x", created=0, source="up/model")


def event(kind: str, **fields: Any) -> bytes:
    return b"data: " + json.dumps({"type": f"response.{kind}", **fields}).encode() + b"\n\n"


def item(step: str, index: int, kind: str = "function_call", **fields: Any) -> bytes:
    return event(f"output_item.{step}", output_index=index, item={"type": kind, **fields})


def read(pieces: list[bytes]) -> list[Event]:
    decoder = ResponsesDecoder()
    events = [one for piece in pieces for one in decoder.feed(piece)]
    assert decoder.failure is None
    assert decoder.ended
    return events


END = event("completed", response={})


def test_a_call_in_many_pieces_between_pieces_of_text() -> None:
    piece = event("function_call_arguments.delta", delta="{},", output_index=0)
    text = event("output_text.delta", delta="t", output_index=1)
    pieces = [
        *[
            item("added", 0, call_id="c", name="f"),
            event("function_call_arguments.delta", delta='{"a":[', output_index=0),
        ],
        *[piece, text] * MANY,
        *[event("function_call_arguments.delta", delta="{}]}", output_index=0), END],
    ]
    events = read(pieces)
    arguments = "".join(one.arguments for one in events if isinstance(one, Argued))
    assert json.loads(arguments) == {"a": [{}] * (MANY + 1)}


@pytest.mark.parametrize("step", ["added", "done"])
def test_many_calls(step: str) -> None:
    events = read(
        [*(item(step, index, call_id=f"c{index}", name="f", arguments="{}") for index in range(MANY // 2)), END]
    )
    assert [one.index for one in events if isinstance(one, Ended)] == list(range(MANY // 2))


def test_many_messages_that_are_told_by_turns() -> None:
    pieces = [event("output_text.delta", delta="t", output_index=index % 1000) for index in range(MANY)]
    assert len([one for one in read([*pieces, END]) if isinstance(one, Wrote)]) == MANY


def test_many_texts_that_are_told_whole_again_and_again() -> None:
    whole = "t" * MANY
    pieces = [event("output_text.delta", delta="t", content_index=0)] * MANY
    again = [event("output_text.done", text=whole, content_index=0)] * 100
    assert len([one for one in read([*pieces, *again, END]) if isinstance(one, Wrote)]) == MANY


def test_many_items_in_one_answer() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = [message, call, {"type": "reasoning", "summary": [{"text": "a"}]}] * (MANY // 4)
    assert len(read_answer(json.dumps({"output": output}).encode()).blocks) == len(output)
    assert len(read([event("completed", response={"output": output})])) > len(output)


@pytest.mark.parametrize("piece", ["xxxxx", "     "])
def test_a_call_that_waits_for_another_one(piece: str) -> None:
    encoder = ResponsesEncoder(ASKED)
    encoder.feed([Called(0, "c", "f"), Called(1, "d", "f")])
    for _ in range(4 * MANY):
        assert encoder.feed([Argued(1, piece)]) == b""
    said = encoder.feed([Ended(0), Ended(1), Finished()])
    assert (b"xxxxx" * MANY in said) == (piece == "xxxxx")


def test_blanks_that_wait_for_arguments() -> None:
    encoder = ResponsesEncoder(ASKED)
    encoder.feed([Called(0, "c", "f")])
    for _ in range(4 * MANY):
        assert encoder.feed([Argued(0, "     ")]) == b""
    assert b'"arguments":"{}"' in encoder.feed([Ended(0), Finished()])


def test_a_call_that_may_have_been_cut_short() -> None:
    encoder = ResponsesEncoder(ASKED)
    encoder.feed([Called(0, "c", "f"), Argued(0, '{"a":"' + "x" * MANY), Ended(0)])
    for _ in range(MANY):
        assert encoder.feed([Ended(0)]) == b""


def test_many_items_are_written() -> None:
    blocks = (Text(text="a"), Thinking(text="b"), Call(id="c", name="f", arguments="{}")) * (MANY // 4)
    response = Response(id="1", model="m", blocks=blocks, stop=Stop(reason="tool"))
    assert len(json.loads(write_answer(response, ASKED))["output"]) == len(blocks)
    calls: list[Event] = [Called(index, "c", "f") for index in range(MANY // 4)]
    end = parsed(ResponsesEncoder(ASKED).feed([*calls, Finished()]))[-1]
    assert len(end["response"]["output"]) == MANY // 4
