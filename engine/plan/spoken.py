"""Whether a route for some APIs alone leads to anybody who can be asked in them, as they are or by translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects import crossing
from engine.plan.embeddings import links, speaks
from engine.plan.match import listed

if TYPE_CHECKING:
    from engine.plan.nodes import Link, Rule
    from engine.plan.references import Models
    from engine.plan.source import Source


def check_spoken(source: Source, models: Models, rules: tuple[Rule, ...]) -> None:
    """Report routes all of whose requests would be refused (501): no target speaks what they are for."""
    for index, rule in enumerate(rules):
        apis = source.document.routes[index].when.api
        if rule.link is None or apis is None:
            continue
        able = [speaks(source, link) for link in _targets(models, rule.link)]
        named = listed(apis)
        if named and not any(api in spoken or crossing(api, spoken) for api in named for spoken in able):
            source.report.error(
                "unspoken-api",
                f"route `{rule.name}` is for {' and '.join(named)}, which no target of `{rule.to}` speaks",
                source.tree.value("routes", index, "to"),
                help="lead it to an upstream that does: `apis` of kind openai says what is spoken there",
            )


def _targets(models: Models, link: Link) -> list[Link]:
    if link.entry is None:
        return [link]
    return [one for one, _ in links(models, models.entries[link.entry], set())]
