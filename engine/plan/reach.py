"""Which requests a route can ever get: model endpoints under a `pass`, and what earlier routes leave over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.diagnostics import Label
from engine.plan.match import path_matches, pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.config.sections.routes import Range, Route, When
    from engine.plan.source import Source

MODEL_PATHS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/embeddings": "embeddings",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/responses": "responses",
    "/v1/responses/input_tokens": "input_tokens",
    "/v1/realtime": "realtime",
}
"""The model endpoints, and the word `when.api` has for them."""
METHODS = {"realtime": "GET"}
"""How the model endpoints are asked that are not by POST."""

LISTS = ("model", "key", "client", "api", "base", "path", "method")
"""The conditions that are one pattern or any of several."""

FREE = (
    "model",
    "key",
    "client",
    "base",
    "header",
    "stream",
    "tools",
    "images",
    "thinking",
    "input_tokens",
    "max_tokens",
)
"""The conditions that say nothing of the endpoint."""


def shadowed(when: When) -> str | None:
    """Return a model endpoint whose requests `when` can match, None if there is none."""
    named = frozenset() if when.path is None else frozenset(_texts(when.path))
    for path, api in MODEL_PATHS.items():
        # what else is asked by GET may well lie beside the one endpoint that is, which comes first
        if possible(when, path, api) is not False and (api not in METHODS or path in named):
            return path
    return None


def check_reach(source: Source) -> None:
    """Report routes that no request can reach (error), and any-of members that none can (warning)."""
    routes = source.document.routes
    for index, route in enumerate(routes):
        # `to` takes model requests only, so it leaves other paths over for `pass` and for `deny` by path
        beyond = route.pass_ is not None or (route.to is None and route.when.path is not None)
        earlier = [other for other in routes[:index] if other.pass_ is None and not (beyond and other.to is not None)]
        whole = next((other for other in earlier if covers(other.when, route.when)), None)
        if whole is not None:
            _unreachable(source, index, whole)
            continue
        for field in LISTS:
            _check_members(source, index, earlier, field)


def _check_members(source: Source, index: int, earlier: list[Route], field: str) -> None:
    route = source.document.routes[index]
    members = getattr(route.when, field)
    if not isinstance(members, list) or len(members) < 2:
        return
    taken: dict[int, Route] = {}
    for at, member in enumerate(members):
        narrow = msgspec.structs.replace(route.when, **{field: member})
        first = next((other for other in earlier if covers(other.when, narrow)), None)
        if first is not None:
            taken[at] = first
    if len(taken) == len(members):
        _unreachable(source, index, taken[0])
        return
    for at, other in taken.items():
        source.report.warning(
            "shadowed-partly",
            f"`{members[at]}` never reaches route `{route.name}`: route `{other.name}` takes it first",
            source.tree.value("routes", index, "when", field, at),
            help="remove it here, or move this route up",
        )


def _unreachable(source: Source, index: int, other: Route) -> None:
    route = source.document.routes[index]
    at = source.document.routes.index(other)
    span = source.tree.value("routes", at, "name")
    source.report.error(
        "unreachable",
        f"no request reaches route `{route.name}`: `{other.name}` takes all of them first",
        source.tree.value("routes", index, "name"),
        help="move it up: the first route that matches decides",
        labels=(Label(span, f"`{other.name}` is here"),) if span is not None else (),
    )


# --- what a `when` implies ------------------------------------------------------------------------------------------


def covers(wide: When, narrow: When) -> bool:
    """Say whether every request that `narrow` matches surely is one that `wide` matches."""
    for field in LISTS:
        if not _list_covers(field, getattr(wide, field), getattr(narrow, field)):
            return False
    for name, wanted in (wide.header or {}).items():
        theirs = {key.lower(): value for key, value in (narrow.header or {}).items()}
        if not _list_covers("header", wanted, theirs.get(name.lower())):
            return False
    for field in ("stream", "tools", "images", "thinking"):
        if getattr(wide, field) is not None and getattr(wide, field) != getattr(narrow, field):
            return False
    if not all(_range_covers(getattr(wide, field), getattr(narrow, field)) for field in ("input_tokens", "max_tokens")):
        return False
    return wide.not_ is None or wide.not_ == narrow.not_


def _list_covers(field: str, wide: str | list[str] | None, narrow: str | list[str] | None) -> bool:
    if wide is None:
        return True
    if narrow is None:
        return False
    return all(any(_text_covers(field, one, other) for one in _texts(wide)) for other in _texts(narrow))


def _text_covers(field: str, wide: str, narrow: str) -> bool:
    if field == "path":
        return wide == narrow or ("*" not in narrow and path_matches(wide, narrow))
    if field == "method":
        return pattern(wide.upper()).covers(pattern(narrow.upper()))
    return pattern(wide).covers(pattern(narrow))


def _range_covers(wide: Range | None, narrow: Range | None) -> bool:
    if wide is None:
        return True
    if narrow is None:
        return False
    above = wide.min is None or (narrow.min is not None and narrow.min >= wide.min)
    below = wide.max is None or (narrow.max is not None and narrow.max <= wide.max)
    return above and below


def _texts(wanted: str | list[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else wanted


# --- what a `when` can match ----------------------------------------------------------------------------------------


def possible(when: When, path: str, api: str) -> bool | None:
    """Say whether `when` holds for a request to the endpoint `path`: False never, True always, None for some."""
    certain: list[bool | None] = []
    if when.path is not None:
        certain.append(any(path_matches(text, path) for text in _texts(when.path)))
    if when.api is not None:
        certain.append(_any(when.api, api))
    if when.method is not None:
        certain.append(_any([text.upper() for text in _texts(when.method)], METHODS.get(api, "POST")))
    if any(getattr(when, field) is not None for field in FREE):
        certain.append(None)
    if when.not_ is not None:
        inner = possible(when.not_, path, api)
        certain.append(None if inner is None else not inner)
    if False in certain:
        return False
    return None if None in certain else True


def _any(wanted: str | Iterable[str], value: str) -> bool:
    texts = [wanted] if isinstance(wanted, str) else wanted
    return any(pattern(text).match(value) is not None for text in texts)
