"""The `prices` section."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.config.sections.base import Section

DEAREST = 1_000_000
Dollars = Annotated[float, Meta(ge=0, le=DEAREST)]
"""USD per million tokens."""


class Price(Section, frozen=True, kw_only=True):
    """What a model costs, in USD per million tokens."""

    input: Annotated[Dollars, Meta(description="Input that no cache had a part in")]
    output: Annotated[Dollars, Meta(description="Output, reasoning included; 0 for embeddings")]
    cached: Annotated[Dollars | None, Meta(description="Input read from a cache; default: as `input`")] = None
    cache_write: Annotated[Dollars | None, Meta(description="Input written to a cache; default: as `input`")] = None
