"""What an upstream is: the options every kind shares, and the protocol its driver fulfils."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

from engine.chat import Language
from engine.diagnostics import Flaw
from engine.units import Duration, positive
from engine.upstreams import fields
from engine.upstreams.url import base_url_flaw, proxy_flaw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from engine.chat import Headers, Loss
    from engine.secret import Secret
    from engine.upstreams.turn import Turn

SECRET = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)\Z"  # noqa: S105 - what a reference to one looks like

HTTP = r"^https?://"

Setting = Annotated[Any, Meta(extra={"references": True})]
"""A value that only somebody else knows; a text in it, however deep, may be a reference to a secret."""

SecretRef = Annotated[
    str, Meta(pattern=SECRET, description="A reference to a secret: env:NAME or file:/path; never the secret itself")
]


BaseUrl = Annotated[
    str,
    Meta(
        pattern=HTTP,
        description="Where it is; with or without /v1 at the end",
        extra={"flaw": base_url_flaw},
    ),
]
HeaderName = Annotated[str, Meta(extra={"flaw": fields.name_flaw})]
HeaderValue = Annotated[str, Meta(extra={"flaw": fields.value_flaw})]
Stripped = Annotated[str, Meta(extra={"flaw": fields.stripped_flaw, "editors": rf"^{fields.TOKEN.pattern}$"})]
"""A header, or a flag of `anthropic-beta`, that is not passed on."""
Wait = Annotated[Duration, Meta(extra={"flaw": positive})]


class Unbuildable(Exception):  # noqa: N818 - it is a finding about the file
    """Why the live driver of an upstream cannot be made: `path` is the option of the upstream that is to blame."""

    def __init__(self, code: str, message: str, path: tuple[str, ...] = (), help_: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.path = path
        self.help = help_


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind of upstream understands."""

    enabled: Annotated[bool, Meta(description="false switches this upstream off, silently")] = True
    optional: Annotated[
        bool, Meta(description="If it cannot be built (a credential is unset), it is off with a warning, not an error")
    ] = False

    limits: Annotated[
        list[str], Meta(description="Names of `limits` that count what is sent to this upstream; full: the next target")
    ] = []

    @property
    def speaks(self) -> tuple[Language, ...]:
        """The APIs it answers in, those first in which it is rather asked."""
        return ()

    @property
    def sockets(self) -> bool:
        """Whether its Responses API is asked over WebSocket where the client came by one."""
        return False

    @property
    def free(self) -> bool:
        """Whether it costs nothing to ask, so that budgets need no price of it."""
        return False

    @property
    def personal(self) -> bool:
        """Whether only one person may use it, on this machine (`engine.plan.terms`)."""
        return False

    def unmet(self, fields: Mapping[str, msgspec.Raw]) -> tuple[Loss, ...]:  # noqa: ARG002 - most kinds do what is asked
        """Return what of a client's own body, in any API, this kind cannot do whatever the model."""
        return ()

    def filled(self, secrets: Mapping[str, Secret]) -> Options:  # noqa: ARG002 - few kinds have any but `api_key`
        """Return these options with the secrets that they refer to, beside `api_key`, in their places."""
        return self

    @property
    def runs(self) -> str | None:
        """The code that answers, as pkg.module:name, or the program; None: this kind runs nothing of others."""
        return None

    @property
    def package(self) -> str | None:
        """The package of an extra without which there is no driver."""
        return None

    @property
    def imports(self) -> tuple[str, ...]:
        """The option that names code to be imported, as the path of it; nothing: this kind runs no code of others."""
        return ()

    def load(self, name: str, models: Sequence[str]) -> Driver | None:  # noqa: ARG002 - only for kinds that import code
        """Make the live driver where that imports code: in a thread, instead of by `build`.

        `models` are those that the file asks for. Raises `Unbuildable`, `ImportError`.
        """
        return None

    def build(self, name: str, api_key: Secret | None) -> Driver:
        """Make the live driver of the upstream `name`. Raises `ValueError` when the options cannot work.

        Raises `ImportError` when the kind needs an extra that is not installed.
        """
        raise ValueError(f"upstream `{name}` ({api_key}): this kind has no driver")


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The four waits of a request to an upstream."""

    connect: Annotated[Wait, Meta(description="Until the connection (and TLS) stands")] = "5s"
    first_byte: Annotated[Wait, Meta(description="From the request sent to the first byte of the answer")] = "60s"
    idle: Annotated[Wait, Meta(description="Longest silence between two pieces of an answer")] = "120s"
    total: Annotated[Wait, Meta(description="The whole request, all tries included")] = "20m"


class Circuit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a target is left alone because it fails, and for how long."""

    failures: Annotated[
        int, Meta(ge=1, le=1000, description="Requests that fail in a row after which nobody asks it for the cooldown")
    ] = 5
    cooldown: Annotated[
        Wait, Meta(description="Until one request may try it again; twice as long each time that fails")
    ] = "10s"
    longest: Annotated[Wait, Meta(description="The longest cooldown")] = "1m"


def path_flaw(path: str) -> Flaw | None:
    """Return why a path cannot be asked for."""
    if not path.startswith("/") or path.startswith("//"):
        return Flaw("is no path", "begin it with one slash, as in /v1/models")
    odd = "?" in path or "#" in path or any(not "!" <= sign <= "~" for sign in path)
    return Flaw("holds more than a path", "leave query and spaces out, and percent-encode the rest") if odd else None


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cheap request that is made now and then, to know how an upstream is though nobody asks it."""

    path: Annotated[
        str, Meta(description="What is asked for (GET), with the upstream's credential", extra={"flaw": path_flaw})
    ] = "/v1/models"
    every: Annotated[Wait, Meta(description="How often; more often while it fails")] = "30s"
    timeout: Annotated[Wait, Meta(description="How long an answer may take")] = "5s"


class Remote(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every kind that is reached over HTTP understands."""

    base_url: BaseUrl
    api_key: Annotated[SecretRef | None, Meta(description="The credential Turnout sends to this upstream")] = None
    auth: Annotated[
        Literal["key", "forward"],
        Meta(description="key: send api_key. forward: send the client's own credential, to this upstream only"),
    ] = "key"
    headers: Annotated[
        dict[HeaderName, HeaderValue], Meta(description="Headers added to every request to this upstream")
    ] = {}
    strip: Annotated[
        list[Stripped],
        Meta(
            description="Request headers that are not passed on to this upstream, and flags taken out of "
            "`anthropic-beta`; `*` is any run"
        ),
    ] = []
    timeouts: Annotated[Timeouts, Meta(description="The four waits of a request to this upstream")] = Timeouts()
    circuit: Annotated[
        Circuit | Literal["off"],
        Meta(description="When a target (this upstream and one model) is left alone. off: it is always asked"),
    ] = Circuit()
    check: Annotated[
        Check | None, Meta(description="Ask it now and then whether it answers; absent: requests alone tell")
    ] = None
    proxy: Annotated[
        Annotated[str, Meta(extra={"flaw": proxy_flaw})] | None,
        Meta(description="An HTTP proxy to reach this upstream through: http://host:port"),
    ] = None


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """How the processes of an upstream are that answers through some, for /status and /metrics."""

    processes: int
    busy: int
    """Requests that run."""
    waiting: int
    """Requests in line."""
    held: int
    """Conversations that wait for results of the client's tools."""
    list_price_usd: float
    """What its answers would cost at list prices, as the processes reckon; a plan charges otherwise."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request to an upstream, in the wire form of its own dialect. `headers` are already filtered (rule T4)."""

    api: Language | None
    """None on a `pass` route."""
    method: str
    path: str
    """Canonical path, such as /v1/chat/completions."""
    query: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    length: int | None = None
    """How many bytes an iterator will yield, where that is known."""
    model: str | None = None
    """The name this upstream knows the model by; already in `body`."""
    stream: bool = False
    credential: Headers = []
    """The client's own credential, only for `auth: forward`."""
    turn: Turn | None = None
    """Set for a request of a client's WebSocket that the upstream may be asked over one too."""
    spent: float = 0.0
    """Seconds of `timeouts.total` that earlier tries of the same request have used."""
    faults: str | None = None
    """The fault a loopback client asked an echo upstream for."""


class Answer(Protocol):
    """An upstream's answer: head at once, body as it arrives. `close` aborts and may be called at any time, twice."""

    status: int
    headers: Headers
    framed: bool
    """False when only the end of the connection ends the body, so that a cut cannot be told from its end."""

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its proper end; raise `Failed` when it breaks off or stalls."""

    async def read(self, limit: int) -> bytes:
        """Return the whole body; raise `Failed` beyond `limit` bytes."""

    def close(self) -> None:
        """Give the connection back if the body is complete, close its socket otherwise."""


class Driver(Protocol):
    """A live upstream."""

    remote: bool
    """Whether it is reached over a network."""

    async def send(self, call: Call) -> Answer:
        """Send `call` and return once the head of the answer is there; raise `Failed`. A status >= 400 is an answer."""

    async def close(self) -> None:
        """Close every connection."""
