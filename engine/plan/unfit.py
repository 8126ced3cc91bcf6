"""What `set`, `unset`, `strip`, `like` and `translation` cannot mean where they stand."""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, Any

from engine.config.places import what
from engine.config.sections.models import Model
from engine.diagnostics import Label
from engine.dialects.messages import families as messages
from engine.dialects.openai import families as openai
from engine.dialects.pattern import matches
from engine.plan.near import did_you_mean, listing
from engine.plan.tuning import merged, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.config.sections.routes import Route
    from engine.diagnostics import Span
    from engine.dialects.codec import Family
    from engine.plan.layers import Layer, Tuning
    from engine.plan.nodes import Entry, Link, Rule
    from engine.plan.references import Models
    from engine.plan.source import Source
    from engine.plan.tuning import Declared, Path
    from engine.upstreams.base import Options

FAMILIES: dict[str, tuple[Family, ...]] = {
    "messages": messages.FAMILIES,
    "chat": openai.FAMILIES,
    "responses": openai.FAMILIES,
}
"""API -> the families of models that are asked in it."""
EXAMPLES = {"messages": "claude-sonnet-4-5", "chat": "gpt-5.5", "responses": "gpt-5.5"}
CLAUDES = ("opus", "sonnet", "haiku")
"""What a `*` inside the names of Claude stands for."""

REQUIRED = {"messages": "max_tokens"}
"""API -> the parameter without which it takes no request, beside what Turnout itself puts in."""


def check_layer(source: Source, path: Path, declared: Declared) -> None:
    """Report what is wrong with what `declared`, which stands at `path`, says of requests."""
    _check_values(source, path, declared)
    _check_overlaps(source, path, declared)
    if isinstance(declared, Model) and declared.like is not None and not is_known(declared.like):
        own, others = _families(source, declared)
        source.report.error(
            "unknown-family",
            f"`{declared.like}` is of no family of models that Turnout knows, so nothing can count as it",
            source.tree.value(*path, "like"),
            help=did_you_mean(declared.like, [*own, *others], listing("families", own or others)),
        )


def check_route(source: Source, index: int, route: Route) -> None:
    """Report what a route says of requests that it does not lead to a model."""
    if route.to is not None or (route.deny is None and route.pass_ is None):
        return
    action, help_ = "denies", "remove it"
    if route.pass_ is not None:
        action, help_ = "passes requests as they are", f"remove it; headers are taken out by `strip` of `{route.pass_}`"
    for key in ("set", "unset", "strip", "translation"):
        if getattr(route, key):
            source.report.error(
                "without-effect",
                f"route `{route.name}` {action}, so `{key}` does nothing",
                source.tree.key("routes", index, key),
                help=help_,
            )


def is_known(model: str, apis: Iterable[str] = FAMILIES) -> bool:
    """Say whether a family of `apis` has a pattern for `model`: not one that takes every name."""
    names = (model, messages.bare(model))
    patterns = [pattern for api in apis for family in FAMILIES[api] for pattern in family.models if pattern.strip("*")]
    return any(matches(pattern, name) for pattern in patterns for name in names)


def _families(source: Source, declared: Model) -> tuple[list[str], list[str]]:
    """Return names that families match: those of the APIs that the targets of an entry speak, and the others."""
    upstreams = source.document.upstreams
    texts = [one if isinstance(one, str) else one.to for one in declared.targets]
    spoken = {api for text in texts if (up := upstreams.get(text.partition("/")[0])) for api in asked_in(up)}
    own = [name for api in FAMILIES if api in spoken for name in _names(FAMILIES[api])]
    return own, [name for api in FAMILIES if api not in spoken for name in _names(FAMILIES[api])]


def _names(families: Iterable[Family]) -> list[str]:
    """Return names that `families` match, one or some for each pattern."""
    stems = [pattern.rstrip("*").rstrip("-") for family in families for pattern in family.models]
    filled = (
        stem.replace("*", word) for stem in stems for word in CLAUDES if "*" not in stem or stem.startswith("claude")
    )
    return list(dict.fromkeys(stem for stem in filled if stem))


def asked_in(upstream: Options) -> list[str]:
    """Return the APIs into which requests are translated for `upstream`: none for one that speaks them all."""
    spoken: list[str] = [api for api in upstream.speaks if api in FAMILIES]
    return spoken if len(spoken) < len(FAMILIES) else []


def check_like(source: Source, models: Models) -> None:
    """Report a `like` that is meant for none of its entry's targets: a family of one API says nothing of another."""
    for entry in models.entries.values():
        like = entry.layer.like
        if like is None or not is_known(like):
            continue
        chain = _chain(models, entry)
        upstreams = [source.document.upstreams[link.upstream] for link in chain[-1].targets if link.upstream]
        spoken = list(dict.fromkeys(api for one in upstreams for api in asked_in(one)))
        if spoken and not is_known(like, spoken):
            apis = " or ".join(spoken)
            source.report.warning(
                "foreign-family",
                f"`{like}` is no model of the {apis} API, in which the targets of `{entry.name}` are asked",
                source.tree.value("models", entry.name, "like"),
                help=f"name one that is, as in `{EXAMPLES[spoken[0]]}`, or remove `like`",
            )


def _check_values(source: Source, path: Path, declared: Declared) -> None:
    for name, value in (declared.set or {}).items():
        for steps in _unsayable(value):
            place = (*path, "set", name, *steps)
            source.report.error(
                "not-json",
                f"{what(place, source.tree)} cannot be sent: JSON has no such value",
                source.tree.value(*place),
                help="write a number of up to 64 bits, text, true, false, null, a list or a mapping",
            )


def _unsayable(value: Any) -> Iterator[Path]:
    """Yield the steps to every value that JSON has no word for."""
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from ((step, *rest) for rest in _unsayable(inner))
    elif (isinstance(value, float) and not math.isfinite(value)) or (
        isinstance(value, int) and not -(2**63) <= value < 2**64
    ):
        yield ()


def _check_overlaps(source: Source, path: Path, declared: Declared) -> None:
    """Report parameters that one place of the file speaks of twice."""
    forced = declared.set or {}
    for one, two in permutations(forced, 2):
        if within(one, two):
            source.report.error(
                "set-twice",
                f"`{one}` is inside `{two}`, which is set as a whole",
                source.tree.key(*path, "set", one),
                help=f"write it into the value of `{two}`",
                labels=_labels(source.tree.key(*path, "set", two), "the whole"),
            )
    for index, name in enumerate(declared.unset or ()):
        whole = next((outer for outer in forced if within(name, outer)), None)
        if whole is not None:
            same = whole == name
            source.report.error(
                "set-and-unset",
                f"`{name}` is both set and unset" if same else f"`{name}` is unset, but `{whole}` is set as a whole",
                source.tree.value(*path, "unset", index),
                help="keep one of them" if same else f"leave it out of the value of `{whole}`",
                labels=_labels(source.tree.key(*path, "set", whole), "set here"),
            )


def _labels(span: Span | None, text: str) -> tuple[Label, ...]:
    return (Label(span, text),) if span is not None else ()


# --- what an API cannot do without ----------------------------------------------------------------------------------


def check_required(source: Source, models: Models, rules: Iterable[Rule], below: Layer) -> None:
    """Report what is unset although an upstream that it leads to takes no request without it.

    `below` is what the defaults say.
    """
    told: set[Span] = set()
    for tuning, upstream in _ways(models, rules, below):
        speaks = source.document.upstreams[upstream].speaks
        for name in (REQUIRED[api] for api in REQUIRED if api in speaks and "chat" not in speaks):
            place = tuning.places.get(("unset", name))
            if name in tuning.unset and place is not None and place not in told:
                told.add(place)
                source.report.error(
                    "unset-required",
                    f"`{name}` cannot be unset: `{upstream}` takes no request without it",
                    place,
                    help=f"force a value instead: `set: {{{name}: 8192}}`; or give `{upstream}` an entry of its own",
                )


def _ways(models: Models, rules: Iterable[Rule], below: Layer) -> Iterator[tuple[Tuning, str]]:
    """Yield every upstream that the file leads to, with what happens to requests on the way."""
    for entry in models.entries.values():
        yield from _to_entry(models, entry, below, ())
    for rule in rules:
        if rule.link is None:
            continue
        for link in (rule.link, *_fallback(models, rule.link)):
            if link.upstream is not None:
                yield merged([below, rule.layer]), link.upstream
            elif link.entry is not None:
                yield from _to_entry(models, models.entries[link.entry], below, (rule.layer,))


def _to_entry(models: Models, entry: Entry, below: Layer, above: tuple[Layer, ...]) -> Iterator[tuple[Tuning, str]]:
    chain = _chain(models, entry)
    tuning = merged([below, *(one.layer for one in reversed(chain)), *above])
    yield from ((tuning, link.upstream) for link in chain[-1].targets if link.upstream is not None)


def _fallback(models: Models, link: Link) -> tuple[Link, ...]:
    chain = _chain(models, models.entries[link.entry]) if link.entry is not None else []
    return next((entry.fallback for entry in chain if entry.fallback), ())


def _chain(models: Models, entry: Entry) -> list[Entry]:
    """Return the entry and what it is an alias of; of a circle, each once."""
    chain = [entry]
    while (link := chain[-1].alias) is not None and link.entry is not None:
        if (following := models.entries[link.entry]) in chain:
            break
        chain.append(following)
    return chain
