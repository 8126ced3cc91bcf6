"""A whole answer for a client of the Messages API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Call, Loss, Opaque, Refusal, Response, Stop, Text, Thinking, Usage
from engine.dialects.codec import Asked
from engine.dialects.fold import fold, unfold
from engine.dialects.messages.write_answer import FIT, Ids, input_of, input_text, write_answer
from engine.dialects.messages.write_stream import MessagesEncoder
from engine.dialects.seal import opened
from tests.dialects import claude, oracles
from tests.dialects.events import streams

ASKED = Asked(model="asked", id="x", created=0, source="up/model", input_tokens=33)


def written(*blocks: Any, stop: Stop | None = None, usage: Usage | None = None) -> dict[str, Any]:
    response = Response(id="1", model="m", blocks=blocks, stop=stop or Stop(reason="end"), usage=usage)
    answer: dict[str, Any] = json.loads(write_answer(response, ASKED))
    return answer


@given(streams())
def test_the_vendors_type_takes_every_answer(events: list[Any]) -> None:
    assert oracles.answer_flaws("messages", json.loads(write_answer(fold(events), ASKED))) == []


@given(claude.responses())
def test_the_vendors_own_answers_come_back(response: Response) -> None:
    ours = json.loads(write_answer(response, ASKED))
    theirs = claude.message(response)
    for block in theirs["content"]:
        if block["type"] == "thinking" and not block["signature"]:
            block["signature"] = next(one["signature"] for one in ours["content"] if opened(one.get("signature", "")))
    ids = [block.get("id") for block in ours["content"]]
    if len({*ids} - {None}) == len([one for one in theirs["content"] if one["type"] == "tool_use"]):
        theirs["content"] = [
            {**one, "id": ident} if ident else one for one, ident in zip(theirs["content"], ids, strict=True)
        ]
    assert ours["content"] == theirs["content"]
    assert ours["stop_reason"] == theirs["stop_reason"]
    assert ours["stop_sequence"] == theirs["stop_sequence"]


INPUTS = [
    ("", {}),
    (" \n", {}),
    ("null", {}),
    ("{}", {}),
    ('{"a": 1}', {"a": 1}),
    ("[1]", {"value": [1]}),
    ('"a"', {"value": "a"}),
    ("0", {"value": 0}),
    ("a", {"_raw": "a"}),
    ('{"a": ', {"_raw": '{"a": '}),
    ("{}{}", {"_raw": "{}{}"}),
]


@pytest.mark.parametrize(("arguments", "given"), INPUTS)
def test_the_input_of_a_call_is_an_object(arguments: str, given: dict[str, Any]) -> None:
    call = Call(id="c", name="f", arguments=arguments)
    assert input_of(call) == given
    assert json.loads(input_text(call) or "{}") == given


def test_an_object_is_written_as_the_model_wrote_it() -> None:
    assert input_text(Call(id="c", name="f", arguments='{ "a" : 1.0 }')) == '{ "a" : 1.0 }'


def test_free_text_is_wrapped() -> None:
    call = Call(id="c", name="f", arguments='{"a": 1}', kind="custom")
    assert input_of(call) == {"input": '{"a": 1}'} == json.loads(input_text(call))


STOPS: list[tuple[Stop, bool, dict[str, Any]]] = [
    (Stop(reason="end"), False, {"stop_reason": "end_turn", "stop_sequence": None}),
    (Stop(reason="end"), True, {"stop_reason": "tool_use", "stop_sequence": None}),
    (Stop(reason="tool"), True, {"stop_reason": "tool_use", "stop_sequence": None}),
    (Stop(reason="tool"), False, {"stop_reason": "end_turn", "stop_sequence": None}),
    (Stop(reason="length"), True, {"stop_reason": "max_tokens", "stop_sequence": None}),
    (Stop(reason="sequence", sequence="X"), False, {"stop_reason": "stop_sequence", "stop_sequence": "X"}),
    (Stop(reason="sequence"), False, {"stop_reason": "end_turn", "stop_sequence": None}),
    (Stop(reason="pause"), True, {"stop_reason": "pause_turn", "stop_sequence": None}),
    (Stop(reason="context"), False, {"stop_reason": "model_context_window_exceeded", "stop_sequence": None}),
    (
        Stop(reason="refusal", details={"category": "cyber", "explanation": "No."}),
        False,
        {
            "stop_reason": "refusal",
            "stop_sequence": None,
            "stop_details": {"type": "refusal", "category": "cyber", "explanation": "No."},
        },
    ),
    (
        Stop(reason="refusal", details={"category": "unheard of", "explanation": 7}),
        False,
        {
            "stop_reason": "refusal",
            "stop_sequence": None,
            "stop_details": {"type": "refusal", "category": None, "explanation": None},
        },
    ),
]


@pytest.mark.parametrize(("stop", "called", "fields"), STOPS)
def test_why_it_stopped(stop: Stop, called: bool, fields: dict[str, Any]) -> None:
    answer = written(*([Call(id="c", name="f", arguments="")] if called else []), stop=stop)
    assert {name: value for name, value in answer.items() if name.startswith("stop")} == fields


def test_a_refusal_says_what_it_refused() -> None:
    answer = written(Refusal(text="No."), stop=Stop(reason="refusal"))
    assert answer["content"] == [{"type": "text", "text": "No."}]
    assert answer["stop_details"]["explanation"] == "No."


def test_reasoning() -> None:
    plain, signed, sealed, both = written(
        Thinking(text="a"), Thinking(signature="s"), Thinking(sealed="d"), Thinking(text="e", signature="f"), Thinking()
    )["content"]
    assert opened(plain["signature"]).source == "up/model"
    assert signed == {"type": "thinking", "thinking": "", "signature": "s"}
    assert sealed == {"type": "redacted_thinking", "data": "d"}
    assert both == {"type": "thinking", "thinking": "e", "signature": "f"}


def test_blocks_that_only_a_vendor_knows() -> None:
    raw = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    own = Opaque(vendor="anthropic", kind="server_tool_use", raw=raw)
    foreign = Opaque(vendor="openai", kind="url_citation", raw={"type": "url_citation"})
    assert written(Text(text=""), own, foreign)["content"] == [raw]


def test_usage_that_nobody_told_is_estimated() -> None:
    usage = written(Text(text="ä" * 50), Thinking(text="b"), Call(id="c", name="f", arguments='{"a":1}'))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (33, 32)  # 108 bytes
    assert written(usage=Usage(input=1, output=2))["usage"]["output_tokens"] == 2


@given(st.lists(st.text(max_size=70) | st.sampled_from(["", "call_1", "toolu_x1"]), max_size=6))
def test_ids_fit_and_are_never_given_twice(wishes: list[str]) -> None:
    ids = Ids(ASKED)
    given = [ids.give(wish) for wish in wishes]
    assert len(set(given)) == len(given)
    assert all(FIT.fullmatch(one) for one in given)


def test_an_id_that_does_not_fit_is_changed_the_same_way_every_time() -> None:
    assert Ids(ASKED).give("a b") == Ids(Asked(model="m", id="y", created=1)).give("a b")


TOLD = Usage(input=1, output=2)


def lost(*blocks: Any, usage: Usage | None = TOLD, losses: tuple[Loss, ...] = ()) -> list[tuple[str, str]]:
    asked = Asked(model="asked", id="x", created=0)
    response = Response(id="1", model="m", blocks=blocks, stop=Stop(reason="end"), usage=usage, losses=losses)
    write_answer(response, asked)
    whole = list(asked.lost.found)
    asked.lost.found.clear()
    MessagesEncoder(asked).feed(unfold(response))
    assert sorted(asked.lost.found, key=repr) == sorted(whole, key=repr), "a stream loses the same"
    return [(loss.path, loss.grade) for loss in whole]


def call(arguments: str) -> Call:
    return Call(id="", name="f", arguments=arguments)


NOTED = Opaque(vendor="openai", kind="url_citation", raw={}, at="choices[0].message.annotations")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (lost(Text(text="a"), call(""), call('{"a":1}'), call("null")), []),
        (lost(Call(id="", name="f", arguments="rm", kind="custom")), []),
        (lost(call("{}"), call("no"), call("none")), [("tool_calls[1].arguments", "approximated")]),
        (lost(call("[1]")), [("tool_calls[0].arguments", "approximated")]),
        (lost(Text(text="a"), NOTED, NOTED), [("choices[0].message.annotations", "dropped")]),
        (lost(losses=(Loss("a", "dropped", "b"),) * 1000), [("a", "dropped")]),
        (lost(Text(text="a"), usage=None), [("usage", "dropped")]),
        (lost(Text(text="a"), usage=Usage(estimated=True)), [("usage", "dropped")]),
    ],
)
def test_what_the_client_is_not_told_is_noted(found: list[tuple[str, str]], told: list[tuple[str, str]]) -> None:
    assert found == told
