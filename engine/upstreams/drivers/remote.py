"""What every upstream reached over HTTP shares: its address, its credential, and failures in the words of rule T1.

Knows nothing of what the bytes mean. The credential is in the header fields it sends and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.chat import Failed, Failure
from engine.diagnostics import Flaw
from engine.dialects.edits import stripped
from engine.transport.base import Request, TransportError, Waits
from engine.transport.h1 import H1
from engine.units import seconds
from engine.upstreams.fields import FRAMING, field
from engine.upstreams.url import join, origin, proxy_flaw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Headers
    from engine.secret import Secret
    from engine.transport.base import Response, Transport
    from engine.transport.ws import UpstreamWire
    from engine.upstreams.base import Answer, Call, Remote

CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-turnout-key", b"cookie"})
"""Never sent because the client sent them, whatever the caller left in."""

BODILY = frozenset({b"content-type", b"accept", b"accept-encoding"})
"""What says something of a body, and nothing of a WebSocket."""


class RemoteAnswer:
    """An answer as it comes off the wire. See `engine.upstreams.base.Answer`."""

    __slots__ = ("_name", "_response", "framed", "headers", "status")

    def __init__(self, name: str, response: Response) -> None:
        self.status = response.status
        self.headers: Headers = response.headers
        self.framed = response.framed
        self._name = name
        self._response = response

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its proper end. Raises `Failed`."""
        try:
            return await self._response.chunk()
        except TransportError as error:
            raise failed(self._name, error) from error

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises `Failed`, also beyond `limit` bytes."""
        pieces: list[bytes] = []
        size = 0
        while piece := await self.chunk():
            size += len(piece)
            if size > limit:
                self.close()
                message = f"upstream `{self._name}`: its answer is larger than {limit} bytes"
                raise Failed(Failure(reason="disconnect", message=message))
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Give the connection back if the body is complete, close its socket otherwise."""
        self._response.close()


class RemoteDriver(ABC):
    """A live upstream over HTTP. A kind adds the form of its credential."""

    remote = True
    unless_sent: tuple[tuple[bytes, bytes], ...] = ()
    """Fields sent where neither the client nor the file has them."""

    def __init__(self, name: str, options: Remote, api_key: Secret | None) -> None:
        """Raise `ValueError`, saying what to change, when the options cannot work."""
        self.name = name
        self._base_url = options.base_url
        place = origin(options.base_url)
        if isinstance(place, Flaw):
            raise ValueError(f"base_url {place}")
        if options.proxy is not None and (flaw := proxy_flaw(options.proxy)):
            raise ValueError(f"proxy {flaw}")
        scheme, host, port = place
        self._place = place
        self._proxy = options.proxy
        self._origin = f"{scheme}://{host}:{port}"
        own = [(b"accept-encoding", b"identity")]
        own += [field(key, value, f"headers: {key}") for key, value in options.headers.items()]
        if api_key is not None and options.auth == "key":
            own += [field(key, value, "api_key") for key, value in self.credential(api_key.reveal()).items()]
        self._own: Headers = own
        self._strip = tuple(options.strip)
        self._defaults = stripped(list(self.unless_sent), self._strip)
        self._stopped = FRAMING | CREDENTIALS | {key for key, _ in own}
        self._forward = options.auth == "forward"
        waits = options.timeouts
        self._waits = Waits(
            connect=seconds(waits.connect),
            first_byte=seconds(waits.first_byte),
            idle=seconds(waits.idle),
            total=seconds(waits.total),
        )
        self._targets: dict[str, bytes] = {}
        self._transport: Transport
        if options.proxy is None:
            self._transport = H1(scheme, host, port)
        else:
            from engine.transport.client import Client

            self._transport = Client(scheme, host, port, proxy=options.proxy)

    @classmethod
    @abstractmethod
    def credential(cls, key: str) -> dict[str, str]:
        """Return the header fields that carry `key`."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self._origin}>"

    @property
    def waits(self) -> Waits:
        return self._waits

    async def send(self, call: Call) -> Answer:
        """Send `call` and return once the head of the answer is there. Raises `Failed`."""
        waits = self._waits_of(call)
        self._check_credential(call)
        if call.method == "CONNECT":
            raise Failed(Failure(reason="bad_request", message="CONNECT asks for a tunnel; upstreams are no proxies"))
        request = Request(
            method=call.method,
            target=self._target(call),
            headers=self._headers(call),
            body=call.body,
            length=call.length,
        )
        try:
            return RemoteAnswer(self.name, await self._transport.send(request, waits))
        except TransportError as error:
            raise failed(self.name, error) from error

    async def open(self, call: Call, subprotocols: Sequence[str]) -> UpstreamWire:
        """Open a WebSocket for `call` alone. Raises `Failed`, and `Rejected` for an answer that is not 101."""
        waits = self._waits_of(call)
        self._check_credential(call)
        try:
            return await self.socket(call, waits, subprotocols)
        except TransportError as error:
            raise failed(self.name, error) from error

    async def socket(self, call: Call, waits: Waits, subprotocols: Sequence[str] = ()) -> UpstreamWire:
        """Open a WebSocket for `call`. Raises `TransportError`, `Rejected`."""
        from engine.transport.ws import connect

        scheme, host, port = self._place
        headers = [pair for pair in self._headers(call) if pair[0] not in BODILY]
        target = self._target(call)
        return await connect(scheme, host, port, target, headers, waits, subprotocols=subprotocols, proxy=self._proxy)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    def _check_credential(self, call: Call) -> None:
        """Raise `Failed` where there is nothing to forward."""
        if self._forward and not call.credential:
            message = f"upstream `{self.name}` forwards the client's own credential, and this client sent no credential"
            raise Failed(Failure(reason="auth", message=message, status=401))

    def _waits_of(self, call: Call) -> Waits:
        """Return the waits that are left for `call`. Raises `Failed`."""
        waits = self._waits
        if call.spent:
            waits = Waits(
                connect=waits.connect, first_byte=waits.first_byte, idle=waits.idle, total=waits.total - call.spent
            )
            if waits.total <= 0:
                message = f"upstream `{self.name}`: nothing is left of {self._waits.total:g} s (timeouts.total)"
                raise Failed(Failure(reason="timeout", message=message))
        return waits

    def _headers(self, call: Call) -> Headers:
        stopped = self._stopped
        headers = [pair for pair in call.headers if pair[0] not in stopped]
        if self._strip:
            headers = stripped(headers, self._strip)
        headers += self._own
        if self._defaults:
            sent = {key for key, _ in headers}
            headers += [pair for pair in self._defaults if pair[0] not in sent]
        if self._forward:
            headers += call.credential
        return headers

    def _target(self, call: Call) -> bytes:
        target = self._targets.get(call.path)
        if target is None:
            url = urlsplit(join(self._base_url, call.path))
            target = (f"{url.path or '/'}?{url.query}" if url.query else url.path or "/").encode("ascii")
            if call.api is not None:
                self._targets[call.path] = target  # the endpoints are few; what `pass` routes see is not
        if call.query:
            return b"%b%b%b" % (target, b"&" if b"?" in target else b"?", call.query)
        return target


def failed(name: str, error: TransportError) -> Failed:
    """Say a transport's error as the failure of upstream `name`."""
    return Failed(Failure(reason=error.reason, message=f"upstream `{name}`: {error.message}"))
