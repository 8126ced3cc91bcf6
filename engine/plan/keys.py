"""The `keys` section: digests to keys, permissions to patterns (rules K1-K3)."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from engine.diagnostics import Label
from engine.facts import ANONYMOUS
from engine.plan.match import pattern
from engine.plan.near import did_you_mean, listing
from engine.plan.nodes import Key
from engine.plan.resolve import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.config.sections import keys as declared
    from engine.config.sections import routes as written
    from engine.diagnostics import Span
    from engine.plan.references import Models
    from engine.plan.source import Source


def compile_keys(source: Source, models: Models) -> tuple[dict[str, Key], dict[bytes, Key]]:
    """Return (name -> key, SHA-256 digest -> key)."""
    keys: dict[str, Key] = {}
    digests: dict[bytes, Key] = {}
    for name, declared in source.document.keys.items():
        key = keys[name] = Key(
            name=name,
            span=source.tree.key("keys", name),
            digests=tuple(bytes.fromhex(text.removeprefix("sha256:")) for text in declared.hashes),
            models=None if declared.models is None else tuple(declared.models),
            routes=None if declared.routes is None else tuple(declared.routes),
            bases=None if declared.bases is None else tuple(declared.bases),
            expires=declared.expires,
            enabled=declared.enabled,
            any_key=declared.any_key,
            patterns=None if declared.models is None else tuple(pattern(text) for text in declared.models),
        )
        _check(source, models, name, declared)
        for index, digest in enumerate(key.digests):
            first = digests.setdefault(digest, key)
            if first is not key or digest in key.digests[:index]:
                _twice(source, first, digest, ("keys", name, "hashes", index))
    return keys, digests


def _check(source: Source, models: Models, name: str, key: declared.Key) -> None:
    report, tree = source.report, source.tree
    if name == ANONYMOUS and key.hashes:
        report.error(
            "anonymous-with-hashes",
            "`anonymous` is who sends no credential, so it has no hashes",
            tree.key("keys", name, "hashes"),
            help="give the key a name of its own",
        )
    if name != ANONYMOUS and key.any_key:
        report.error(
            "misplaced-any-key",
            f"`any_key` on key `{name}`: only `anonymous` can stand for unknown credentials",
            tree.key("keys", name, "any_key"),
            help=f"move it: `{ANONYMOUS}: {{any_key: true}}`",
        )
    if key.expires is not None and not _is_date(key.expires):
        report.error(
            "bad-date",
            f"`{key.expires}` is no day of the calendar",
            tree.value("keys", name, "expires"),
            help="write the first UTC day on which the key fails, as in 2027-01-31",
        )
    routes = [route.name for route in source.document.routes]
    _known(source, ("keys", name, "routes"), key.routes, routes, "route")
    _known(source, ("keys", name, "bases"), key.bases, source.document.bases, "base")
    asked = {text for route in source.document.routes for text in _asked(route)}
    for index, text in enumerate(key.models or ()):
        if "*" in text or text in asked or lookup(models.entries, models.patterns, text) is not None:
            continue
        report.error(
            "unknown-model",
            f"key `{name}` may use `{text}`, but no entry of `models` has or matches that name",
            tree.value("keys", name, "models", index),
            help=did_you_mean(text, source.document.models, listing("models", source.document.models)),
        )


def _known(source: Source, path: tuple[str, ...], names: list[str] | None, known: Iterable[str], noun: str) -> None:
    known = list(known)
    for index, name in enumerate(names or ()):
        span = source.tree.value(*path, index)
        if "*" in name:
            source.report.error(
                "misplaced-star",
                f"`{name}`: `{path[-1]}` of a key holds names; only patterns of model names have a `*`",
                span,
                help=f"name each {noun}" + (f": {', '.join(known)}" if known else ""),
            )
        elif name not in known:
            source.report.error(
                f"unknown-{noun}",
                f"unknown {noun} `{name}` in key `{path[1]}`",
                span,
                help=did_you_mean(name, known, listing(f"{noun}s", known)),
            )


def _asked(route: written.Route) -> list[str]:
    wanted = route.when.model
    return [wanted] if isinstance(wanted, str) else wanted or []


def _twice(source: Source, first: Key, digest: bytes, path: tuple[str | int, ...]) -> None:
    at = first.digests.index(digest)
    other: Span | None = source.tree.value("keys", first.name, "hashes", at)
    source.report.error(
        "duplicate-hash",
        f"key `{path[1]}` has a hash that {f'key `{first.name}`' if first.name != path[1] else 'it'} already has",
        source.tree.value(*path),
        help="a hash belongs to one key: remove it here, or mint another with `turnout key new`",
        labels=(Label(other, "first here"),) if other is not None else (),
    )


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True
