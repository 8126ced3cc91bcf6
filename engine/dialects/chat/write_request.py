"""A request as a chat completions body.

Protocol facts: openai 3.54 (types/chat/completion_create_params.py); what each family takes: families.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.chat.write_messages import write_messages
from engine.dialects.chat.write_tools import write_tools
from engine.dialects.codec import Written
from engine.dialects.openai.draft import Draft
from engine.dialects.openai.effort import tell_effort, write_effort
from engine.dialects.openai.extra import write_extra
from engine.dialects.openai.families import STRICTEST_IDS
from engine.dialects.openai.format import Form, write_format
from engine.dialects.openai.parameters import prewarmed, write_caller, write_limit, write_sampling, write_stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Effort, Request
    from engine.dialects.openai.draft import Json
    from engine.dialects.openai.families import Model

MAX_FIELDS = ("max_completion_tokens", "max_tokens")
EFFORT = "reasoning_effort"
FORMAT = "response_format"

CARRIED: dict[str, tuple[str, Callable[[Model], bool]]] = {
    "text.verbosity": ("verbosity", lambda family: family.verbosity),
    "prompt_cache_options": ("prompt_cache_options", lambda family: family.cache_breakpoints),
    "prompt_cache_retention": ("prompt_cache_retention", lambda family: family.own),
    "moderation": ("moderation", lambda family: family.own),
    "user": ("user", lambda family: family.own),
    "seed": ("seed", lambda _family: True),
    "frequency_penalty": ("frequency_penalty", lambda family: family.sampling == "yes"),
    "presence_penalty": ("presence_penalty", lambda family: family.sampling == "yes"),
    "logit_bias": ("logit_bias", lambda family: family.sampling == "yes"),
}
"""Parameters of the Responses API and of legacy completions that are here too: their path there -> the one here, and
which families take it."""

OPTIONS: dict[str, tuple[str, ...]] = {"mode": ("implicit", "explicit"), "ttl": ("30m",)}
"""What prompt_cache_options may say here."""


def write(request: Request, family: Model, model: str) -> Written:
    """Return the body for an upstream. Raises `Problem` (400) for what cannot be asked there."""
    ids = STRICTEST_IDS if "call_ids" in family.refused else family.call_ids
    draft = Draft(request, family, "chat completions", ids)
    extra = write_extra(draft, CARRIED)
    tools = write_tools(draft)
    effort = effort_of(draft, tools="tools" in tools)
    form = write_format(request.format, draft, FORMAT)
    body: Json = {
        "model": model,
        "messages": write_messages(request.messages, form.told, draft),
        **limit_of(draft),
        **write_sampling(draft, effort, top_k=family.top_k),
        **tools,
        **format_of(form),
        **write_caller(draft),
        **narrowed(extra, draft),
    }
    if effort is not None:
        body[EFFORT] = effort
    stop, cut = write_stop(draft, family.stop if draft.takes("stop") else 0)
    if stop:
        body["stop"] = list(stop)
    if request.stream:
        body["stream"] = True
        if family.include_usage and draft.takes("stream_options"):
            body["stream_options"] = {"include_usage": True}
    return Written(
        body=body,
        losses=tuple(draft.losses.found),
        names=draft.names.changed,
        customs=frozenset(draft.wrapped),
        fenced=bool(form.told),
        stop=cut,
        answered=prewarmed(model) if request.max_tokens == 0 else None,
    )


def limit_of(draft: Draft) -> Json:
    limit = write_limit(draft)
    if limit is None:
        return {}
    preferred = sorted(MAX_FIELDS, key=lambda field: field != draft.family.max_field)
    field = next((field for field in preferred if draft.takes(field)), None)
    if field is None:
        draft.losses.dropped(draft.request.at("max_tokens"), "the upstream takes no limit")
        return {}
    return {field: limit}


def effort_of(draft: Draft, *, tools: bool) -> Effort | None:
    """Return the word for `reasoning_effort`, None to leave it out; `tools`: the request has some."""
    reasoning = draft.request.reasoning
    effort = write_effort(reasoning, draft, EFFORT)
    if reasoning is None:
        return None
    if reasoning.mode is None and reasoning.shown == "summarized":
        draft.losses.approximated(reasoning.at, "thoughts are shown as the model shows them")
    if effort is None:
        return None
    if tools and effort != "none" and not (draft.family.effort_with_tools and draft.takes(f"{EFFORT}+tools")):
        why = "chat completions of this model take no reasoning effort beside tools: it thinks as it does by default"
        draft.losses.approximated(reasoning.at, why)
        return None
    tell_effort(effort, reasoning, draft, EFFORT)
    return effort


def format_of(form: Form) -> Json:
    if not form.kind:
        return {}
    return {FORMAT: {"type": form.kind, **({"json_schema": form.schema} if form.schema else {})}}


def narrowed(extra: dict[str, Any], draft: Draft) -> Json:
    """Return the parameters carried over, without what the API knows no more of."""
    options = extra.get("prompt_cache_options")
    if not isinstance(options, dict):
        return extra
    kept = {name: value for name, value in options.items() if value in OPTIONS.get(name, ())}
    for name in (name for name in options if name not in kept):
        draft.losses.dropped(f"prompt_cache_options.{name}", f"no counterpart in {draft.api}")
    return {**extra, "prompt_cache_options": kept}
