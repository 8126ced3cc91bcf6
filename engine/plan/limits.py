"""The `limits` section, and where the file names its entries (rules L1-L6)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from engine.config.sections.routes import When
from engine.plan.match import conditions, deep_fields, shallow
from engine.plan.near import did_you_mean, listing
from engine.plan.never import BODY
from engine.plan.nodes import Attached, Limit
from engine.plan.rules import check_when, holds, mismatch
from engine.policies import POLICIES, Budget

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.config.sections import limits as declared
    from engine.plan.models import Path
    from engine.plan.source import Source
    from engine.policies.base import Policy

EARLY = frozenset({"requests", "concurrency"})
"""The policies that can be asked before anything of the body is known."""
NAMED_BY = ("key", "client", *BODY)
"""The conditions that need more than the request line and the headers."""


def compile_limits(source: Source) -> tuple[dict[str, Limit], Attached]:
    """Return every entry of `limits` by name, and where each is named."""
    limits: dict[str, Limit] = {}
    for name, written in source.document.limits.items():
        check_when(source, ("limits", name, "when"), written.when)
        policies = tuple(_policies(source, name, written))
        limits[name] = Limit(
            name=name,
            span=source.tree.key("limits", name),
            policies=policies,
            marks=tuple(_mark(name, written, policy) for policy in policies),
            by=tuple(written.by),
            holds=holds(conditions(written.when)),
            mismatch=mismatch(conditions(written.when)),
            may_hold=holds(conditions(shallow(written.when))),
            deep=(*deep_fields(written.when), *(policy.word for policy in policies if policy.word not in EARLY)),
        )
    return limits, _attached(source, limits)


def _policies(source: Source, name: str, written: declared.Limit) -> Iterator[Policy]:
    found = False
    for policy in POLICIES:
        value = getattr(written, policy.word)
        if value is None:
            continue
        found = True
        yield policy.parse(value)
    if not found:
        words = [policy.word for policy in POLICIES]
        source.report.error(
            "empty-limit",
            f"limit `{name}` limits nothing",
            source.tree.key("limits", name),
            help=f"give it at least one of {', '.join(words)}, such as `requests: 60 per 1m`",
        )


def _mark(name: str, written: declared.Limit, policy: Policy) -> str:
    """Return what begins the keys of a policy's counters: changed settings count afresh (rule L6).

    But what was spent stays spent: a budget counts on whatever its amount is now, and which requests it is for.
    """
    said = [name, written.by, policy.word]
    if isinstance(policy, Budget):
        said.append(policy.period)
    else:
        said += [msgspec.to_builtins(written.when), str(policy)]
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:16]


def _attached(source: Source, limits: dict[str, Limit]) -> Attached:
    document = source.document
    server = _named(source, limits, ("server", "limits"), document.server.limits)

    def section(name: str, entries: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
        named = {one: getattr(entry, "limits", []) for one, entry in entries.items()}
        return {one: _named(source, limits, (name, one, "limits"), names) for one, names in named.items() if names}

    routes = {
        route.name: _named(source, limits, ("routes", index, "limits"), route.limits)
        for index, route in enumerate(document.routes)
        if route.limits
    }
    _check_passes(source, limits, routes)
    return Attached(
        server=tuple(name for name in server if not _is_early(document.limits[name], limits[name])),
        early=tuple(name for name in server if _is_early(document.limits[name], limits[name])),
        bases=section("bases", document.bases),
        keys=section("keys", document.keys),
        routes=routes,
        models=section("models", document.models),
        upstreams=section("upstreams", document.upstreams),
    )


def _named(source: Source, limits: dict[str, Limit], path: Path, names: list[str]) -> tuple[str, ...]:
    """Return the names of a list that are limits; the others are errors."""
    known = []
    for index, name in enumerate(names):
        span = source.tree.value(*path, index)
        if name not in limits:
            source.report.error(
                "unknown-limit",
                f"unknown limit `{name}`",
                span,
                help=did_you_mean(name, limits, listing("limits", limits)),
            )
        elif name in known:
            source.report.warning("listed-twice", f"`{name}` is already in this list", span, help="it counts once")
        else:
            known.append(name)
    return tuple(known)


def _is_early(written: declared.Limit, limit: Limit) -> bool:
    """Say whether a limit is asked before the credential is looked at, so that guessing keys is limited (rule P2)."""
    return (
        limit.by == ("ip",)
        and all(policy.word in EARLY for policy in limit.policies)
        and not any(_mentions(written.when, field) for field in NAMED_BY)
    )


def _mentions(when: When, field: str) -> bool:
    return getattr(when, field) is not None or (when.not_ is not None and _mentions(when.not_, field))


def _check_passes(source: Source, limits: dict[str, Limit], routes: dict[str, tuple[str, ...]]) -> None:
    """Refuse to count tokens or money where nobody reads what is used (rule R6)."""
    for index, route in enumerate(source.document.routes):
        for at, name in enumerate(routes.get(route.name, ())):
            uncounted = [policy.word for policy in limits[name].policies if policy.word not in EARLY]
            if route.pass_ is not None and uncounted:
                source.report.error(
                    "uncounted-pass",
                    f"limit `{name}` counts {' and '.join(uncounted)}, which a `pass` route does not know",
                    source.tree.value("routes", index, "limits", at),
                    help="name a limit of `requests` or `concurrency` here",
                )
