"""Every request that a real client was seen to send, translated for models of the other API: the vendor accepts it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.chat import Problem
from engine.dialects import CODECS
from engine.dialects.translate import read, write
from tests.dialects import oracles
from tests.dialects.pairs import stands_in
from tests.dialects.recorded import RECORDED, Recorded
from tests.dialects.rules import broken

TARGETS = {
    "messages": [
        ("claude-opus-5-5", "api.anthropic.com"),
        ("claude-opus-4-8", "api.anthropic.com"),
        ("claude-sonnet-4-5", "api.anthropic.com"),
        ("claude-3-haiku-20240307", "api.anthropic.com"),
        ("novel-model", "llm.example"),
    ],
    "chat": [
        ("gpt-6-sol", "api.openai.com"),
        ("gpt-5.5", "api.openai.com"),
        ("gpt-4o", "api.openai.com"),
        ("o3", "api.openai.com"),
        ("deepseek-reasoner", "api.deepseek.com"),
        ("mistral-large", "api.mistral.ai"),
        ("qwen3", "localhost"),
        ("novel-model", "llm.example"),
    ],
}
OTHER = {"chat": "messages", "messages": "chat", "count_tokens": "chat"}
CASES = [
    pytest.param(one, model, host, id=f"{one.name}-to-{model}")
    for one in RECORDED
    if one.api in OTHER
    for model, host in TARGETS[OTHER[one.api]]
]
PLACEHOLDER = "DeferredToolPlaceholder"
"""What Claude Code lists instead of tools it may load later; nobody can call it."""


@pytest.mark.parametrize(("request_", "model", "host"), CASES)
def test_the_other_vendor_accepts_it(request_: Recorded, model: str, host: str) -> None:
    api = OTHER[request_.api]
    target = CODECS[api]
    source = CODECS["chat" if request_.api == "chat" else "messages"]
    if "thread" in request_.json:
        with pytest.raises(Problem) as refused:
            read(source, whole(request_))
        assert refused.value.param == "thread"  # the SDK's tool_runner then goes on without
        return
    request = read(source, whole(request_))
    written = write(request, target, target.family(model, host), model, "lenient")
    body: dict[str, Any] = json.loads(msgspec.json.encode(written.body))
    assert (body["model"], bool(body.get("stream"))) == (model, bool(request_.json.get("stream")))
    assert oracles.request_flaws(api, body) == []
    assert broken(api, body) == []
    assert [loss.path for loss in written.losses if not stands_in(loss.path, request_.json)] == []
    sent = "\n".join(texts(body))
    assert [text for text in texts(request_.json) if text.strip() not in sent] == []


def whole(request: Recorded) -> bytes:
    """Return the body; one of count_tokens as the request that it counts."""
    more = {"max_tokens": 1} if request.api == "count_tokens" else {}
    return json.dumps({**request.json, **more}).encode()


def texts(body: dict[str, Any]) -> list[str]:
    """Return what a model reads: the texts of all turns and of system, and the functions with their descriptions."""
    found = [text for one in [{"content": body.get("system")}, *body["messages"]] for text in said(one.get("content"))]
    for tool in body.get("tools", []):
        inner = tool.get("function", tool)
        own = tool.get("type", "custom") in ("custom", "function")  # what a vendor runs itself cannot come along
        if own and inner["name"] != PLACEHOLDER:
            found += [inner["name"], inner.get("description") or ""]
    return [text for text in found if not text.startswith("x-anthropic-billing-header")]


def said(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    blocks = content or []
    return [text for one in blocks for text in ([one["text"]] if one["type"] == "text" else said(one.get("content")))]


def test_every_client_is_among_them() -> None:
    assert {one.name.partition("/")[0] for one in RECORDED if one.api in OTHER} == {
        "anthropic-python",
        "claude-code",
        "cline",
        "openai-js",
        "openai-python",
    }
