"""Bytes to and from an upstream host: the one method every transport has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.chat import Headers


LIMIT = 16384
"""Connections to one host. Only a guard: there are never more than clients."""


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """The four timeouts of a request, in seconds. `total` counts from the start of `send`."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 120.0
    total: float = 1200.0


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. `headers` are complete but for host, content-length and transfer-encoding."""

    method: str
    target: bytes
    """Path and query as they go on the wire."""
    headers: Headers
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    """How many bytes an iterator will yield, where that is known; it is sent in chunks where not."""


class TransportError(Exception):
    """The request did not get through, or its answer broke off."""

    def __init__(self, reason: Literal["connect", "tls", "timeout", "disconnect"], message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Response(Protocol):
    """The head of an answer, and its body as it arrives. Redirects are not followed, encodings not undone."""

    status: int
    headers: Headers
    """Names in lower case; transfer-encoding is already undone."""
    framed: bool
    """False when only the end of the connection ends the body, so that a cut cannot be told from its end."""

    async def chunk(self) -> bytes:
        """Return the next piece, b"" at the end. Raises `TransportError`."""

    def close(self) -> None:
        """Keep the connection if the body is complete, else close its socket at once. Safe to call twice."""


class Transport(Protocol):
    """A pool of connections to one origin (scheme, host, port)."""

    async def send(self, request: Request, waits: Waits) -> Response:
        """Send `request`, return when the head of its answer is there. Raises `TransportError`.

        Cancelling the caller closes the socket at once.
        """

    async def close(self) -> None:
        """Close every connection, idle or not."""
