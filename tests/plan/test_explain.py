"""What explain pretends: the same decision and the same attempts as serving, with outcomes made up."""

from __future__ import annotations

import pytest

from engine.facts import Facts
from engine.plan.explain import PATHS, Explanation, explain
from tests.plan.plans import UPSTREAMS, plan

TODAY = "2026-11-22"
PLAN = plan(
    UPSTREAMS
    + """
  zai: {kind: openai, base_url: "https://api.z.ai/api/paas/v4/"}
  test: {kind: echo}
  spare: {kind: openai, enabled: false}
models:
  smart: {targets: [anthropic/sonnet, openai/gpt], fallback: [spare/x, fast, test/last], retries: 1}
  fast: {targets: [zai/mini, openai/mini], retries: 0}
routes:
  - {name: tools, when: {tools: true, not: {images: true}}, to: fast}
keys:
  anonymous: {}
  old: {hashes: ["sha256:ZERO"], expires: 2026-11-22}
""".replace("ZERO", "0" * 64)
)


def told(model: str, *down: str, api: str = "chat", key: str = "anonymous") -> Explanation:
    return explain(PLAN, Facts(api=api, path=PATHS[api], model=model, key=key), down, TODAY)


def tries(explanation: Explanation) -> list[str]:
    return [
        f"{one.target}{f' +{one.delay}s' if one.delay else ''}: {one.failure.reason if one.failure else one.url}"
        for one in explanation.tries
    ]


def test_the_first_target_that_is_up_answers_at_its_final_url() -> None:
    assert tries(told("smart", api="messages")) == ["anthropic/sonnet: http://127.0.0.1:1/v1/messages"]
    assert tries(told("smart", "anthropic"))[-1] == "openai/gpt: http://127.0.0.1:1/v1/chat/completions"
    assert tries(told("fast")) == ["zai/mini: https://api.z.ai/api/paas/v4/chat/completions"]
    assert [str(target) for _, targets in told("fast").left for target in targets] == ["openai/mini"]


ACROSS = [
    ("smart", "chat", "messages", "anthropic/sonnet: http://127.0.0.1:1/v1/messages"),
    ("fast", "messages", "chat", "zai/mini: https://api.z.ai/api/paas/v4/chat/completions"),
    ("fast", "count_tokens", "chat", "zai/mini: None"),
    ("fast", "chat", None, "zai/mini: https://api.z.ai/api/paas/v4/chat/completions"),
    ("smart", "messages", None, "anthropic/sonnet: http://127.0.0.1:1/v1/messages"),
    ("smart", "count_tokens", None, "anthropic/sonnet: http://127.0.0.1:1/v1/messages/count_tokens"),
    ("smart", "embeddings", None, "openai/gpt: http://127.0.0.1:1/v1/embeddings"),
]
"""Model, API that is asked, the API it is translated into, and where it goes: a count is answered here."""


@pytest.mark.parametrize(("model", "api", "into", "tried"), ACROSS)
def test_a_target_of_the_other_api_is_asked_in_its_own(model: str, api: str, into: str | None, tried: str) -> None:
    explanation = told(model, api=api)
    assert tries(explanation) == [tried]
    assert (explanation.answered, explanation.tries[0].into) == (True, into)


def test_an_estimate_needs_no_upstream() -> None:
    assert tries(told("fast", "zai", api="count_tokens")) == ["zai/mini: None"]
    off = plan(UPSTREAMS + "models: {a: openai/a}\nkeys: {anonymous: {}}\n", {"openai": "OPENAI_API_KEY is not set"})
    assert not explain(off, Facts(api="count_tokens", model="a"), (), TODAY).answered


def test_what_is_down_is_retried_then_left() -> None:
    explanation = told("smart", "openai", "anthropic")
    assert tries(explanation) == [
        "anthropic/sonnet: connect",
        "openai/gpt: connect",
        "anthropic/sonnet +0.25s: connect",
        "spare/x: off",
        "zai/mini: https://api.z.ai/api/paas/v4/chat/completions",
    ]
    assert explanation.answered
    assert [(one.entry, [str(target) for target in targets]) for one, targets in explanation.left] == [
        ("fast", ["openai/mini"]),
        ("test/last", ["test/last"]),
    ]


def test_a_single_target_can_be_down() -> None:
    assert tries(told("fast", "zai/mini")) == [
        "zai/mini: connect",
        "openai/mini: http://127.0.0.1:1/v1/chat/completions",
    ]


def test_everything_down_is_not_answered() -> None:
    explanation = told("fast", "zai", "openai")
    assert tries(explanation) == ["zai/mini: connect", "openai/mini: connect"]
    assert not explanation.answered


def test_echo_answers_by_itself() -> None:
    assert tries(told("smart", "anthropic", "openai", "zai"))[-1] == "test/last: None"


def test_a_refusal_is_explained_without_tries() -> None:
    explanation = told("nonsense")
    assert explanation.decision.refusal is not None
    assert (explanation.decision.refusal.code, explanation.tries) == ("model_not_found", ())


def test_an_expired_key_and_a_missing_anonymous_are_401() -> None:
    expired = told("smart", key="old").decision.refusal
    assert expired is not None
    assert (expired.status, expired.code) == (401, "expired_api_key")
    closed = plan(UPSTREAMS + "models: {a: openai/a}\nkeys: {ada: {}}\n")
    refusal = explain(closed, Facts(api="chat", model="a"), (), TODAY).decision.refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (401, "missing_api_key")


def test_the_rules_that_need_the_whole_body_are_named() -> None:
    assert [(step.name, step.why) for step in told("smart").deep] == [("tools", "tools, images")]


@pytest.mark.parametrize("api", PATHS)
def test_every_api_has_a_path(api: str) -> None:
    assert PATHS[api].startswith("/v1/")
