"""Who asks, which tier serves, what is cached, and what becomes of the parameters without a counterpart."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.chat import Request
    from engine.dialects.codec import Losses
    from engine.dialects.messages.families import Claude

TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only", "priority": "auto"}

ROUGHLY = frozenset({"prompt_cache_options", "prompt_cache_retention"})
"""Parameters that change what an answer costs at most."""

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
LONGEST_USER = 256


def write_rest(request: Request, family: Claude, losses: Losses) -> dict[str, Any]:
    """Return the fields of the body, and tell what becomes of the parameters that have none."""
    body = write_user(request, family, losses) | write_tier(request, family, losses)
    body |= write_cache(request, family, losses)
    if request.session is not None:
        losses.approximated(request.at("session"), "the Messages API finds its caches without a key")
    for path in request.extra:
        if path in ROUGHLY:
            losses.approximated(path, "no counterpart in the Messages API")
        else:
            losses.dropped(path, "no counterpart in the Messages API")
    return body


def write_user(request: Request, family: Claude, losses: Losses) -> dict[str, Any]:
    """Return metadata.user_id, which must not tell who somebody is: what looks like an e-mail address goes hashed."""
    if request.user is None:
        return {}
    if "metadata" in family.refused:
        losses.dropped(request.at("user"), "this upstream takes none")
        return {}
    if len(request.user) <= LONGEST_USER and EMAIL.search(request.user) is None:  # the search is quadratic
        losses.approximated(request.at("user"), "sent as metadata.user_id")
        return {"metadata": {"user_id": request.user}}
    losses.approximated(request.at("user"), "sent as metadata.user_id, hashed")
    return {"metadata": {"user_id": hashlib.sha256(request.user.encode()).hexdigest()}}


def write_tier(request: Request, family: Claude, losses: Losses) -> dict[str, Any]:
    if request.tier is None:
        return {}
    tier = None if "service_tier" in family.refused else TIERS.get(request.tier)
    if tier is None:
        losses.dropped(request.at("tier"), "no such tier in the Messages API")
        return {}
    if tier != request.tier:
        losses.approximated(request.at("tier"), f"sent as {tier}")
    return {"service_tier": tier}


def write_cache(request: Request, family: Claude, losses: Losses) -> dict[str, Any]:
    if request.cache is None:
        return {}
    if "cache_control" in family.refused:
        losses.dropped(request.at("cache"), "this upstream takes none")
        return {}
    life = {"ttl": request.cache} if request.cache in ("5m", "1h") else {}
    return {"cache_control": {"type": "ephemeral", **life}}
