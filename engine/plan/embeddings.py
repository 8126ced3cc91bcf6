"""Whether an entry mixes models that embed: another one's vectors cannot be compared, so none stands in for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.plan.match import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Language
    from engine.config.sections.routes import When
    from engine.diagnostics import Span
    from engine.plan.nodes import Entry, Link, Rule
    from engine.plan.references import Models
    from engine.plan.source import Source

API = "embeddings"


def check_embeddings(source: Source, models: Models, rules: tuple[Rule, ...]) -> None:
    """Report targets that no request can reach, or that look as if they were meant for embeddings (rule C4).

    An upstream that speaks nothing else says for certain what its targets are for: an error, unless they stand in for
    an upstream that may be off. What only the name of a model or the condition of a route says is a warning, for the
    same entry may answer other requests.
    """
    for entry in models.entries.values():
        found = [(link, span) for link, span in links(models, entry, set()) if API in speaks(source, link)]
        for link, span in found:
            first = found[0][0]
            if _model(link) != _model(first) and not (link.text.stars or first.text.stars):
                _judge(source, entry, first, link, span)
    for index, rule in enumerate(rules):
        when = source.document.routes[index].when
        if rule.link is not None and rule.link.entry is not None and _only_embeds(when):
            _check_route(source, models, index, rule)


def _judge(source: Source, entry: Entry, first: Link, link: Link, span: Span | None) -> None:
    """Report `link`, which names another model than `first`, where that can only be meant for embeddings."""
    message = f"no request for embeddings of `{entry.name}` goes to `{link.text.text}`: it is another model than "
    message += f"`{first.text.text}`, and what they embed cannot be compared"
    help_ = "make it an entry of its own; only the same model at another upstream can stand in"
    certain = speaks(source, link) == (API,)
    if certain and not source.document.upstreams[first.upstream or ""].optional:
        source.report.error("mixed-embeddings", message, span, help=help_)
    elif certain or (_embeds_by_name(first) and _embeds_by_name(link)):
        source.report.warning("mixed-embeddings", message, span, help=help_)


def _check_route(source: Source, models: Models, index: int, rule: Rule) -> None:
    """Report a route for embeddings alone that leads to several models."""
    assert rule.link is not None
    entry = models.entries[rule.link.entry or ""]
    found = [link for link, _ in links(models, entry, set()) if API in speaks(source, link)]
    others = sorted({link.text.text for link in found if _model(link) != _model(found[0])})
    if others:
        source.report.warning(
            "mixed-embeddings",
            f"route `{rule.name}` is for embeddings, which of `{entry.name}` only `{_model(found[0])}` is asked for, "
            f"never {', '.join(f'`{one}`' for one in others)}",
            source.tree.value("routes", index, "to"),
            help="let it lead to an entry with one model",
        )


def links(models: Models, entry: Entry, seen: set[str]) -> Iterator[tuple[Link, Span | None]]:
    """Yield the targets of an entry and its fallbacks, through aliases, each with its place in the entry itself."""
    if entry.name in seen:
        return
    for link in (*entry.targets, *entry.fallback):
        if link.entry is None:
            yield link, link.span
        else:
            inner = links(models, models.entries[link.entry], seen | {entry.name})
            yield from ((one, link.span) for one, _ in inner)


def speaks(source: Source, link: Link) -> tuple[Language, ...]:
    return source.document.upstreams[link.upstream or ""].speaks


def _model(link: Link) -> str:
    return link.text.text.removeprefix(f"{link.upstream}/")


def _embeds_by_name(link: Link) -> bool:
    return "embed" in _model(link).lower()


def _only_embeds(when: When) -> bool:
    return when.api is not None and listed(when.api) == (API,)
