"""A request as a chat completions body.

Protocol facts: openai 3.54 (types/chat/completion_create_params.py); what each family takes: families.py.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine.chat import Problem, Response, Stop, Usage
from engine.dialects.chat.draft import Draft
from engine.dialects.chat.effort import write_effort
from engine.dialects.chat.write_format import write_format
from engine.dialects.chat.write_messages import write_messages
from engine.dialects.chat.write_tools import write_tools
from engine.dialects.codec import Written
from engine.dialects.window import left

if TYPE_CHECKING:
    from engine.chat import Effort, Request
    from engine.dialects.chat.write_parts import Json
    from engine.dialects.openai.families import Model

MAX_FIELDS = ("max_completion_tokens", "max_tokens")
LEARNED_LIMIT = "max_output="
"""How a limit of the answer's length that an upstream named begins in `Family.refused`."""

TIERS = {
    "standard_only": "default",
    **{word: word for word in ("auto", "default", "flex", "scale", "priority", "fast")},
}
"""service_tier -> the word that means the same here."""

DEFAULTS = {"speed": "standard", "temperature": 1, "top_p": 1, "service_tier": "auto"}
"""Parameters whose value here is what every model does anyway."""

USER_LIMIT = 128
KEY_LIMIT = 64
"""Longest safety_identifier and prompt_cache_key, in characters."""


def write(request: Request, family: Model, model: str) -> Written:
    """Return the body for an upstream. Raises `Problem` (400) for what cannot be asked there."""
    draft = Draft(request, family)
    drop_extra(draft)
    tools = write_tools(draft)
    effort = write_effort(request.reasoning, draft, tools="tools" in tools)
    answer_format, instruction = write_format(request.format, draft)
    body: Json = {
        "model": model,
        "messages": write_messages(request.messages, instruction, draft),
        **write_limit(draft),
        **write_sampling(draft, effort),
        **tools,
        **answer_format,
        **write_caller(draft),
    }
    if effort is not None:
        body["reasoning_effort"] = effort
    cut = write_stop(body, draft)
    if request.stream:
        body["stream"] = True
        if family.include_usage and draft.takes("stream_options"):
            body["stream_options"] = {"include_usage": True}
    return Written(
        body=body,
        losses=tuple(draft.losses.found),
        names=draft.names.changed,
        fenced=bool(instruction),
        stop=cut,
        answered=prewarmed(model) if request.max_tokens == 0 else None,
    )


def prewarmed(model: str) -> Response:
    """Return the answer to a request that asks for none: it would only have warmed a cache."""
    return Response(id="", model=model, blocks=(), stop=Stop(reason="length"), usage=Usage())


def write_limit(draft: Draft) -> Json:
    asked, family = draft.request.max_tokens, draft.family
    if asked is None:
        return {}
    learned = [int(word.removeprefix(LEARNED_LIMIT)) for word in family.refused if word.startswith(LEARNED_LIMIT)]
    limit = min([asked, *learned, *([family.max_output] if family.max_output is not None else [])])
    path = draft.request.at("max_tokens")
    if (room := left(family.refused)) is not None and room < limit:
        draft.losses.dropped(path, f"the input leaves room for {room} tokens")
        limit = room
    elif limit < asked:
        draft.losses.dropped(path, f"the model writes at most {limit} tokens")
    preferred = sorted(MAX_FIELDS, key=lambda field: field != family.max_field)
    field = next((field for field in preferred if draft.takes(field)), None)
    if field is None:
        draft.losses.dropped(path, "the upstream takes no limit")
        return {}
    return {field: limit}


def write_sampling(draft: Draft, effort: Effort | None) -> Json:
    request, family = draft.request, draft.family
    sent: Json = {}
    able = family.sampling == "yes" or (family.sampling == "unreasoned" and effort == "none")
    for name, value, taken in (
        ("temperature", request.temperature, able),
        ("top_p", request.top_p, able),
        ("top_k", request.top_k, family.top_k),
    ):
        if value is None:
            continue
        if taken and draft.takes(name):
            sent[name] = value
        elif value != DEFAULTS.get(name):
            draft.losses.dropped(request.at(name), "the model does not take it")
    return sent


def write_stop(body: Json, draft: Draft) -> tuple[str, ...]:
    """Add the stop sequences that the model takes; return the others."""
    stop = draft.request.stop
    count = draft.family.stop if draft.takes("stop") else 0
    if stop[:count]:
        body["stop"] = list(stop[:count])
    if stop[count:]:
        taken = f"only {count} of them" if count else "none"
        draft.losses.dropped(draft.request.at("stop"), f"the model takes {taken}; the answer is cut here instead")
    return stop[count:]


def write_caller(draft: Draft) -> Json:
    """Return who asks, which conversation this is, and how urgent it is."""
    request, family, losses = draft.request, draft.family, draft.losses
    sent: Json = {}
    if request.user is not None:
        if family.safety_identifier and draft.takes("safety_identifier"):
            sent["safety_identifier"] = identifier(request.user)
        losses.approximated(request.at("user"), "safety_identifier, where the upstream has that")
    if request.session is not None:
        if family.prompt_cache_key and draft.takes("prompt_cache_key"):
            sent["prompt_cache_key"] = shortened(request.session, KEY_LIMIT)
        losses.approximated(request.at("session"), "prompt_cache_key, where the upstream has that")
    if request.tier is not None:
        if family.tier and draft.takes("service_tier") and request.tier in TIERS:
            sent["service_tier"] = TIERS[request.tier]
        if request.tier != DEFAULTS["service_tier"]:
            losses.approximated(request.at("tier"), "the tiers of this upstream are others")
    if request.cache is not None:
        losses.approximated(request.at("cache"), "the upstream caches by itself")
    return sent


def identifier(user: str) -> str:
    """Return who asks without telling an address, or more than the API takes."""
    return hashed(user) if "@" in user else shortened(user, USER_LIMIT)


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else hashed(text)


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def drop_extra(draft: Draft) -> None:
    """Say what of the client's API has no counterpart. Raises `Problem` where leaving it out would mislead."""
    for path, value in draft.request.extra.items():
        if value in ([], {}) or value is False or value == DEFAULTS.get(path):
            continue
        if path == "mcp_servers":
            raise unsupported(path, "MCP servers are called by Anthropic itself; connect them to the client instead")
        if path == "container" and isinstance(value, dict) and value.get("skills"):
            raise unsupported(f"{path}.skills", "skills run at Anthropic only; leave them out")
        draft.losses.dropped(path, "no counterpart in chat completions")


def unsupported(path: str, message: str) -> Problem:
    return Problem(400, "unsupported_parameter", f"`{path}`: {message}", param=path)
