"""A request as the body of a response to be made.

It says everything itself and is kept nowhere: what the model thought comes back encrypted. Protocol facts: openai 3.54
(types/responses/response_create_params.py); what each family takes: engine/dialects/openai/families.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.codec import Written
from engine.dialects.openai.draft import Draft
from engine.dialects.openai.effort import tell_effort, wished, write_effort
from engine.dialects.openai.extra import write_extra
from engine.dialects.openai.format import Form, write_format
from engine.dialects.openai.parameters import prewarmed, write_caller, write_limit, write_sampling, write_stop
from engine.dialects.openai.tools import write_tools
from engine.dialects.responses.items import CALL_ID
from engine.dialects.responses.write_items import write_items

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Effort, Reasoning, Request
    from engine.dialects.openai.draft import Json
    from engine.dialects.openai.families import Model

LEAST = 16
"""The smallest max_output_tokens."""
EFFORT = "reasoning.effort"
FORMAT = "text.format"
VERBOSITY = "text.verbosity"
ENCRYPTED = "reasoning.encrypted_content"

CARRIED: dict[str, tuple[str, Callable[[Model], bool]]] = {
    "verbosity": (VERBOSITY, lambda family: family.verbosity),
    VERBOSITY: (VERBOSITY, lambda family: family.verbosity),
    "prompt_cache_options": ("prompt_cache_options", lambda family: family.cache_breakpoints),
    **{
        name: (name, lambda family: family.own)
        for name in ("metadata", "moderation", "prompt_cache_retention", "truncation", "user")
    },
}
"""Parameters of chat completions that are here too, and some of this API itself: their path there -> the one here, and
which families take it."""


def write(request: Request, family: Model, model: str) -> Written:
    """Return the body for an upstream. Raises `Problem` (400) for what cannot be asked there."""
    draft = Draft(request, family, "the Responses API", CALL_ID.pattern)
    extra = write_extra(draft, CARRIED)
    tools = write_tools(draft)
    reasoning, effort = write_reasoning(draft)
    form = write_format(request.format, draft, FORMAT)
    verbosity = extra.pop(VERBOSITY, None)
    _, cut = write_stop(draft, 0)
    body: Json = {
        "model": model,
        "input": write_items(request.messages, form.told, draft),
        **limit_of(draft),
        **write_sampling(draft, effort, top_k=False),
        **tools,
        **reasoning,
        **text_of(form, verbosity),
        **write_caller(draft),
        **extra,
    }
    if draft.takes("store"):
        body["store"] = False
    if family.efforts and draft.takes("include"):
        body["include"] = [ENCRYPTED]
    if request.stream:
        body["stream"] = True
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
    path = draft.request.at("max_tokens")
    if not draft.takes("max_output_tokens"):
        draft.losses.dropped(path, "the upstream takes no limit")
        return {}
    if limit < LEAST:
        draft.losses.approximated(path, f"raised to {LEAST}, the least that the API takes")
    return {"max_output_tokens": max(limit, LEAST)}


def write_reasoning(draft: Draft) -> tuple[Json, Effort | None]:
    """Return how much the model is to think and whether it sums its thoughts up, and the former again."""
    wish = draft.request.reasoning
    effort = write_effort(wish, draft, EFFORT)
    if wish is None:
        return {}, None
    sent: Json = {}
    if effort is not None:
        tell_effort(effort, wish, draft, EFFORT)
        sent["effort"] = effort
    if shows(wish) and effort != "none" and draft.family.efforts:
        if draft.takes("reasoning.summary", "reasoning"):
            sent["summary"] = "auto"
        else:
            draft.losses.approximated(wish.at, "the upstream does not tell what the model thinks")
    return ({"reasoning": sent} if sent else {}), effort


def shows(wish: Reasoning) -> bool:
    """Say whether the client wants to see what the model thinks."""
    return wish.shown != "omitted" and wished(wish) != "none"


def text_of(form: Form, verbosity: Any) -> Json:
    """Return which form the text of the answer has, and how much of it there is."""
    text: Json = {"format": {"type": form.kind, **form.schema}} if form.kind else {}
    if verbosity is not None:
        text["verbosity"] = verbosity
    return {"text": text} if text else {}
