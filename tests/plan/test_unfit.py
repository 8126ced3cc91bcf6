"""Which names `like` knows. What else cannot be meant is in tests/configs."""

from __future__ import annotations

import pytest

from engine.plan.unfit import is_known
from tests.plan.plans import UPSTREAMS, report


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("claude-sonnet-4-5", True),
        ("claude-opus-4-5-20251101", True),
        ("anthropic.claude-opus-4-5-20251101-v1:0", True),
        ("gpt-5.5", True),
        ("gpt-5", True),
        ("GPT-4o", True),
        ("o3", True),
        ("", False),
        ("claude", False),
        ("gpt", False),
        ("my-model", False),
        ("x-claude-sonnet", False),
    ],
)
def test_a_name_is_known_by_a_family_of_its_own(model: str, known: bool) -> None:
    assert is_known(model) is known


@pytest.mark.parametrize(
    ("written", "help_"),
    [
        ("gtp-5", "did you mean `gpt-5`?"),
        ("sonnet-5", "did you mean `claude-sonnet-5`?"),
        ("haiku-4-5", "did you mean `claude-haiku-4-5`?"),
    ],
)
def test_a_slip_is_recognised(written: str, help_: str) -> None:
    found = report(UPSTREAMS + f"models: {{a: {{targets: [openai/x], like: {written}}}}}\nkeys: {{anonymous: {{}}}}\n")
    assert [one.help for one in found.errors] == [help_]
