"""Who asks for the tokens of answers, and what explain says of it."""

from __future__ import annotations

import pytest

from engine.cli.explained import as_json, lines
from engine.facts import Facts
from engine.plan.explain import PATHS, Explanation, explain
from tests.plan.plans import UPSTREAMS, plan

FILE = (
    UPSTREAMS
    + """
  test: {kind: echo}
models:
  gpt: openai/gpt
  mistral: openai/mistral-large
  claude: anthropic/x
  off: {targets: [openai/gpt], unset: [stream_options]}
keys: {anonymous: {}}
"""
)
PRICES = "prices: {'*': {input: 1, output: 1}}\n"
LOG = "observe: {log: {usage: true}}\n"
JOURNAL = "observe: {journal: {path: j.sqlite}}\n"


def told(
    text: str, model: str = "gpt", *, api: str = "chat", stream: bool = True, body: bytes | None = None
) -> Explanation:
    facts = Facts(api=api, path=PATHS[api], model=model, stream=stream)
    return explain(plan(FILE + text), facts, (), "2026-11-22", body)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", []),
        (PRICES, ["prices say what tokens cost"]),
        (LOG, ["the log tells it"]),
        (JOURNAL, ["the journal sums it up"]),
        (PRICES + LOG, ["prices say what tokens cost", "the log tells it"]),
        ("observe: {log: {usage: false}}\n", []),
        ("prices: {}\n", []),
    ],
)
def test_who_asks(text: str, why: list[str]) -> None:
    assert plan(FILE + text).needs_usage is bool(why)
    assert [step.why for step in told(text).metered] == why
    said = [line.why for line in lines(told(text)) if line.verdict == "" and line.name == "usage read"]
    assert said == [f"because {one}" for one in why]


ASKED = b'{"model":"gpt","messages":[],"stream":true,"stream_options":{"include_usage":true}}'
UNASKED = b'{"model":"gpt","messages":[{"role":"user","content":"a"}],"stream":true}'


@pytest.mark.parametrize(
    ("explanation", "asks"),
    [
        (told(PRICES), True),
        (told(""), False),
        (told(PRICES, stream=False), False),
        (told(PRICES, "mistral"), False),
        (told(PRICES, "off"), False),
        (told(PRICES, "claude"), False),
        (told(PRICES, "claude", api="messages"), False),
        (told(PRICES, api="completions"), True),
        (told(PRICES, body=UNASKED), True),
        (told(PRICES, body=ASKED), False),
    ],
)
def test_when_a_stream_is_asked_for_it(explanation: Explanation, asks: bool) -> None:
    assert explanation.asks is asks
    assert as_json(explanation)["asks_usage"] is asks
    assert any(line.name == "usage asked" for line in lines(explanation)) is asks


def test_counts_take_no_tokens() -> None:
    assert told(PRICES, "claude", api="count_tokens").metered == ()
