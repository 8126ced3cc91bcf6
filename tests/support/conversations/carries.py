"""What a request or an answer may hold: all there is, or what one API carries without a loss."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.chat import Reasoning


@dataclass(frozen=True, repr=False)
class Carries:
    """What a request or an answer may hold."""

    texts: int = 3
    """How many texts may stand in a row in one turn of the assistant, in a system message, or in a result."""
    images: bool = True
    detail: bool = True
    url_documents: bool = True
    text_documents: bool = True
    context: bool = True
    results_hold_media: bool = True
    errors: bool = True
    thinking: tuple[str, ...] = ("plain", "signed", "sealed")
    refusals: bool = True
    opaque: bool = True
    audio: bool = True
    names: bool = True
    later_system: bool = True
    prefill: bool = True
    custom: bool = True
    """Tools that take free text."""
    odd_arguments: bool = True
    """Arguments that are no JSON object."""
    cut_arguments: bool = True
    """Arguments that break off."""
    odd_names: bool = True
    open_schemas: bool = True
    strict: tuple[bool | None, ...] = (None, True, False)
    hosted: bool = True
    deferred: bool = True
    allowed: bool = True
    parallel: tuple[bool | None, ...] = (None, True, False)
    caches: tuple[str, ...] = ("", "5m", "1h", "12h")
    cached_tools: bool = True
    cached_turn: bool = True
    """The conversation as a whole may have a breakpoint."""
    sampling: tuple[str, ...] = ("temperature", "top_p", "top_k")
    reasonings: tuple[Reasoning, ...] = (
        Reasoning(effort="none"),
        Reasoning(effort="minimal"),
        Reasoning(effort="high"),
        Reasoning(effort="max", mode="adaptive", shown="summarized"),
        Reasoning(mode="adaptive", shown="omitted"),
        Reasoning(mode="off"),
        Reasoning(mode="budget", budget=500),
        Reasoning(mode="budget", budget=31_999),
    )
    formats: tuple[str, ...] = ("json_object", "json_schema")
    named_formats: bool | None = None
    """Whether a format has a name, a description and says whether it is strict; None: either."""
    stops: int = 6
    blank_stops: bool = True
    tiers: tuple[str, ...] = ("auto", "default", "flex", "standard_only", "novel")
    sessions: bool = True
    most: int = 200_000
    """The highest max_tokens."""
    extra: bool = True
    ends: tuple[str, ...] = ("end", "length", "sequence", "tool", "refusal", "pause", "context")
    details: bool | None = None
    """Whether a refusal has details; None: either."""
    ordered: bool = False
    """An answer is reasoning, one text, one refusal and calls, in this order."""
    estimated: bool = True


ALL = Carries()
MESSAGES = Carries(
    detail=False,
    refusals=False,
    opaque=False,
    audio=False,
    names=False,
    thinking=("signed", "sealed"),
    prefill=False,
    custom=False,
    odd_arguments=False,
    cut_arguments=False,
    odd_names=False,
    open_schemas=False,
    strict=(None, True),
    hosted=False,
    deferred=False,
    allowed=False,
    parallel=(None, False),
    caches=("", "5m", "1h"),
    sampling=(),
    reasonings=(
        Reasoning(mode="off"),
        Reasoning(mode="adaptive", shown="summarized"),
        Reasoning(mode="adaptive", effort="xhigh", shown="summarized"),
    ),
    formats=("json_schema",),
    named_formats=False,
    blank_stops=False,
    tiers=("auto", "standard_only"),
    sessions=False,
    most=32_000,
    extra=False,
    details=True,
    estimated=False,
)
"""What a model of the newer families takes in the Messages API."""
CHAT = Carries(
    texts=1,
    url_documents=False,
    text_documents=False,
    context=False,
    results_hold_media=False,
    errors=False,
    thinking=(),
    refusals=False,
    opaque=False,
    prefill=False,
    custom=False,
    odd_arguments=False,
    cut_arguments=False,
    odd_names=False,
    open_schemas=False,
    hosted=False,
    deferred=False,
    allowed=False,
    strict=(None, True),
    caches=(),
    cached_tools=False,
    cached_turn=False,
    sampling=("temperature", "top_p"),
    reasonings=(),
    formats=("json_schema",),
    named_formats=True,
    stops=4,
    tiers=("auto", "default", "flex", "priority"),
    most=16_000,
    extra=False,
    ends=("end", "length", "tool", "sequence"),
    ordered=True,
    estimated=False,
)
"""What gpt-4o takes."""
CHAT_REASONING = replace(
    CHAT,
    custom=True,
    caches=("", "12h"),
    sampling=(),
    reasonings=tuple(Reasoning(effort=effort) for effort in ("none", "low", "medium", "high", "xhigh", "max")),
    stops=0,
)
"""What gpt-6 takes."""
