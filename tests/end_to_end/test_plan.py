"""templates/claude-plan.yaml: Claude Code keeps its own sign-in, and some models are answered elsewhere (rule K4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import resources
from engine.plan.read import read
from tests.support.apis import MESSAGES
from tests.support.http import post

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

TOKEN = "sk-ant-oat01-the-plan-of-its-owner-0123456789"
EXAMPLE = resources.path("templates/claude-plan.yaml")
SENT = {
    "authorization": f"Bearer {TOKEN}",
    "anthropic-beta": "claude-code-20250219,oauth-2025-04-20",
    "user-agent": "claude-cli/2.1.330 (external, cli)",
}
"""As Claude Code asks that has signed in (2.1.330)."""


def example(plan: Upstream, elsewhere: Upstream) -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("auth: forward", f'auth: forward, base_url: "{plan.url}"')
    text = text.replace("http://127.0.0.1:11434", elsewhere.url)
    return text.replace("env:OPENAI_API_KEY", f'env:TEST_OPENAI_KEY, base_url: "{elsewhere.url}"')


@pytest.fixture(scope="module")
def turnout(start: Start, _anthropic: Upstream, _openai: Upstream) -> Turnout:
    return start(example(_anthropic, _openai))


def test_the_example_is_a_valid_file() -> None:
    reading = read(str(EXAMPLE), {})
    assert [found.message for found in reading.report.errors] == []


@pytest.mark.parametrize("stream", [False, True])
def test_the_plan_answers_with_the_sign_in_that_came(
    turnout: Turnout, anthropic: Upstream, openai: Upstream, stream: bool
) -> None:
    answer = post(turnout.url, "/v1/messages?beta=true", MESSAGES.body("claude-opus-4-8", stream=stream), SENT)
    assert (answer.status, answer.header("x-turnout-target")) == (200, "plan/claude-opus-4-8")
    assert {name: anthropic.last.header(name) for name in SENT} == SENT
    assert anthropic.last.header("x-api-key") is None
    assert openai.requests == []
    assert TOKEN not in turnout.log()


@pytest.mark.parametrize(
    ("name", "target"), [("claude-haiku-4-5", "local/qwen3-coder"), ("claude-gpt", "bought/gpt-5.5")]
)
def test_other_models_are_answered_elsewhere_without_it(
    turnout: Turnout, anthropic: Upstream, openai: Upstream, name: str, target: str
) -> None:
    answer = post(turnout.url, "/v1/messages?beta=true", MESSAGES.body(name), SENT)
    assert (answer.status, answer.header("x-turnout-target")) == (200, target), answer.body
    assert TOKEN not in str(openai.last.headers)
    assert anthropic.requests == []


def test_tokens_are_counted_by_the_plan(turnout: Turnout, anthropic: Upstream) -> None:
    answer = post(turnout.url, "/v1/messages/count_tokens?beta=true", MESSAGES.body("claude-opus-4-8"), SENT)
    assert answer.status == 200
    assert anthropic.last.header("authorization") == SENT["authorization"]
