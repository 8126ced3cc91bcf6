"""Which limits a request must pass, and on which counters it falls (rules L1, L2, L5)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from engine.plan.nodes import Limit, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.facts import Facts
    from engine.plan.nodes import Decision, Plan, Pool, Target
    from engine.policies.base import Policy

UNCOUNTED = frozenset({"count_tokens", "input_tokens"})
"""The model endpoints that cost nothing and count for nothing (rule L3)."""


class Counter(msgspec.Struct, frozen=True):
    """One policy of a limit, and the counter of it that a request falls on."""

    limit: Limit
    policy: Policy
    key: str


def early(plan: Plan, facts: Facts) -> list[Limit]:
    """Return the limits that are asked before anybody looks at the credential, in file order."""
    return [limit for limit in _limits(plan, plan.attached.early) if limit.holds(facts)]


def before(plan: Plan, decision: Decision) -> list[Limit]:
    """Return the limits that are asked before any target is tried, in file order: those not asked early."""
    return [limit for limit in _roads(plan, decision) if _before_tries(limit, decision)]


def entering(plan: Plan, decision: Decision, pool: Pool) -> list[Limit]:
    """Return the limits of the entry of a fallback, which are asked before the first of its targets is tried."""
    first = decision.pools[0].limits
    named = [name for name in pool.limits if name not in first]
    return [limit for limit in _limits(plan, named) if _before_tries(limit, decision)] if named else []


def within(plan: Plan, decision: Decision, target: Target) -> list[Limit]:
    """Return the limits that are asked at each try of `target`: those of its upstream, and by target (rule L5)."""
    named = dict.fromkeys(plan.attached.upstreams.get(target.upstream, ()))
    named |= dict.fromkeys(limit.name for limit in _roads(plan, decision) if "target" in limit.by)
    return [limit for limit in _limits(plan, named) if limit.holds(decision.facts)] if named else []


def _before_tries(limit: Limit, decision: Decision) -> bool:
    return "target" not in limit.by and limit.holds(decision.facts)


def counters(limits: Iterable[Limit], facts: Facts, ip: str, route: str | None, target: str) -> list[Counter]:
    """Return the counters that a request of `facts` falls on: one for each policy of each limit."""
    told = {
        "key": facts.key,
        "ip": ip,
        "model": facts.model or "",
        "route": route or "",
        "base": facts.base or "",
        "target": target,
        "all": "",
    }
    return list(_counters(limits, told))


def _counters(limits: Iterable[Limit], told: dict[str, str]) -> Iterator[Counter]:
    for limit in limits:
        values = [told[one] for one in limit.by]
        which = hashlib.sha256(msgspec.json.encode(values)).hexdigest()[:24] if any(values) else "all"
        for policy, mark in zip(limit.policies, limit.marks, strict=True):
            yield Counter(limit, policy, f"{mark}:{which}")


def _roads(plan: Plan, decision: Decision) -> Iterator[Limit]:
    """Yield the limits on the road of a decision, each once, in file order; without the upstreams' own."""
    attached, facts = plan.attached, decision.facts
    named = dict.fromkeys(
        (
            *attached.server,
            *attached.bases.get(facts.base or "", ()),
            *attached.keys.get(facts.key, ()),
            *attached.routes.get(decision.route or "", ()),
            *(decision.pools[0].limits if decision.pools else ()),
        )
    )
    return _limits(plan, named)


def _limits(plan: Plan, names: Iterable[str]) -> Iterator[Limit]:
    """Yield the limits of these names in file order."""
    wanted = frozenset(names)
    return (limit for name, limit in plan.limits.items() if name in wanted)


def deep(plan: Plan, decision: Decision) -> tuple[Limit, ...]:
    """Return the limits on the road of a decision, or at one of its targets, that need the whole body decoded."""
    facts = decision.facts
    if not plan.limits or facts.api in UNCOUNTED:
        return ()
    named = {name for pool in decision.pools for name in pool.limits}
    for pool in decision.pools:
        for target in pool.targets:
            named.update(plan.attached.upstreams.get(target.upstream, ()))
    named.update(limit.name for limit in _roads(plan, decision))
    return tuple(limit for limit in _limits(plan, named) if limit.deep and limit.may_hold(facts))


def explained(plan: Plan, decision: Decision) -> Iterator[Step]:
    """Yield a line for each limit on the road of a decision, as explain prints it."""
    facts = decision.facts
    if facts.api in UNCOUNTED:
        return
    for limit in _limits(plan, (*plan.attached.early, *(one.name for one in _roads(plan, decision)))):
        why = limit.mismatch(facts)
        verdict = "no" if why is not None else "at each try" if "target" in limit.by else ""
        yield Step(section="limits", name=limit.name, verdict=verdict, why=why or str(limit), span=limit.span)
    told: set[str] = set()
    for pool in decision.pools:
        for target in pool.targets:
            for limit in (*entering(plan, decision, pool), *within(plan, decision, target)):
                if limit.name not in told and "target" not in limit.by:
                    told.add(limit.name)
                    why = f"{limit}, for {target}"
                    yield Step(section="limits", name=limit.name, verdict="at each try", why=why, span=limit.span)
