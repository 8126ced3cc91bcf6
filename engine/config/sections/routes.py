"""The `routes` section, and the conditions of `when`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from engine.chat import Api, Mode, OnBreak
from engine.clients import PROFILES
from engine.config.parameters import Parameter
from engine.config.sections.base import AnyOf, Name, Section, Word
from engine.config.sections.steps import Memory, Output, Prompt, Tools, ToolSource
from engine.config.sections.tuned import MEMORY, ON_BREAK, OUTPUT, PROMPT, SET, STRIP, TOOLS, TRANSLATION, UNSET
from engine.upstreams.base import Stripped

if TYPE_CHECKING:
    Client: TypeAlias = str
else:
    Client = Literal[tuple(profile.name for profile in PROFILES)]


class Range(Section, frozen=True, kw_only=True):
    """A range of whole numbers; at least one end."""

    min: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="At least this many")] = None
    max: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="At most this many")] = None


class When(Section, frozen=True, kw_only=True):
    """Conditions of a route. All that are given must hold."""

    model: Annotated[AnyOf | None, Meta(description="The asked name")] = None
    key: Annotated[AnyOf | None, Meta(description="The client key's name; `anonymous` for callers without one")] = None
    client: Annotated[
        Client | list[Client] | None,
        Meta(description="The program that asks, as its headers and the shape of its body tell: a claim, no proof"),
    ] = None
    api: Annotated[Api | list[Api] | None, Meta(description="The model endpoint")] = None
    base: Annotated[AnyOf | None, Meta(description="The name of the base the request came in by")] = None
    path: Annotated[AnyOf | None, Meta(description="The canonical path: `*` is one segment, `**` any number")] = None
    method: Annotated[AnyOf | None, Meta(description="The HTTP method")] = None
    header: Annotated[
        dict[str, AnyOf] | None, Meta(description="Request headers, by name; credentials cannot be matched")
    ] = None
    stream: Annotated[bool | None, Meta(description="Whether the client asked for a stream")] = None
    tools: Annotated[bool | None, Meta(description="Whether the request declares tools")] = None
    images: Annotated[bool | None, Meta(description="Whether the request holds images")] = None
    thinking: Annotated[bool | None, Meta(description="Whether the request asks for thinking or reasoning")] = None
    input_tokens: Annotated[Range | None, Meta(description="Estimated tokens of the input")] = None
    max_tokens: Annotated[Range | None, Meta(description="Tokens of output asked for")] = None
    not_: Annotated[When | None, Meta(description="Conditions that must not all hold")] = msgspec.field(
        name="not", default=None
    )


class Deny(Section, frozen=True, kw_only=True):
    """An answer instead of an upstream's."""

    status: Annotated[int, Meta(ge=400, le=499, description="HTTP status")] = 403
    message: Annotated[str, Meta(description="What the client is told")] = "denied by a route"


class Route(Section, frozen=True, kw_only=True):
    """A rule. The first that matches decides: exactly one of `to`, `deny`, `pass`."""

    name: Annotated[Name, Meta(description="How explain, logs and headers call it")]
    when: Annotated[When, Meta(description="Conditions; none: always")] = When()
    to: Annotated[Word | None, Meta(description="An entry of `models`, or upstream/model")] = None
    deny: Annotated[Deny | None, Meta(description="Refuse the request")] = None
    pass_: Annotated[
        Word | None, Meta(description="The upstream that gets the request as it is (plain reverse proxy)")
    ] = msgspec.field(name="pass", default=None)
    set: Annotated[dict[Parameter, Any] | None, Meta(description=SET)] = None
    unset: Annotated[list[Parameter] | None, Meta(description=UNSET)] = None
    strip: Annotated[list[Stripped] | None, Meta(description=STRIP)] = None
    translation: Annotated[Mode | None, Meta(description=TRANSLATION)] = None
    on_break: Annotated[OnBreak | None, Meta(description=ON_BREAK)] = None
    prompt: Annotated[Word | Prompt | None, Meta(description=PROMPT)] = None
    output: Annotated[Word | Output | None, Meta(description=OUTPUT)] = None
    memory: Annotated[Memory | None, Meta(description=MEMORY)] = None
    tools: Annotated[list[ToolSource] | Tools | None, Meta(description=TOOLS)] = None
    limits: Annotated[list[Word], Meta(description="Names of `limits` that count requests that take this route")] = []
