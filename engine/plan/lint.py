"""What is not wrong but probably not meant: warnings on a plan that compiles (rule C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.facts import ANONYMOUS
from engine.plan.breaks import check_breaks
from engine.plan.match import listed, pattern
from engine.plan.near import did_you_mean, listing
from engine.plan.prices import check_prices
from engine.plan.route import asked_name
from engine.plan.server import is_anyone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.config.sections.routes import When
    from engine.plan.match import Pattern
    from engine.plan.nodes import Entry, Key, Link, Plan, Rule
    from engine.plan.source import Source

LOOPBACK = ("127.", "localhost:", "[::1]:", "unix:")
ASKED = ("model", "api", "path", "method", "stream", "tools", "images", "thinking", "input_tokens", "max_tokens")
"""The conditions on what is asked, not on who asks."""


def lint(plan: Plan, source: Source) -> None:
    """Report every warning of the graph layer."""
    for check in CHECKS:
        check(plan, source)


def _upstreams(plan: Plan, source: Source) -> None:
    if not plan.upstreams:
        source.report.warning(
            "no-upstream",
            "the file declares no upstream, so nothing can answer",
            source.tree.key("upstreams"),
            help="add one: `upstreams: {demo: {kind: echo, demo: true}}`",
        )
    used = {link.upstream for link in _links(plan)} | {rule.passes for rule in plan.rules}
    for name, upstream in plan.upstreams.items():
        if name not in used and not upstream.demo:
            source.report.warning(
                "unused-upstream",
                f"nothing leads to upstream `{name}`",
                upstream.span,
                help=f"name `{name}/MODEL` in `models`, or remove it",
            )


def _strangers(plan: Plan, source: Source) -> None:
    listen = plan.document.server.listen.lower()
    anonymous = plan.keys.get(ANONYMOUS)
    if anonymous is None or not anonymous.enabled or anonymous.models == () or listen.startswith(LOOPBACK):
        return
    source.report.warning(
        "open-to-strangers",
        f"everyone who reaches {plan.document.server.listen} may call without a key",
        anonymous.span,
        help="remove `anonymous` and mint keys (`turnout key new`), or listen on 127.0.0.1",
    )


def _pages(plan: Plan, source: Source) -> None:
    """Report origins that let every web page spend what anonymous callers may, on loopback too."""
    anonymous = plan.keys.get(ANONYMOUS)
    if anonymous is None or not anonymous.enabled or anonymous.models == ():
        return
    for index, (text, origin) in enumerate(zip(source.document.server.cors.origins, plan.origins, strict=True)):
        if is_anyone(origin):
            source.report.warning(
                "open-to-pages",
                f"with `{text}`, every web page that a user here opens may call without a key",
                source.tree.value("server", "cors", "origins", index),
                help="list the origins that may call, or remove `anonymous` and mint keys (`turnout key new`)",
            )


def _callers(plan: Plan, source: Source) -> None:
    if not plan.keys:
        source.report.warning(
            "no-key",
            "the file declares no key, so every request is refused",
            source.tree.key("keys"),
            help="add `keys: {anonymous: {}}`, or a key from `turnout key new`",
        )
    elif not any(key.enabled for key in plan.keys.values()):
        source.report.warning(
            "no-key",
            "every key is disabled, so every request is refused",
            source.tree.key("keys"),
            help="remove `enabled: false` from one, or add a key from `turnout key new`",
        )
    for name, key in plan.keys.items():
        if name != ANONYMOUS and key.enabled and not key.digests:
            source.report.warning(
                "key-without-hash",
                f"nobody can present the key `{name}`: it has no hash",
                key.span,
                help=f"mint one: `turnout key new {name}`",
            )


def _untaken(plan: Plan, source: Source) -> None:
    """Report `pass` routes that no key may take: every key must name them (rule R6)."""
    keys = [key for key in plan.keys.values() if key.enabled]
    for index, rule in enumerate(plan.rules):
        if rule.passes is not None and keys and not any(rule.name in (key.routes or ()) for key in keys):
            caller = ANONYMOUS if ANONYMOUS in plan.keys else keys[0].name
            source.report.warning(
                "pass-without-key",
                f"no key may take route `{rule.name}`: a `pass` route is only for keys that name it",
                source.tree.key("routes", index, "pass"),
                help=f"add it to a key: `{caller}: {{routes: [{', '.join([*_taken(plan, caller), rule.name])}]}}`",
            )


def _idle(plan: Plan, source: Source) -> None:
    """Report patterns of a key's `models` that no name of the file matches."""
    asked = [pattern(text) for route in source.document.routes for text in listed(route.when.model or [])]
    names = [*(entry.pattern for entry in plan.entries.values()), *asked]
    for name, key in plan.keys.items():
        for index, allowed in enumerate(key.patterns or ()):
            if allowed.stars and not any(allowed.overlaps(each) for each in names):
                source.report.warning(
                    "matches-nothing",
                    f"key `{name}` may use `{allowed.text}`, but no entry of `models` has such a name",
                    source.tree.value("keys", name, "models", index),
                    help=did_you_mean(allowed.text, plan.entries, listing("models", plan.entries)),
                )


def _taken(plan: Plan, key: str) -> tuple[str, ...]:
    """Return the routes that a key's `routes` must go on naming once it names one: absent, it may take any other."""
    named = plan.keys[key].routes
    if named is not None:
        return named
    return tuple(rule.name for rule in plan.rules if rule.passes is None and rule.deny is None)


def _suffixes(plan: Plan, source: Source) -> None:
    """Report names that end in what is cut from every asked name (rule P3)."""
    for name, entry in plan.entries.items():
        bare, suffix = asked_name(name)
        if suffix is not None:
            source.report.warning(
                "name-with-suffix",
                f"`{name}` is never asked for: `{suffix}` is cut from names before they are looked up",
                entry.span,
                help=f"write `{bare}`; targets may end in `{suffix}`",
            )


def _unasked(plan: Plan, source: Source) -> None:
    """Report entries that no key may ask for and nothing else leads to."""
    keys = [key for key in plan.keys.values() if key.enabled]
    led_to = {link.entry for link in _links(plan)}
    for name, entry in plan.entries.items():
        if keys and name not in led_to and not any(_may_reach(key, entry.pattern) for key in keys):
            source.report.warning(
                "model-no-key-may-use",
                f"no key may ask for `{name}`",
                entry.span,
                help="add it to a key's `models`, or remove it",
            )


def _widening(plan: Plan, source: Source) -> None:
    """Report routes that lead a key to an entry it may not ask for (rule R4)."""
    for index, rule in enumerate(plan.rules):
        if rule.link is None or rule.link.entry is None:
            continue
        entry = plan.entries[rule.link.entry]
        for key in plan.keys.values():
            if key.patterns and not key.may_ask(rule.link.text.text) and _may_match(plan, index, key):
                source.report.warning(
                    "route-widens-key",
                    f"route `{rule.name}` leads key `{key.name}` to `{entry.name}`, which it may not ask for",
                    source.tree.value("routes", index, "to"),
                    help="fine if meant: permission is asked for the name that was asked",
                )


def _unpriced(plan: Plan, source: Source) -> None:
    """Report prices of nothing that the file leads to."""
    check_prices(plan.prices, [link.text for link in _links(plan) if link.upstream is not None], source)


def _claims(plan: Plan, source: Source) -> None:  # noqa: ARG001 - the file says it all
    """Report routes that refuse by nothing but what a caller says of itself.

    Who lets one client through and refuses the others guards what is behind: that takes a key. Who refuses one client
    what does not work with it (`api`, `tools` ...) guards nothing.
    """
    for index, route in enumerate(source.document.routes):
        when = route.when
        place = _claim(when, ("when",))
        if route.deny is None or place is None or _is_keyed(when):
            continue
        lets_in = place.count("not") % 2 == 1
        if not lets_in and _mentions(when, ASKED):
            continue
        source.report.warning(
            "client-is-a-claim",
            f"route `{route.name}` refuses by nothing but `client`, which is what a caller says of itself",
            source.tree.key("routes", index, *place),
            help=f"anybody can claim {'it' if lets_in else 'to be another'}; to keep somebody out, add `key`",
        )


def _claim(when: When, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return where a `client` is asked for; under `not` first."""
    under = _claim(when.not_, (*path, "not")) if when.not_ is not None else None
    return under or ((*path, "client") if when.client is not None else None)


def _mentions(when: When, fields: tuple[str, ...]) -> bool:
    """Say whether any of `fields` is a condition, here or under `not`."""
    here = any(getattr(when, field) is not None for field in fields)
    return here or (when.not_ is not None and _mentions(when.not_, fields))


def _is_keyed(when: When) -> bool:
    """Say whether a key that somebody was given is a condition, here or under `not`."""
    keys = listed(when.key or [])
    here = bool(keys) and not any(pattern(text).match(ANONYMOUS) is not None for text in keys)
    return here or (when.not_ is not None and _is_keyed(when.not_))


def _may_match(plan: Plan, index: int, key: Key) -> bool:
    """Say whether a request of `key` for a name it may ask can match the rule."""
    rule: Rule = plan.rules[index]
    when = plan.document.routes[index].when
    if key.routes is not None and rule.name not in key.routes:
        return False
    if when.key is not None and not any(pattern(text).match(key.name) is not None for text in listed(when.key)):
        return False
    return when.model is None or any(_may_reach(key, pattern(text)) for text in listed(when.model))


def _may_reach(key: Key, names: Pattern) -> bool:
    return key.patterns is None or any(allowed.overlaps(names) for allowed in key.patterns)


def _links(plan: Plan) -> Iterator[Link]:
    entry: Entry
    for entry in plan.entries.values():
        yield from entry.targets
        yield from entry.fallback
    for rule in plan.rules:
        if rule.link is not None:
            yield rule.link


def _unlimiting(plan: Plan, source: Source) -> None:
    """Report limits that are named nowhere."""
    attached = plan.attached
    named = {*attached.server, *attached.early}
    for section in (attached.bases, attached.keys, attached.routes, attached.models, attached.upstreams):
        named |= {name for names in section.values() for name in names}
    for name, limit in plan.limits.items():
        if name not in named:
            source.report.warning(
                "unused-limit",
                f"limit `{name}` limits nothing: no `limits` names it",
                limit.span,
                help=f"name it where it is to count, such as `server: {{limits: [{name}]}}`, or remove it",
            )


CHECKS = (
    _upstreams,
    _strangers,
    _pages,
    _callers,
    _untaken,
    _idle,
    _suffixes,
    _unasked,
    _widening,
    _claims,
    _unpriced,
    _unlimiting,
    check_breaks,
)
"""In the order in which they are reported."""
