"""The judges of the translation are judged first: good bodies of each kind, and one per thing they must not let by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects import oracles
from tests.dialects.recorded import EVERY, Recorded
from tests.support.answers import chat, message

HI = [{"role": "user", "content": "Hi"}]
CHAT: dict[str, Any] = {"model": "m", "messages": HI}
MESSAGES: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": HI}
CALLED = {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f"}}]}
PART = {"role": "user", "content": [{"type": "text", "text": "x", "zz": 1}]}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "{}"}]}
RESPONSES: dict[str, Any] = {"model": "m", "input": HI}
FC = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
FCO = {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "x"}]}
FUNCTION = {"type": "function", "name": "f", "parameters": None, "strict": False}
NAMESPACE = {"type": "namespace", "name": "ns", "description": "", "tools": [FUNCTION]}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "x"}]}
CUSTOM = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "a", "name": "f", "input": "x"}


def given(*items: Any) -> dict[str, Any]:
    return {**RESPONSES, "input": list(items)}


def seen(*parts: Any) -> dict[str, Any]:
    return given({"role": "user", "content": list(parts)})


def formed(**form: Any) -> dict[str, Any]:
    return {**RESPONSES, "text": {"format": {"type": "json_schema", **form}}}


GOOD = [
    ("chat", CHAT),
    ("chat", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
    ("chat", {**CHAT, "messages": [*HI, {"role": "assistant", "content": "x", "reasoning_content": "y"}]}),
    ("messages", MESSAGES),
    ("messages", {**MESSAGES, "messages": [*HI, {"role": "system", "content": "x"}]}),
    ("messages", {**MESSAGES, "temperature": 0.5}),
    ("count_tokens", {"model": "m", "messages": HI}),
    ("responses", {"model": "m", "input": "Hi"}),
    ("responses", {**RESPONSES, "stream": True, "stream_options": {"include_obfuscation": False}}),
    ("responses", given({"role": "developer", "content": "x"}, {**FC, "async": True}, FCO)),
    ("responses", given({"role": "user", "id": "msg_1", "content": "x"}, {**CUSTOM, "status": "completed"})),
    ("responses", given({**REASONING, "content": None, "encrypted_content": "x"}, {"id": "fc_1"})),
    ("responses", given({"type": "additional_tools", "role": "developer", "tools": [NAMESPACE]})),
    ("responses", seen({"type": "input_image", "detail": "auto", "image_url": "https://example.com/a.png"})),
    ("responses", {**RESPONSES, "tools": [FUNCTION, NAMESPACE], "client_metadata": {"turn": "1"}}),
    ("responses", formed(name="x", schema={"type": "object"}, strict=True)),
    ("input_tokens", {**RESPONSES, "tools": [FUNCTION]}),
]
BAD = [
    ("chat", {**CHAT, "novel": 1}, "novel"),
    ("chat", {**CHAT, "max_tokens": "9"}, "max_tokens"),
    ("chat", {**CHAT, "messages": [PART]}, "zz"),
    ("chat", {**CHAT, "messages": [CALLED]}, "arguments"),
    (
        "chat",
        {**CHAT, "messages": [{"role": "assistant", "content": "x", "reasoning_content": 1}]},
        "reasoning_content",
    ),
    ("chat", {**CHAT, "stream": "true"}, "stream"),
    ("messages", {"model": "m", "messages": HI}, "max_tokens"),
    ("messages", {**MESSAGES, "messages": [PART]}, "zz"),
    ("messages", {**MESSAGES, "messages": [USE]}, "input"),
    ("messages", {**MESSAGES, "temperature": 1.5}, "temperature"),
    ("messages", {**MESSAGES, "tools": [{"name": "f"}]}, "input_schema"),
    ("count_tokens", MESSAGES, "max_tokens"),
    ("responses", {**RESPONSES, "messages": HI}, "messages: Extra inputs"),
    ("responses", {**RESPONSES, "max_output_tokens": "16"}, "max_output_tokens"),
    ("responses", {**RESPONSES, "stream": True, "stream_options": {"include_usage": True}}, "include_usage"),
    ("responses", {**RESPONSES, "client_metadata": "x"}, "client_metadata"),
    ("responses", {**RESPONSES, "reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ("responses", {**RESPONSES, "include": ["usage"]}, "include.0"),
    ("responses", {**RESPONSES, "tools": [{"type": "function", "function": {"name": "f"}}]}, "Param.name"),
    ("responses", {**RESPONSES, "tools": [{**FUNCTION, "zz": 1}]}, "zz"),
    ("responses", {**RESPONSES, "tools": [{**NAMESPACE, "tools": [{**FUNCTION, "zz": 1}]}]}, "zz"),
    ("responses", {**RESPONSES, "tool_choice": {"type": "function", "function": {"name": "f"}}}, "Param.name"),
    ("responses", formed(json_schema={"name": "x", "schema": {}}), "Param.name"),
    ("responses", given({"role": "tool", "content": "x"}), "role"),
    ("responses", given({"type": "novel"}), "'novel'"),
    ("responses", given({**FC, "arguments": {}}), "arguments"),
    ("responses", given(FC, {**FCO, "output": [{"type": "input_text", "text": "x", "zz": 1}]}), "zz"),
    ("responses", given({"type": "additional_tools", "role": "developer", "tools": [{**FUNCTION, "zz": 1}]}), "zz"),
    ("responses", given({**REASONING, "summary": [{"type": "text", "text": "x"}]}), "summary.0.type"),
    ("responses", given({**CUSTOM, "status": "done"}), "status"),
    ("responses", seen({"type": "text", "text": "x"}), "Input should be 'input_text'"),
    ("responses", seen({"type": "input_text", "text": "x", "zz": 1}), "zz"),
    ("responses", seen({"type": "input_image", "detail": "auto", "image_url": {"url": "x"}}), "image_url"),
    ("input_tokens", {**RESPONSES, "store": False}, "store"),
]


@pytest.mark.parametrize(("api", "body"), GOOD)
def test_good_requests_are_accepted(api: str, body: dict[str, Any]) -> None:
    assert oracles.request_flaws(api, body) == []


@pytest.mark.parametrize(("api", "body", "named"), BAD, ids=[f"{api}-{named}" for api, _, named in BAD])
def test_bad_requests_are_not(api: str, body: dict[str, Any], named: str) -> None:
    assert any(named in flaw for flaw in oracles.request_flaws(api, body))


def test_answers_and_events() -> None:
    assert (oracles.answer_flaws("chat", chat()), oracles.answer_flaws("messages", message())) == ([], [])
    assert oracles.answer_flaws("chat", {**chat(), "created": "1"})
    assert oracles.answer_flaws("messages", {**message(), "novel": None})
    assert oracles.event_flaws("messages", {"type": "content_block_stop", "index": 0}) == []
    assert oracles.event_flaws("messages", {"type": "content_block_stop", "index": "0"})
    assert oracles.event_flaws("chat", {"id": "x", "object": "chat.completion.chunk", "choices": []})


USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [{**REASONING, "encrypted_content": "x"}, {**CUSTOM, "status": "completed"}, FC],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [FUNCTION],
    "store": False,
    "usage": USAGE,
}
BAD_RESPONSES = {
    "novel": {**RESPONSE, "novel": 1},
    "created_at": {**RESPONSE, "created_at": "1"},
    "tools": {name: value for name, value in RESPONSE.items() if name != "tools"},
    "cache_write_tokens": {**RESPONSE, "usage": {**USAGE, "input_tokens_details": {"cached_tokens": 0}}},
    "arguments": {**RESPONSE, "output": [{**FC, "arguments": {}}]},
    "zz": {**RESPONSE, "output": [{**REASONING, "zz": 1}]},
    "status": {**RESPONSE, "output": [{**CUSTOM, "status": "done"}]},
    "error.code": {**RESPONSE, "error": {"code": "novel", "message": "x"}},
}


def told(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "sequence_number": 0, **fields}


def test_responses() -> None:
    assert oracles.answer_flaws("responses", RESPONSE) == []
    assert oracles.event_flaws("responses", told("completed", response=RESPONSE)) == []
    for named, response in BAD_RESPONSES.items():
        assert any(named in flaw for flaw in oracles.answer_flaws("responses", response)), named
        assert any(named in flaw for flaw in oracles.event_flaws("responses", told("completed", response=response)))


def test_events_of_responses() -> None:
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    assert oracles.event_flaws("responses", told("output_text.delta", **at, delta="x", logprobs=[])) == []
    assert oracles.event_flaws("responses", told("output_item.done", output_index=0, item=FC)) == []
    bad = {
        "logprobs": told("output_text.delta", **at, delta="x"),
        "zz": told("refusal.delta", **at, delta="x", zz=1),
        "sequence_number": {**told("refusal.delta", **at, delta="x"), "sequence_number": "0"},
        "item": told("output_item.done", output_index=0),
        "'response.novel'": told("novel"),
    }
    for named, event in bad.items():
        assert any(named in flaw for flaw in oracles.event_flaws("responses", event)), named


SENT_BACK = (".annotations: ", ".parsed: ", ".tool_calls.0.ChatCompletionMessageFunctionToolCallParam.index: ")
"""What the SDKs leave in an answer that is sent back as history, although their own types do not know it there."""
ASKED_FOR = ("extra_field: ",)


@pytest.mark.parametrize("request_", EVERY, ids=[one.name for one in EVERY])
def test_what_real_clients_send_is_accepted(request_: Recorded) -> None:
    """Else the judges would be stricter than the vendors."""
    if request_.api in ("chat", "messages", "count_tokens", "responses"):
        flaws = oracles.request_flaws(request_.api, request_.json)
        assert [flaw for flaw in flaws if not any(known in flaw for known in SENT_BACK + ASKED_FOR)] == []
