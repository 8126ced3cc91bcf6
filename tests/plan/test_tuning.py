"""Which of `set`, `unset`, `strip`, `like`, `translation` counts: route over entry over defaults (rule R5)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dialects.edits import edited
from engine.facts import Facts
from engine.plan.layers import Layer, Tuning
from engine.plan.nodes import Pool
from engine.plan.route import route
from engine.plan.tuning import merged
from tests.plan.plans import UPSTREAMS, plan

FILE = (
    UPSTREAMS
    + """
defaults:
  model: {set: {seed: 1, temperature: 1}, unset: [user], strip: [x-all], translation: strict}
models:
  plain: openai/a
  tuned:
    targets: [openai/b]
    fallback: [plain, openai/c]
    set: {temperature: 0.5, "reasoning.effort": low}
    unset: [top_p]
    strip: []
    translation: exact
    like: gpt-5
  alias: {targets: [tuned], set: {seed: 2}, strip: [x-alias]}
  another: alias
routes:
  - name: routed
    when: {stream: true}
    to: another
    set: {temperature: 0, reasoning: {effort: high}}
    unset: [seed]
    strip: [x-route]
    translation: lenient
  - {name: bare, when: {header: {x-bare: "*"}}, to: anthropic/d, set: {top_k: 1}}
keys: {anonymous: {}}
"""
)


def pools(name: str, **fields: Any) -> tuple[Pool, ...]:
    decision = route(plan(FILE), Facts(api="chat", model=name, **fields))
    assert decision.refusal is None
    return decision.pools


def words(tuning: Tuning) -> tuple[Any, ...]:
    return tuning.set, tuning.unset, tuning.strip, tuning.like, tuning.translation


DEFAULTS = ({"seed": 1, "temperature": 1}, ("user",), ("x-all",), None, "strict")
TUNED = ({"seed": 1, "temperature": 0.5, "reasoning.effort": "low"}, ("top_p",), (), "gpt-5", "exact")
ALIAS = ({"temperature": 0.5, "reasoning.effort": "low", "seed": 2}, ("top_p",), ("x-alias",), "gpt-5", "exact")
ROUTED = {"temperature": 0, "reasoning": {"effort": "high"}}


@pytest.mark.parametrize(
    ("asked", "fields", "told"),
    [
        ("plain", {}, [DEFAULTS]),
        ("tuned", {}, [TUNED, DEFAULTS, DEFAULTS]),
        ("alias", {}, [ALIAS, DEFAULTS, DEFAULTS]),
        ("another", {}, [ALIAS, DEFAULTS, DEFAULTS]),
        (
            "plain",
            {"stream": True},
            [
                (ROUTED, ("seed",), ("x-route",), "gpt-5", "lenient"),
                (ROUTED, ("seed",), ("x-route",), None, "lenient"),
                (ROUTED, ("seed",), ("x-route",), None, "lenient"),
            ],
        ),
    ],
)
def test_what_counts_for_every_pool(asked: str, fields: dict[str, Any], told: list[Any]) -> None:
    assert [words(pool.tuning) for pool in pools(asked, **fields)] == told


def test_a_bare_target_has_the_route_over_the_defaults() -> None:
    decision = route(plan(FILE), Facts(api="messages", model="plain", headers={"x-bare": "1"}))
    assert [words(pool.tuning) for pool in decision.pools] == [
        ({"seed": 1, "temperature": 1, "top_k": 1}, ("user",), ("x-all",), None, "strict")
    ]


def test_the_same_name_by_another_route_is_tuned_otherwise() -> None:
    live = plan(FILE)
    asked = [Facts(api="chat", model="another"), Facts(api="chat", model="another", stream=True)]
    first = [route(live, facts).pools[0].tuning for facts in asked]
    again = [route(live, facts).pools[0].tuning for facts in asked]
    assert first == again
    assert first[0] != first[1]


def test_each_setting_knows_where_it_stands() -> None:
    (tuning, *_) = (pool.tuning for pool in pools("plain", stream=True))
    lines = {said: (span.file, FILE.splitlines()[span.line - 1]) for said, span in tuning.places.items()}
    assert {said: text.strip() for said, (_, text) in lines.items()} == {
        ("set", "temperature"): "set: {temperature: 0, reasoning: {effort: high}}",
        ("set", "reasoning"): "set: {temperature: 0, reasoning: {effort: high}}",
        ("unset", "seed"): "unset: [seed]",
        ("strip", "x-route"): "strip: [x-route]",
        ("translation", "lenient"): "translation: lenient",
        ("like", "gpt-5"): "like: gpt-5",
    }
    span = tuning.places["like", "gpt-5"]
    assert FILE.splitlines()[span.line - 1][span.column - 1 : span.end - 1] == "gpt-5"


def test_a_file_without_any_changes_nothing() -> None:
    file = UPSTREAMS + "models: {plain: openai/a}\nkeys: {anonymous: {}}\n"
    (pool,) = route(plan(file), Facts(api="chat", model="plain")).pools
    assert pool.tuning == Tuning()
    assert not pool.tuning.edits


def test_a_demo_is_asked_as_the_client_asked() -> None:
    decision = route(plan(FILE, off={"openai": "off", "anthropic": "off"}), Facts(api="chat", model="tuned"))
    assert [pool.tuning for pool in decision.pools] == [Tuning()]


BODY = {"thinking": {"type": "enabled", "budget_tokens": 9}, "temperature": 0.7}

STRONGER = {
    "replaces the whole": (Layer(set={"thinking.type": "adaptive"}), Layer(set={"thinking": {}}), {"thinking": {}}),
    "reaches into it": (
        Layer(set={"thinking": {"type": "enabled"}}),
        Layer(set={"thinking.budget_tokens": 5}),
        {"thinking": {"type": "enabled", "budget_tokens": 5}},
    ),
    "takes it out": (Layer(set={"thinking.type": "x", "thinking.y": 1}), Layer(unset=("thinking",)), {}),
    "takes a part of it out": (
        Layer(set={"thinking": {"type": "enabled", "budget_tokens": 5, "of": {"a": 1, "b": 2}}}),
        Layer(unset=("thinking.budget_tokens", "thinking.of.a", "thinking.of.c", "thinking.type.x")),
        {"thinking": {"type": "enabled", "of": {"b": 2}}},
    ),
    "puts it back": (Layer(unset=("thinking",)), Layer(set={"thinking": {"type": "x"}}), {"thinking": {"type": "x"}}),
    "puts a part of it back": (
        Layer(unset=("thinking",)),
        Layer(set={"thinking.type": "x"}),
        {"thinking": {"type": "x"}},
    ),
    "puts back what a part was": (
        Layer(unset=("thinking.type",)),
        Layer(set={"thinking": {"type": "x"}}),
        {"thinking": {"type": "x"}},
    ),
    "does not touch what begins alike": (
        Layer(set={"thinking_x": 1}),
        Layer(set={"thinking": 1}),
        {"thinking_x": 1, "thinking": 1},
    ),
}


@pytest.mark.parametrize("case", STRONGER)
def test_the_stronger_place_wins_in_what_is_sent(case: str) -> None:
    weak, strong, told = STRONGER[case]
    tuning = merged([weak, strong])
    assert edited(BODY, tuning.set, tuning.unset) == {"temperature": 0.7, **told}


def test_what_is_set_as_a_whole_is_not_unset_too() -> None:
    tuning = merged([Layer(unset=("a", "b", "c")), Layer(set={"a": 1, "b.x": 1})])
    assert tuning.unset == ("b", "c")
