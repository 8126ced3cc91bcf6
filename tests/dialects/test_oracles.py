"""The judges of the translation are judged first: good bodies of each kind, and one per thing they must not let by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects import oracles
from tests.dialects.recorded import RECORDED, Recorded
from tests.support.answers import chat, message

HI = [{"role": "user", "content": "Hi"}]
CHAT: dict[str, Any] = {"model": "m", "messages": HI}
MESSAGES: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": HI}
CALLED = {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f"}}]}
PART = {"role": "user", "content": [{"type": "text", "text": "x", "zz": 1}]}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "{}"}]}

GOOD = [
    ("chat", CHAT),
    ("chat", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
    ("chat", {**CHAT, "messages": [*HI, {"role": "assistant", "content": "x", "reasoning_content": "y"}]}),
    ("messages", MESSAGES),
    ("messages", {**MESSAGES, "messages": [*HI, {"role": "system", "content": "x"}]}),
    ("messages", {**MESSAGES, "temperature": 0.5}),
    ("count_tokens", {"model": "m", "messages": HI}),
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


SENT_BACK = (".annotations: ", ".parsed: ", ".tool_calls.0.ChatCompletionMessageFunctionToolCallParam.index: ")
"""What the SDKs leave in an answer that is sent back as history, although their own types do not know it there."""
ASKED_FOR = ("extra_field: ",)


@pytest.mark.parametrize("request_", RECORDED, ids=[one.name for one in RECORDED])
def test_what_real_clients_send_is_accepted(request_: Recorded) -> None:
    """Else the judges would be stricter than the vendors."""
    if request_.api in ("chat", "messages", "count_tokens"):
        flaws = oracles.request_flaws(request_.api, request_.json)
        assert [flaw for flaw in flaws if not any(known in flaw for known in SENT_BACK + ASKED_FOR)] == []
