"""What a client of chat completions reads of a whole answer. The pairs of golden/ show the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Block, Call, Loss, Opaque, Refusal, Response, Stop, Text, Thinking, Usage
from engine.dialects.chat.write_answer import write_answer
from engine.dialects.chat.write_stream import ChatEncoder
from engine.dialects.codec import Asked
from engine.dialects.fold import unfold
from tests.dialects import oracles
from tests.dialects.claude import responses
from tests.dialects.pairs import events

ASKED = Asked(model="smart", id="k3v", created=7)


def told(*blocks: Block, stop: Stop | None = None, asked: Asked = ASKED, usage: Usage | None = None) -> dict[str, Any]:
    """Return the answer a client reads."""
    response = Response(id="up-1", model="up-model", blocks=blocks, stop=stop or Stop(reason="end"), usage=usage)
    answer: dict[str, Any] = json.loads(write_answer(response, asked))
    return answer


def message(*blocks: Block, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = told(*blocks, **more)["choices"][0]["message"]
    assert said.pop("role") == "assistant"
    return said


LEGACY = Asked(model="smart", id="k3v", created=7, legacy=True)
CALL = Call(id="c", name="f", arguments='{"a":1}')


@given(responses(), st.booleans())
def test_every_answer_is_one_that_openai_could_give(response: Response, legacy: bool) -> None:
    answer = json.loads(write_answer(response, LEGACY if legacy else ASKED))
    assert oracles.answer_flaws("chat", answer) == []
    assert (answer["id"], answer["model"], answer["created"]) == ("chatcmpl-k3v", "smart", 7)


MESSAGES: dict[str, tuple[list[Block], dict[str, Any]]] = {
    "nothing": ([], {"content": None, "refusal": None}),
    "texts": ([Text(text="a"), Text(text="b")], {"content": "ab", "refusal": None}),
    "a refusal": ([Text(text="a"), Refusal(text="no")], {"content": "a", "refusal": "no"}),
    "unsigned thinking": (
        [Thinking(text="a"), Thinking(text="b")],
        {"content": None, "refusal": None, "reasoning_content": "ab", "reasoning": "ab"},
    ),
    "a seal on the second": (
        [Thinking(text="a"), Thinking(text="b", signature="s")],
        {
            "content": None,
            "refusal": None,
            "reasoning_content": "ab",
            "reasoning": "ab",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "b", "signature": "s", "format": "anthropic-claude-v1", "index": 1}
            ],
        },
    ),
    "a free-text call": (
        [Call(id="c", name="f", arguments="rm -rf {", kind="custom")],
        {
            "content": None,
            "refusal": None,
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "rm -rf {"}}],
        },
    ),
    "a block of the vendor's own": (
        [Opaque(vendor="anthropic", kind="server_tool_use", raw={"a": 1}), Text(text="a")],
        {"content": "a", "refusal": None},
    ),
}


@pytest.mark.parametrize(("blocks", "said"), MESSAGES.values(), ids=MESSAGES)
def test_messages(blocks: list[Block], said: dict[str, Any]) -> None:
    assert message(*blocks) == said


@pytest.mark.parametrize(
    ("stop", "called", "finish"),
    [
        (Stop(reason="end"), False, "stop"),
        (Stop(reason="end"), True, "tool_calls"),
        (Stop(reason="tool"), True, "tool_calls"),
        (Stop(reason="tool"), False, "stop"),
        (Stop(reason="pause"), False, "stop"),
        (Stop(reason="length"), True, "length"),
        (Stop(reason="context"), False, "length"),
        (Stop(reason="refusal"), False, "content_filter"),
    ],
)
def test_why_it_finished(stop: Stop, called: bool, finish: str) -> None:
    blocks = (CALL,) if called else (Text(text="a"),)
    assert told(*blocks, stop=stop)["choices"][0]["finish_reason"] == finish
    legacy = "function_call" if finish == "tool_calls" else finish
    assert told(*blocks, stop=stop, asked=LEGACY)["choices"][0]["finish_reason"] == legacy


def test_which_stop_sequence_it_was() -> None:
    choice = told(stop=Stop(reason="sequence", sequence="END"))["choices"][0]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", "END")
    assert "stop_reason" not in told()["choices"][0]


@pytest.mark.parametrize(
    ("details", "refusal"),
    [
        ({"explanation": "This asks for an exploit."}, "This asks for an exploit."),
        ({"explanation": None}, None),
        ({"explanation": 7}, None),
        (None, None),
    ],
)
def test_a_refusal_is_explained_in_the_vendors_words_or_not_at_all(details: Any, refusal: str | None) -> None:
    assert message(stop=Stop(reason="refusal", details=details))["refusal"] == refusal


def test_the_models_own_refusal_needs_no_explanation() -> None:
    stop = Stop(reason="refusal", details={"explanation": "policy"})
    assert message(Refusal(text="I will not."), stop=stop)["refusal"] == "I will not."


def test_usage_that_nobody_told_is_estimated() -> None:
    asked = Asked(model="smart", id="k3v", created=7, input_tokens=100)
    usage = told(Text(text="é" * 10), CALL, asked=asked)["usage"]
    assert usage == {
        "prompt_tokens": 100,
        "completion_tokens": 8,
        "total_tokens": 108,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_blank_arguments_are_none(blank: str) -> None:
    call = Call(id="c", name="f", arguments=blank)
    assert message(call)["tool_calls"][0]["function"]["arguments"] == "{}"
    assert message(call, asked=LEGACY)["function_call"]["arguments"] == "{}"


TOLD = Usage(input=1, output=2)


def lost(*blocks: Block, legacy: bool = False, usage: Usage | None = TOLD, **more: Any) -> list[tuple[str, str]]:
    asked = Asked(model="smart", id="k3v", created=7, legacy=legacy)
    response = Response(id="up-1", model="m", blocks=blocks, usage=usage, **{"stop": Stop(reason="end"), **more})
    write_answer(response, asked)
    whole = list(asked.lost.found)
    asked.lost.found.clear()
    ChatEncoder(asked).feed(unfold(response))
    assert sorted(asked.lost.found, key=repr) == sorted(whole, key=repr), "a stream loses the same"
    return [(loss.path, loss.grade) for loss in whole]


SEARCH = Opaque(vendor="anthropic", kind="server_tool_use", raw={}, at="content[0]")
CITED = Loss("content[1].citations", "dropped", "no counterpart")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (lost(Text(text="a"), CALL), []),
        (lost(SEARCH, Text(text="a"), SEARCH), [("content[0]", "dropped")]),
        (lost(Text(text="a"), losses=(CITED, CITED)), [("content[1].citations", "dropped")]),
        (lost(stop=Stop(reason="pause")), [("stop_reason", "dropped")]),
        (lost(stop=Stop(reason="context")), [("stop_reason", "approximated")]),
        (lost(stop=Stop(reason="refusal", details={"category": "bio"})), [("stop_details.category", "dropped")]),
        (lost(stop=Stop(reason="refusal", details={"category": None})), []),
        (lost(CALL, CALL), []),
        (lost(CALL, legacy=True), []),
        (lost(CALL, CALL, CALL, legacy=True), [("tool_calls[1]", "dropped")]),
        (lost(Text(text="a"), usage=None), [("usage", "dropped")]),
        (lost(Text(text="a"), usage=Usage(estimated=True)), [("usage", "dropped")]),
    ],
)
def test_what_the_client_is_not_told_is_noted(found: list[tuple[str, str]], told: list[tuple[str, str]]) -> None:
    assert found == told


@given(st.lists(st.sampled_from(["", "a", "b", "call_k3v_0", "call_k3v_1"]), max_size=5))
def test_no_two_calls_have_one_id(wishes: list[str]) -> None:
    calls = [Call(id=wish, name="f", arguments="{}") for wish in wishes]
    response = Response(id="up-1", model="m", blocks=tuple(calls), stop=Stop(reason="tool"))
    whole = [call["id"] for call in message(*calls).get("tool_calls", ())]
    chunks = events(ChatEncoder(ASKED).feed(unfold(response)))
    deltas = [one["choices"][0]["delta"] for one in chunks[:-1] if one["choices"]]
    streamed = [call["id"] for one in deltas for call in one.get("tool_calls", ()) if "id" in call]
    assert whole == streamed
    assert len(set(whole)) == len(wishes)
    assert [ident for ident, wish in zip(whole, wishes, strict=True) if wish == "a"][:1] == ["a"] * ("a" in wishes)
