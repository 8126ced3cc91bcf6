"""Which family a model's name stands in."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.chat import Effort
from engine.dialects.openai.families import COMPATIBLE, FAMILIES, NEWEST, family

ELSEWHERE = "models.test"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-6-sol", "gpt-6"),
        ("gpt-6-astra", "gpt-6-thinking"),
        ("gpt-6.2-astra", "gpt-6-thinking"),
        ("gpt-6.1-terra", "gpt-6"),
        ("gpt-5.6-luna", "gpt-5.6"),
        ("gpt-5.5", "gpt-5.4"),
        ("gpt-5.5-2026-04-23", "gpt-5.4"),
        ("gpt-5.4-mini", "gpt-5.4"),
        ("gpt-5.3-chat-latest", "gpt-5.x-chat"),
        ("gpt-5.2", "gpt-5.2"),
        ("gpt-5.2-pro", "gpt-5.x-pro"),
        ("gpt-5.1-codex", "gpt-5.1"),
        ("gpt-5", "gpt-5"),
        ("gpt-5-nano-2025-08-07", "gpt-5"),
        ("gpt-5-pro", "gpt-5-pro"),
        ("gpt-5-chat-latest", "gpt-5-chat"),
        ("gpt-oss:20b", "gpt-oss"),
        ("o3-mini", "o3-mini"),
        ("o4-mini-2025-04-16", "o-series"),
        ("gpt-4.1-nano", "gpt-4.1"),
        ("gpt-4o-mini", "gpt-4o"),
        ("ft:gpt-4o-mini:acme::1", "gpt-4o"),
        ("gpt-4-turbo-2024-04-09", "gpt-4-turbo"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-3.5-turbo", "gpt-3.5"),
        ("openai/gpt-5.5", "gpt-5.4"),
        ("deepseek-chat", "deepseek-chat"),
        ("deepseek-ai/DeepSeek-V3.1", "deepseek"),
        ("moonshotai/Kimi-K2-Instruct", "kimi"),
        ("glm-4.6", "glm"),
        ("glm-4.6v", "glm-vision"),
        ("devstral-small", "mistral"),
        ("models/gemini-2.5-flash", "gemini-flash"),
        ("gemini-3-pro", "gemini"),
        ("llama3.3:70b", "open-weights-text"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "open-weights"),
        ("Qwen/Qwen3-Coder-480B", "open-weights-text"),
        ("qwen3-vl-30b", "open-weights"),
        ("my-model", "compatible"),
        ("claude-sonnet-4-5", "compatible"),
    ],
)
def test_names(model: str, name: str) -> None:
    assert family(model, ELSEWHERE).name == name


def test_an_unknown_name_is_the_newest_at_openai_and_nothing_special_elsewhere() -> None:
    assert family("novel", "api.openai.com") is NEWEST
    assert family("novel", "eu.api.openai.com") is NEWEST
    assert family("novel", "api.openai.com.evil.test") is COMPATIBLE
    assert family("gpt-4o", "api.openai.com") is family("gpt-4o", ELSEWHERE)


@pytest.mark.parametrize(
    ("model", "own", "newer"),
    [
        ("gpt-6-sol", True, True),
        ("gpt-6-astra", True, True),
        ("gpt-5.6-luna", True, True),
        ("gpt-5.5", True, True),
        ("gpt-5", True, True),
        ("gpt-5-codex", True, True),
        ("gpt-5-chat-latest", True, False),
        ("o3", True, False),
        ("gpt-4.1", True, False),
        ("gpt-4o", True, False),
        ("gpt-3.5-turbo", True, False),
        ("gpt-oss:20b", False, False),
        ("mistral-large", False, False),
        ("qwen3-vl-30b", False, False),
        ("my-model", False, False),
    ],
)
def test_free_text_and_verbosity_are_known_to_the_newer_models_of_openai(model: str, own: bool, newer: bool) -> None:
    known = family(model, ELSEWHERE)
    assert (known.own, known.customs, known.verbosity) == (own, newer, newer)


def test_the_table_is_in_order() -> None:
    names = [one.name for one in FAMILIES]
    assert len(set(names)) == len(names)
    rising = get_args(Effort)
    for one in FAMILIES:
        assert one.models, one.name
        assert list(one.efforts) == sorted(one.efforts, key=rising.index), one.name
        assert one.sampling != "unreasoned" or "none" in one.efforts, one.name


@pytest.mark.parametrize("one", FAMILIES, ids=lambda one: one.name)
def test_every_row_can_be_reached(one: object) -> None:
    patterns = one.models  # type: ignore[attr-defined]  # ids need the plain object
    assert any(family(pattern.replace("*", "x").strip("x") or "x", ELSEWHERE) is one for pattern in patterns) or any(
        family(pattern.replace("*", ""), ELSEWHERE) is one for pattern in patterns
    )
