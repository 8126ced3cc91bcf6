"""The `routes` section: conditions compiled, each rule with one action, each reachable (rules R1-R6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.config.sections.routes import When
from engine.diagnostics import Label
from engine.facts import ANONYMOUS
from engine.plan.match import conditions, deep_fields, pattern, shallow
from engine.plan.near import did_you_mean, listing
from engine.plan.never import check_never
from engine.plan.nodes import Rule
from engine.plan.reach import LISTS, check_reach, shadowed
from engine.plan.references import resolve
from engine.plan.tuning import layer
from engine.plan.unfit import check_layer, check_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.config.sections.routes import Route
    from engine.diagnostics import Span
    from engine.facts import Facts
    from engine.plan.match import Condition
    from engine.plan.models import Path
    from engine.plan.references import Models
    from engine.plan.source import Source

CREDENTIAL_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-turnout-key",
        "cookie",
        "sec-websocket-protocol",
    }
)
"""Headers that routing never sees."""
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""RFC 9110: token."""
NOTHING = When()


def compile_rules(source: Source, models: Models) -> tuple[Rule, ...]:
    rules = []
    for index, route in enumerate(source.document.routes):
        _check_name(source, index, route)
        check_when(source, ("routes", index, "when"), route.when)
        is_whole = _check_action(source, index, route)
        check_layer(source, ("routes", index), route)
        check_route(source, index, route)
        if route.pass_ is None or _check_pass(source, index, route):
            check_never(source, index, route)
        span = source.tree.value("routes", index, "to")
        link = resolve(source, models, route.to, span, None) if is_whole and route.to is not None else None
        rules.append(
            Rule(
                name=route.name,
                span=source.tree.value("routes", index, "name"),
                holds=holds(conditions(route.when)),
                may_hold=holds(conditions(shallow(route.when))) if deep_fields(route.when) else None,
                mismatch=mismatch(conditions(route.when)),
                to=route.to,
                deny=(route.deny.status, route.deny.message) if route.deny is not None else None,
                passes=route.pass_,
                link=link,
                layer=layer(source, ("routes", index), route),
            )
        )
    check_reach(source)
    return tuple(rules)


def holds(wanted: tuple[Condition, ...]) -> Callable[[Facts], bool]:
    """Return a function that says whether all of `wanted` hold."""
    tests = tuple(condition.holds for condition in wanted)
    if len(tests) == 1:
        return tests[0]

    def all_hold(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - every request passes here: a generator would cost as much as the tests
            if not test(facts):
                return False
        return True

    return all_hold


def mismatch(wanted: tuple[Condition, ...]) -> Callable[[Facts], str | None]:
    """Return a function that says why `wanted` does not hold, None when it does."""

    def why(facts: Facts) -> str | None:
        for condition in wanted:
            if not condition.holds(facts):
                return condition.why_not(facts)
        return None

    return why


def _check_name(source: Source, index: int, route: Route) -> None:
    for before, other in enumerate(source.document.routes[:index]):
        if other.name == route.name:
            span = source.tree.value("routes", before, "name")
            source.report.error(
                "duplicate-route",
                f"a route before this one is called `{route.name}` too",
                source.tree.value("routes", index, "name"),
                help="logs and headers name the route: give each its own name",
                labels=(Label(span, "first here"),) if span is not None else (),
            )
            return


def _check_action(source: Source, index: int, route: Route) -> bool:
    actions = {"to": route.to, "deny": route.deny, "pass": route.pass_}
    given = [name for name, value in actions.items() if value is not None]
    if len(given) == 1:
        return True
    span = source.tree.key("routes", index, given[1]) if given else source.tree.value("routes", index, "name")
    what = f"has {' and '.join(f'`{name}`' for name in given)}" if given else "has no action"
    source.report.error(
        "route-action",
        f"route `{route.name}` {what}: it needs exactly one of `to`, `deny`, `pass`",
        span,
        help="keep one of them" if given else "add `to: NAME`, `deny: {}` or `pass: UPSTREAM`",
    )
    return False


# --- when -----------------------------------------------------------------------------------------------------------


def check_when(source: Source, path: Path, when: When) -> None:
    """Report the conditions of `when`, which stands at `path`, that cannot be meant."""
    declared = source.document
    _check_known(source, (*path, "key"), when.key, {**declared.keys, ANONYMOUS: None}, "key", "unknown-key-name")
    _check_known(source, (*path, "base"), when.base, declared.bases, "base", "unknown-base")
    for field in LISTS:
        if getattr(when, field) == []:
            _never(source, (*path, field), f"an empty list: `{field}` never holds", "name at least one, or remove it")
    _check_headers(source, (*path, "header"), when.header or {})
    for field in ("input_tokens", "max_tokens"):
        wanted = getattr(when, field)
        if wanted is None:
            continue
        if wanted.min is None and wanted.max is None:
            _never(source, (*path, field), f"`{field}` has neither `min` nor `max`", "give it at least one of them")
        elif wanted.min is not None and wanted.max is not None and wanted.min > wanted.max:
            _never(source, (*path, field), f"`{field}` never holds: min is more than max", "swap them")
    if when.not_ is not None:
        if when.not_ == NOTHING:
            _never(source, (*path, "not"), "`not` without a condition never holds", "give it one, or remove it")
        check_when(source, (*path, "not"), when.not_)


def _check_headers(source: Source, path: Path, headers: dict[str, str | list[str]]) -> None:
    for name, wanted in headers.items():
        if HEADER_NAME.fullmatch(name) is None:
            source.report.error(
                "bad-header",
                f"`{name}` cannot be the name of a header, so no request has it",
                source.tree.key(*path, name),
                help="a name has letters, digits and `-`, as in x-team; values are matched by what stands after it",
            )
        if name.lower() in CREDENTIAL_HEADERS:
            source.report.error(
                "credential-header",
                f"the header `{name}` holds a credential, which routing never sees",
                source.tree.key(*path, name),
                help="use `key:` to tell callers apart",
            )
        if wanted == []:
            _never(source, (*path, name), f"an empty list: `{name}` never holds", "name at least one value")


def _never(source: Source, path: Path, message: str, help_: str) -> None:
    source.report.error("empty-condition", message, source.tree.value(*path), help=help_)


def _check_known(
    source: Source, path: Path, wanted: str | list[str] | None, known: Iterable[str], noun: str, code: str
) -> None:
    known = list(known)
    texts = [wanted] if isinstance(wanted, str) else wanted or []
    for index, text in enumerate(texts):
        if any(pattern(text).match(name) is not None for name in known):
            continue
        source.report.error(
            code,
            f"unknown {noun} `{text}`",
            _item(source, path, wanted, index),
            help=did_you_mean(text, known, listing(f"{noun}s", known)),
        )


def _item(source: Source, path: Path, wanted: object, index: int) -> Span | None:
    return source.tree.value(*path) if isinstance(wanted, str) else source.tree.value(*path, index)


# --- pass -----------------------------------------------------------------------------------------------------------


def _check_pass(source: Source, index: int, route: Route) -> bool:
    """Report what is wrong with where a route passes requests; return whether it keeps off the model endpoints."""
    upstreams = source.document.upstreams
    span = source.tree.value("routes", index, "pass")
    options = upstreams.get(route.pass_ or "")
    if options is None:
        source.report.error(
            "unknown-upstream",
            f"unknown upstream `{route.pass_}`",
            span,
            help=did_you_mean(route.pass_ or "", upstreams, listing("upstreams", upstreams)),
        )
    elif not hasattr(options, "base_url"):
        source.report.error(
            "bad-pass",
            f"`{route.pass_}` is inside Turnout and has no address to pass requests to",
            span,
            help="pass to an upstream with a base_url",
        )
    endpoint = shadowed(route.when)
    if endpoint is not None:
        source.report.error(
            "pass-shadows-api",
            f"route `{route.name}` can match {endpoint}, a model endpoint",
            source.tree.key("routes", index, "pass"),
            help='narrow it: `when: {path: "/v1/images/**"}`',
        )
    return endpoint is None
