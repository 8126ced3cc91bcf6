"""Which family of models a target counts as (rule C6)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from engine.dialects.codec import Codec, Family
    from engine.plan.nodes import Target, Tuning
    from engine.serve.order import Order


def family_of(order: Order, target: Target, tuning: Tuning, codec: Codec, refused: frozenset[str]) -> Family:
    """Return the family of the model of `target`, with what it has refused."""
    host = host_of(getattr(order.options(target), "base_url", ""))
    family: Family = codec.family(tuning.like or target.model, host)
    return msgspec.structs.replace(family, refused=family.refused | refused) if refused else family


@lru_cache(256)
def host_of(base_url: str) -> str:
    """Return the host name of an upstream, in lower case."""
    return urlsplit(base_url).hostname or ""
