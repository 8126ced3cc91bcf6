"""What a reference of the file leads to: a target, or an entry of `models` (rules N1, N4, N8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.diagnostics import Label
from engine.plan.match import pattern
from engine.plan.near import did_you_mean, listing, near
from engine.plan.nodes import Entry, Link
from engine.plan.resolve import lookup

if TYPE_CHECKING:
    from engine.diagnostics import Span
    from engine.plan.match import Pattern
    from engine.plan.source import Source


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """The entries in file order, and those with `*`, the most specific first."""

    entries: dict[str, Entry]
    patterns: tuple[Entry, ...]


def resolve(source: Source, models: Models, text: str, span: Span | None, owner: Entry | None) -> Link | None:
    """Return what the reference `text` leads to (rule N1), or None and an error.

    `owner` is the entry it stands in, whose `*` fills the stars of `text`; None for a route's `to`.
    """
    upstream, slash, model = text.partition("/")
    entry = _named(models, text)
    if slash and upstream in source.document.upstreams:
        if entry is not None and entry is not owner and not _leads_to(source, entry, text):
            _ambiguous(source, text, span, entry)
            return None
        if not _check_target(source, upstream, model, span):
            return None
        entry = None
    elif entry is None:
        _unknown(source, text, span, owner)
        return None
    link = Link(
        text=pattern(text), upstream=None if entry else upstream, entry=entry.name if entry else None, span=span
    )
    return link if _check_stars(source, link.text, span, owner) else None


def _named(models: Models, text: str) -> Entry | None:
    """Return the entry that `text` names: its key, or a name that it matches.

    A word with a slash is a target first: of the patterns, only those with a slash of their own may claim it, or a
    catch-all `*` would claim every target, and every mistyped one.
    """
    if text in models.entries:
        return models.entries[text]
    patterns = [entry for entry in models.patterns if "/" in entry.name] if "/" in text else models.patterns
    return lookup(models.entries, patterns, text)


def _leads_to(source: Source, entry: Entry, text: str) -> bool:
    """Say whether `entry` is nothing but another way to write the target `text`: `ollama/*: ollama/*`."""
    declared = source.document.models[entry.name]
    captured = entry.pattern.match(text)
    return isinstance(declared, str) and captured is not None and pattern(declared).fill(captured) == text


def _ambiguous(source: Source, text: str, span: Span | None, entry: Entry) -> None:
    source.report.error(
        "ambiguous-reference",
        f"`{text}` is both a target and the entry `{entry.name}`",
        span,
        help="rename the entry or the upstream",
        labels=(Label(entry.span, "the entry"),) if entry.span is not None else (),
    )


def _check_target(source: Source, upstream: str, model: str, span: Span | None) -> bool:
    if not model:
        source.report.error(
            "bad-target",
            f"`{upstream}/` names no model",
            span,
            help=f"write `{upstream}/` and the model's name at that upstream",
        )
        return False
    if getattr(source.document.upstreams[upstream], "demo", False):
        source.report.error(
            "demo-in-targets",
            f"`{upstream}` is a demo: it answers every name by itself while no other upstream is on",
            span,
            help="remove it here, or remove `demo: true` from the upstream",
        )
        return False
    return True


def _check_stars(source: Source, text: Pattern, span: Span | None, owner: Entry | None) -> bool:
    stars = owner.pattern.stars if owner is not None else 0
    if not text.stars or stars == 1 or text.stars <= stars:
        return True
    if owner is None:
        message = f"`{text.text}` has a `*`, but a route captures nothing to fill it with"
        help_ = "name one model, or a name that an entry of `models` matches"
    elif not stars:
        message = f"`{text.text}` has a `*`, but the name `{owner.name}` has none to fill it with"
        help_ = f"name one model, or let the entry be a pattern: `{text.text.partition('/')[2] or text.text}`"
    else:
        message = f"`{text.text}` has more `*` than the name `{owner.name}`"
        help_ = "the n-th `*` of a target is what the n-th `*` of the name matched"
    source.report.error("star-without-capture", message, span, help=help_)
    return False


def _unknown(source: Source, text: str, span: Span | None, owner: Entry | None) -> None:
    upstreams, models = source.document.upstreams, source.document.models
    upstream, slash, model = text.partition("/")
    if slash:
        close = near(upstream, upstreams, 1)
        known = [f"{name}/{model}" for name in close] or models
        source.report.error(
            "unknown-upstream",
            f"unknown upstream `{upstream}` in `{text}`",
            span,
            help=did_you_mean(text, known, listing("upstreams", upstreams)),
        )
        return
    if text in upstreams:
        star = owner is not None and owner.pattern.stars
        help_ = f"write `{text}/*`" if star else f"write `{text}/` and the model's name at that upstream"
        source.report.error("unknown-model", f"`{text}` is an upstream, not a target", span, help=help_)
        return
    source.report.error(
        "unknown-model",
        f"no entry of `models` has or matches the name `{text}`",
        span,
        help=did_you_mean(text, models, "a target is written upstream/model, a name needs an entry in `models`"),
    )
