"""One name on its way through `models` to the targets that may answer it (rules N1-N8)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from engine.chat import Problem
from engine.dialects import CLIENTS, OWNERS, crossing
from engine.plan.balance import as_written
from engine.plan.near import LONGEST, near
from engine.plan.nodes import Pool, Step, Target
from engine.plan.tuning import merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.diagnostics import Span
    from engine.facts import Facts
    from engine.plan.layers import Layer
    from engine.plan.nodes import Entry, Key, Link, Plan

    Chain: TypeAlias = list[tuple[Entry, tuple[str, ...]]]


class Resolver:
    """One name on its way through `models` to the pools of targets that may answer it."""

    def __init__(self, plan: Plan, facts: Facts, trace: list[Step], layer: Layer) -> None:
        self.plan = plan
        self.facts = facts
        self.trace = trace
        self.layer = layer
        """What the route says of requests: it holds for every pool, fallbacks too (rule R5)."""

    def asked(self, key: Key) -> tuple[tuple[Pool, ...], float]:
        """Return the pools of the asked name, and its `hold` in seconds."""
        name = self.facts.model or ""
        found = lookup(self.plan.entries, self.plan.patterns, name)
        if found is None:
            if demo(self.plan) is None:
                self._step(name, "no entry of models matches", verdict="no")
                raise unknown(self.plan, key, name)
            return self._answering(name, []), self.plan.hold
        self._step(found.name, "as asked" if not found.pattern.stars else f"{name} matches", span=found.span)
        return self._entry(found, name)

    def linked(self, link: Link) -> tuple[tuple[Pool, ...], float]:
        """Return the pools of what a route's `to` names, and their `hold` in seconds."""
        if link.entry is not None:
            entry = self.plan.entries[link.entry]
            self._step(entry.name, "as the route says", span=entry.span)
            return self._entry(entry, link.text.text)
        self._step(link.text.text, "as the route says", span=link.span)
        return self._answering(link.text.text, [self._bare(link, ())]), self.plan.hold

    def _entry(self, entry: Entry, name: str) -> tuple[tuple[Pool, ...], float]:
        chain = self._chain(entry, name)
        for (before, _), (after, _) in pairwise(chain):
            self._step(after.name, f"{before.name} is another name for it", span=after.span)
        pools = [self._pool(chain)]
        owner, captured = _owner(chain, "fallback")
        for link in owner.fallback:
            if link.entry is None:
                pools.append(self._bare(link, captured))
            else:
                pools.append(self._pool(self._chain(self.plan.entries[link.entry], link.text.fill(captured))))
        return self._answering(entry.name, pools), _owner(chain, "hold")[0].hold

    def _chain(self, entry: Entry, name: str) -> Chain:
        """Return the entry and, one after the other, what it is an alias of; each with what its `*` matched."""
        chain: Chain = [(entry, entry.pattern.match(name) or ())]
        while (link := chain[-1][0].alias) is not None and link.entry is not None:
            following = self.plan.entries[link.entry]
            chain.append((following, following.pattern.match(link.text.fill(chain[-1][1])) or ()))
        return chain

    def _pool(self, chain: Chain) -> Pool:
        last, captured = chain[-1]
        return Pool(
            entry=last.name,
            targets=tuple(_target(link, captured) for link in last.targets),
            retries=_owner(chain, "retries")[0].retries,
            fallback_on=_owner(chain, "fallback_on")[0].fallback_on,
            tuning=merged([self.plan.layer, *(entry.layer for entry, _ in reversed(chain)), self.layer]),
            limits=tuple(name for entry, _ in chain for name in entry.limits),
            balance=_owner(chain, "balance")[0].balance,
            sticky=_owner(chain, "sticky")[0].sticky,
        )

    def _bare(self, link: Link, captured: tuple[str, ...]) -> Pool:
        target = _target(link, captured)
        plan = self.plan
        return Pool(
            entry=str(target),
            targets=(target,),
            retries=plan.retries,
            fallback_on=plan.fallback_on,
            tuning=merged([plan.layer, self.layer]),
        )

    def _answering(self, name: str, pools: list[Pool]) -> tuple[Pool, ...]:
        """Return what may answer: no target twice, none that can neither be asked in this API nor by translation.

        Raises `Problem` when nothing is left.
        """
        plan, echo = self.plan, demo(self.plan)
        if echo is not None and self.facts.api == "realtime":
            target = Target(upstream=echo, model=self.facts.model or name)
            raise self._unsupported(target)
        if echo is not None:
            self._step(echo, "demo: no other upstream is on, so it answers every name", span=plan.upstreams[echo].span)
            target = Target(upstream=echo, model=self.facts.model or name, span=plan.upstreams[echo].span)
            limits = pools[0].limits if pools else ()
            return (Pool(entry=name, targets=(target,), retries=0, fallback_on=plan.fallback_on, limits=limits),)
        unique: dict[str, Target] = {}
        kept: list[Pool] = []
        for pool in pools:
            fresh = [target for target in pool.targets if str(target) not in unique]
            unique.update((str(target), target) for target in fresh)
            able = tuple(target for target in fresh if self._understands(target))
            if able == pool.targets:
                kept.append(pool)
            elif able:
                kept.append(msgspec.structs.replace(pool, targets=able))
        if not kept:
            raise self._unsupported(next(iter(unique.values())))
        if self.facts.api == "embeddings":
            kept = self._of_one_model(kept)
        upstreams = [target.upstream for pool in kept for target in pool.targets]
        if all(upstream in plan.off for upstream in upstreams):
            some = f" that speaks {self.facts.api}" if len(upstreams) < len(unique) else ""
            raise off(f"every target of `{name}`{some}", upstreams, plan)
        return tuple(kept)

    def _of_one_model(self, pools: list[Pool]) -> list[Pool]:
        """Return `pools` with the targets of one model: what one embeds cannot be compared with what another does.

        It is the model of the first target that is on.
        """
        targets = [target for pool in pools for target in as_written(pool)]
        model = next((one.model for one in targets if one.upstream not in self.plan.off), targets[0].model)
        why = f"another model than {model}"
        for target in targets:
            if target.model != model:
                self.trace.append(
                    Step(section="target", name=str(target), verdict="skipped", why=why, span=target.span)
                )
        left = [tuple(target for target in pool.targets if target.model == model) for pool in pools]
        return [
            pool if same == pool.targets else msgspec.structs.replace(pool, targets=same)
            for pool, same in zip(pools, left, strict=True)
            if same
        ]

    def _understands(self, target: Target) -> bool:
        speaks = self.plan.upstreams[target.upstream].options.speaks
        if self.facts.api in speaks or crossing(self.facts.api, speaks) is not None:
            return True
        why = f"speaks {', '.join(speaks)}; {self.facts.api} asked"
        self.trace.append(Step(section="target", name=str(target), verdict="skipped", why=why, span=target.span))
        return False

    def _unsupported(self, target: Target) -> Problem:
        """Return the 501 for a request that no target of the name speaks, nor anything that it is translated into."""
        api, model = self.facts.api, self.facts.model
        how = "or one that it is translated into" if api in CLIENTS else "which is not translated"
        who = f"of kind {OWNERS[api].name}" if api in OWNERS else f"that speaks it (`apis: [{api}]` of kind openai)"
        return Problem(
            501,
            "unsupported_api",
            f"no target of `{model}` speaks the {api} API, {how}: `{target}` speaks "
            f"{', '.join(self.plan.upstreams[target.upstream].options.speaks)}; ask for a model of an upstream "
            f"{who}, or name such a target for `{model}` in the file",
            headers=((b"x-should-retry", b"false"),),
        )

    def _step(self, name: str, why: str, *, verdict: str = "yes", span: Span | None = None) -> None:
        self.trace.append(Step(section="model", name=name, verdict=verdict, why=why, span=span))


def lookup(entries: Mapping[str, Entry], patterns: Iterable[Entry], name: str) -> Entry | None:
    """Return the entry of `models` that answers to `name`: the exact one, else the most specific pattern (rule N3)."""
    exact = entries.get(name)
    if exact is not None and not exact.pattern.stars:
        return exact
    return next((entry for entry in patterns if entry.pattern.match(name) is not None), None)


def demo(plan: Plan) -> str | None:
    """Return the echo upstream that answers every name because no other upstream is on, or None (rule N8)."""
    on = [upstream for upstream in plan.upstreams.values() if upstream.name not in plan.off]
    return on[0].name if on and all(upstream.demo for upstream in on) else None


def names(plan: Plan, key: Key) -> list[str]:
    """Return the names /v1/models shows to `key`, in file order (rule N6)."""
    listed = dict.fromkeys(
        name for entry in plan.entries.values() for name in (entry.listed if entry.pattern.stars else (entry.name,))
    )
    return [name for name in listed if key.may_ask(name)]


def _owner(chain: Chain, setting: str) -> tuple[Entry, tuple[str, ...]]:
    """Return the member of the chain whose `setting` counts: the first that sets it itself, else the last."""
    return next((member for member in chain if setting in member[0].own), chain[-1])


def _target(link: Link, captured: tuple[str, ...]) -> Target:
    upstream = link.upstream or ""
    model = link.text.fill(captured).removeprefix(upstream + "/")
    return Target(upstream=upstream, model=model, span=link.span, weight=1 if link.weight is None else link.weight)


def unknown(plan: Plan, key: Key, name: str) -> Problem:
    """Return the 404 of rule N5, with up to three names that this key may use."""
    close = near(name, names(plan, key))
    words = f"; did you mean {' or '.join(f'`{one}`' for one in close)}?" if close else ""
    return Problem(404, "model_not_found", f"the model `{name[:LONGEST]}` does not exist{words}", param="model")


def off(what: str, upstreams: list[str], plan: Plan) -> Problem:
    """Return the 503 of rule N7, naming what is missing."""
    reasons = list(dict.fromkeys(f"{name}: {plan.off[name]}" for name in upstreams))
    return Problem(503, "no_target", f"{what} is off ({'; '.join(reasons)})")
