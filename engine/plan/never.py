"""Routes that no request can match whatever stands before them, and why (rules P1, R3, R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.config.sections.routes import When
from engine.plan.match import pattern
from engine.plan.reach import MODEL_PATHS, possible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.config.sections.routes import Route
    from engine.plan.models import Path
    from engine.plan.source import Source

BODY = ("model", "api", "stream", "tools", "images", "thinking", "input_tokens", "max_tokens")
"""Conditions on what the body of a model request says."""
OWN = ("/health", "/ready", "/openapi.json", "/v1/models")
"""Paths that Turnout answers itself, without asking the routes (rule R3)."""


class Never(NamedTuple):
    """Why a condition never holds, and what to do."""

    why: str
    help: str


def check_never(source: Source, index: int, route: Route) -> None:
    """Report the conditions of a route that no request fulfils."""
    path: Path = ("routes", index, "when")
    wrong = list(_paths(source, path, route.when))
    for where, text, never in wrong:
        span = source.tree.value(*where)
        source.report.error("unreachable", f"no route is asked for `{text}`: {never.why}", span, help=never.help)
    if wrong:
        return
    if route.pass_ is not None:
        for field in BODY:
            if needs_body(field, getattr(route.when, field)):
                source.report.error(
                    "unreachable",
                    f"route `{route.name}` never matches: `pass` reads no body, so `{field}` does not hold",
                    source.tree.key(*path, field),
                    help="match by path, method, header, key or base",
                )
        return
    if route.when.not_ == When() or any(getattr(route.when, field) == [] for field in ("path", "method", "api")):
        return  # an empty condition is a finding of its own
    bound = route.to is not None or any(needs_body(field, getattr(route.when, field)) for field in BODY)
    if bound and all(possible(route.when, endpoint, api) is False for endpoint, api in MODEL_PATHS.items()):
        field, never = _excluded(route.when)
        source.report.error(
            "unreachable",
            f"route `{route.name}` never matches: {never.why}",
            source.tree.key(*path, field),
            help=never.help,
        )


def needs_body(field: str, wanted: object) -> bool:
    """Say whether a condition only holds for a request whose body was read as a model request."""
    if field == "input_tokens":
        return getattr(wanted, "min", None) is not None
    return wanted is not None and wanted is not False


def _excluded(when: When) -> tuple[str, Never]:
    """Return which condition keeps every model request out, and how."""
    known = ", ".join(MODEL_PATHS)
    found = {
        "path": Never("its path is no model endpoint", f"they are {known}; only `pass` and `deny` take other paths"),
        "method": Never("model requests are POST, and GET for realtime", "remove `method`"),
        "not": Never("`not` excludes every model request", "narrow what stands under `not`"),
    }
    for field, never in found.items():
        attribute = "not_" if field == "not" else field
        alone = When(**{attribute: getattr(when, attribute)})
        if all(possible(alone, endpoint, api) is False for endpoint, api in MODEL_PATHS.items()):
            return field, never
    field = "api" if when.api is not None else "path"
    return field, Never(f"no request fulfils `{field}` and its other conditions at once", f"the endpoints are {known}")


# --- paths ----------------------------------------------------------------------------------------------------------


def _paths(source: Source, path: Path, when: When, *, negated: bool = False) -> Iterator[tuple[Path, str, Never]]:
    """Yield (place, pattern, why) for every path of `when`, and of what stands under `not`, that is never asked."""
    texts = [when.path] if isinstance(when.path, str) else when.path or []
    bases = {name: base.prefix for name, base in source.document.bases.items()}
    for at, text in enumerate(texts):
        never = _unwritable(text) or _cut(text, bases) or (None if negated else own(text, based=when.base is not None))
        if never is not None:
            yield ((*path, "path") if isinstance(when.path, str) else (*path, "path", at)), text, never
    if when.not_ is not None:
        yield from _paths(source, (*path, "not"), when.not_, negated=True)


def _unwritable(text: str) -> Never | None:
    """Say why no canonical path looks like `text` (rule P1)."""
    segments = text.split("/")
    bare = text.partition("?")[0].partition("#")[0]
    if bare != text:
        return Never("the query is no part of the path", f"write `{bare}`")
    if "\\" in text or "\0" in text:
        return Never("a backslash in a path is refused", "write slashes")
    if "." in segments or ".." in segments:
        return Never("dot segments are refused", "write the path as it is meant")
    if segments[0] != "**" and pattern(segments[0]).match("") is None:
        return Never("every path begins with a slash", f"write `/{text}`")
    if "//" in text:
        return Never("`//` is read as `/`", "write one slash")
    return None


def _cut(text: str, bases: Mapping[str, str]) -> Never | None:
    """Say what is cut from, or added to, a path before routes see it."""
    for name, prefix in bases.items():
        if text == prefix or text.startswith(prefix + "/"):
            rest = text.removeprefix(prefix) or "/"
            return Never(f"the prefix of base `{name}` is cut off before", f"write `{rest}`, and `base: {name}`")
    if text.startswith("/v1/v1/"):
        return Never("`/v1/v1/` is read as `/v1/`", f"write `{text.removeprefix('/v1')}`")
    if f"/v1{text}" in MODEL_PATHS:
        return Never("its missing `/v1` is added before", f"write `/v1{text}`")
    return None


def own(text: str, *, based: bool) -> Never | None:
    """Say which of Turnout's own answers stands at `text`; `based`: under a base, where /health is like any other."""
    if text == "/v1/models" or text.startswith("/v1/models/"):
        return Never("Turnout answers it itself", "`keys.NAME.models` says which names a caller is shown")
    if text in OWN and not based:
        return Never("Turnout answers it itself", "remove it")
    return None
