"""The estimate of a request's size: text and schemas count, encoded media does not."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from engine.dialects import ANTHROPIC, OPENAI
from engine.facts import Depth
from tests.dialects.recorded import RECORDED, Recorded

MEDIA = "A" * 100_000


def tokens(size: int, images: int = 0) -> int:
    return math.ceil(size * 1.15 / 4) + 1600 * images


def chat(**fields: Any) -> Depth:
    return OPENAI.depth("chat", json.dumps({"model": "m", "messages": [], **fields}).encode())


def messages(**fields: Any) -> Depth:
    return ANTHROPIC.depth("messages", json.dumps({"model": "m", "messages": [], **fields}).encode())


def user(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": parts[0] if len(parts) == 1 and isinstance(parts[0], str) else list(parts)}]


TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]

SIZES: list[tuple[str, Depth, int]] = [
    ("text", chat(messages=user("x" * 400)), tokens(400)),
    ("text in bytes, not letters", chat(messages=user("é" * 400)), tokens(800)),
    ("parts", chat(messages=user({"type": "text", "text": "x" * 40}, {"type": "text", "text": "y" * 60})), tokens(100)),
    (
        "image",
        chat(messages=user({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{MEDIA}"}})),
        tokens(0, 1),
    ),
    ("audio", chat(messages=user({"type": "input_audio", "input_audio": {"data": MEDIA, "format": "wav"}})), 0),
    ("file", chat(messages=user({"type": "file", "file": {"file_data": MEDIA}})), 0),
    ("tool schemas", chat(tools=TOOLS), tokens(len(json.dumps(TOOLS, separators=(",", ":"))))),
    (
        "tool call",
        chat(
            messages=[
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                }
            ]
        ),
        tokens(3),
    ),
    ("system", messages(system="x" * 40), tokens(40)),
    (
        "system blocks",
        messages(system=[{"type": "text", "text": "x" * 40, "cache_control": {"type": "ephemeral"}}]),
        tokens(40),
    ),
    (
        "base64 image",
        messages(messages=user({"type": "image", "source": {"type": "base64", "data": MEDIA}})),
        tokens(0, 1),
    ),
    (
        "image in a result",
        messages(
            messages=user(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "image", "source": {"data": MEDIA}}, {"type": "text", "text": "abcd"}],
                }
            )
        ),
        tokens(4, 1),
    ),
    (
        "PDF",
        messages(messages=user({"type": "document", "title": "abcd", "source": {"type": "base64", "data": MEDIA}})),
        tokens(4),
    ),
    (
        "plain document",
        messages(messages=user({"type": "document", "source": {"type": "text", "data": "x" * 40}})),
        tokens(40),
    ),
    (
        "signature",
        messages(
            messages=[{"role": "assistant", "content": [{"type": "thinking", "thinking": "hmmm", "signature": MEDIA}]}]
        ),
        tokens(4),
    ),
    (
        "redacted",
        messages(messages=[{"role": "assistant", "content": [{"type": "redacted_thinking", "data": MEDIA}]}]),
        0,
    ),
    (
        "tool input",
        messages(
            messages=[
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]}
            ]
        ),
        tokens(1 + 7),
    ),
    (
        "prompt",
        OPENAI.depth("completions", b'{"model": "m", "prompt": ["abcd", "abcd"], "suffix": "efgh"}'),
        tokens(12),
    ),
    ("token arrays", OPENAI.depth("embeddings", b'{"model": "m", "input": [[1, 2, 3], [4]]}'), 4),
]


@pytest.mark.parametrize(("depth", "expected"), [size[1:] for size in SIZES], ids=[size[0] for size in SIZES])
def test_input_tokens(depth: Depth, expected: int) -> None:
    assert depth.input_tokens == expected


FACTS: list[tuple[str, Depth, dict[str, Any]]] = [
    ("nothing", chat(), {}),
    ("tools", chat(tools=TOOLS), {"tools": True}),
    ("functions", chat(functions=TOOLS), {"tools": True}),
    ("no tools", chat(tools=[]), {}),
    ("image", chat(messages=user({"type": "image_url", "image_url": {"url": "https://x/y.png"}})), {"images": True}),
    ("effort", chat(reasoning_effort="low"), {"thinking": True}),
    ("effort none", chat(reasoning_effort="none"), {}),
    ("effort null", chat(reasoning_effort=None), {}),
    ("reasoning", chat(reasoning={"max_tokens": 10}), {"thinking": True}),
    ("reasoning off", chat(reasoning={"enabled": False}), {}),
    ("thinking on chat", chat(thinking={"type": "enabled"}), {"thinking": True}),
    ("thinking off on chat", chat(thinking={"type": "disabled"}), {}),
    ("max_tokens", chat(max_tokens=5), {"max_tokens": 5}),
    ("max_completion_tokens", chat(max_tokens=5, max_completion_tokens=7), {"max_tokens": 7}),
    ("adaptive", messages(thinking={"type": "adaptive"}), {"thinking": True}),
    ("disabled", messages(thinking={"type": "disabled"}), {}),
    ("prewarm", messages(max_tokens=0), {"max_tokens": 0}),
    ("anthropic tools", messages(tools=TOOLS), {"tools": True}),
]


@pytest.mark.parametrize(("depth", "expected"), [fact[1:] for fact in FACTS], ids=[fact[0] for fact in FACTS])
def test_facts(depth: Depth, expected: dict[str, Any]) -> None:
    seen = {name: getattr(depth, name) for name in ("tools", "images", "thinking", "max_tokens")}
    assert seen == {"tools": False, "images": False, "thinking": False, "max_tokens": None, **expected}


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: one.name)
def test_real_requests_are_measured(one: Recorded) -> None:
    depth = one.dialect.depth(one.api, one.body)
    assert 0 < depth.input_tokens < len(one.body)
    assert depth.tools is bool(one.json.get("tools"))


def test_shapes_nobody_knows_are_no_error() -> None:
    odd = {"content": {"a": ["text"]}, "source": 7, "tool_calls": "x", "input": None}
    strange = [{"type": kind, "text": "text"} for kind in ([], {}, 7, None)]
    assert messages(messages=[odd, 5, None, "text", *strange], system=3, tools={"x": 1}).input_tokens > 0
    assert chat(messages=[odd], reasoning="x", thinking=4, max_tokens="many").max_tokens is None
