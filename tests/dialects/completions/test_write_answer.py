"""What a client of legacy completions reads: text and nothing else, and what of the answer it is not told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Block, Call, Opaque, Refusal, Response, Stop, Text, Thinking, Usage
from engine.dialects.codec import Asked, Losses
from engine.dialects.completions.write_answer import write_answer
from engine.dialects.completions.write_stream import CompletionEncoder
from engine.dialects.fold import unfold
from engine.dialects.messages.read_stream import MessagesDecoder
from tests.dialects import oracles
from tests.dialects.claude import responses, stream, wire
from tests.dialects.pairs import events
from tests.support.wire import violations

USED = Usage(input=11, cache_read=4, output=7)


def asking(**fields: Any) -> Asked:
    return Asked(**{"model": "smart", "id": "k3v", "created": 7, "lost": Losses(), **fields})


def given_back(response: Response, asked: Asked, *, streamed: bool) -> dict[str, Any]:
    """Return the answer, or what its stream comes to."""
    if not streamed:
        answer: dict[str, Any] = json.loads(write_answer(response, asked))
        return answer
    *chunks, done = events(CompletionEncoder(asked).feed(unfold(response)))
    assert done == "[DONE]"
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert [choice["finish_reason"] for choice in choices[:-1]] == [None] * (len(choices) - 1)
    text = "".join(choice["text"] for choice in choices)
    whole = {**chunks[-1], "choices": [{**choices[-1], "text": text}]}
    assert choices[-1]["text"] == ""
    return {**whole, "usage": chunks[-1].get("usage")}


def told(*blocks: Block, stop: Stop | None = None, streamed: bool, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the choice that a client reads, and the paths of what it is not told."""
    response = Response(id="up", model="m", blocks=blocks, stop=stop or Stop(reason="end"), usage=USED)
    asked = asking(**fields)
    choice: dict[str, Any] = given_back(response, asked, streamed=streamed)["choices"][0]
    return choice, [loss.path for loss in asked.lost.found]


STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
asked_in_any_way = st.builds(
    asking, usage=st.booleans(), echo=st.sampled_from([{}, {"prompt": "def add("}, {"previous_response_id": None}])
)


@given(responses(), asked_in_any_way)
def test_every_answer_is_one_that_openai_could_give(response: Response, asked: Asked) -> None:
    answer = json.loads(write_answer(response, asked))
    assert oracles.answer_flaws("completions", answer) == []
    assert (answer["id"], answer["model"], answer["created"]) == ("cmpl-k3v", "smart", 7)


@given(responses(), asked_in_any_way)
def test_every_stream_keeps_to_the_rules(response: Response, asked: Asked) -> None:
    assert violations("completions", CompletionEncoder(asked).feed(unfold(response)), usage=asked.usage) == []


@given(responses(), asked_in_any_way)
def test_the_pieces_together_are_the_whole_answer(response: Response, asked: Asked) -> None:
    whole = given_back(response, asked, streamed=False)
    streamed = given_back(response, asked, streamed=True)
    assert streamed == {**whole, "usage": whole["usage"] if asked.usage else None}


@given(responses(), st.integers(1, 4))
def test_a_stream_of_another_api_comes_out_as_its_answer(response: Response, cuts: int) -> None:
    decoder, encoder = MessagesDecoder(), CompletionEncoder(asking())
    body = b"".join(encoder.feed(decoder.feed(wire([event]))) for event in stream(response, cuts))
    assert violations("completions", body, usage=True) == []
    chunks = events(body)[:-1]
    text = "".join(choice["text"] for chunk in chunks for choice in chunk["choices"])
    assert text == json.loads(write_answer(response, asking()))["choices"][0]["text"]


@STREAMED
def test_texts_are_one_text(streamed: bool) -> None:
    choice, lost = told(Text(text="a"), Text(text=" b\n"), streamed=streamed)
    assert choice == {"index": 0, "text": "a b\n", "logprobs": None, "finish_reason": "stop"}
    assert lost == []


@STREAMED
def test_nothing_is_an_empty_text(streamed: bool) -> None:
    assert told(streamed=streamed)[0]["text"] == ""


@STREAMED
def test_the_prompt_goes_in_front_where_it_is_wished(streamed: bool) -> None:
    assert told(Text(text="a, b)"), streamed=streamed, echo={"prompt": "def add("})[0]["text"] == "def add(a, b)"
    assert told(streamed=streamed, echo={"prompt": "def add("})[0]["text"] == "def add("


REFUSED = Stop(reason="refusal", details={"explanation": "not that"})
LEFT: dict[str, tuple[list[Block], Stop | None, str, str, list[str]]] = {
    "thinking": ([Thinking(text="hm"), Text(text="a")], None, "a", "stop", ["reasoning"]),
    "a seal alone": ([Thinking(sealed="s"), Text(text="a")], None, "a", "stop", ["reasoning"]),
    "a call": (
        [Text(text="a"), Call(id="c", name="f", arguments="{}")],
        Stop(reason="tool"),
        "a",
        "stop",
        ["tool_calls"],
    ),
    "a refusal": ([Refusal(text="I will not.")], None, "I will not.", "content_filter", ["refusal"]),
    "a refusal behind text": ([Text(text="a"), Refusal(text="no")], REFUSED, "ano", "content_filter", ["refusal"]),
    "a refusal in its vendor's words": ([], REFUSED, "not that", "content_filter", ["refusal"]),
    "a refusal without words": ([], Stop(reason="refusal"), "", "content_filter", []),
}


@STREAMED
@pytest.mark.parametrize(("blocks", "stop", "text", "finish", "lost"), LEFT.values(), ids=LEFT)
def test_what_is_no_text(
    blocks: list[Block], stop: Stop | None, text: str, finish: str, lost: list[str], streamed: bool
) -> None:
    choice, paths = told(*blocks, stop=stop, streamed=streamed)
    assert (choice["text"], choice["finish_reason"], paths) == (text, finish, lost)


def test_a_block_of_the_vendors_own_is_told_as_lost() -> None:
    block = Opaque(vendor="anthropic", kind="server_tool_use", raw={}, at="content[0]")
    choice, lost = told(block, Text(text="a"), streamed=False)
    assert (choice["text"], lost) == ("a", ["content[0]"])


FINISHES = [
    (Stop(reason="end"), {"finish_reason": "stop"}),
    (Stop(reason="length"), {"finish_reason": "length"}),
    (Stop(reason="sequence", sequence="\n\n"), {"finish_reason": "stop", "stop_reason": "\n\n"}),
    (Stop(reason="context"), {"finish_reason": "length"}),
    (Stop(reason="pause"), {"finish_reason": "stop"}),
    (Stop(reason="tool"), {"finish_reason": "stop"}),
]


@STREAMED
@pytest.mark.parametrize(("stop", "finish"), FINISHES, ids=lambda one: getattr(one, "reason", ""))
def test_why_it_stopped(stop: Stop, finish: dict[str, str], streamed: bool) -> None:
    choice, _ = told(Text(text="a"), stop=stop, streamed=streamed)
    assert {name: value for name, value in choice.items() if name.endswith("_reason")} == finish


@STREAMED
def test_usage_that_nobody_told_is_an_estimate_and_told_as_lost(streamed: bool) -> None:
    response = Response(id="up", model="m", blocks=(Text(text="a" * 400),), stop=Stop(reason="end"))
    asked = asking(input_tokens=30, echo={"prompt": "b" * 4000})
    usage = given_back(response, asked, streamed=streamed)["usage"]
    assert usage["prompt_tokens"] == 30
    assert 100 <= usage["completion_tokens"] <= 200, "the prompt that is repeated was not written by the model"
    assert [loss.path for loss in asked.lost.found] == ["usage"]


def test_nothing_follows_the_end() -> None:
    encoder = CompletionEncoder(asking())
    response = Response(id="up", model="m", blocks=(), stop=Stop(reason="end"))
    assert encoder.feed(unfold(response)).endswith(b"data: [DONE]\n\n")
    assert encoder.feed(unfold(response)) == b""
