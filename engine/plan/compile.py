"""Document -> Plan: names become objects, patterns compiled, durations seconds. All errors of the layer at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.plan.budgets import check_budgets, check_uncounted
from engine.plan.embeddings import check_embeddings
from engine.plan.keys import compile_keys
from engine.plan.limits import compile_limits
from engine.plan.lint import lint
from engine.plan.match import deep_fields
from engine.plan.models import compile_models
from engine.plan.needs import usage_for
from engine.plan.nodes import Plan, Room, Upstream
from engine.plan.observe import compile_journal
from engine.plan.outputs import compile_outputs
from engine.plan.peers import trusted
from engine.plan.prices import compile_prices
from engine.plan.prompts import compile_prompts
from engine.plan.rules import compile_rules
from engine.plan.server import (
    check_loop,
    compile_bases,
    compile_hosts,
    compile_listen,
    compile_origins,
    compile_overload,
    compile_sockets,
    compile_trusted,
)
from engine.plan.shares import check_shares
from engine.plan.source import Source
from engine.plan.spoken import check_spoken
from engine.plan.state import check_state
from engine.plan.summaries import check_summaries
from engine.plan.terms import check_terms
from engine.plan.tuning import layer
from engine.plan.unfit import check_layer, check_like, check_required
from engine.plan.upstreams import compile_upstreams
from engine.units import seconds, size

if TYPE_CHECKING:
    from engine.config.beside import Named
    from engine.config.beside import Path as StepPath
    from engine.config.document import Document
    from engine.config.tree import Tree
    from engine.diagnostics import Report


OF_MODELS = (check_like, check_summaries, check_shares)
OF_RULES = (check_embeddings, check_spoken)
"""What is looked at once models and rules stand."""


def compile_plan(
    document: Document, tree: Tree, report: Report, named: dict[StepPath, Named] | None = None
) -> Plan | None:
    """Return the plan of `document`, or None when this layer found errors; they and the warnings are in `report`.

    `named` are the steps that name files, with what these say.
    """
    before = len(report.errors)
    prompts, outputs = compile_prompts(named or {}, report), compile_outputs(named or {}, report)
    source = Source(document=document, tree=tree, report=report, prompts=prompts, outputs=outputs)
    upstreams = compile_upstreams(source)
    compile_listen(source)
    check_loop(source)
    check_terms(source)
    hosts, origins = compile_hosts(source), compile_origins(source)
    bases = compile_bases(source)
    models = compile_models(source)
    rules = compile_rules(source, models)
    keys, digests = compile_keys(source, models)
    limits, attached = compile_limits(source)
    defaults = document.defaults.model
    check_layer(source, ("defaults", "model"), defaults)
    below = layer(source, ("defaults", "model"), defaults)
    check_required(source, models, rules, below)
    for check in OF_MODELS:
        check(source, models)
    for check_both in OF_RULES:
        check_both(source, models, rules)
    prices = compile_prices(source)
    check_state(source)
    if len(report.errors) > before:
        return None
    plan = Plan(
        document=document,
        upstreams=upstreams,
        off=_off(upstreams),
        rules=rules,
        bases=bases,
        keys=keys,
        digests=digests,
        origins=origins,
        hosts=hosts,
        body_limit=size(document.server.body_limit),
        drain=seconds(document.server.drain),
        trusted=compile_trusted(source),
        send_timeout=seconds(document.server.send_timeout),
        body_timeout=seconds(document.server.body_timeout),
        overload=compile_overload(source),
        sockets=compile_sockets(source),
        journal=compile_journal(source),
        readers=trusted(document.observe.allow),
        responses=_room(source),
        prices=prices,
        usage=usage_for(source),
        deep=any(deep_fields(route.when) for route in document.routes),
        entries=models.entries,
        patterns=models.patterns,
        retries=defaults.retries,
        fallback_on=frozenset(defaults.fallback_on),
        hold=seconds(defaults.hold),
        layer=below,
        limits=limits,
        attached=attached,
    )
    check_budgets(plan, source)
    if len(report.errors) > before:
        return None
    check_uncounted(plan, source)
    lint(plan, source)
    return plan


def _room(source: Source) -> Room:
    """Return the room for the responses that clients may come back to."""
    kept = source.document.state.responses
    return Room(entries=kept.entries, bytes=size(kept.size), seconds=seconds(kept.ttl))


def as_written(plan: Plan) -> Plan:
    """Return the plan whatever the environment holds: every enabled upstream is on (rule T3)."""
    return msgspec.structs.replace(plan, off=_off(plan.upstreams))


def _off(upstreams: dict[str, Upstream]) -> dict[str, str]:
    return {name: "enabled: false" for name, upstream in upstreams.items() if not upstream.options.enabled}
