"""A whole answer of the Responses API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Call, Failed, Lost, Opaque, Refusal, Response, Stop, Text, Thinking, Usage
from engine.dialects.codec import Asked
from engine.dialects.fold import fold, unfold
from engine.dialects.responses.read_answer import read_answer
from engine.dialects.responses.read_stream import ResponsesDecoder
from engine.dialects.responses.sealed import Item
from engine.dialects.responses.write_answer import write_answer
from engine.dialects.responses.write_stream import ResponsesEncoder
from tests.dialects import claude, gpt, oracles
from tests.dialects.responses.upstream import answer, responses


@given(responses(), st.booleans())
def test_an_answer_comes_back(response: Response, raw: bool) -> None:
    assert read_answer(json.dumps(answer(response, raw=raw)).encode()) == response


@given(responses())
def test_the_strict_server_is_one(response: Response) -> None:
    body = answer(response)
    if body["usage"] is not None:
        body["usage"]["output_tokens_details"] = {"reasoning_tokens": 0}
    assert oracles.answer_flaws("responses", body) == []


def read(*output: Any, **more: Any) -> Response:
    body = {"id": "1", "model": "m", "status": "completed", "output": list(output), **more}
    return read_answer(json.dumps(body).encode())


def message(content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "message", "content": content, **more}


def called(kind: str = "function_call", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "call_id": "c", "name": "f", **fields}


SEAL = Item(id="rs_1", encrypted_content="E").text()
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
HOLOGRAM = {"type": "output_hologram", "data": "h"}
BLOCKS: dict[str, tuple[list[Any], list[Any]]] = {
    "nothing": ([], []),
    "items that are none": ([7, None, "a"], []),
    "empty texts": ([message([{"type": "output_text", "text": ""}]), message(None), message([7, {}])], []),
    "a content that is a text": ([message("a")], [Text(text="a")]),
    "parts without a type, and plain ones": ([message([{"text": "a"}, "b"])], [Text(text="a"), Text(text="b")]),
    "text and a refusal": (
        [message([{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}])],
        [Text(text="a"), Refusal(text="b")],
    ),
    "a part that nobody knows": (
        [message([HOLOGRAM])],
        [Opaque(vendor="openai", kind="output_hologram", raw=HOLOGRAM, at="output[0].content[0]")],
    ),
    "reasoning": (
        [{"type": "reasoning", "summary": [{"type": "summary_text", "text": one} for one in ("a", "", "b")]}],
        [Thinking(text="a\n\nb")],
    ),
    "reasoning told raw, and its summary": (
        [{"type": "reasoning", "summary": [{"text": "a"}], "content": [{"type": "reasoning_text", "text": "b"}]}],
        [Thinking(text="a\n\nb")],
    ),
    "sealed reasoning": (
        [
            {"type": "reasoning", "id": "rs_1", "summary": [{"text": "a"}], "encrypted_content": "E"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "E"},
        ],
        [
            Thinking(text="a", signature=SEAL, form="responses"),
            Thinking(sealed=SEAL, form="responses"),
        ],
    ),
    "reasoning without anything": ([{"type": "reasoning", "summary": None}], []),
    "a call with an object": ([called(arguments={"a": 1})], [Call(id="c", name="f", arguments='{"a":1}')]),
    "a call with nothing": ([called()], [Call(id="c", name="f", arguments="")]),
    "a call with its item's id only": (
        [{"type": "function_call", "id": "fc_1", "name": "f", "arguments": "{}"}],
        [Call(id="fc_1", name="f", arguments="{}")],
    ),
    "an id given twice": (
        [called(), called()],
        [Call(id="c", name="f", arguments=""), Call(id="", name="f", arguments="")],
    ),
    "a custom call": (
        [called("custom_tool_call", input="rm {")],
        [Call(id="c", name="f", arguments="rm {", kind="custom")],
    ),
    "tools of namespaces": (
        [called(namespace="ns"), called("custom_tool_call", namespace="functions", input="", call_id="d")],
        [Call(id="c", name="ns__f", arguments=""), Call(id="d", name="f", arguments="", kind="custom")],
    ),
    "what the vendor runs itself": (
        [SEARCH, message("a")],
        [Opaque(vendor="openai", kind="web_search_call", raw=SEARCH, at="output[0]"), Text(text="a")],
    ),
    "an item without a type": ([{"a": 1}], [Opaque(vendor="openai", kind="item", raw={"a": 1}, at="output[0]")]),
}


@pytest.mark.parametrize(("output", "blocks"), BLOCKS.values(), ids=BLOCKS.keys())
def test_forms_that_servers_have(output: list[Any], blocks: list[Any]) -> None:
    assert list(read(*output).blocks) == blocks


REFUSED = message([{"type": "refusal", "refusal": "No."}])
STOPS: list[tuple[list[Any], dict[str, Any], str]] = [
    ([], {}, "end"),
    ([], {"status": None}, "end"),
    ([called()], {}, "tool"),
    ([REFUSED], {}, "refusal"),
    ([REFUSED, called()], {}, "tool"),
    ([], {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    ([], {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "refusal"),
    ([], {"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "end"),
    ([called()], {"status": "incomplete", "incomplete_details": {"reason": "max_messages"}}, "tool"),
    (
        [called(arguments='{"a')],
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        "length",
    ),
    ([], {"status": "incomplete"}, "length"),
    ([], {"status": None, "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    ([], {"status": "completed", "incomplete_details": {"reason": "max_output_tokens"}}, "end"),
]


@pytest.mark.parametrize(("output", "more", "reason"), STOPS)
def test_why_it_stopped(output: list[Any], more: dict[str, Any], reason: Any) -> None:
    assert read(*output, **more).stop == Stop(reason=reason)


USAGES: list[tuple[Any, Usage | None]] = [
    (None, None),
    ({}, None),
    ({"input_tokens": None, "total_tokens": 3}, None),
    ({"input_tokens": 9, "output_tokens": 2}, Usage(input=9, output=2)),
    ({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}}, Usage(input=5, cache_read=4)),
    (
        {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
        Usage(input=2, cache_read=4, cache_write=3),
    ),
    ({"input_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}, Usage(cache_read=4)),
    ({"output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}, Usage(output=2, reasoning=1)),
    ({"output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 9}}, Usage(output=2, reasoning=2)),
    ({"input_tokens": -3, "output_tokens": 2.0, "output_tokens_details": None}, Usage(output=2)),
]


@pytest.mark.parametrize(("told", "usage"), USAGES)
def test_usage(told: Any, usage: Usage | None) -> None:
    assert read(usage=told).usage == usage


def failed(**fields: Any) -> bytes:
    return json.dumps({"id": "1", "model": "m", "output": [], **fields}).encode()


FAILURES = [
    (b"", "disconnect"),
    (b"<html>", "disconnect"),
    (b"[" * 100_000, "disconnect"),
    (b"[]", "disconnect"),
    (b"{}", "disconnect"),
    (b"7", "disconnect"),
    (b'{"choices": []}', "disconnect"),
    (failed(output=None), "disconnect"),
    (failed(status="queued"), "disconnect"),
    (failed(status="in_progress"), "disconnect"),
    (failed(status="cancelled"), "disconnect"),
    (failed(status="failed"), "server_error"),
    (failed(status="failed", error={"code": "rate_limit_exceeded", "message": "Slow."}), "rate_limit"),
    (failed(status="failed", error={"code": "invalid_prompt", "message": "No."}), "bad_request"),
    (b'{"error": {"code": "context_length_exceeded", "message": "Long."}}', "context_length"),
    (b'{"error": "out of memory"}', "server_error"),
    (failed(output=[{"type": "function_call", "call_id": "c", "arguments": "{}"}]), "disconnect"),
    (failed(output=[called(arguments="{'a'}")]), "disconnect"),
]


@pytest.mark.parametrize(("body", "reason"), FAILURES)
def test_what_is_no_answer(body: bytes, reason: str) -> None:
    with pytest.raises(Failed) as caught:
        read_answer(body)
    assert caught.value.failure.reason == reason


CITED = [{"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}]}]
LOST: list[tuple[list[Any], dict[str, Any], list[tuple[str, str]]]] = [
    ([message("a"), called(), {"type": "reasoning", "summary": []}], {}, []),
    ([message([{"type": "output_text", "text": "a", "annotations": []}])], {}, []),
    ([message("a"), message(CITED)], {}, [("output[1].content[0].annotations", "dropped")]),
    ([message("a", phase="commentary")], {}, [("output[0].phase", "approximated")]),
    (
        [],
        {"status": "incomplete", "incomplete_details": {"reason": "steered"}},
        [("incomplete_details.reason", "approximated")],
    ),
]


@pytest.mark.parametrize(("output", "more", "lost"), LOST)
def test_what_is_lost(output: list[Any], more: dict[str, Any], lost: list[tuple[str, str]]) -> None:
    response = read(*output, **more)
    assert [(loss.path, loss.grade) for loss in response.losses] == lost
    end = {"type": f"response.{more.get('status', 'completed')}", "response": {"output": output, **more}}
    decoder = ResponsesDecoder()
    events = decoder.feed(b"data: " + json.dumps(end).encode() + b"\n\n")
    assert [event.loss for event in events if isinstance(event, Lost)] == list(response.losses), (
        "a stream loses the same"
    )


# what this API's own writers make, its readers read


ASKED = Asked(model="asked", id="x", created=7, source="up/model")


@given(claude.responses() | gpt.responses() | responses())
def test_what_is_written_is_read(response: Response) -> None:
    whole = read_answer(write_answer(response, ASKED))
    decoder = ResponsesDecoder()
    streamed = fold(decoder.feed(ResponsesEncoder(ASKED).feed(unfold(response))))
    assert decoder.ended
    assert [type(block) for block in streamed.blocks] == [type(block) for block in whole.blocks]
    assert [said(block) for block in streamed.blocks] == [said(block) for block in whole.blocks]
    assert (streamed.stop, streamed.usage) == (whole.stop, whole.usage)
    assert texts(whole) == texts(response)


def texts(response: Response) -> list[str]:
    return [block.text for block in response.blocks if isinstance(block, Text | Thinking) and block.text]


def said(block: Any) -> str:
    return block.arguments if isinstance(block, Call) else block.text
