"""A fresh connection to an upstream host: name, TCP, TLS; each failure with the word of rule T1.

Knows nothing of HTTP. The caller bounds the time; cancelling it closes the half-made connection. What a name resolves
to is looked at here and connected to as it is, so that no second look-up can answer otherwise.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from engine.transport.addresses import forbidden, parse
from engine.transport.base import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = TypeVar("P", bound=asyncio.Protocol)

KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
"""Probes on a silent connection: a model may think for minutes, and NATs forget connections that say nothing."""


@functools.cache
def trust() -> ssl.SSLContext:
    """Return the one context for all upstreams: the system's authorities, host name checked, HTTP/1.1 only."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(factory: Callable[[], P], host: str, port: int, context: ssl.SSLContext | None) -> P:
    """Connect to `host`:`port`, over TLS when there is a `context`. Raises `TransportError` connect | tls."""
    where = authority(host, port)
    sock = await _connect(host, port, where)
    try:
        with shaking_hands(where, tls=context is not None):
            _, protocol = await asyncio.get_running_loop().create_connection(
                factory, sock=sock, ssl=context, server_hostname=host if context else None
            )
    except BaseException:
        sock.close()
        raise
    return protocol


@contextmanager
def shaking_hands(where: str, *, tls: bool) -> Iterator[None]:
    """Say what goes wrong while a connection is made. Raises `TransportError` connect | tls."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise TransportError("tls", f"{where}: its certificate is not trusted: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise TransportError("tls", f"{where}: the TLS handshake failed: {error.reason or 'no TLS spoken'}") from error
    except OSError as error:
        raise TransportError("tls" if tls else "connect", f"{where}: {_why(error, 'handshake')}") from error


async def resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    """Return what getaddrinfo says of `host`, without the addresses that no upstream may have.

    Raises `TransportError` connect when there is no other.
    """
    where = authority(host, port)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransportError("connect", f"{where}: the name does not resolve: {_why(error, 'lookup')}") from error
    named = parse(host) is None
    flaws = [forbidden(str(entry[4][0]), resolved=named) for entry in found]
    allowed = [entry for entry, flaw in zip(found, flaws, strict=True) if flaw is None]
    if allowed or not found:
        return list(allowed)
    address, flaw = found[0][4][0], flaws[0]
    raise TransportError("connect", f"{where}: refused to connect: {address} {flaw}")


async def _connect(host: str, port: int, where: str) -> socket.socket:
    """Connect to the first address of `host` that answers."""
    loop = asyncio.get_running_loop()
    found = await resolve(host, port)
    refused: OSError | None = None
    for family, kind, proto, _, address in found:
        sock: socket.socket | None = None
        try:
            sock = socket.socket(family, kind, proto)
            sock.setblocking(False)
            _tune(sock)
            await loop.sock_connect(sock, address)
        except OSError as error:
            if sock is not None:
                sock.close()
            refused = error
        except BaseException:
            if sock is not None:
                sock.close()
            raise
        else:
            return sock
    raise TransportError("connect", f"{where}: {_why(refused, 'connect')}") from refused


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _why(error: BaseException | None, step: str) -> str:
    if error is None:
        return "the name has no address"
    if isinstance(error, socket.gaierror) and error.strerror:
        return error.strerror
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return f"{step} failed ({type(error).__name__})"


def authority(host: str, port: int) -> str:
    """Return host:port as messages and the host header write it, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
