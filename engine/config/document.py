"""The whole of proxy.yaml as frozen Structs; reads like the file.

What the user wrote: names are still strings, durations still carry their units. `plan.compile` resolves them.
Every field has a description, because `schema/proxy.schema.json` is written from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union

import msgspec
from msgspec import Meta

from engine.chat import REASONS, Api, Mode, Reason
from engine.clients import PROFILES
from engine.config.parameters import Like, Parameter
from engine.diagnostics import Flaw
from engine.units import Duration, Size, positive
from engine.upstreams import KINDS
from engine.upstreams.base import Stripped

if TYPE_CHECKING:
    from engine.upstreams.base import Options

    Upstream: TypeAlias = Options
    Client: TypeAlias = str
else:
    Upstream = Union[KINDS]  # noqa: UP007 - the tuple is the registry
    Client = Literal[tuple(profile.name for profile in PROFILES)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the file. Unknown keys are errors."""


FALLBACK_ON: tuple[Reason, ...] = tuple(
    reason for reason in REASONS if reason not in ("bad_request", "content_filter", "context_length", "not_found")
)
"""The reasons for which another target is tried, unless the file says otherwise (rule T2)."""


def no_hosts(hosts: list[str]) -> Flaw | None:
    """Return why there can be no empty list of hosts."""
    return None if hosts else Flaw("is empty, so no request would be answered", "name hosts, or leave it out")


def stray(text: str) -> Flaw | None:
    """Return why a name cannot begin or end with a space: no client and no upstream writes it so."""
    if text.endswith("\n"):
        return Flaw("ends in a line break", "write it on one line: a `|` block ends in a line break")
    return None if text == text.strip() else Flaw("has a space at an end", "take it out")


Word = Annotated[str, Meta(extra={"flaw": stray})]
"""A reference, or a pattern of names."""

AnyOf = Annotated[Word | list[Word], Meta(description="One pattern, or a list of which any may hold; `*` is any run")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", extra={"flaw": stray})]


SET = (
    "Parameters forced to a value: `temperature: 0`, `thinking.type: disabled`. "
    "Paths are those of the upstream's API, and hold after any translation; "
    "what only conversations take is not forced on other endpoints"
)
UNSET = "Parameters taken out of requests, by their path in the upstream's API"
STRIP = "Request headers that are not passed on, and flags taken out of `anthropic-beta`; `*` is any run"
TRANSLATION = (
    "What becomes of what another API cannot say. lenient: it is left out, and told. "
    "strict: 400 rather than leave anything out. exact: 400 also rather than approximate"
)


class Cors(Section, frozen=True, kw_only=True):
    """Which web pages may call."""

    origins: Annotated[
        list[str],
        Meta(description="Allowed origins: scheme://host[:port], or scheme://* for any host of that scheme"),
    ] = []
    credentials: Annotated[bool, Meta(description="Let pages send cookies and credentials")] = False


class Server(Section, frozen=True, kw_only=True):
    """Where Turnout listens and what it lets in."""

    listen: Annotated[
        str,
        Meta(
            pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:/\s]+):[0-9]{1,5}$", description="host:port; changing it needs a restart"
        ),
    ] = "127.0.0.1:4000"
    hosts: Annotated[
        list[Word],
        Meta(
            description="Host headers that are answered, without port (DNS rebinding guard)", extra={"flaw": no_hosts}
        ),
    ] = msgspec.field(default_factory=lambda: ["localhost", "127.0.0.1", "[::1]"])
    body_limit: Annotated[Size, Meta(description="Largest request body, after decoding", extra={"flaw": positive})] = (
        "32MB"
    )
    cors: Annotated[Cors, Meta(description="Which web pages may call")] = Cors()
    answer_model: Annotated[
        Literal["asked", "upstream"],
        Meta(description="The model name in answers: the one asked for, or the upstream's own"),
    ] = "asked"
    drain: Annotated[
        Duration, Meta(description="How long requests may go on once the server stops or their generation must go")
    ] = "30s"


class Model(Section, frozen=True, kw_only=True):
    """A name clients may ask for."""

    targets: Annotated[
        list[Word], Meta(description="upstream/model, tried in this order; or the name of one other entry (an alias)")
    ]
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
    like: Annotated[
        Like | None,
        Meta(description="The model whose family the targets count as, where their own names tell no family"),
    ] = None
    allow_mixed_auth: Annotated[
        bool, Meta(description="Let an entry have both `auth: forward` upstreams and others")
    ] = False
    listed: Annotated[list[Word], Meta(description="Names of a pattern entry that /v1/models shows")] = msgspec.field(
        name="list", default_factory=list
    )


class ModelDefaults(Section, frozen=True, kw_only=True):
    """What entries of `models` do where they do not say otherwise."""

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


class Defaults(Section, frozen=True, kw_only=True):
    """What holds unless an entry says otherwise."""

    model: Annotated[ModelDefaults, Meta(description="Defaults of every entry of `models`")] = ModelDefaults()


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


class Base(Section, frozen=True, kw_only=True):
    """Another base URL for clients: http://host:port/PREFIX/v1."""

    prefix: Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9._~-]+)+$", description="The path before /v1, as in /team-a")]


class Key(Section, frozen=True, kw_only=True):
    """A client key: its digests, and what it may use."""

    hashes: Annotated[
        list[Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]],
        Meta(description="SHA-256 digests of the key, from `turnout key new`; several while one is replaced"),
    ] = []
    models: Annotated[list[Word] | None, Meta(description="Names this key may ask for; absent: all, []: none")] = None
    routes: Annotated[list[Word] | None, Meta(description="Routes this key may take; `pass` routes must be named")] = (
        None
    )
    bases: Annotated[list[Word] | None, Meta(description="Bases this key may come in by; absent: all")] = None
    expires: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None,
        Meta(description="The first UTC day on which it fails"),
    ] = None
    enabled: Annotated[bool, Meta(description="false refuses the key")] = True
    any_key: Annotated[bool, Meta(description="Only for `anonymous`: unknown credentials count as anonymous too")] = (
        False
    )


class Log(Section, frozen=True, kw_only=True):
    """The log, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="The least that is logged")] = (
        "info"
    )
    format: Annotated[Literal["auto", "text", "json"], Meta(description="auto: text on a terminal, json elsewhere")] = (
        "auto"
    )
    bodies: Annotated[bool, Meta(description="Log request bodies too (they hold users' text), cut at 4 KB")] = False


class Observe(Section, frozen=True, kw_only=True):
    """What Turnout tells about itself."""

    log: Annotated[Log, Meta(description="The log, on standard error")] = Log()
    headers: Annotated[bool, Meta(description="Put x-turnout-* headers on answers")] = True


class KeptResponses(Section, frozen=True, kw_only=True):
    """The responses that clients of the Responses API may come back to by their id, all keys together."""

    entries: Annotated[int, Meta(ge=0, description="The most responses that are kept; 0: none")] = 1000
    size: Annotated[Size, Meta(description="The most that they may take")] = "64MB"
    ttl: Annotated[Duration, Meta(description="How long each is kept")] = "24h"


class State(Section, frozen=True, kw_only=True):
    """What is kept between requests, and where."""

    kind: Annotated[Literal["memory"], Meta(description="Where: in the memory of this process")] = "memory"
    responses: Annotated[
        KeptResponses,
        Meta(description="Responses that were answered by translation (`store`, `previous_response_id`)"),
    ] = KeptResponses()


class Document(Section, frozen=True, kw_only=True):
    """proxy.yaml"""

    version: Annotated[Literal[1], Meta(description="The version of this format")] = 1
    server: Annotated[Server, Meta(description="Where Turnout listens and what it lets in")] = Server()
    upstreams: Annotated[dict[Name, Upstream], Meta(description="Where requests can go, by name")] = {}
    defaults: Annotated[Defaults, Meta(description="What holds unless an entry says otherwise")] = Defaults()
    models: Annotated[
        dict[str, Word | Model],
        Meta(
            description="Names clients may ask for; `*` in a name carries over to its targets. Short form: one target"
        ),
    ] = {}
    routes: Annotated[list[Route], Meta(description="Rules, read from the top; the first that matches decides")] = []
    bases: Annotated[dict[Name, Base], Meta(description="Other base URLs, by name")] = {}
    keys: Annotated[
        dict[Name, Key], Meta(description="Who may call, by name; `anonymous` is who sends no credential")
    ] = {}
    include: Annotated[list[str], Meta(description="Further files or globs, relative to this one")] = []
    state: Annotated[State, Meta(description="What is kept between requests, and where")] = State()
    observe: Annotated[Observe, Meta(description="What Turnout tells about itself")] = Observe()


INCLUDABLE = ("upstreams", "models", "routes", "bases", "keys")
"""The sections an included file may hold (rule C1)."""
