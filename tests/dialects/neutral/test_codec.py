"""The vocabulary between the codecs as a codec: what goes out comes in again, and what is not taken is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chat import (
    Call,
    Choice,
    Finished,
    Format,
    Loss,
    Lost,
    Message,
    Problem,
    Reasoning,
    Request,
    Result,
    Started,
    Text,
    Thinking,
    Tool,
    Wrote,
)
from engine.dialects.fold import fold, unfold
from engine.dialects.meter import Meter
from engine.dialects.neutral.codec import NEUTRAL, read
from engine.dialects.neutral.gauge import GAUGE
from engine.dialects.neutral.stream import NeutralDecoder, NeutralEncoder
from engine.dialects.neutral.takes import ANY, Takes
from tests.dialects import claude
from tests.support.conversations.requests import requests

if TYPE_CHECKING:
    from engine.chat import Event, Response
    from engine.dialects.codec import Written

LITTLE = Takes(
    name="little",
    what="`pkg:it`",
    tools=False,
    format=False,
    parallel=False,
    parameters=frozenset(),
    seals=frozenset(),
    errors=False,
)
SAYS = (Message(role="user", blocks=(Text(text="Hi", at="messages[0].content"),), at="messages[0]"),)
LOOK = Tool(name="look", schema={"type": "object"}, at="tools[0]")


def sent(request: Request, family: Takes = ANY) -> tuple[Request, Written]:
    """Return the request as the upstream reads it."""
    written = NEUTRAL.write(request, family, "m")
    return read(msgspec.json.encode(written.body)), written


def losses(written: Written) -> dict[str, str]:
    return {loss.path: loss.grade for loss in written.losses}


@given(requests())
def test_a_model_that_takes_everything_is_given_everything(request: Request) -> None:
    request = replace(request, extra={}, echo={}, tier=None, max_tokens=request.max_tokens or None)
    if any(tool.hosted for tool in request.tools) or any(one.kind == "custom" for one in request.tools):
        request = replace(request, tools=(), choice=None)
    if request.format is not None and request.format.schema is None:
        request = replace(request, format=None)
    try:
        got, written = sent(request, replace(ANY, caches=True))
    except Problem:
        return  # a choice that names no tool
    if written.answered is None and got.tools == request.tools:
        left = replace(request, model="m", losses=(), choice=request.choice if request.tools else None)
        assert got == left


@given(claude.responses())
def test_an_answer_comes_back_as_it_went(response: Response) -> None:
    assert NEUTRAL.read_answer(NEUTRAL.write_answer(response, None)) == response  # type: ignore[arg-type]  # it looks at nothing


@given(claude.responses(), st.lists(st.integers(0, 4000), max_size=6))
def test_a_stream_comes_back_however_it_is_split(response: Response, cuts: list[int]) -> None:
    events = unfold(response)
    stream = NeutralEncoder().feed(events)
    places = sorted(min(cut, len(stream)) for cut in cuts)
    pieces = [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]
    decoder = NeutralDecoder()
    heard: list[Event] = [event for piece in pieces for event in decoder.feed(piece)]
    heard += decoder.finish()
    assert (heard, decoder.failure, decoder.ended) == (events, None, True)
    assert fold(heard) == fold(events)


@given(claude.responses())
def test_its_usage_is_read_off_its_bytes(response: Response) -> None:
    whole, streamed = Meter(GAUGE), Meter(GAUGE)
    whole.whole(NEUTRAL.write_answer(response, None))  # type: ignore[arg-type]  # it looks at nothing
    streamed.feed(NeutralEncoder().feed(unfold(response)))
    assert whole.told == streamed.told == response.usage


def test_a_stream_without_its_end_is_a_failure() -> None:
    decoder = NeutralDecoder()
    assert decoder.feed(NeutralEncoder().feed([Started("a", "m"), Wrote("So ")])) == [Started("a", "m"), Wrote("So ")]
    assert decoder.finish() == []
    assert decoder.failure is not None
    assert decoder.failure.reason == "disconnect"


def test_garbage_is_a_failure() -> None:
    decoder = NeutralDecoder()
    assert decoder.feed(b'data: {"type":"nothing"}\n\n') == []
    assert decoder.failure is not None


def test_nothing_is_heard_behind_the_end() -> None:
    decoder = NeutralDecoder()
    assert decoder.feed(NeutralEncoder().feed([Finished(), Wrote("more")])) == [Finished()]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": (LOOK,)}, "tools"),
        ({"format": Format(kind="json_schema", schema={"type": "object"}, at="response_format")}, "response_format"),
        ({"extra": {"n": 2}}, "n"),
        ({"tools": (LOOK,), "choice": Choice(mode="tool", name="other")}, "tool_choice"),
    ],
    ids=["tools", "schema", "several answers", "a tool that is not there"],
)
def test_what_would_mislead_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as refusal:
        sent(Request(model="x", messages=SAYS, **fields), LITTLE)
    assert (refusal.value.status, refusal.value.param) == (400, param)


def test_tools_that_may_not_be_called_are_no_obstacle() -> None:
    got, written = sent(Request(model="x", messages=SAYS, tools=(LOOK,), choice=Choice(mode="none")), LITTLE)
    assert (got.tools, got.choice, losses(written)) == ((), None, {})


def test_what_is_not_taken_is_told() -> None:
    request = Request(
        model="x",
        messages=SAYS,
        max_tokens=5,
        temperature=0.5,
        stop=("end",),
        reasoning=Reasoning(effort="high", at="reasoning_effort"),
        extra={"seed": 1, "logprobs": False, "n": 1},
        named={"max_tokens": "max_completion_tokens"},
    )
    got, written = sent(request, LITTLE)
    assert (got.max_tokens, got.temperature, got.stop, got.reasoning, got.extra) == (None, None, (), None, {})
    assert written.stop == ("end",)
    assert losses(written) == {
        "max_completion_tokens": "dropped",
        "temperature": "dropped",
        "stop": "approximated",
        "reasoning_effort": "dropped",
        "seed": "dropped",
    }


def test_what_the_model_cannot_read_is_left_out_or_said() -> None:
    thought = Thinking(text="Hm.", signature="c2VhbA==", at="messages[1].content[0]")
    call = Call(id="a", name="look", arguments="{}")
    failed = Result(id="a", parts=(Text(text="dark"),), error=True, at="messages[2].content[0]", cache="5m")
    late = Message(role="system", blocks=(Text(text="Now."),), at="messages[3]")
    turns = (
        *SAYS,
        Message(role="assistant", blocks=(thought, call)),
        Message(role="user", blocks=(failed,)),
        late,
    )
    got, written = sent(Request(model="x", messages=turns), LITTLE)
    assert got.messages[1].blocks == (call,)
    assert got.messages[2].blocks == (replace(failed, parts=(Text(text="Error: dark"),), cache=None),)
    assert losses(written) == dict.fromkeys(
        [
            "messages[1].content[0]",
            "messages[2].content[0].cache",
            "messages[2].content[0].is_error",
            "messages[3]",
        ],
        "approximated",
    )
    whole, written = sent(Request(model="x", messages=turns), replace(ANY, caches=True))
    assert whole.messages == turns


def test_free_text_goes_as_a_function() -> None:
    tool = Tool(name="run", kind="custom", description="Runs", at="tools[0]")
    got, written = sent(Request(model="x", messages=SAYS, tools=(tool,)))
    assert written.customs == {"run"}
    assert (got.tools[0].kind, got.tools[0].schema) == (
        "function",
        {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
    )


def test_a_request_for_nothing_is_answered_here() -> None:
    written = NEUTRAL.write(Request(model="x", messages=SAYS, max_tokens=0), ANY, "m")
    assert written.answered is not None
    assert written.answered.blocks == ()


def test_what_the_file_sets_must_fit() -> None:
    body = NEUTRAL.write(Request(model="x", messages=SAYS), ANY, "m").body
    with pytest.raises(Problem, match="what is set for this request does not fit"):
        read(msgspec.json.encode({**body, "temperature": "warm"}))


def test_what_is_lost_in_an_answer_is_told_as_an_event() -> None:
    event = Lost(Loss("content", "dropped", "no counterpart"))
    assert NeutralDecoder().feed(NeutralEncoder().feed([event])) == [event]
