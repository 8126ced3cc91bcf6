"""The `state` section."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.config.sections.base import Section
from engine.units import Duration, Size


class KeptResponses(Section, frozen=True, kw_only=True):
    """The responses that clients of the Responses API may come back to by their id, all keys together."""

    entries: Annotated[int, Meta(ge=0, description="The most responses that are kept; 0: none")] = 1000
    size: Annotated[Size, Meta(description="The most that they may take")] = "64MB"
    ttl: Annotated[Duration, Meta(description="How long each is kept")] = "24h"


class State(Section, frozen=True, kw_only=True):
    """What is kept between requests, and where."""

    kind: Annotated[Literal["memory"], Meta(description="Where: in the memory of this process")] = "memory"
    responses: Annotated[
        KeptResponses,
        Meta(description="Responses that were answered by translation (`store`, `previous_response_id`)"),
    ] = KeptResponses()
