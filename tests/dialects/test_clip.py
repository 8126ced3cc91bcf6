"""What is quoted of a client's own words: a part of it, however long they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from engine.chat import Problem
from engine.dialects import CLIENTS, CODECS, ENDPOINTS
from engine.dialects.clip import clipped
from engine.dialects.translate import read, write

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "x" * 5_000
MOST = 600
"""The longest sentence, whatever the request holds."""

USER = {"role": "user", "content": "hi"}
FULL: dict[str, dict[str, Any]] = {
    "chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "name": "n", "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "high"}},
                {"type": "file", "file": {"filename": "f", "file_data": "data:application/pdf;base64,aaaa"}},
            ]},
            {"role": "assistant", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "r"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
            {"type": "custom", "custom": {"name": "c", "format": {
                "type": "grammar", "grammar": {"syntax": "lark", "definition": "g"}}}},
            {"type": "web_search", "name": "w"},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "o", "schema": {"type": "object"}}},
        "reasoning_effort": "high",
        "service_tier": "auto",
        "verbosity": "low",
        "user": "u",
        "prompt_cache_key": "k",
        "stop": ["s"],
        "metadata": {"a": "b"},
    },
    "messages": {
        "model": "m",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "t"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}},
                {"type": "document", "title": "d", "source": {"type": "text", "media_type": "text/plain", "data": "t"}},
            ]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "r"}]},
        ],
        "tools": [
            {"name": "f", "description": "d", "input_schema": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "tool_choice": {"type": "tool", "name": "f"},
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "stop_sequences": ["s"],
    },
    "responses": {
        "model": "m",
        "instructions": "i",
        "input": [
            {"role": "developer", "content": "s"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "t"},
                {"type": "input_image", "image_url": "https://x/y.png", "detail": "high"},
                {"type": "input_file", "filename": "f", "file_data": "data:application/pdf;base64,aaaa"},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}],
             "encrypted_content": "e"},
            {"type": "function_call", "call_id": "call_1", "name": "f", "namespace": "n", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "call_2", "name": "c", "input": "i"},
            {"type": "function_call_output", "call_id": "call_1", "output": "r"},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "t"}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "more"}]},
        ],
        "tools": [
            {"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "function", "name": "f"}]},
            {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "g"}},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "o", "schema": {"type": "object"}}, "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "service_tier": "auto",
        "truncation": "auto",
        "include": ["message.output_text.logprobs"],
        "user": "u",
        "prompt_cache_key": "k",
        "metadata": {"a": "b"},
    },
}  # fmt: skip
FULL["completions"] = {
    "model": "m",
    "prompt": ["t"],
    "suffix": "s",
    "max_tokens": -1,
    "temperature": 0.5,
    "stop": ["s"],
    "logit_bias": {"50256": -100},
    "logprobs": 1,
    "best_of": 2,
    "n": 1,
    "echo": True,
    "stream": True,
    "stream_options": {"include_usage": True},
    "seed": 7,
    "presence_penalty": 0.5,
    "user": "u",
}
MODELS = {"chat": "gpt-5.5", "messages": "claude-opus-4-8", "responses": "gpt-5.5"}
PAIRS = [(api, into) for api in FULL for into in MODELS if into != api]


def longer(value: Any) -> Iterator[Any]:
    """Yield `value` with each of its texts and names made long, one at a time; and with a long name more."""
    if isinstance(value, str):
        yield LONG
        yield f"{value} - at `${LONG}"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from ({**value, name: changed} for changed in longer(inner))
            yield {(LONG if one == name else one): each for one, each in value.items()}
        yield {**value, LONG: "x"}
        yield {**value, "type": LONG}
        yield {**value, "role": LONG}
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], changed, *value[index + 1 :]] for changed in longer(inner))


def told(api: str, body: Any, other: str = "") -> Iterator[str]:
    """Yield every sentence and path that is said of `body` on its way into the `other` API (or any)."""
    dialect = next(owner for owner, endpoint in ENDPOINTS.values() if endpoint.api == api)
    raw = msgspec.json.encode(body)
    into = CODECS[other or next(into for client, into in PAIRS if client == api)]
    model = MODELS[into.api]
    try:
        dialect.peek(api, raw)  # type: ignore[arg-type] # the two are APIs
        request = read(CLIENTS[api], raw)
        yield from (text for loss in request.losses for text in (loss.path, loss.reason))
        written = write(request, into, into.family(model, ""), model, "lenient")
        yield from (text for loss in written.losses for text in (loss.path, loss.reason))
        write(request, into, into.family(model, ""), model, "exact")
    except Problem as problem:
        yield from (problem.message, problem.param or "")


@pytest.mark.parametrize(("api", "into"), PAIRS)
def test_nothing_that_is_said_of_a_request_is_as_long_as_the_request(api: str, into: str) -> None:
    assert len(list(longer(FULL[api]))) > (20 if api == "completions" else 80)
    found = [text for body in longer(FULL[api]) for text in told(api, body, into)]
    assert any("x..." in text for text in found)
    assert [text[:MOST] for text in found if len(text) > MOST] == []


@pytest.mark.parametrize(("api", "into"), [pair for pair in PAIRS if pair[0] != "messages"])
def test_a_long_name_of_a_user_costs_no_more_than_its_length(api: str, into: str) -> None:
    begun = time.perf_counter()
    for user in (LONG * 20, f"{LONG * 20}@"):
        assert list(told(api, FULL[api] | {"user": user}, into))
    assert time.perf_counter() - begun < 60


def test_a_cut_is_marked() -> None:
    assert clipped("a" * 60) == "a" * 60
    assert clipped("a" * 61) == "a" * 60 + "..."
    assert clipped("abc", 2) == "ab..."


@pytest.mark.parametrize(("api", "role"), [("chat", "user"), ("messages", "user")])
def test_the_value_of_a_role(api: str, role: str) -> None:
    body = {"model": "m", "max_tokens": 1, "messages": [USER | {"role": role + LONG}]}
    message, param = told(api, body)
    assert message.startswith(f"`messages[0].role` has an unknown value 'user{'x' * 56}...'; it must be one of ")
    assert param == "messages[0].role"
