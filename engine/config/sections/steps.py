"""The steps of a conversation that an entry, a route or the defaults may declare."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from engine.config.sections.base import Section, Word
from engine.units import Duration, positive

Place = Literal["before", "after", "replace"]


class Output(Section, frozen=True, kw_only=True):
    """What the answer must be."""

    schema: Annotated[
        Word | dict[str, Any], Meta(description="A JSON Schema: as it is, or the path of a file relative to this one")
    ]
    retries: Annotated[
        int, Meta(ge=0, le=8, description="How often an answer that does not satisfy it is asked for again")
    ] = 2


class Memory(Section, frozen=True, kw_only=True):
    """What is remembered of a session: exactly one of `messages` and `tokens`."""

    messages: Annotated[
        Annotated[int, Meta(ge=2, le=10000)] | None, Meta(description="At most so many of the last messages")
    ] = None
    tokens: Annotated[
        Annotated[int, Meta(ge=16)] | None, Meta(description="As many of the last messages as have so many tokens")
    ] = None
    summary: Annotated[
        Word | None,
        Meta(description="An entry of `models` that sums up what is left out; the summary joins the system prompt"),
    ] = None
    ttl: Annotated[
        Duration, Meta(description="How long a session is remembered after its last turn", extra={"flaw": positive})
    ] = "1d"


class Prompt(Section, frozen=True, kw_only=True):
    """A template that becomes a part of the system prompt."""

    template: Annotated[Word, Meta(description="Its path, relative to the file that names it")]
    place: Annotated[
        Place, Meta(description="Where it stands: before or after what the client says, or in place of it")
    ] = "before"
    vars: Annotated[
        dict[str, Any],
        Meta(description="Names that the template may use beside model, key, client, api, route, base and date"),
    ] = {}
