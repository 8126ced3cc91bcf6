"""Limits of tokens and money: what they count must have a price, be remembered, and be seen (rules L6, R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.diagnostics import Label
from engine.plan.match import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.plan.nodes import Entry, Limit, Link, Plan
    from engine.plan.source import Source

BUDGET = "budget"


def check_budgets(plan: Plan, source: Source) -> None:
    """Report targets without a price that a budget would have to count, and budgets that a restart would forget."""
    told: set[str] = set()
    for limit in plan.limits.values():
        if not any(policy.word == BUDGET for policy in limit.policies):
            continue
        span = source.tree.key("limits", limit.name, BUDGET)
        for link in _reached(plan, limit):
            if link.text.text in told or _is_priced(plan, link):
                continue
            told.add(link.text.text)
            source.report.error(
                "unpriced-target",
                f"limit `{limit.name}` counts money, but `{link.text.text}` has no price",
                span,
                help=f"add it: `prices: {{{link.text.text}: {{input: 1.25, output: 10}}}}`, USD per million tokens",
                labels=(Label(link.span, "the target"),) if link.span is not None else (),
            )
        if plan.document.state.kind == "memory" and plan.journal is None:
            source.report.warning(
                "budget-not-durable",
                f"a restart forgets what was spent of the budget of limit `{limit.name}`",
                span,
                help="add `observe: {journal: {path: turnout.db}}`, or keep the state in Redis",
            )


def _reached(plan: Plan, limit: Limit) -> Iterator[Link]:
    """Yield every target that a request under `limit` may be sent to."""
    attached = plan.attached
    everywhere = (attached.server, *attached.bases.values(), *attached.keys.values())
    if any(limit.name in names for names in everywhere):
        for entry in plan.entries.values():
            yield from _targets(plan, entry, set())
        for rule in plan.rules:
            yield from _led(plan, rule.link, set())
        return
    for name, names in attached.models.items():
        if limit.name in names:
            yield from _targets(plan, plan.entries[name], set())
    for rule in plan.rules:
        if limit.name in attached.routes.get(rule.name, ()):
            yield from _led(plan, rule.link, set())
    for upstream, names in attached.upstreams.items():
        if limit.name in names:
            every = [link for entry in plan.entries.values() for link in _targets(plan, entry, set())]
            yield from (link for link in every if link.upstream == upstream)


def _led(plan: Plan, link: Link | None, seen: set[str]) -> Iterator[Link]:
    if link is not None and link.entry is not None:
        yield from _targets(plan, plan.entries[link.entry], seen)
    elif link is not None:
        yield link


def _targets(plan: Plan, entry: Entry, seen: set[str]) -> Iterator[Link]:
    if entry.name in seen:
        return
    seen.add(entry.name)
    for link in (*entry.targets, *entry.fallback):
        yield from _led(plan, link, seen)


def _is_priced(plan: Plan, link: Link) -> bool:
    if plan.upstreams[link.upstream or ""].options.free:
        return True
    prices = plan.prices.prices
    known = (price.pattern if price.whole else pattern(f"*/{price.pattern.text}") for price in prices)
    return any(each.covers(link.text) for each in known)


def check_uncounted(plan: Plan, source: Source) -> None:
    """Report `pass` routes by which a caller gets round a limit: nobody reads the tokens of what passes (rule R6)."""
    attached = plan.attached
    for index, rule in enumerate(plan.rules):
        if rule.passes is None:
            continue
        takers = [name for name, key in plan.keys.items() if rule.name in (key.routes or ())]
        names = {*attached.server, *(name for key in takers for name in attached.keys.get(key, ()))}
        for limit in plan.limits.values():
            counted = [policy.word for policy in limit.policies if policy.word in (BUDGET, "tokens")]
            when = plan.document.limits[limit.name].when
            if limit.name not in names or not counted or when.api is not None:
                continue
            source.report.warning(
                "uncounted-pass",
                f"what route `{rule.name}` passes is not counted by limit `{limit.name}` ({' and '.join(counted)}): "
                "nobody reads its tokens",
                source.tree.key("routes", index, "pass"),
                help="say so in the limit: `when: {api: [chat, messages, responses]}`; or let no key take the route",
            )
