"""The `observe` section."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.config.sections.base import Section


class Log(Section, frozen=True, kw_only=True):
    """The log, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="The least that is logged")] = (
        "info"
    )
    format: Annotated[Literal["auto", "text", "json"], Meta(description="auto: text on a terminal, json elsewhere")] = (
        "auto"
    )
    bodies: Annotated[bool, Meta(description="Log request bodies too (they hold users' text), cut at 4 KB")] = False


class Observe(Section, frozen=True, kw_only=True):
    """What Turnout tells about itself."""

    log: Annotated[Log, Meta(description="The log, on standard error")] = Log()
    headers: Annotated[bool, Meta(description="Put x-turnout-* headers on answers")] = True
