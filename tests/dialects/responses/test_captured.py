"""Every request that a real client was seen to send to the Responses API, translated for models of other APIs."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.chat import Problem, Request
from engine.dialects import CODECS
from engine.dialects.codec import Losses
from engine.dialects.responses.read_request import read
from engine.dialects.translate import only_of, write
from engine.dialects.turns import settled
from tests.dialects import oracles
from tests.dialects.pairs import stands_in
from tests.dialects.recorded import RECORDED_RESPONSES, Recorded
from tests.dialects.rules import broken

TARGETS = {
    "messages": [
        ("claude-opus-5-5", "api.anthropic.com"),
        ("claude-sonnet-4-5", "api.anthropic.com"),
        ("claude-3-haiku-20240307", "api.anthropic.com"),
        ("novel-model", "llm.example"),
    ],
    "chat": [
        ("gpt-6-sol", "api.openai.com"),
        ("gpt-4o", "api.openai.com"),
        ("deepseek-reasoner", "api.deepseek.com"),
        ("mistral-large", "api.mistral.ai"),
        ("qwen3", "localhost"),
        ("novel-model", "llm.example"),
    ],
}
CONTINUED = [one for one in RECORDED_RESPONSES if "previous_response_id" in one.json]
CASES = [
    pytest.param(one, api, model, host, id=f"{one.name}-to-{model}")
    for one in RECORDED_RESPONSES
    if one not in CONTINUED
    for api, targets in TARGETS.items()
    for model, host in targets
]

GONE = {"client_metadata", "text.verbosity", "truncation"}
"""Parameters that no other API has."""
UNABLE = {"parallel_tool_calls", "reasoning", "text.format"}
"""Parameters that some of the models do not take."""


@pytest.mark.parametrize(("request_", "api", "model", "host"), CASES)
def test_the_other_vendor_accepts_it(request_: Recorded, api: str, model: str, host: str) -> None:
    target = CODECS[api]
    request = only_of(normal(request_), f"up/{model}", target)
    written = write(request, target, target.family(model, host), model, "lenient")
    body: dict[str, Any] = json.loads(msgspec.json.encode(written.body))
    assert (body["model"], bool(body.get("stream"))) == (model, bool(request_.json.get("stream")))
    assert oracles.request_flaws(api, body) == []
    assert broken(api, body) == []
    assert [loss.path for loss in written.losses if not stands_in(loss.path, request_.json)] == []
    assert [loss.path for loss in written.losses if loss.grade == "dropped" and not must_go(loss.path, request)] == []
    sent = json.dumps(body, ensure_ascii=False)
    assert [
        text for text in texts(request_.json) if json.dumps(text.strip(), ensure_ascii=False)[1:-1] not in sent
    ] == []


def normal(request: Recorded) -> Request:
    found = read(request.body)
    losses = Losses(found.losses)
    messages = settled(found.messages, losses)
    return msgspec.structs.replace(found, messages=messages, losses=tuple(losses.found))


def must_go(path: str, request: Request) -> bool:
    """Say whether what stands at `path` has no counterpart in any other API, or in none but OpenAI's."""
    hosted = {tool.at for tool in request.tools if tool.hosted is not None}
    bound = {
        f"{tool.at}.{name}" for tool in request.tools for name in ("format", "strict") if tool.grammar or tool.strict
    }
    return path in GONE | UNABLE | hosted | bound


def texts(body: dict[str, Any]) -> list[str]:
    """Return what a model reads: what all say, and the tools with their descriptions and grammars."""
    said = body["input"] if isinstance(body["input"], list) else [{"content": body["input"]}]
    found = [body.get("instructions") or ""]
    for item in said:
        for name in ("content", "output", "input"):
            held = item.get(name) if item.get("type") != "reasoning" else None
            parts = held if isinstance(held, list) else [{"text": held}] if held else []
            found += [part["text"] for part in parts]
        found += offered(item.get("tools", []))
    return [*found, *offered(body.get("tools", []))]


def offered(tools: list[dict[str, Any]]) -> list[str]:
    found = []
    for tool in tools:
        if tool["type"] in ("function", "custom", "namespace"):
            found += [tool["name"], tool.get("description") or "", tool.get("format", {}).get("definition", "")]
            found += offered(tool.get("tools", []))
    return [text for text in found if text != "functions"]


@pytest.mark.parametrize("request_", CONTINUED, ids=lambda one: one.name)
def test_what_nobody_keeps_cannot_be_continued(request_: Recorded) -> None:
    with pytest.raises(Problem) as raised:
        read(request_.body)
    assert raised.value.code == "previous_response_not_found"


def test_there_are_such_requests() -> None:
    assert {one.name.partition("/")[0] for one in RECORDED_RESPONSES} >= {
        "cline",
        "codex",
        "openai-js",
        "openai-python",
    }
    assert CONTINUED
