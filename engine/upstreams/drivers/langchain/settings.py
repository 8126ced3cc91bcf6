"""Which fields of a chat model the parameters of a request go into, and what it is able to do.

There is no other standard: a parameter reaches a model that has a field for it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from engine.dialects.neutral.takes import Takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Form, Reasoning, Request

MODEL = ("model", "model_name", "model_id")
"""What a model calls the name of the model that it asks, the first that there is."""

FIELDS: dict[str, tuple[str, ...]] = {
    "max_tokens": ("max_tokens", "max_output_tokens", "max_completion_tokens", "num_predict"),
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "top_k": ("top_k",),
    "effort": ("reasoning_effort",),
    "thinking": ("thinking",),
}
"""Parameter -> what models call it."""


def names(kind: type[BaseChatModel]) -> set[str]:
    """Return the names by which a model's fields are set."""
    return {name for own, field in kind.model_fields.items() for name in (own, field.alias) if name}


def model_field(kind: type[BaseChatModel]) -> str | None:
    """Return the option that names the model."""
    known = names(kind)
    return next((name for name in MODEL if name in known), None)


def own_field(kind: type[BaseChatModel], parameter: str) -> str | None:
    """Return the field that holds a parameter."""
    for wish in FIELDS[parameter]:
        for own, field in kind.model_fields.items():
            if wish in (own, field.alias):
                return own
    return None


def parameters(kind: type[BaseChatModel]) -> frozenset[str]:
    """Return the parameters that have a field. `stop` is an argument of every model."""
    return frozenset({"stop", *(name for name in FIELDS if own_field(kind, name) is not None)})


def tuned(model: BaseChatModel, request: Request) -> BaseChatModel:
    """Return `model` as the request wants it: a copy with other values, which shares its connections."""
    kind = type(model)
    values: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        **(thinking(request.reasoning, kind) if request.reasoning is not None else {}),
    }
    changes = {
        field: value
        for name, value in values.items()
        if value is not None and (field := own_field(kind, name)) is not None
    }
    return model.model_copy(update=changes) if changes else model


def thinking(reasoning: Reasoning, kind: type[BaseChatModel]) -> dict[str, Any]:
    """Return how much the model is to think, as the two forms in which models are told."""
    found: dict[str, Any] = {}
    if reasoning.effort not in (None, "none", "minimal") or own_field(kind, "thinking") is None:
        found["effort"] = reasoning.effort
    if reasoning.mode == "off":
        found["thinking"] = {"type": "disabled"}
    elif reasoning.mode == "adaptive":
        found["thinking"] = {"type": "adaptive"}
    elif reasoning.mode == "budget":
        found["thinking"] = {"type": "enabled", "budget_tokens": reasoning.budget}
    return found


def able(kind: type[BaseChatModel], profile: object = None) -> Takes:
    """Return what models of this class can do; `profile` is what one of them says of itself.

    Reasoning is sealed by Anthropic, whose models have a field `thinking`, and by OpenAI, whose models have an effort
    alone; the former are also told where to cache, and which tools failed.
    """
    said = profile if isinstance(profile, dict) else {}
    tools = kind.bind_tools is not BaseChatModel.bind_tools and said.get("tool_calling") is not False
    structured = kind.with_structured_output is not BaseChatModel.with_structured_output
    taken = inspect.signature(kind.bind_tools).parameters if tools else {}
    claude, gpt = (own_field(kind, one) is not None for one in ("thinking", "effort"))
    seals: frozenset[Form] = frozenset({"messages"} if claude else {"responses"} if gpt else ())
    return Takes(
        name=kind.__name__,
        tools=tools,
        parallel="parallel_tool_calls" in taken,
        strict="strict" in taken,
        format=tools or (structured and said.get("structured_output") is not False),
        format_with_tools="response_format" in taken,
        seals=seals,
        caches=claude,
        errors=claude,
    )


def both(found: Sequence[Takes]) -> Takes:
    """Return what all of several models can do."""
    return Takes(
        name="several",
        tools=all(one.tools for one in found),
        parallel=all(one.parallel for one in found),
        strict=all(one.strict for one in found),
        format=all(one.format for one in found),
        format_with_tools=all(one.format_with_tools for one in found),
        seals=frozenset.intersection(*(one.seals for one in found)),
        caches=all(one.caches for one in found),
        errors=all(one.errors for one in found),
    )
