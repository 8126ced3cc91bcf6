"""The `server` section, and `bases`."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.config.sections.base import Section, Word
from engine.diagnostics import Flaw
from engine.units import Duration, Size, positive


def no_hosts(hosts: list[str]) -> Flaw | None:
    """Return why there can be no empty list of hosts."""
    return None if hosts else Flaw("is empty, so no request would be answered", "name hosts, or leave it out")


def proxy_flaw(text: str) -> Flaw | None:
    """Return why `text` names no proxy that could be trusted."""
    if text == "unix:":
        return None
    try:
        ipaddress.ip_network(text)
    except ValueError:
        pass
    else:
        return None
    help_ = "write an address, as in 127.0.0.1, a network, as in 10.0.0.0/8, or unix:"
    try:
        return Flaw("has bits set beyond its prefix", f"write {ipaddress.ip_network(text, strict=False)}")
    except ValueError:
        return Flaw("is no address and no network", help_)


class Cors(Section, frozen=True, kw_only=True):
    """Which web pages may call."""

    origins: Annotated[
        list[str],
        Meta(description="Allowed origins: scheme://host[:port], or scheme://* for any host of that scheme"),
    ] = []
    credentials: Annotated[bool, Meta(description="Let pages send cookies and credentials")] = False


class Tls(Section, frozen=True, kw_only=True):
    """The server's own TLS, 1.2 and later. What the files hold reloads; their paths need a restart."""

    cert: Annotated[str, Meta(description="A PEM file: the certificate, followed by its chain")]
    key: Annotated[str, Meta(description="A PEM file with its private key: a path, or file:/path")]
    client_ca: Annotated[
        str | None, Meta(description="A PEM file with who signs the certificates that clients then must have")
    ] = None


class WebSocket(Section, frozen=True, kw_only=True):
    """What clients may do over WebSocket."""

    connections: Annotated[
        int, Meta(ge=1, description="How many may be open at once; others get 503 before they are")
    ] = 1000
    requests: Annotated[
        int, Meta(ge=1, le=1000, description="How many requests of one connection may run or wait at once")
    ] = 16
    idle: Annotated[
        Duration,
        Meta(description="How long a connection may ask nothing before it is closed", extra={"flaw": positive}),
    ] = "30m"
    total: Annotated[
        Duration,
        Meta(description="How old a connection may get; what runs then may end", extra={"flaw": positive}),
    ] = "1h"


MODULE = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?\Z"
"""pkg.module, or pkg.*."""
Module = Annotated[str, Meta(pattern=MODULE)]


class Server(Section, frozen=True, kw_only=True):
    """Where Turnout listens and what it lets in."""

    listen: Annotated[
        str,
        Meta(
            pattern=r"^((\[[0-9A-Fa-f:.]+\]|[^:/\s]+):[0-9]{1,5}|unix:/.*[^/\s])\Z",
            description="host:port, or unix:/path; changing it needs a restart",
        ),
    ] = "127.0.0.1:4000"
    tls: Annotated[Tls | None, Meta(description="Certificates, to speak https")] = None
    hosts: Annotated[
        list[Word],
        Meta(
            description="Host headers that are answered, without port (DNS rebinding guard)", extra={"flaw": no_hosts}
        ),
    ] = msgspec.field(default_factory=lambda: ["localhost", "127.0.0.1", "[::1]"])
    trusted_proxies: Annotated[
        list[Annotated[str, Meta(extra={"flaw": proxy_flaw})]],
        Meta(
            description="Whose x-forwarded-for and x-forwarded-proto count: addresses, networks, or unix: for whoever "
            "comes by the unix socket"
        ),
    ] = []
    body_limit: Annotated[Size, Meta(description="Largest request body, after decoding", extra={"flaw": positive})] = (
        "32MB"
    )
    body_timeout: Annotated[
        Duration,
        Meta(
            description="How long a request body may take for each further 16 KB of it before it is refused (408)",
            extra={"flaw": positive},
        ),
    ] = "30s"
    limits: Annotated[list[Word], Meta(description="Names of `limits` that count every model request")] = []
    cors: Annotated[Cors, Meta(description="Which web pages may call")] = Cors()
    answer_model: Annotated[
        Literal["asked", "upstream"],
        Meta(description="The model name in answers: the one asked for, or the upstream's own"),
    ] = "asked"
    max_concurrency: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="How many model requests and `pass` requests run at once; absent: no cap"),
    ] = None
    queue: Annotated[
        int, Meta(ge=0, description="How many requests may wait for a place once max_concurrency run; others get 503")
    ] = 100
    queue_timeout: Annotated[
        Duration, Meta(description="How long a request waits for a place before it gets 503", extra={"flaw": positive})
    ] = "10s"
    send_timeout: Annotated[
        Duration,
        Meta(
            description="How long a client may take nothing of its answer before it is dropped",
            extra={"flaw": positive},
        ),
    ] = "60s"
    websocket: Annotated[
        WebSocket | Literal["off"],
        Meta(
            description="WebSocket connections of clients. off: handshakes are refused (426), and clients ask by POST"
        ),
    ] = WebSocket()
    allow_code: Annotated[
        list[Module],
        Meta(
            description="Modules that `kind: langchain` and `tools` may import: pkg.module, or pkg.* for a package and "
            "all in it; empty: none"
        ),
    ] = []
    drain: Annotated[
        Duration, Meta(description="How long requests may go on once the server stops or their generation must go")
    ] = "30s"


class Base(Section, frozen=True, kw_only=True):
    """Another base URL for clients: http://host:port/PREFIX/v1."""

    prefix: Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9._~-]+)+\Z", description="The path before /v1, as in /team-a")]
    limits: Annotated[
        list[Word], Meta(description="Names of `limits` that count requests that come in by this base")
    ] = []
