"""Real clients, headless, through Turnout to the strictest upstream of the other API only: they cannot tell.

Each works twice on the same task, three rounds of two calls at once: directly at a vendor of its own API, then through
Turnout. It must send as many requests, streamed as before, meet no refusal, and say the very same at its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.desk import Desk, Done, Task
from tests.clients.mishaps import MANNER, MODEL_PATHS, NONE, OVERLOADED, SLOW_DOWN, TOO_LONG, TOO_LONG_LATER, Mishap
from tests.support.apis import digest
from tests.support.vendor import refused
from tests.support.wire.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

pytestmark = pytest.mark.clients

ADA = "tk-ada-0123456789abcdef"
FILE = f"""
version: 1
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}/v1", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  claude-opus-4-8: openai/gpt-5.5
  claude-opus-5-5: openai/deepseek-reasoner
  claude-sonnet-4-5: openai/gpt-5.5
  claude-haiku-4-5: openai/deepseek-reasoner
  gpt-5: anthropic/claude-sonnet-4-5
  gpt-5.5: anthropic/claude-opus-4-8
  gpt-6: anthropic/claude-opus-5-5
  deepseek-reasoner: anthropic/claude-opus-5-5
keys:
  ada: {{{{hashes: ["{digest(ADA)}"]}}}}
"""
FILES = 6
OTHER = {"chat": "messages", "messages": "chat"}


@dataclass(frozen=True)
class Twice:
    """A client that has worked on a task directly, and then through Turnout."""

    task: Task
    direct: Done
    across: Done
    asked: list[Seen]
    """What the vendor was sent directly."""
    sent: list[Seen]
    """What the other vendor was sent by Turnout."""
    conversations: tuple[Any, Any]
    """The longest one that the client sent, directly and to Turnout."""


Client = Callable[[Desk, str], Done]
"""Runs a client at a desk against a base URL."""
Work = Callable[..., Twice]


@pytest.fixture(scope="module")
def server(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture
def work(tmp_path: Path, server: Turnout, openai: Upstream, anthropic: Upstream) -> Work:
    """Have a client of `api` work twice; nothing that a vendor could refuse may be sent to either."""
    upstreams = {"chat": openai, "messages": anthropic}

    def twice(api: str, client: Client, mishap: Mishap = NONE) -> Twice:
        task = Task(tmp_path / "project", FILES)
        for name, upstream in upstreams.items():
            upstream.answer = mishap.of(name)
        own, other = upstreams[api], upstreams[OTHER[api]]
        direct = client(Desk(tmp_path / "direct", task), own.url)
        asked = turns(own)
        assert not other.requests
        for name, upstream in upstreams.items():
            upstream.clear()
            upstream.answer = mishap.of(name)
        with Recorder(server.url) as recorder:
            across = client(Desk(tmp_path / "across", task), recorder.url)
        assert not own.requests, "only the other vendor is there"
        sent = turns(other)
        assert len(sent) == len(other.requests), "tokens are counted, and models listed, by Turnout itself"
        assert [refused(seen, MANNER) for seen in (*asked, *sent)] == [None] * len(asked + sent), across
        bodies = [json.loads(body) for target, body in recorder.asked if target.partition("?")[0] in MODEL_PATHS]
        return Twice(task, direct, across, asked, sent, (longest([seen.json for seen in asked]), longest(bodies)))

    return twice


def turns(upstream: Upstream) -> list[Seen]:
    """Return what a model was asked; counts of tokens and lists of models cost nothing."""
    return [seen for seen in upstream.requests if seen.path in MODEL_PATHS]


def longest(bodies: list[Any]) -> Any:
    return max((body["messages"] for body in bodies), key=len)


def streamed(requests: list[Seen]) -> list[bool]:
    return [bool(seen.json.get("stream")) for seen in requests]


def shape(messages: Any) -> list[tuple[str, list[str]]]:
    """Return what a conversation consists of, but for thoughts: the vendors' models do not think alike."""
    return [(one["role"], [kind for kind in _kinds(one) if kind != "thinking"]) for one in messages]


def _kinds(message: dict[str, Any]) -> list[str]:
    content = message.get("content")
    blocks = [block["type"] for block in content] if isinstance(content, list) else ["text"] * bool(content)
    return blocks + [call["type"] for call in message.get("tool_calls") or ()]


def cannot_tell(twice: Twice) -> None:
    """Hold the two runs of a client against each other."""
    assert (twice.across.status, twice.across.said) == (twice.direct.status, twice.direct.said), twice.across
    assert streamed(twice.sent) == streamed(twice.asked)
    assert shape(twice.conversations[1]) == shape(twice.conversations[0])


# whole tool loops ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "auth"),
    [
        ("claude-opus-4-8", "ANTHROPIC_API_KEY"),
        ("claude-opus-4-8", "ANTHROPIC_AUTH_TOKEN"),
        ("claude-opus-5-5", "ANTHROPIC_API_KEY"),
        ("claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("claude-sonnet-4-5", "ANTHROPIC_AUTH_TOKEN"),
    ],
)
def test_claude_code(work: Work, model: str, auth: str) -> None:
    """Its newest dialect and the older one, which it speaks with claude-sonnet-4-5."""
    twice = work("messages", lambda desk, url: desk.claude_code(url, model, ADA, auth))
    assert twice.direct.said.strip() == twice.task.answer
    assert streamed(twice.sent) == [True] * 4
    assert all(ADA not in str(seen.headers) for seen in twice.sent)
    cannot_tell(twice)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai-compatible", "gpt-5.5"),
        ("openai-compatible", "deepseek-reasoner"),
        ("anthropic", "claude-sonnet-4-5"),
        ("anthropic", "claude-haiku-4-5"),
    ],
)
def test_cline(work: Work, provider: str, model: str) -> None:
    """It prints every call, every result, and what the model thought."""
    api = "messages" if provider == "anthropic" else "chat"
    twice = work(api, lambda desk, url: desk.cline(url, model, ADA, provider))
    assert twice.task.answer in twice.direct.said
    assert ("I am going to make calls" in twice.direct.said.replace("\x1b[0m\x1b[2m", "")) == (
        model == "deepseek-reasoner"
    )
    assert streamed(twice.sent) == [True] * 4
    cannot_tell(twice)


@pytest.mark.parametrize(
    ("sdk", "model", "fields"),
    [
        ("openai", "gpt-5.5", {}),
        ("openai", "gpt-6", {}),
        ("openai", "gpt-5", {"reasoning_effort": "high"}),
        ("@anthropic-ai/sdk", "claude-opus-4-8", {}),
        ("@anthropic-ai/sdk", "claude-opus-5-5", {"thinking": {"type": "adaptive", "display": "summarized"}}),
    ],
)
def test_javascript_sdks(work: Work, sdk: str, model: str, fields: dict[str, Any]) -> None:
    """Its tool loops, as JSON and as streams."""
    api = "chat" if sdk == "openai" else "messages"
    twice = work(api, lambda desk, url: desk.javascript(url, model, ADA, sdk, "loops", **fields))
    assert twice.direct.said.splitlines() == [f"loop {how} {twice.task.answer}" for how in ("json", "stream")] + [
        "done"
    ]
    assert streamed(twice.sent) == [False] * 4 + [True] * 4
    cannot_tell(twice)


# what goes wrong upstream --------------------------------------------------------------------------------------------


AGENTS: dict[str, tuple[str, Client]] = {
    "claude-code": ("messages", lambda desk, url: desk.claude_code(url, "claude-opus-4-8", ADA)),
    "older claude-code": ("messages", lambda desk, url: desk.claude_code(url, "claude-sonnet-4-5", ADA)),
    "cline on chat": ("chat", lambda desk, url: desk.cline(url, "gpt-5.5", ADA, "openai-compatible")),
    "cline on messages": ("messages", lambda desk, url: desk.cline(url, "claude-sonnet-4-5", ADA, "anthropic")),
}


def test_a_first_prompt_that_is_too_long_is_said_to_be(work: Work) -> None:
    """Claude Code reads both numbers out of the message."""
    twice = work(*AGENTS["claude-code"], TOO_LONG)
    assert twice.direct.status == 1
    assert twice.direct.said.startswith("Prompt is too long · the request is ~212345 tokens (limit 200000)")
    assert len(twice.sent) == 1
    cannot_tell(twice)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_conversation_that_became_too_long_is_compacted(work: Work, agent: str) -> None:
    twice = work(*AGENTS[agent], TOO_LONG_LATER)
    assert twice.task.answer in twice.direct.said
    assert len(twice.sent) > 5
    cannot_tell(twice)


@pytest.mark.parametrize("agent", ["claude-code", "cline on chat"])
def test_who_is_told_to_slow_down_waits_as_long_as_told(work: Work, agent: str) -> None:
    twice = work(*AGENTS[agent], SLOW_DOWN)
    assert twice.task.answer in twice.direct.said
    assert len(twice.sent) == 5
    assert twice.sent[3].at - twice.sent[2].at >= 2
    cannot_tell(twice)


def test_a_stream_that_fails_midway_is_asked_for_again_by_claude_code(work: Work) -> None:
    """As JSON: what it read of the stream may have been acted on."""
    twice = work(*AGENTS["claude-code"], OVERLOADED)
    assert twice.direct.said.strip() == twice.task.answer
    assert streamed(twice.sent) == [True, True, True, False, True]
    cannot_tell(twice)


def test_a_stream_that_fails_midway_ends_cline_with_the_reason(work: Work) -> None:
    twice = work(*AGENTS["cline on messages"], OVERLOADED)
    assert "Overloaded" in twice.direct.complained
    assert "Overloaded" in twice.across.complained
    cannot_tell(twice)
