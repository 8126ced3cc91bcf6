"""`on_break: continue` as it can be told beforehand: who would carry a stream on, and where nobody could."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.dialects import CODECS
from engine.dialects.body import FIELDS
from engine.dialects.carry import FORMS, obstacle

if TYPE_CHECKING:
    from engine.diagnostics import Span
    from engine.facts import Facts
    from engine.plan.nodes import Entry, Plan, Pool, Target
    from engine.plan.source import Source


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a stream that breaks off in plain text, where the file says `continue`."""

    by: tuple[str, ...] = ()
    """The targets that are asked to carry on, in this order."""
    why: str = ""
    """Why nobody is."""
    span: Span | None = None
    """Where the file says it."""


def breaks(facts: Facts, pool: Pool, target: Target, left: list[Target], body: bytes | None) -> Break | None:
    """Return what becomes of a stream of `target` that breaks off; None where it ends in an error, as by default.

    `left` are the targets that come after it, `body` is the request, where that is known.
    """
    if pool.tuning.on_break == "error":
        return None
    span = pool.tuning.places.get(("on_break", "continue"))
    api, form = facts.api, facts.form or facts.api
    if api not in CODECS or form not in FORMS:
        return Break(why=f"no answer of the {api} API is carried on", span=span)
    field = obstacle(form, FIELDS.decode(body)) if body is not None else None
    if field is not None:
        return Break(why=f"`{field}` asks for more than plain text", span=span)
    by = [*map(str, left), *([str(target)] if pool.retries else [])]
    return Break(by=tuple(by), why="" if by else "there is no other target, and `retries` is 0", span=span)


def check_breaks(plan: Plan, source: Source) -> None:
    """Report `on_break: continue` at entries and routes where nobody could carry on."""
    for name, entry in plan.entries.items():
        if entry.layer.on_break == "continue" and _alone(entry):
            _report(source, source.tree.value("models", name, "on_break"), f"entry `{name}`")
    for index, rule in enumerate(plan.rules):
        entry_name = rule.link.entry if rule.link is not None else None
        if rule.layer.on_break == "continue" and entry_name is not None and _alone(plan.entries[entry_name]):
            _report(source, source.tree.value("routes", index, "on_break"), f"`{entry_name}`")


def _alone(entry: Entry) -> bool:
    return entry.alias is None and len(entry.targets) < 2 and not entry.fallback and not entry.retries


def _report(source: Source, span: Span | None, what: str) -> None:
    source.report.warning(
        "nobody-carries-on",
        f"{what} has one target, no `fallback` and `retries: 0`: nobody could carry a broken stream on",
        span,
        help="add a target, a `fallback` or a retry, or remove `on_break`",
    )
