"""What would become of a request: the decision of `route`, and `attempts` driven with pretended outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failure, Problem
from engine.facts import ANONYMOUS
from engine.plan.admission import check_key
from engine.plan.attempts import attempts
from engine.plan.match import deep_fields
from engine.plan.nodes import Decision, Done, Step
from engine.plan.reach import MODEL_PATHS
from engine.plan.route import route
from engine.upstreams.url import join

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.facts import Facts
    from engine.plan.nodes import Plan, Pool, Target

PATHS: dict[str, str] = {api: path for path, api in MODEL_PATHS.items()}
"""The path of each API."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One pretended try. `delay` is the longest wait before it, in seconds; `url` is where an answer comes from."""

    target: Target
    entry: str
    delay: float
    failure: Failure | None
    url: str | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `turnout explain` tells. Without `refusal`, the last of `tries` answers or none does."""

    decision: Decision
    tries: tuple[Attempt, ...] = ()
    left: tuple[tuple[Pool, tuple[Target, ...]], ...] = ()
    """What would come after: pools with the targets that were not tried."""
    deep: tuple[Step, ...] = ()
    """The rules for which the whole body is decoded."""

    @property
    def answered(self) -> bool:
        return bool(self.tries) and self.tries[-1].failure is None


def explain(plan: Plan, facts: Facts, down: Collection[str], today: str) -> Explanation:
    """Explain a request. `down` names upstreams and targets that do not answer; `today` is the UTC date."""
    refusal = _stranger(plan, facts, today)
    decision = route(plan, facts, traced=True) if refusal is None else Decision(facts=facts, trace=(), refusal=refusal)
    if decision.refusal is not None:
        return Explanation(decision=decision, deep=_deep(plan))
    tries = _tries(plan, decision, down)
    tried = {str(attempt.target) for attempt in tries}
    left = ((pool, tuple(target for target in pool.targets if str(target) not in tried)) for pool in decision.pools)
    return Explanation(
        decision=decision,
        tries=tuple(tries),
        left=tuple((pool, targets) for pool, targets in left if targets),
        deep=_deep(plan),
    )


def _stranger(plan: Plan, facts: Facts, today: str) -> Problem | None:
    key = plan.keys.get(facts.key)
    if key is None:
        assert facts.key == ANONYMOUS
        return Problem(401, "missing_api_key", "`keys` declares no `anonymous`: a request needs a key")
    try:
        check_key(key, today)
    except Problem as problem:
        return problem
    return None


def _tries(plan: Plan, decision: Decision, down: Collection[str]) -> list[Attempt]:
    tries: list[Attempt] = []
    course = attempts(decision, lambda longest: longest)
    try:
        command = next(course)
        while True:
            target = command.target
            failure = _outcome(plan, target, down)
            url = _url(plan, target, decision.facts.api) if failure is None else None
            tries.append(
                Attempt(target=target, entry=command.pool.entry, delay=command.delay, failure=failure, url=url)
            )
            command = course.send(Done(failure=failure))
    except StopIteration:
        return tries


def _outcome(plan: Plan, target: Target, down: Collection[str]) -> Failure | None:
    if target.upstream in plan.off:
        return Failure(reason="off", message=plan.off[target.upstream])
    if target.upstream in down or str(target) in down:
        return Failure(reason="connect", message="down (as told)")
    return None


def _url(plan: Plan, target: Target, api: str | None) -> str | None:
    base_url = getattr(plan.upstreams[target.upstream].options, "base_url", None)
    return join(base_url, PATHS[api]) if base_url is not None and api is not None else None


def _deep(plan: Plan) -> tuple[Step, ...]:
    """Return the rules that look at facts of level 2, and at which."""
    found = []
    for rule, declared in zip(plan.rules, plan.document.routes, strict=True):
        fields = deep_fields(declared.when)
        if fields:
            found.append(Step(section="route", name=rule.name, verdict="deep", why=", ".join(fields), span=rule.span))
    return tuple(found)
