"""What a plan keeps of the names it has resolved, and that nobody can tell."""

from __future__ import annotations

import msgspec

from engine.facts import Facts
from engine.plan.near import LONGEST
from engine.plan.route import KEPT, route
from tests.plan.plans import UPSTREAMS, plan

FILE = (
    UPSTREAMS
    + """
models:
  gpt-*: {targets: [openai/gpt-*], fallback: [openai/spare]}
routes:
  - {name: night, when: {header: {x-night: "1"}}, to: openai/night}
keys: {anonymous: {}}
"""
)


def asked(name: str, **fields: object) -> Facts:
    return Facts(api="chat", model=name, **fields)  # type: ignore[arg-type]  # fields of Facts


def test_the_second_time_says_the_same_with_the_same_reasons() -> None:
    live = plan(FILE)
    for facts in (asked("gpt-4o"), asked("gpt-4o", headers={"x-night": "1"}), asked("gpt-4o[1m]")):
        first, second = route(live, facts), route(live, facts)
        assert (first.pools, first.hold, first.route) == (second.pools, second.hold, second.route)
        assert first.trace == second.trace
    assert len(live.resolved) == 3


def test_a_plan_made_from_another_knows_nothing_of_what_that_one_found() -> None:
    live = plan(FILE)
    assert route(live, asked("gpt-4o")).refusal is None
    off = msgspec.structs.replace(live, off={"openai": "off", "demo": "off"})
    refusal = route(off, asked("gpt-4o")).refusal
    assert refusal is not None
    assert refusal.code == "no_target"


def test_names_without_end_do_not_stay() -> None:
    live = plan(FILE)
    for number in range(KEPT + 10):
        route(live, asked(f"gpt-{number}"))
    assert len(live.resolved) <= KEPT
    live.resolved.clear()
    route(live, asked("gpt-" + "x" * LONGEST))
    assert not live.resolved
