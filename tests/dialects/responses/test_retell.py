"""A response that was kept, told again as a stream."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from engine.chat import Call, Event, Refusal, Response, Stop, Text, Tool
from engine.dialects.codec import Asked
from engine.dialects.responses.retell import retold
from engine.dialects.responses.write_answer import write_answer
from engine.dialects.responses.write_stream import ResponsesEncoder
from tests.dialects import claude, gpt
from tests.dialects.pairs import events as parsed
from tests.dialects.responses.test_write_stream import any_stream
from tests.support.wire import violations

ASKED = Asked(model="asked", id="x", created=7, source="up/model", echo={"instructions": "Be kind.", "store": True})


def again(kept: dict[str, Any]) -> Any:
    """Return the response at the end of the stream in which it is told again."""
    stream = retold(kept)
    assert violations("responses", stream) == []
    return parsed(stream)[-1]["response"]


@given(claude.responses() | gpt.responses())
def test_a_whole_answer_is_told_again_as_it_was(response: Response) -> None:
    kept = json.loads(write_answer(response, ASKED))
    assert again(kept) == kept


@given(any_stream)
def test_a_stream_is_told_again_with_the_same_end(events: list[Event]) -> None:
    kept = parsed(ResponsesEncoder(ASKED).feed(events))[-1]["response"]
    assert again(kept) == kept


def test_what_was_cut_short_and_tools_of_namespaces() -> None:
    tools = (Tool(name="ns__f", namespace="ns"), Tool(name="exec", namespace="functions", kind="custom"))
    asked = Asked(model="asked", id="x", created=7, tools=tools)
    calls = (
        Call(id="a", name="ns__f", arguments="{}"),
        Call(id="b", name="exec", arguments="ls", kind="custom"),
        Call(id="c", name="f", arguments='{"a"'),
    )
    for blocks in (calls, (*calls[:2], Text(text="a")), (Refusal(text="No."),)):
        response = Response(id="1", model="m", blocks=blocks, stop=Stop(reason="length"))
        kept = json.loads(write_answer(response, asked))
        assert kept["status"] == "incomplete"
        assert again(kept) == kept
