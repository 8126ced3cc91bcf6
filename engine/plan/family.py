"""Which family of models a target counts as (rule C6)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from engine.dialects.codec import Codec
    from engine.plan.layers import Tuning
    from engine.plan.nodes import Plan, Target

NONE: frozenset[str] = frozenset()


def family_of(plan: Plan, target: Target, tuning: Tuning, codec: Codec, refused: frozenset[str] = NONE) -> Any:
    """Return the family of the model of `target`, of the codec's own type, with what the model has refused."""
    host = host_of(getattr(plan.upstreams[target.upstream].options, "base_url", ""))
    family = codec.family(tuning.like or target.model, host)
    return msgspec.structs.replace(family, refused=family.refused | refused) if refused else family


@lru_cache(256)
def host_of(base_url: str) -> str:
    """Return the host name of an upstream, in lower case."""
    return urlsplit(base_url).hostname or ""
