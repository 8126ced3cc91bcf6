"""The `models` and `defaults` sections."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.chat import REASONS, Mode, OnBreak, Reason
from engine.config.parameters import Like, Parameter
from engine.config.sections.base import Section, Word
from engine.config.sections.steps import Memory, Output, Prompt, Tools, ToolSource
from engine.config.sections.tuned import MEMORY, ON_BREAK, OUTPUT, PROMPT, SET, STRIP, TOOLS, TRANSLATION, UNSET
from engine.units import Duration
from engine.upstreams.base import Stripped

FALLBACK_ON: tuple[Reason, ...] = tuple(
    reason for reason in REASONS if reason not in ("bad_request", "content_filter", "context_length", "not_found")
)
"""The reasons for which another target is tried, unless the file says otherwise (rule T2)."""


Balance = Literal["failover", "round_robin", "weighted", "least_busy", "latency"]
"""How the targets of an entry share its requests."""
Sticky = Literal["session", "off"]

BALANCE = (
    "How the targets share the requests. failover: the first takes all, the others stand by. round_robin: in turn. "
    "weighted: by their `weight`. least_busy: who has the fewest under way. latency: of two drawn by lot, who gave "
    "its first content sooner of late"
)
STICKY = (
    "session: the requests of one session go to one target, which has its prompts in its cache, and only those of a "
    "target that fails move; balance then shares sessions. off: each request for itself"
)


class Target(Section, frozen=True, kw_only=True):
    """A target with what its share is."""

    to: Annotated[Word, Meta(description="upstream/model")]
    weight: Annotated[
        int,
        Meta(ge=0, le=10000, description="Its share under `balance: weighted`; 0: only once all others have failed"),
    ] = 1


class Model(Section, frozen=True, kw_only=True):
    """A name clients may ask for."""

    targets: Annotated[
        list[Word | Target],
        Meta(description="upstream/model, or {to, weight}; or the name of one other entry (an alias)"),
    ]
    balance: Annotated[Balance | None, Meta(description=BALANCE)] = None
    sticky: Annotated[Sticky | None, Meta(description=STICKY)] = None
    fallback: Annotated[
        list[Word], Meta(description="Entries or targets to try when every target has failed, in this order")
    ] = []
    retries: Annotated[Annotated[int, Meta(ge=0, le=8)] | None, Meta(description="Further tries inside this entry")] = (
        None
    )
    fallback_on: Annotated[list[Reason] | None, Meta(description="The reasons for which another target is tried")] = (
        None
    )
    hold: Annotated[
        Duration | None, Meta(description="How long a stream waits for content before 200 and keep-alives go out")
    ] = None
    set: Annotated[dict[Parameter, Any] | None, Meta(description=SET)] = None
    unset: Annotated[list[Parameter] | None, Meta(description=UNSET)] = None
    strip: Annotated[list[Stripped] | None, Meta(description=STRIP)] = None
    translation: Annotated[Mode | None, Meta(description=TRANSLATION)] = None
    on_break: Annotated[OnBreak | None, Meta(description=ON_BREAK)] = None
    prompt: Annotated[Word | Prompt | None, Meta(description=PROMPT)] = None
    output: Annotated[Word | Output | None, Meta(description=OUTPUT)] = None
    memory: Annotated[Memory | None, Meta(description=MEMORY)] = None
    tools: Annotated[list[ToolSource] | Tools | None, Meta(description=TOOLS)] = None
    like: Annotated[
        Like | None,
        Meta(description="The model whose family the targets count as, where their own names tell no family"),
    ] = None
    limits: Annotated[
        list[Word], Meta(description="Names of `limits` that count requests that this entry answers")
    ] = []
    allow_mixed_auth: Annotated[
        bool, Meta(description="Let an entry have both `auth: forward` upstreams and others")
    ] = False
    listed: Annotated[list[Word], Meta(description="Names of a pattern entry that /v1/models shows")] = msgspec.field(
        name="list", default_factory=list
    )


class ModelDefaults(Section, frozen=True, kw_only=True):
    """What entries of `models` do where they do not say otherwise."""

    balance: Annotated[Balance, Meta(description=BALANCE)] = "failover"
    sticky: Annotated[Sticky, Meta(description=STICKY)] = "off"
    retries: Annotated[int, Meta(ge=0, le=8, description="Further tries inside an entry")] = 1
    fallback_on: Annotated[list[Reason], Meta(description="The reasons for which another target is tried")] = (
        msgspec.field(default_factory=lambda: list(FALLBACK_ON))
    )
    hold: Annotated[
        Duration, Meta(description="How long a stream waits for content before 200 and keep-alives go out")
    ] = "10s"
    set: Annotated[dict[Parameter, Any], Meta(description=SET)] = {}
    unset: Annotated[list[Parameter], Meta(description=UNSET)] = []
    strip: Annotated[list[Stripped], Meta(description=STRIP)] = []
    translation: Annotated[Mode, Meta(description=TRANSLATION)] = "lenient"
    on_break: Annotated[OnBreak, Meta(description=ON_BREAK)] = "error"
    prompt: Annotated[Word | Prompt | None, Meta(description=PROMPT)] = None
    output: Annotated[Word | Output | None, Meta(description=OUTPUT)] = None
    memory: Annotated[Memory | None, Meta(description=MEMORY)] = None
    tools: Annotated[list[ToolSource] | Tools | None, Meta(description=TOOLS)] = None


class Defaults(Section, frozen=True, kw_only=True):
    """What holds unless an entry says otherwise."""

    model: Annotated[ModelDefaults, Meta(description="Defaults of every entry of `models`")] = ModelDefaults()
