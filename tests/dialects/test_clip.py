"""What is quoted of a client's own words: a part of it, however long they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from engine.chat import Problem
from engine.dialects import CODECS, ENDPOINTS
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
}  # fmt: skip


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


def told(api: str, body: Any) -> Iterator[str]:
    """Yield every sentence and path that is said of `body` on its way into the other API."""
    dialect = next(owner for owner, endpoint in ENDPOINTS.values() if endpoint.api == api)
    raw = msgspec.json.encode(body)
    (into,) = (codec for codec in CODECS.values() if codec.api != api)
    model = {"chat": "gpt-5.5", "messages": "claude-opus-4-8"}[into.api]
    try:
        dialect.peek(api, raw)  # type: ignore[arg-type] # the two are APIs
        request = read(CODECS[api], raw)
        yield from (text for loss in request.losses for text in (loss.path, loss.reason))
        written = write(request, into, into.family(model, ""), model, "lenient")
        yield from (text for loss in written.losses for text in (loss.path, loss.reason))
        write(request, into, into.family(model, ""), model, "exact")
    except Problem as problem:
        yield from (problem.message, problem.param or "")


@pytest.mark.parametrize("api", FULL)
def test_nothing_that_is_said_of_a_request_is_as_long_as_the_request(api: str) -> None:
    assert len(list(longer(FULL[api]))) > 80
    found = [text for body in longer(FULL[api]) for text in told(api, body)]
    assert any("x..." in text for text in found)
    assert [text[:MOST] for text in found if len(text) > MOST] == []


def test_a_long_name_of_a_user_costs_no_more_than_its_length() -> None:
    begun = time.perf_counter()
    for user in (LONG * 20, f"{LONG * 20}@"):
        assert list(told("chat", FULL["chat"] | {"user": user}))
    assert time.perf_counter() - begun < 2


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
