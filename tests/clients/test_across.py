"""Real clients, headless, through Turnout to the strictest upstream of the other API only: they cannot tell.

Each works twice on the same task, three rounds of two calls at once: directly at a vendor of its own API, then through
Turnout. It must send as many requests, streamed as before, meet no refusal, and say the very same at its end.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.mishaps import OVERLOADED, SLOW_DOWN, TOO_LONG, TOO_LONG_LATER
from tests.clients.twice import ADA, Client, Work, cannot_tell, streamed

pytestmark = pytest.mark.clients

OTHER = {"chat": "messages", "messages": "chat"}

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
    twice = work("messages", "chat", lambda desk, url: desk.claude_code(url, model, ADA, auth))
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
    twice = work(api, OTHER[api], lambda desk, url: desk.cline(url, model, ADA, provider))
    assert twice.task.answer in twice.direct.said
    assert ("I am going to make calls" in twice.direct.said.replace("\x1b[0m\x1b[2m", "")) == (
        model == "deepseek-reasoner"
    )
    assert streamed(twice.sent) == [True] * 4
    cannot_tell(twice)


@pytest.mark.parametrize("onto", ["messages", "responses"])
def test_qwen_code(work: Work, onto: str) -> None:
    twice = work("chat", onto, lambda desk, url: desk.qwen_code(url, "deepseek-reasoner", ADA))
    assert twice.direct.said.strip() == twice.task.answer
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
    twice = work(api, OTHER[api], lambda desk, url: desk.javascript(url, model, ADA, sdk, "loops", **fields))
    assert twice.direct.said.splitlines() == [f"loop {how} {twice.task.answer}" for how in ("json", "stream")] + [
        "done"
    ]
    assert streamed(twice.sent) == [False] * 4 + [True] * 4
    cannot_tell(twice)


# what goes wrong upstream --------------------------------------------------------------------------------------------


AGENTS: dict[str, tuple[str, str, Client]] = {
    "claude-code": ("messages", "chat", lambda desk, url: desk.claude_code(url, "claude-opus-4-8", ADA)),
    "older claude-code": ("messages", "chat", lambda desk, url: desk.claude_code(url, "claude-sonnet-4-5", ADA)),
    "cline on chat": ("chat", "messages", lambda desk, url: desk.cline(url, "gpt-5.5", ADA, "openai-compatible")),
    "cline on messages": ("messages", "chat", lambda desk, url: desk.cline(url, "claude-sonnet-4-5", ADA, "anthropic")),
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
