"""When the whole body is decoded: only for a rule that the rest of the request leaves a chance."""

from __future__ import annotations

import pytest

from engine.facts import Facts
from engine.plan.route import needs_depth
from tests.plan.plans import UPSTREAMS, plan


@pytest.mark.parametrize(
    ("when", "needed"),
    [
        ("{tools: true}", True),
        ("{model: gpt-*, input_tokens: {min: 10}}", True),
        ("{model: gpt-*, api: messages, input_tokens: {min: 10}}", False),
        ("{model: fast, images: true}", False),
        ('{header: {x-team: "a"}, thinking: true}', False),
        ("{model: gpt-*}", False),
        ("{model: gpt-*, not: {max_tokens: {min: 10}}}", True),
        ("{model: gpt-*, tools: true, not: {api: chat}}", False),
        ("{model: gpt-*, tools: true, not: {api: messages}}", True),
        ("{not: {api: chat, tools: true}}", True),
    ],
)
def test_rules_that_look_deep_are_asked_first_what_is_known(when: str, needed: bool) -> None:
    text = UPSTREAMS + f"models: {{gpt-*: openai/gpt-*}}\nroutes: [{{name: one, when: {when}, to: openai/x}}]\n"
    assert needs_depth(plan(text), Facts(api="chat", model="gpt-4o")) is needed
