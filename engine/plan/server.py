"""The `server` and `bases` sections: addresses, hosts, origins, prefixes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.diagnostics import Label
from engine.plan.admission import ANY, HOST, NULL, PORTS, parse_origin
from engine.plan.nodes import Overload, Sockets
from engine.plan.peers import trusted
from engine.units import seconds

if TYPE_CHECKING:
    from engine.plan.nodes import Origin
    from engine.plan.peers import Trusted
    from engine.plan.source import Source

RESERVED = ("v1", "health", "ready", "metrics", "status", "openapi.json")
"""First segments of paths that Turnout answers itself."""
LAST_PORT = 65535
UNIX = "unix:"
LONGEST_PATH = 103
"""Bytes of the path of a unix socket on every system (sun_path of macOS: 104 with its end; Linux: 108)."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - recognised, not bound
"""An address of all interfaces -> where this machine reaches it."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", *EVERYWHERE})


def compile_listen(source: Source) -> None:
    listen = source.document.server.listen
    if listen.startswith(UNIX):
        if len(listen.removeprefix(UNIX).encode()) > LONGEST_PATH:
            source.report.error(
                "bad-path",
                f"the path of a unix socket may have at most {LONGEST_PATH} bytes",
                source.tree.value("server", "listen"),
                help="choose a shorter one, such as unix:/run/turnout.sock",
            )
        return
    port = int(listen.rpartition(":")[2])
    if port > LAST_PORT:
        source.report.error(
            "bad-port",
            f"port {port} does not exist",
            source.tree.value("server", "listen"),
            help=f"ports go from 0 (any free one) to {LAST_PORT}",
        )


def check_loop(source: Source) -> None:
    """Refuse upstreams that are this very server: a request would go round until it times out."""
    server = source.document.server
    if server.listen.startswith(UNIX):
        return
    host, _, port = server.listen.lower().rpartition(":")
    ours = {host, *(name.lower() for name in server.hosts)} | (LOOPBACK if host in EVERYWHERE else set())
    for name, options in source.document.upstreams.items():
        if _address(getattr(options, "base_url", None) or "") in {(each, int(port)) for each in ours}:
            source.report.error(
                "upstream-is-itself",
                f"upstream `{name}` leads back here: this server listens on {server.listen}",
                source.tree.value("upstreams", name, "base_url"),
                help="name the address of the server that is to answer, or change `server.listen`",
            )


def _address(url: str) -> tuple[str, int] | None:
    """Return (host as in a Host header, port) of `url`, None where it has none."""
    try:
        split = urlsplit(url)
        port = split.port or PORTS.get(split.scheme, 0)
    except ValueError:
        return None
    host = split.hostname or ""
    return f"[{host}]" if ":" in host else host, port


def compile_trusted(source: Source) -> Trusted | None:
    """Return server.trusted_proxies, parsed."""
    found = trusted(source.document.server.trusted_proxies)
    for index, text in enumerate(source.document.server.trusted_proxies):
        if text.endswith("/0"):
            source.report.warning(
                "trusts-everyone",
                f"with `{text}`, every caller may say what address it has",
                source.tree.value("server", "trusted_proxies", index),
                help="name the proxies in front of this server",
            )
    return found


def compile_overload(source: Source) -> Overload | None:
    """Return the cap on requests that run at once, None without one."""
    server = source.document.server
    if server.max_concurrency is not None:
        return Overload(
            concurrency=server.max_concurrency, queue=server.queue, queue_timeout=seconds(server.queue_timeout)
        )
    for key in ("queue", "queue_timeout"):
        if ("server", key) in source.tree.values:
            source.report.warning(
                "no-effect",
                f"`{key}` says nothing without `max_concurrency`: nobody ever waits",
                source.tree.key("server", key),
                help="add `max_concurrency`, or remove it",
            )
    return None


def compile_sockets(source: Source) -> Sockets | None:
    """Return what clients may do over WebSocket, None where they may not come by it."""
    found = source.document.server.websocket
    if isinstance(found, str):
        return None
    idle, total = seconds(found.idle), seconds(found.total)
    if idle > total:
        given = source.tree.keys.get(("server", "websocket", "idle"))
        source.report.warning(
            "no-effect",
            f"`idle` of {found.idle} says nothing: a connection is closed after {found.total} anyway",
            given or source.tree.key("server", "websocket", "total"),
            help=f"write `idle: {found.total}` or less, or a longer `total`",
        )
    return Sockets(connections=found.connections, requests=found.requests, idle=idle, total=total)


def compile_hosts(source: Source) -> frozenset[str]:
    """Return server.hosts in lower case."""
    hosts = source.document.server.hosts
    for index, host in enumerate(hosts):
        found = HOST.fullmatch(host.lower())
        if found is None or found[2] is not None:
            source.report.error(
                "bad-host",
                f"`{host}` is no host name",
                source.tree.value("server", "hosts", index),
                help=_host_help(host),
            )
    return frozenset(host.lower() for host in hosts)


def _host_help(host: str) -> str:
    bare = host.partition("://")[2] or host
    bare = bare.partition("/")[0]
    if bare.count(":") > 1 and not bare.startswith("["):
        return f'write an IPv6 address in brackets: "[{bare}]"'
    name = bare if bare.endswith("]") else bare.rpartition(":")[0] or bare
    if HOST.fullmatch(name.lower()):
        return f"write the name alone, without scheme, port or path: {name}"
    return "list the names and addresses that clients call this server by; there are no wildcards"


def compile_origins(source: Source) -> tuple[Origin, ...]:
    """Return server.cors.origins, parsed."""
    cors = source.document.server.cors
    found = []
    for index, text in enumerate(cors.origins):
        span = source.tree.value("server", "cors", "origins", index)
        origin = parse_origin(text)
        if origin is None:
            source.report.error("bad-origin", f"`{text}` is no origin", span, help=_origin_help(text))
        elif is_anyone(origin) and cors.credentials:
            source.report.error(
                "any-origin-with-credentials",
                f"`{text}` with `credentials: true` would let every web page act as its visitor",
                span,
                help="list the origins that may call, or remove `credentials: true`",
            )
        else:
            found.append(origin)
    return tuple(found)


def is_anyone(origin: Origin) -> bool:
    """Say whether pages of any host in the web have this origin; those of a scheme such as vscode-webview are local."""
    return origin.host is None and origin.scheme in ("*", "http", "https")


def _origin_help(text: str) -> str:
    scheme, mark, rest = text.partition("://")
    host = rest.partition("/")[0]
    shorter = parse_origin(f"{scheme}://{host}") if mark else parse_origin(f"https://{text.partition('/')[0]}")
    if shorter is not None and shorter not in (ANY, NULL):
        return f"write scheme://host[:port] alone: {scheme if mark else 'https'}://{host or text.partition('/')[0]}"
    return "an origin is scheme://host[:port], or scheme://* for any host of that scheme"


def compile_bases(source: Source) -> dict[str, str]:
    """Return name -> prefix; no prefix may hide what Turnout serves itself, or be there twice."""
    owners: dict[str, str] = {}
    for name, base in source.document.bases.items():
        span = source.tree.value("bases", name, "prefix")
        segments = base.prefix.removeprefix("/").split("/")
        first = owners.setdefault(base.prefix, name)
        if first != name:
            other = source.tree.value("bases", first, "prefix")
            source.report.error(
                "base-clash",
                f"base `{name}` has the same prefix as base `{first}`",
                span,
                help="give each base its own prefix",
                labels=(Label(other, f"`{first}` is here"),) if other is not None else (),
            )
        elif segments[0] in RESERVED:
            source.report.error(
                "base-clash",
                f"the prefix `{base.prefix}` hides what Turnout serves at /{segments[0]}",
                span,
                help=f"choose another one, such as /{name}",
            )
        elif segments[-1] == "v1":
            source.report.error(
                "base-clash",
                f"the prefix `{base.prefix}` ends in /v1, which every base has by itself",
                span,
                help=f"write {base.prefix.removesuffix('/v1')}",
            )
        elif "." in segments or ".." in segments:
            source.report.error(
                "base-clash",
                f"no request can have the prefix `{base.prefix}`: dot segments are refused",
                span,
                help=f"choose another one, such as /{name}",
            )
    return {name: base.prefix for name, base in source.document.bases.items()}
