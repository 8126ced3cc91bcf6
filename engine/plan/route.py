"""(Plan, Facts) -> Decision: permission, routes, models, in the order of rule P2, each step with its reason.

Serving and `turnout explain` are this one function; the trace is what explain prints.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.chat import Problem
from engine.plan.admission import check_base
from engine.plan.layers import Layer
from engine.plan.near import LONGEST
from engine.plan.nodes import Decision, Resolved, Step
from engine.plan.resolve import Resolver, demo, lookup, off, unknown

if TYPE_CHECKING:
    from engine.facts import Facts
    from engine.plan.nodes import Key, Plan, Rule

KEPT = 1024
"""How many resolved names a plan keeps: clients choose them, so they could be any number."""
SUFFIX = re.compile(r"(.+?)(\[[0-9]+[a-z]*\])", re.DOTALL | re.IGNORECASE)
"""A name with what Claude Code appends for a context window: `claude-opus-4-8[1m]`."""


def asked_name(raw: str) -> tuple[str, str | None]:
    """Return (the asked name, its suffix): trimmed, without a `[1m]`-like suffix (rule P3)."""
    found = SUFFIX.fullmatch(raw.strip())
    return (found[1].rstrip(), found[2]) if found else (raw.strip(), None)


def route(plan: Plan, facts: Facts, *, traced: bool = False) -> Decision:
    """Decide where a request goes. Every refusal is in the Decision; nothing is raised.

    `facts.key` is a name of `plan.keys`. Unless `traced`, the rules that do not match are left out of the trace:
    to say why not costs more than to find out.
    """
    trace: list[Step] = []
    key = plan.keys[facts.key]
    rule: Rule | None = None
    try:
        _admit(plan, facts, key, trace)
        rule = _first(plan.rules, facts, trace, traced=traced)
        return _decide(plan, facts, key, rule, trace)
    except Problem as problem:
        return Decision(facts=facts, trace=tuple(trace), refusal=problem, route=rule.name if rule else None)


def needs_depth(plan: Plan, facts: Facts) -> bool:
    """Say whether any rule would look at deep facts: for most requests the cheap conditions settle it."""
    return plan.deep and any(rule.may_hold is not None and rule.may_hold(facts) for rule in plan.rules)


def check_name(plan: Plan, key: Key, name: str) -> None:
    """Refuse a name that leads nowhere (404, with suggestions) or that `key` may not use (403); for /v1/models/{id}."""
    _permit(plan, key, name, [])
    if lookup(plan.entries, plan.patterns, name) is None and demo(plan) is None:
        raise unknown(plan, key, name)


def _admit(plan: Plan, facts: Facts, key: Key, trace: list[Step]) -> None:
    if facts.base is not None or key.bases is not None:
        check_base(key, facts.base)
        trace.append(Step(section="base", name=facts.base or "/", verdict="yes", why="this key may come in by it"))
    if facts.model is not None:
        _permit(plan, key, facts.model, trace)


def _decide(plan: Plan, facts: Facts, key: Key, rule: Rule | None, trace: list[Step]) -> Decision:
    if rule is not None:
        _take(rule, key)
    if rule is not None and rule.passes is not None:
        if rule.passes in plan.off:
            raise off(f"upstream `{rule.passes}`", [rule.passes], plan)
        return Decision(facts=facts, trace=tuple(trace), route=rule.name, passes=rule.passes)
    if facts.api is None or facts.model is None:
        raise Problem(404, "not_found", f"nothing is served at {facts.path[:LONGEST]}")
    name = rule.name if rule is not None else None
    asked = (name, facts.api, facts.model)
    found = plan.resolved.get(asked)
    if found is None:
        found = _resolve(plan, facts, key, rule, trace)
        if len(plan.resolved) >= KEPT:
            plan.resolved.clear()
        if len(facts.model) <= LONGEST:
            plan.resolved[asked] = found
    else:
        trace += found.steps
    return Decision(facts=facts, trace=tuple(trace), route=name, pools=found.pools, hold=found.hold)


def _resolve(plan: Plan, facts: Facts, key: Key, rule: Rule | None, trace: list[Step]) -> Resolved:
    """Follow the asked name, or where `rule` leads. `key` only matters to what a refusal suggests."""
    before = len(trace)
    resolver = Resolver(plan, facts, trace, rule.layer if rule is not None else Layer())
    pools, hold = resolver.linked(rule.link) if rule is not None and rule.link is not None else resolver.asked(key)
    return Resolved(pools=pools, hold=hold, steps=tuple(trace[before:]))


def _permit(plan: Plan, key: Key, model: str, trace: list[Step]) -> None:
    """Ask once, for the asked name, whether `key` may use it (rules K3, R4)."""
    if key.patterns is None:
        return
    allowed = key.may_ask(model)
    why = f"may use {', '.join(key.models or ()) or 'no model'}"
    trace.append(Step(section="key", name=key.name, verdict="yes" if allowed else "no", why=why, span=key.span))
    if allowed:
        return
    if lookup(plan.entries, plan.patterns, model) is None and demo(plan) is None:
        raise unknown(plan, key, model)
    raise Problem(403, "model_not_allowed", f"this key may not use the model `{model[:LONGEST]}`", param="model")


def _first(rules: tuple[Rule, ...], facts: Facts, trace: list[Step], *, traced: bool) -> Rule | None:
    """Return the first rule that matches (rule R1)."""
    for rule in rules:
        if not traced and not rule.holds(facts):
            continue
        why = rule.mismatch(facts)
        if why is None and rule.to is not None and facts.api is None:
            why = f"{facts.path} is no model endpoint"
        verdict = "no" if why else "yes"
        trace.append(Step(section="route", name=rule.name, verdict=verdict, why=why or _leads(rule), span=rule.span))
        if why is None:
            return rule
    return None


def _take(rule: Rule, key: Key) -> None:
    """Refuse what the rule denies, and what `keys.<k>.routes` keeps from this key (rules K3, R6)."""
    if rule.deny is not None:
        status, message = rule.deny
        raise Problem(status, "route_denied", message)
    if rule.name in (key.routes or ()) or (key.routes is None and rule.passes is None):
        return
    raise Problem(403, "route_not_allowed", f"this key may not take the route `{rule.name}`")


def _leads(rule: Rule) -> str:
    if rule.deny is not None:
        return f"refuses with {rule.deny[0]}"
    return f"to {rule.to}" if rule.to is not None else f"passes to {rule.passes}"
