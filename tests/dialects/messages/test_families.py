"""Which family a model's name belongs to."""

from __future__ import annotations

import pytest

from engine.dialects.messages.families import FAMILIES, family

NAMES = [
    ("claude-opus-5-5", "claude-5-5"),
    ("claude-sonnet-5-5", "claude-5-5"),
    ("claude-opus-5.5[1m]", "claude-5-5"),
    ("claude-fable-5-2", "claude-5-5"),
    ("claude-fable-5", "claude-fable-5"),
    ("claude-mythos-5", "claude-fable-5"),
    ("claude-opus-5", "claude-opus-5"),
    ("claude-opus-5-20260701", "claude-opus-5"),
    ("anthropic/claude-opus-5:thinking", "claude-opus-5"),
    ("claude-sonnet-5", "claude-sonnet-5"),
    ("claude-opus-4-8", "claude-4-8"),
    ("anthropic/claude-opus-4.8", "claude-4-8"),
    ("claude-opus-4-7-latest", "claude-4-7"),
    ("claude-sonnet-4-6", "claude-4-6"),
    ("claude-sonnet-4-5-20250929", "claude-4-5"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-4-5"),
    ("claude-haiku-4-5@20251001", "claude-4-5"),
    ("claude-opus-4-1-20250805", "claude-4"),
    ("claude-opus-4-20250514", "claude-4"),
    ("claude-opus-4@20250514", "claude-4"),
    ("claude-3-7-sonnet-latest", "claude-4"),
    ("claude-3-5-haiku-latest", "claude-3-5"),
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5"),
    ("claude-3-opus", "claude-3"),
    ("claude-3-haiku-20240307", "claude-3"),
    ("claude-2.1", "claude-3"),
    ("Claude-Opus-4-8", "claude-4-8"),
    ("claude-opus-6", "claude-5-5"),
    ("claude-opus-5-1", "claude-5-5"),
    ("claude-4-sonnet", "claude-4"),
    ("claude-4-opus-20250514", "claude-4"),
    ("claude-4.5-sonnet", "claude-4-5"),
    ("claude-4-5-haiku", "claude-4-5"),
    ("claude-4.6-opus:thinking", "claude-4-6"),
    ("claude-opus-4-6-fast", "claude-4-6"),
    ("claude-opus-4-6-thinking", "claude-4-6"),
    ("claude-sonnet-4-5-thinking", "claude-4-5"),
    ("claude-sonnet-4-5-thinking-32k", "claude-4-5"),
    ("claude-opus-4-7-preview", "claude-4-7"),
    ("my-claude-sonnet-4-5-proxy", "claude-4-5"),
    ("my-claude-sonnet-4-5-proxy-2", "claude-4-5"),
    ("claude_sonnet_4_5", "claude-4-5"),
    ("claude-sonnet-4-20250514-thinking", "claude-4"),
    ("claude-sonnet-3.7", "claude-4"),
    ("claude-3.5-sonnet-v2", "claude-3-5"),
    ("claude-5-opus", "claude-opus-5"),
    ("claude-5.5-sonnet-fast", "claude-5-5"),
    ("claude-fable-5-fast", "claude-fable-5"),
    ("glm-5", "claude-5-5"),
    ("", "claude-5-5"),
]


@pytest.mark.parametrize(("model", "name"), NAMES)
def test_family(model: str, name: str) -> None:
    assert family(model, "api.anthropic.com").name == name


def test_every_family_has_a_model() -> None:
    assert {one.name for one in FAMILIES} == {name for _, name in NAMES}
