"""The strictest vendor: what it refuses, each once, and that it answers the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.support.loop import Manner, sealed_files
from tests.support.thoughts import bond, signed, thought
from tests.support.upstream import Upstream
from tests.support.vendor import strict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HI = {"role": "user", "content": "Hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
CALLED = {"role": "assistant", "tool_calls": [CALL]}
TOLD = {"role": "tool", "tool_call_id": "call_1", "content": "x"}
FUNCTION = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}
GPT: dict[str, dict[str, Any]] = {
    "zeal: Extra inputs": {"zeal": 1},
    "temperature: only the default": {"temperature": 0.5},
    "max_tokens: not supported": {"max_tokens": 9},
    "top_p: not supported": {"top_p": 0.5},
    "tools is empty": {"tools": []},
    "Function tools with reasoning_effort": {"tools": [FUNCTION], "reasoning_effort": "high"},
    "the results of ['call_1'] are missing": {"messages": [HI, CALLED]},
    "messages[1].reasoning_content: unexpected": {"messages": [HI, {**CALLED, "reasoning_content": "x"}, TOLD]},
    "reasoning_content is missing": {"model": "deepseek-reasoner", "messages": [HI, CALLED, TOLD]},
}

USE = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]}
THOUGHT = {"type": "thinking", "thinking": thought(["toolu_1"]), "signature": signed(["toolu_1"])}
CACHED = {"type": "ephemeral"}
SHOWN = {"type": "adaptive", "display": "summarized"}


def loop(*content: dict[str, Any], model: str = "claude-opus-4-8", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [HI, {"role": "assistant", "content": list(content)}, RESULT], **fields}


CLAUDE: dict[str, dict[str, Any]] = {
    "max_tokens: Input should be": {"max_tokens": "9"},
    "temperature: Extra inputs": {"temperature": 1},
    "Input tag 'enabled'": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
    "prefill": {"messages": [HI, {"role": "assistant", "content": "I"}]},
    "role 'system'": {"model": "claude-opus-4-7", "messages": [HI, {"role": "system", "content": "x"}]},
    "the effort parameter": {"model": "claude-sonnet-4-5", "output_config": {"effort": "high"}},
    "forces tool use": {
        "model": "claude-opus-5-5",
        "tools": [{"name": "read", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"},
    },
    "context_management without context-management-2025-06-27": {"context_management": {"edits": []}},
    "['toolu_1'] were called": {"messages": [HI, {"role": "assistant", "content": [USE]}, HI]},
    "Expected `thinking`": loop(USE, thinking=SHOWN),
    "but found `tool_use`": loop(USE, model="claude-opus-5-5"),
    "Invalid `signature`": loop({**THOUGHT, "signature": "mine"}, USE),
    "cannot be modified": loop({**THOUGHT, "thinking": "I am going to"}, USE, thinking=SHOWN),
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Upstream]:
    upstream = Upstream(strict(Manner(parallel=2, before="Let me have a look.", thinks=True)))
    yield upstream
    upstream.stop()


def ask(vendor: Upstream, path: str, body: Any) -> httpx2.Response:
    return httpx2.post(vendor.url + path, json=body, trust_env=False)


@pytest.mark.parametrize("reason", GPT)
def test_chat_is_refused(vendor: Upstream, reason: str) -> None:
    answer = ask(vendor, "/v1/chat/completions", {"model": "gpt-5.5", "messages": [HI], **GPT[reason]})
    assert answer.status_code == 400
    assert reason in answer.json()["error"]["message"]


@pytest.mark.parametrize("reason", CLAUDE)
def test_messages_are_refused(vendor: Upstream, reason: str) -> None:
    answer = ask(
        vendor, "/v1/messages", {"model": "claude-opus-4-8", "max_tokens": 64, "messages": [HI], **CLAUDE[reason]}
    )
    assert answer.status_code == 400
    assert reason in answer.json()["error"]["message"]


def test_a_thought_that_is_bound_counts_only_behind_the_same_messages(vendor: Upstream) -> None:
    bound = {**THOUGHT, "thinking": "", "signature": signed(["toolu_1"], bond("claude-opus-5-5", [HI]))}
    body = loop(bound, USE, model="claude-opus-5-5", max_tokens=64)
    assert ask(vendor, "/v1/messages", body).status_code == 200
    body["messages"][0] = {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": CACHED}]}
    assert ask(vendor, "/v1/messages", body).status_code == 200
    body["messages"][0] = {"role": "user", "content": "Hi!"}
    assert "Invalid `signature`" in ask(vendor, "/v1/messages", body).json()["error"]["message"]


@pytest.mark.parametrize("shown", [THOUGHT, {**THOUGHT, "thinking": ""}], ids=["summarized", "omitted"])
def test_thoughts_that_came_back_as_they_were_are_taken(vendor: Upstream, shown: dict[str, Any]) -> None:
    display = "summarized" if shown["thinking"] else "omitted"
    body = loop(shown, USE, max_tokens=64, thinking={"type": "adaptive", "display": display})
    assert ask(vendor, "/v1/messages", body).status_code == 200


def test_two_files_are_asked_for_at_a_time_and_their_fragments_interleave(vendor: Upstream, tmp_path: Path) -> None:
    _, prompt = sealed_files(tmp_path, 3)
    asked = {"model": "gpt-5.5", "messages": [{"role": "user", "content": prompt}], "tools": [FUNCTION], "stream": True}
    lines = ask(vendor, "/v1/chat/completions", asked).text.split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    pieces = [piece for chunk in chunks for piece in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [piece["index"] for piece in pieces] == [0, 1, 0, 1, 0, 1]
