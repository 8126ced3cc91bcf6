"""The `state` section."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.config.sections.base import Section
from engine.store.url import REDIS_URL, written_flaw
from engine.units import Duration, Size


class KeptResponses(Section, frozen=True, kw_only=True):
    """The responses that clients of the Responses API may come back to by their id, all keys together."""

    entries: Annotated[int, Meta(ge=0, description="The most responses that are kept; 0: none")] = 1000
    size: Annotated[Size, Meta(description="The most that they may take")] = "64MB"
    ttl: Annotated[Duration, Meta(description="How long each is kept")] = "24h"


class State(Section, frozen=True, kw_only=True):
    """What is kept between requests, and where."""

    kind: Annotated[
        Literal["memory", "redis"],
        Meta(description="memory: in this process. redis: in a Redis or Valkey that several processes share"),
    ] = "memory"
    url: Annotated[
        Annotated[str, Meta(pattern=REDIS_URL, extra={"flaw": written_flaw})] | None,
        Meta(
            description="Where the Redis or Valkey is: redis://host:port, rediss:// (TLS), unix:///path; "
            "env:NAME or file:/path where it holds a password"
        ),
    ] = None
    ca: Annotated[str | None, Meta(description="A PEM file with who signs the certificate of a rediss:// server")] = (
        None
    )
    prefix: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z", description="What the names of all keys begin with, in braces"),
    ] = "turnout"
    on_failure: Annotated[
        Literal["open", "closed"],
        Meta(
            description="While it cannot be reached. open: limits do not apply. closed: requests under limits get 503"
        ),
    ] = "open"
    responses: Annotated[
        KeptResponses,
        Meta(description="Responses that were answered by translation (`store`, `previous_response_id`)"),
    ] = KeptResponses()
