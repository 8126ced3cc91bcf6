"""The `observe` section."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.config.sections.base import Section, stray
from engine.config.sections.server import proxy_flaw
from engine.diagnostics import Flaw
from engine.units import Duration, positive


def no_file(path: str) -> Flaw | None:
    """Return why no file can be called so."""
    if not path or "\0" in path:
        return Flaw("is no name of a file", "name one, such as turnout.db")
    return stray(path)


class Log(Section, frozen=True, kw_only=True):
    """The log, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="The least that is logged")] = (
        "info"
    )
    format: Annotated[Literal["auto", "text", "json"], Meta(description="auto: text on a terminal, json elsewhere")] = (
        "auto"
    )
    bodies: Annotated[bool, Meta(description="Log request bodies too (they hold users' text), cut at 4 KB")] = False
    usage: Annotated[bool, Meta(description="Read the tokens off every answer, and log them")] = False


class Journal(Section, frozen=True, kw_only=True):
    """A row for each request, in a SQLite file: no text of users, no credential."""

    path: Annotated[
        str, Meta(description="The file, relative to this one; it is made if need be", extra={"flaw": no_file})
    ]
    retention: Annotated[Duration, Meta(description="How long rows are kept", extra={"flaw": positive})] = "30d"


class Observe(Section, frozen=True, kw_only=True):
    """What Turnout tells about itself."""

    log: Annotated[Log, Meta(description="The log, on standard error")] = Log()
    journal: Annotated[
        Journal | None, Meta(description="A row for each request, for `turnout usage` and for budgets")
    ] = None
    metrics: Annotated[bool, Meta(description="Serve /metrics, for Prometheus")] = False
    allow: Annotated[
        list[Annotated[str, Meta(extra={"flaw": proxy_flaw})]],
        Meta(description="Who may read /metrics and /status: addresses and networks; `unix:` is the unix socket"),
    ] = msgspec.field(default_factory=lambda: ["127.0.0.0/8", "::1", "unix:"])
    headers: Annotated[bool, Meta(description="Put x-turnout-* headers on answers")] = True
