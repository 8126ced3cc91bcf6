"""The `models` section: entries with their references resolved, patterns in order (rules N2-N4, K4)."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from engine.config.sections import models as sections
from engine.diagnostics import Label
from engine.plan.match import pattern
from engine.plan.nodes import Entry, Link
from engine.plan.references import Models, resolve
from engine.plan.tuning import layer
from engine.plan.unfit import check_layer
from engine.units import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.plan.source import Source

    Path: TypeAlias = tuple[str | int, ...]


def compile_models(source: Source) -> Models:
    """Return every entry with its references resolved."""
    bare = _models({name: _entry(source, name, declared) for name, declared in source.document.models.items()})
    for name in bare.entries:
        _check_name(source, name)
    _check_ambiguous(source, bare)
    models = _models({name: _linked(source, bare, entry) for name, entry in bare.entries.items()})
    _check_cycles(source, models)
    _check_auth(source, models)
    return models


# --- entries --------------------------------------------------------------------------------------------------------


def _entry(source: Source, name: str, declared: str | sections.Model) -> Entry:
    """Return the entry without its links: enough to be looked up."""
    defaults = source.document.defaults.model
    model = sections.Model(targets=[declared]) if isinstance(declared, str) else declared
    check_layer(source, ("models", name), model)
    given = {
        "fallback": bool(model.fallback),
        "retries": model.retries is not None,
        "fallback_on": model.fallback_on is not None,
        "hold": model.hold is not None,
        "balance": model.balance is not None,
        "sticky": model.sticky is not None,
    }
    return Entry(
        name=name,
        span=source.tree.key("models", name),
        pattern=pattern(name),
        targets=(),
        retries=defaults.retries if model.retries is None else model.retries,
        fallback_on=frozenset(defaults.fallback_on if model.fallback_on is None else model.fallback_on),
        hold=seconds(model.hold or defaults.hold),
        balance=model.balance or defaults.balance,
        sticky=(model.sticky or defaults.sticky) == "session",
        listed=tuple(model.listed),
        own=frozenset(setting for setting, is_given in given.items() if is_given),
        layer=layer(source, ("models", name), model),
        limits=tuple(model.limits),
    )


def _models(entries: dict[str, Entry]) -> Models:
    starred = [entry for entry in entries.values() if entry.pattern.stars]
    return Models(entries=entries, patterns=tuple(sorted(starred, key=lambda entry: -entry.pattern.literals)))


def _linked(source: Source, models: Models, entry: Entry) -> Entry:
    declared = source.document.models[entry.name]
    if isinstance(declared, str):
        return msgspec.structs.replace(entry, targets=_links(source, models, [declared], ("models", entry.name), entry))
    path: Path = ("models", entry.name, "targets")
    if not declared.targets:
        source.report.error(
            "empty-targets",
            f"entry `{entry.name}` has no target",
            source.tree.key(*path),
            help="name at least one upstream/model, or another entry",
        )
    _check_listed(source, entry)
    targets = _links(source, models, declared.targets, path, entry)
    fallback = _links(source, models, declared.fallback, ("models", entry.name, "fallback"), entry)
    for index, link in enumerate(targets):
        if link.entry is not None and len(declared.targets) > 1:
            source.report.error(
                "alias-among-targets",
                f"`{link.text.text}` is an entry: `targets` holds upstream/model, or one entry alone (an alias)",
                link.span or source.tree.value(*path, index),
                help=f"move it to `fallback: [{link.text.text}]`, or list its targets here",
            )
    return msgspec.structs.replace(entry, targets=targets, fallback=fallback)


def _links(
    source: Source, models: Models, declared: Sequence[str | sections.Target], path: Path, owner: Entry
) -> tuple[Link, ...]:
    found = []
    short = isinstance(source.document.models[owner.name], str)
    texts = [one if isinstance(one, str) else one.to for one in declared]
    for index, (one, text) in enumerate(zip(declared, texts, strict=True)):
        long = () if isinstance(one, str) else ("to",)
        span = source.tree.value(*path) if short else source.tree.value(*path, index, *long)
        if text in texts[:index]:
            source.report.error(
                "duplicate-target", f"`{text}` is already in this list", span, help="each is tried once; see `retries`"
            )
            continue
        if text == owner.name and path[-1] == "fallback":
            source.report.error("cycle", f"`{text}` falls back on itself", span, help="remove it; see `retries`")
            continue
        link = resolve(source, models, text, span, owner)
        if link is not None:
            weight = None if isinstance(one, str) else one.weight
            found.append(msgspec.structs.replace(link, weight=weight))
    return tuple(found)


# --- the section as a whole -----------------------------------------------------------------------------------------


def _check_name(source: Source, name: str) -> None:
    if not name or name != name.strip():
        source.report.error(
            "bad-name",
            f"`{name}` cannot be asked for: names are compared without the space around them",
            source.tree.key("models", name),
            help="write the name as clients send it",
        )


def _check_ambiguous(source: Source, models: Models) -> None:
    for one, two in combinations(models.patterns, 2):
        if one.pattern.literals == two.pattern.literals and one.pattern.overlaps(two.pattern):
            source.report.error(
                "ambiguous-patterns",
                f"`{two.name}` and `{one.name}` can match the same name, and neither is more specific",
                two.span,
                help="make one of them longer, or add the names in question as entries of their own",
                labels=(Label(one.span, f"`{one.name}` is here"),) if one.span is not None else (),
            )


def _check_listed(source: Source, entry: Entry) -> None:
    if entry.listed and not entry.pattern.stars:
        source.report.error(
            "list-without-star",
            f"`list` is for names with a `*`; `{entry.name}` is shown by itself",
            source.tree.key("models", entry.name, "list"),
            help="remove `list`",
        )
        return
    for index, name in enumerate(entry.listed):
        if "*" in name or entry.pattern.match(name) is None:
            source.report.error(
                "list-mismatch",
                f"`{name}` is no name that `{entry.name}` matches",
                source.tree.value("models", entry.name, "list", index),
                help="list whole names that clients can ask for",
            )
        elif name in entry.listed[:index]:
            source.report.warning(
                "listed-twice",
                f"`{name}` is already in this list",
                source.tree.value("models", entry.name, "list", index),
                help="remove it: /v1/models shows each name once",
            )


def _check_cycles(source: Source, models: Models) -> None:
    """Report each circle of aliases once, where its first entry in the file stands."""
    done: set[str] = set()
    for start in models.entries:
        course: list[str] = []
        at: str | None = start
        while at is not None and at not in done and at not in course:
            course.append(at)
            alias = models.entries[at].alias
            at = alias.entry if alias is not None else None
        if at is not None and at in course:
            circle = [*course[course.index(at) :], at]
            alias = models.entries[at].alias
            source.report.error(
                "cycle",
                f"`{at}` leads back to itself: {' -> '.join(circle)}",
                alias.span if alias is not None else None,
                help="let one of them name an upstream/model",
            )
        done.update(course)


def _check_auth(source: Source, models: Models) -> None:
    """Refuse entries that mix `auth: forward` upstreams with others unless they say so (rule K4)."""
    for entry in models.entries.values():
        declared = source.document.models[entry.name]
        if isinstance(declared, sections.Model) and declared.allow_mixed_auth:
            continue
        reached = _upstreams(models, entry, set())
        for link in entry.fallback:
            reached |= {link.upstream} if link.upstream else _upstreams(models, models.entries[link.entry or ""], set())
        kinds = {name: getattr(source.document.upstreams[name], "auth", "key") == "forward" for name in reached if name}
        if len(set(kinds.values())) > 1:
            forward = sorted(name for name, is_forward in kinds.items() if is_forward)
            others = sorted(name for name, is_forward in kinds.items() if not is_forward)
            source.report.error(
                "mixed-auth",
                f"`{entry.name}` goes on the client's own credential to {', '.join(forward)}, "
                f"but on the operator's to {', '.join(others)}",
                entry.span,
                help="split the entry, or write `allow_mixed_auth: true` if both may pay",
            )


def _upstreams(models: Models, entry: Entry, seen: set[str]) -> set[str | None]:
    """Return the upstreams of an entry's targets, through its aliases."""
    if entry.name in seen:
        return set()
    if entry.alias is not None:
        return _upstreams(models, models.entries[entry.alias.entry or ""], seen | {entry.name})
    return {link.upstream for link in entry.targets}
