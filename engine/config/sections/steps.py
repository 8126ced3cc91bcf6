"""The steps of a conversation that an entry, a route or the defaults may declare."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from engine.config.sections.base import Section, Word
from engine.units import Duration, Size, positive
from engine.upstreams.base import HTTP, Setting
from engine.upstreams.langchain import Code
from engine.upstreams.url import mcp_url_flaw

Place = Literal["before", "after", "replace"]
PREFIX = r"^[A-Za-z0-9_-]{0,32}\Z"


class Output(Section, frozen=True, kw_only=True):
    """What the answer must be."""

    schema: Annotated[
        Word | dict[str, Any], Meta(description="A JSON Schema: as it is, or the path of a file relative to this one")
    ]
    retries: Annotated[
        int, Meta(ge=0, le=8, description="How often an answer that does not satisfy it is asked for again")
    ] = 2


class Memory(Section, frozen=True, kw_only=True):
    """What is remembered of a session: exactly one of `messages` and `tokens`."""

    messages: Annotated[
        Annotated[int, Meta(ge=2, le=10000)] | None, Meta(description="At most so many of the last messages")
    ] = None
    tokens: Annotated[
        Annotated[int, Meta(ge=16)] | None, Meta(description="As many of the last messages as have so many tokens")
    ] = None
    summary: Annotated[
        Word | None,
        Meta(description="An entry of `models` that sums up what is left out; the summary joins the system prompt"),
    ] = None
    ttl: Annotated[
        Duration, Meta(description="How long a session is remembered after its last turn", extra={"flaw": positive})
    ] = "1d"


class Prompt(Section, frozen=True, kw_only=True):
    """A template that becomes a part of the system prompt."""

    template: Annotated[Word, Meta(description="Its path, relative to the file that names it")]
    place: Annotated[
        Place, Meta(description="Where it stands: before or after what the client says, or in place of it")
    ] = "before"
    vars: Annotated[
        dict[str, Any],
        Meta(description="Names that the template may use beside model, key, client, api, route, base and date"),
    ] = {}


class Mcp(Section, frozen=True, kw_only=True):
    """A server of the Model Context Protocol: exactly one of `command` and `url`."""

    command: Annotated[
        list[Word] | None,
        Meta(description="A program and its arguments; it is started once, and spoken to by its standard streams"),
    ] = None
    env: Annotated[
        dict[str, Setting],
        Meta(
            description="Variables of that program, beside PATH, HOME and the like; `env:NAME` and `file:/path` are "
            "references to secrets"
        ),
    ] = {}
    url: Annotated[
        Annotated[str, Meta(pattern=HTTP, extra={"flaw": mcp_url_flaw})] | None,
        Meta(description="Instead of `command`: where it is spoken to over HTTP (streamable HTTP)"),
    ] = None
    headers: Annotated[
        dict[str, Setting],
        Meta(description="Headers of every request to `url`; `env:NAME` and `file:/path` are references to secrets"),
    ] = {}


class ToolSource(Section, frozen=True, kw_only=True):
    """Where tools come from: exactly one of `object` and `mcp`."""

    object: Annotated[
        Code | None,
        Meta(
            description="pkg.module:name of a LangChain tool, a list of such, or a function with a docstring; "
            "`server.allow_code` must allow the module"
        ),
    ] = None
    mcp: Annotated[Mcp | None, Meta(description="A server of the Model Context Protocol")] = None
    only: Annotated[
        list[Word] | None, Meta(description="The names of the tools that are offered; all, if left out")
    ] = None
    prefix: Annotated[str, Meta(pattern=PREFIX, description="What the names are given in front, as in `github_`")] = ""
    required: Annotated[
        bool,
        Meta(description="true: while it cannot be reached, requests are refused (503). false: they go on without it"),
    ] = True


class Tools(Section, frozen=True, kw_only=True):
    """Tools that Turnout runs itself."""

    use: Annotated[list[ToolSource], Meta(description="Where the tools come from")]
    max_rounds: Annotated[
        int, Meta(ge=1, le=64, description="How often a model may call tools, one after the other, for one request")
    ] = 8
    timeout: Annotated[Duration, Meta(description="How long one call may take", extra={"flaw": positive})] = "30s"
    result: Annotated[Size, Meta(description="How much of a result the model is told")] = "64KB"
    announce: Annotated[
        bool, Meta(description="Whether the answer begins with a line of text for each call. false: nobody sees them")
    ] = False
