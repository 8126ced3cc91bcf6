"""A stream and the whole answer are the same thing told in two ways."""

from __future__ import annotations

import pytest
from hypothesis import given

from engine.chat import (
    Argued,
    Block,
    Call,
    Called,
    Ended,
    Event,
    Finished,
    Opaque,
    Refusal,
    Refused,
    Response,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Text,
    Thinking,
    Thought,
    Usage,
    Used,
    Wrote,
)
from engine.dialects.fold import fold, unfold
from tests.dialects.claude import responses


@given(responses())
def test_an_answer_comes_back_from_its_stream(response: Response) -> None:
    assert fold(unfold(response)) == response


@given(responses())
def test_a_stream_comes_back_from_its_answer(response: Response) -> None:
    events = unfold(response)
    assert unfold(fold(events)) == events


BLOCKS: dict[str, tuple[list[Event], list[Block]]] = {
    "nothing": ([], []),
    "pieces in a row are one": ([Wrote("a"), Wrote("b")], [Text(text="ab")]),
    "an end divides": ([Wrote("a"), Ended(), Wrote("b")], [Text(text="a"), Text(text="b")]),
    "another kind divides": (
        [Wrote("a"), Thought("b"), Wrote("c"), Refused("d")],
        [Text(text="a"), Thinking(text="b"), Text(text="c"), Refusal(text="d")],
    ),
    "a signature ends": (
        [Thought("a"), Signed("s"), Thought("b")],
        [Thinking(text="a", signature="s"), Thinking(text="b")],
    ),
    "a signature of nothing": ([Wrote("a"), Signed("s")], [Text(text="a"), Thinking(signature="s")]),
    "sealed stands alone": (
        [Thought("a"), Sealed("x"), Sealed("y")],
        [Thinking(text="a"), Thinking(sealed="x"), Thinking(sealed="y")],
    ),
    "calls in turn": (
        [
            Called(0, "c0", "f"),
            Called(1, "c1", "g", "custom"),
            Argued(1, "x"),
            Argued(0, "{"),
            Argued(0, "}"),
            Argued(1, "y"),
        ],
        [Call(id="c0", name="f", arguments="{}"), Call(id="c1", name="g", arguments="xy", kind="custom")],
    ),
    "arguments do not divide a text": (
        [Called(0, "c0", "f"), Wrote("a"), Argued(0, "{}"), Wrote("b"), Ended(0), Wrote("c")],
        [Call(id="c0", name="f", arguments="{}"), Text(text="abc")],
    ),
}


@pytest.mark.parametrize(("events", "blocks"), BLOCKS.values(), ids=BLOCKS)
def test_blocks(events: list[Event], blocks: list[Block]) -> None:
    assert fold([Started("i", "m"), *events, Finished()]).blocks == tuple(blocks)


def test_the_last_usage_counts_wherever_it_stands() -> None:
    first, last = Usage(input=1), Usage(input=1, output=9)
    stop = Stop(reason="length")
    events = [Started("i", "m"), Used(first), Wrote("a"), Stopped(stop), Used(last), Finished()]
    assert fold(events) == Response(id="i", model="m", blocks=(Text(text="a"),), stop=stop, usage=last)


def test_what_only_its_vendor_knows_is_not_told() -> None:
    search = Opaque(vendor="anthropic", kind="server_tool_use", raw={"type": "server_tool_use"})
    response = Response(id="i", model="m", blocks=(search, Text(text="a")), stop=Stop(reason="end"))
    assert fold(unfold(response)).blocks == (Text(text="a"),)
    assert [loss.grade for loss in fold(unfold(response)).losses] == ["dropped"]
