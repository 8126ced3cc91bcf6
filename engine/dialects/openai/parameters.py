"""The parameters that both APIs take, under the same names or nearly.

Protocol facts: openai 3.54 (types/chat/completion_create_params.py, types/responses/response_create_params.py); what
each family takes: families.py.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine.chat import Response, Stop, Usage
from engine.dialects.window import left

if TYPE_CHECKING:
    from engine.chat import Effort
    from engine.dialects.openai.draft import Draft, Json

LEARNED_LIMIT = "max_output="
"""How a limit of the answer's length that an upstream named begins in `Family.refused`."""

TIERS = {
    "standard_only": "default",
    **{word: word for word in ("auto", "default", "flex", "scale", "priority", "fast")},
}
"""service_tier -> the word that means the same here."""

DEFAULTS = {"temperature": 1, "top_p": 1, "service_tier": "auto"}
"""Parameters with the value that every model has anyway."""

USER_LIMIT = 128
KEY_LIMIT = 64
"""Longest safety_identifier and prompt_cache_key, in characters."""


def prewarmed(model: str) -> Response:
    """Return the answer to a request that asks for none: it would only have warmed a cache."""
    return Response(id="", model=model, blocks=(), stop=Stop(reason="length"), usage=Usage())


def write_limit(draft: Draft) -> int | None:
    """Return the most tokens of the answer, None where the client says nothing."""
    asked, family = draft.request.max_tokens, draft.family
    if asked is None:
        return None
    learned = [int(word.removeprefix(LEARNED_LIMIT)) for word in family.refused if word.startswith(LEARNED_LIMIT)]
    limit = min([asked, *learned, *([family.max_output] if family.max_output is not None else [])])
    path = draft.request.at("max_tokens")
    if (room := left(family.refused)) is not None and room < limit:
        draft.losses.dropped(path, f"the input leaves room for {room} tokens")
        return room
    if limit < asked:
        draft.losses.dropped(path, f"the model writes at most {limit} tokens")
    return limit


def write_sampling(draft: Draft, effort: Effort | None, *, top_k: bool) -> Json:
    """Return temperature, top_p and top_k; `top_k` says whether the last is taken."""
    request, family = draft.request, draft.family
    sent: Json = {}
    able = family.sampling == "yes" or (family.sampling == "unreasoned" and effort == "none")
    for name, value, taken in (
        ("temperature", request.temperature, able),
        ("top_p", request.top_p, able),
        ("top_k", request.top_k, top_k),
    ):
        if value is None:
            continue
        if taken and draft.takes(name):
            sent[name] = value
        elif value != DEFAULTS.get(name):
            draft.losses.dropped(request.at(name), "the model does not take it")
    return sent


def write_stop(draft: Draft, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the stop sequences that are sent, `count` at most, and those at which the answer is cut here."""
    stop = draft.request.stop
    if stop[count:]:
        taken = f"only {count} of them" if count else "none"
        draft.losses.dropped(draft.request.at("stop"), f"the model takes {taken}; the answer is cut here instead")
    return stop[:count], stop[count:]


def write_caller(draft: Draft) -> Json:
    """Return who asks, which conversation this is, and how urgent it is."""
    request, family, losses = draft.request, draft.family, draft.losses
    sent: Json = {}
    if request.user is not None:
        if family.safety_identifier and draft.takes("safety_identifier"):
            sent["safety_identifier"] = identifier(request.user)
        tell(draft, "user", "safety_identifier", sent)
    if request.session is not None:
        if family.prompt_cache_key and draft.takes("prompt_cache_key"):
            sent["prompt_cache_key"] = shortened(request.session, KEY_LIMIT)
        tell(draft, "session", "prompt_cache_key", sent)
    if request.tier is not None:
        if family.tier and draft.takes("service_tier") and request.tier in TIERS:
            sent["service_tier"] = TIERS[request.tier]
        if request.tier not in (DEFAULTS["service_tier"], sent.get("service_tier")):
            losses.approximated(request.at("tier"), "the tiers of this upstream are others")
    if request.cache is not None:
        losses.approximated(request.at("cache"), "the upstream caches by itself")
    return sent


def tell(draft: Draft, name: str, field: str, sent: Json) -> None:
    """Tell that a field of the request was sent as `field`, unless that is what the client calls it, and unchanged."""
    path = draft.request.at(name)
    if path != field or sent.get(field) != getattr(draft.request, name):
        draft.losses.approximated(path, f"{field}, where the upstream has that")


def identifier(user: str) -> str:
    """Return who asks without telling an address, or more than the API takes."""
    return hashed(user) if "@" in user else shortened(user, USER_LIMIT)


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else hashed(text)


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
