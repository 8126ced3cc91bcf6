"""A whole answer for a client of the Responses API. How a stream tells the same is in test_write_stream.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Block, Call, Loss, Opaque, Refusal, Response, Stop, Text, Thinking, Tool, Usage
from engine.dialects.codec import Asked
from engine.dialects.fold import fold, unfold
from engine.dialects.responses.items import CALL_ID
from engine.dialects.responses.sealed import Item
from engine.dialects.responses.write_answer import write_answer
from engine.dialects.responses.write_stream import ResponsesEncoder
from engine.dialects.seal import opened, seal
from tests.dialects import claude, gpt, oracles
from tests.dialects.events import streams

ASKED = Asked(model="smart", id="k3v", created=7, source="up/model", input_tokens=33)


def answer(*blocks: Block, stop: Stop | None = None, usage: Usage | None = None, asked: Asked = ASKED) -> Any:
    """Return the answer a client reads."""
    response = Response(id="up-1", model="up-model", blocks=blocks, stop=stop or Stop(reason="end"), usage=usage)
    return json.loads(write_answer(response, asked))


def output(*blocks: Block, **more: Any) -> list[Any]:
    items: list[Any] = answer(*blocks, **more)["output"]
    return items


@given(claude.responses() | gpt.responses())
def test_every_answer_is_one_that_openai_could_give(response: Response) -> None:
    body = json.loads(write_answer(response, ASKED))
    assert oracles.answer_flaws("responses", body) == []
    assert (body["id"], body["object"], body["model"], body["created_at"]) == ("resp_k3v", "response", "smart", 7)


@given(streams())
def test_any_answer_at_all_is_one(events: list[Any]) -> None:
    assert oracles.answer_flaws("responses", json.loads(write_answer(fold(events), ASKED))) == []


def said(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def message(place: int, *parts: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    return {
        "id": f"msg_k3v_{place}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": list(parts),
    }


def thought(place: int, encrypted: str, *texts: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text} for text in texts]
    return {"id": f"rs_k3v_{place}", "type": "reasoning", "summary": summary, "encrypted_content": encrypted}


def called(place: int, arguments: str, call_id: str = "c", status: str = "completed") -> dict[str, Any]:
    head = {"id": f"fc_k3v_{place}", "type": "function_call", "call_id": call_id, "name": "f"}
    return {**head, "arguments": arguments, "status": status}


SEARCH = Opaque(vendor="anthropic", kind="server_tool_use", raw={"type": "server_tool_use"}, at="content[0]")
OUTPUTS: dict[str, tuple[list[Block], list[dict[str, Any]]]] = {
    "nothing": ([], []),
    "blocks that say nothing": ([Text(text=""), Refusal(text=""), Thinking()], []),
    "texts and a refusal are one message": (
        [Text(text="a"), Text(text="b"), Refusal(text="c")],
        [message(0, said("a"), said("b"), {"type": "refusal", "refusal": "c"})],
    ),
    "what only its vendor knows is left out": (
        [Text(text="a"), SEARCH, Text(text="b")],
        [message(0, said("a"), said("b"))],
    ),
    "reasoning divides messages": (
        [Text(text="a"), Thinking(text="b"), Text(text="c")],
        [message(0, said("a")), thought(1, seal("up/model"), "b"), message(2, said("c"))],
    ),
    "reasoning in every form": (
        [
            *[Thinking(text="a", signature="s"), Thinking(signature="s"), Thinking(sealed="d")],
            Thinking(text="a", sealed="d"),
        ],
        [
            thought(0, seal("up/model", signature="s"), "a"),
            thought(1, seal("up/model", signature="s")),
            thought(2, seal("up/model", sealed="d")),
            thought(3, seal("up/model"), "a"),
            thought(4, seal("up/model", sealed="d")),
        ],
    ),
    "a call": ([Call(id="c", name="f", arguments='{ "a": 1.0 }')], [called(0, '{ "a": 1.0 }')]),
    "blank arguments are none": ([Call(id="c", name="f", arguments=" \n")], [called(0, "{}")]),
    "arguments that are no JSON": ([Call(id="c", name="f", arguments="no")], [called(0, "no")]),
    "free text": (
        [Call(id="c", name="f", arguments="rm -rf {", kind="custom")],
        [{"id": "ctc_k3v_0", "type": "custom_tool_call", "call_id": "c", "name": "f", "input": "rm -rf {"}],
    ),
}


@pytest.mark.parametrize(("blocks", "items"), OUTPUTS.values(), ids=OUTPUTS)
def test_outputs(blocks: list[Block], items: list[Any]) -> None:
    assert output(*blocks) == items


@pytest.mark.parametrize(
    ("stop", "blocks", "status", "reason"),
    [
        (Stop(reason="end"), [Text(text="a")], "completed", None),
        (Stop(reason="sequence", sequence="X"), [Text(text="a")], "completed", None),
        (Stop(reason="tool"), [Call(id="c", name="f", arguments="{}")], "completed", None),
        (Stop(reason="tool"), [], "completed", None),
        (Stop(reason="pause"), [Text(text="a")], "completed", None),
        (Stop(reason="length"), [Text(text="a")], "incomplete", "max_output_tokens"),
        (Stop(reason="context"), [], "incomplete", "max_output_tokens"),
        (Stop(reason="refusal"), [Text(text="a")], "incomplete", "content_filter"),
        (Stop(reason="refusal"), [Refusal(text="")], "incomplete", "content_filter"),
        (Stop(reason="refusal"), [Refusal(text="No.")], "completed", None),
        (Stop(reason="refusal", details={"explanation": "No."}), [], "completed", None),
        (Stop(reason="refusal", details={"explanation": 7}), [], "incomplete", "content_filter"),
        (Stop(reason="end"), [Refusal(text="No.")], "completed", None),
    ],
)
def test_why_it_stopped(stop: Stop, blocks: list[Block], status: str, reason: str | None) -> None:
    body = answer(*blocks, stop=stop)
    assert body["status"] == status
    assert body["incomplete_details"] == (None if reason is None else {"reason": reason})


CALL = Call(id="c", name="f", arguments='{"a":1}')
BROKEN = Call(id="c", name="f", arguments='{"a"')


@pytest.mark.parametrize(
    ("blocks", "statuses"),
    [
        ([Text(text="a")], ["incomplete"]),
        ([Text(text="a"), CALL], ["completed", "completed"]),
        ([Text(text="a"), BROKEN], ["completed", "incomplete"]),
        ([BROKEN, Text(text="a")], ["completed", "incomplete"]),
        ([Call(id="c", name="f", arguments="")], ["incomplete"]),
        ([Thinking(text="a")], [None]),
        ([], []),
    ],
)
def test_only_what_was_cut_short_is_incomplete(blocks: list[Block], statuses: list[str | None]) -> None:
    assert [item.get("status") for item in output(*blocks, stop=Stop(reason="length"))] == statuses
    assert "incomplete" not in [item.get("status") for item in output(*blocks)]


def test_a_refusal_is_explained_in_the_vendors_words_or_the_models() -> None:
    explained = Stop(reason="refusal", details={"explanation": "Policy."})
    assert output(Text(text="a"), stop=explained) == [message(0, said("a"), {"type": "refusal", "refusal": "Policy."})]
    assert output(Refusal(text="No."), stop=explained) == [message(0, {"type": "refusal", "refusal": "No."})]


def test_usage_that_nobody_told_is_estimated() -> None:
    assert answer(Text(text="é" * 10), Thinking(text="b"), CALL)["usage"] == {
        "input_tokens": 33,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 42,
    }


def test_all_input_is_counted_together() -> None:
    usage = answer(usage=Usage(input=1, cache_read=2, cache_write=4, output=8, reasoning=3))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (7, 8, 15)
    assert usage["input_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 4}
    assert usage["output_tokens_details"] == {"reasoning_tokens": 3}


def test_reasoning_of_this_api_keeps_its_own_seal() -> None:
    own = Item(id="rs_1", encrypted_content="E").text()
    signed, closed, damaged = output(
        Thinking(text="a", signature=own, form="responses"),
        Thinking(sealed=own, form="responses"),
        Thinking(sealed="no JSON", form="responses"),
    )
    assert (signed["id"], signed["encrypted_content"], signed["summary"][0]["text"]) == ("rs_1", "E", "a")
    assert (closed["id"], closed["encrypted_content"], closed["summary"]) == ("rs_1", "E", [])
    assert opened(damaged["encrypted_content"]) == opened(seal("up/model", "responses", sealed="no JSON"))


def test_a_tool_is_called_as_the_client_declared_it() -> None:
    asked = Asked(model="smart", id="k3v", created=7, tools=(Tool(name="ns__f", namespace="ns"), Tool(name="g")))
    first, second = output(Call(id="a", name="ns__f", arguments=""), Call(id="b", name="g", arguments=""), asked=asked)
    assert (first["name"], first["namespace"]) == ("f", "ns")
    assert (second["name"], "namespace" in second) == ("g", False)


def test_the_answer_is_kept() -> None:
    kept: list[dict[str, Any]] = []
    asked = Asked(model="smart", id="k3v", created=7, keep=kept.append)
    told = answer(Text(text="a"), asked=asked)
    assert kept == [told]


@given(st.lists(st.text(max_size=70) | st.sampled_from(["", "a", "call_k3v_0"]), max_size=6))
def test_ids_fit_and_are_never_given_twice(wishes: list[str]) -> None:
    items = output(*(Call(id=wish, name="f", arguments="") for wish in wishes))
    given = [item["call_id"] for item in items]
    assert len({*given, *(item["id"] for item in items)}) == 2 * len(wishes)
    assert all(CALL_ID.fullmatch(one) for one in given)
    assert [one for one, wish in zip(given, wishes, strict=True) if wish == "a"][:1] == ["a"] * ("a" in wishes)


def test_an_id_that_does_not_fit_is_changed_the_same_way_every_time() -> None:
    other = Asked(model="m", id="y", created=1)
    call = Call(id="a b", name="f", arguments="")
    assert output(call)[0]["call_id"] == output(call, asked=other)[0]["call_id"]


TOLD = Usage(input=1, output=2)


def lost(*blocks: Block, usage: Usage | None = TOLD, **more: Any) -> list[tuple[str, str]]:
    asked = Asked(model="smart", id="k3v", created=7)
    response = Response(id="up-1", model="m", blocks=blocks, usage=usage, **{"stop": Stop(reason="end"), **more})
    write_answer(response, asked)
    whole = list(asked.lost.found)
    asked.lost.found.clear()
    ResponsesEncoder(asked).feed(unfold(response))
    assert sorted(asked.lost.found, key=repr) == sorted(whole, key=repr), "a stream loses the same"
    return [(loss.path, loss.grade) for loss in whole]


CITED = Loss("content[1].citations", "dropped", "no counterpart")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (lost(Text(text="a"), CALL, Thinking(text="b", signature="s")), []),
        (lost(SEARCH, Text(text="a"), SEARCH), [("content[0]", "dropped")]),
        (lost(Text(text="a"), losses=(CITED, CITED)), [("content[1].citations", "dropped")]),
        (lost(stop=Stop(reason="pause")), [("stop_reason", "dropped")]),
        (lost(stop=Stop(reason="context")), [("stop_reason", "approximated")]),
        (lost(stop=Stop(reason="sequence", sequence="X")), [("stop_reason", "approximated")]),
        (lost(stop=Stop(reason="refusal", details={"category": "bio"})), [("stop_details.category", "dropped")]),
        (lost(stop=Stop(reason="refusal", details={"category": None})), []),
        (lost(Text(text="a"), usage=None), [("usage", "dropped")]),
        (lost(Text(text="a"), usage=Usage(estimated=True)), [("usage", "dropped")]),
    ],
)
def test_what_the_client_is_not_told_is_noted(found: list[tuple[str, str]], told: list[tuple[str, str]]) -> None:
    assert found == told
