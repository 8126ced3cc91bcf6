"""The step from HTTP to WebSocket on a client's connection: the handshake (RFC 6455, 4.2), and who speaks after it.

Until then a handshake is a GET like any other, through the same doors; a refusal is a status and a body.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, cast

from engine.chat import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar.types import Scope

    from engine.chat import Headers
    from engine.serve.sockets.client import ClientWire
    from engine.upstreams.turn import Turn

EXTENSION = "turnout.upgrade"
"""Where the scope of a request holds the `Upgrade` that it asks for."""
TURN = "turnout.turn"
"""Where the scope of a message holds what it says beside its body."""
VERSION = b"13"
KEY_BYTES = 16
KEY, OFFERED = b"sec-websocket-key", b"sec-websocket-protocol"
TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Upgrade:
    """A client asks to go on in WebSocket. `take` does; without it the request is an ordinary one."""

    __slots__ = ("_switch", "offered")

    def __init__(self, headers: Headers, switch: Callable[[bytes, ClientWire], None]) -> None:
        """`switch` sends a head and hands the connection over."""
        self._switch: Callable[[bytes, ClientWire], None] | None = switch
        self.offered = offered(headers)
        """The subprotocols that the client offers, in its order."""

    def take(self, wire: ClientWire, accept: str, headers: Headers, subprotocol: str | None = None) -> None:
        """Answer 101, and have `wire` speak from now on. `accept` is what `accepted` returned.

        `wire` is over at once where the client has left meanwhile.
        """
        if self._switch is None:
            wire.connection_lost(None)
            return
        fields = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accept.encode())]
        if subprotocol is not None:
            fields.append((OFFERED, subprotocol.encode()))
        head = b"".join(b"%s: %s\r\n" % field for field in [*fields, *headers])
        self._switch(b"HTTP/1.1 101 Switching Protocols\r\n%s\r\n" % head, wire)

    def forget(self) -> None:
        """The request is over: nothing can be taken any more."""
        self._switch = None


def asked(scope: Scope) -> Upgrade | None:
    """Return the upgrade that a request asks for, None for one that asks for none."""
    return cast("Upgrade | None", extensions(scope).get(EXTENSION))


def extensions(scope: Scope) -> dict[str, Any]:
    return cast("dict[str, Any]", scope).get("extensions") or {}


def turn_of(scope: Scope) -> Turn | None:
    """Return what a message says beside its body, None for a request over HTTP."""
    return cast("Turn | None", extensions(scope).get(TURN))


def is_message(scope: Scope) -> bool:
    """Say whether a request is a message on a WebSocket."""
    return TURN in extensions(scope)


def accepted(headers: Headers) -> str:
    """Return the value of sec-websocket-accept. Raises `Problem` (400, 426) for a handshake that is none."""
    from websockets.utils import accept_key

    if any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers):
        raise Problem(400, "invalid_request", "a handshake has no body; messages are sent once it is answered")
    versions = [value for name, value in headers if name == b"sec-websocket-version"]
    if versions != [VERSION]:
        raise Problem(
            426,
            "upgrade_required",
            "only version 13 of WebSocket is spoken here",
            headers=((b"sec-websocket-version", VERSION), (b"upgrade", b"websocket"), (b"connection", b"upgrade")),
        )
    keys = [value for name, value in headers if name == KEY]
    try:
        valid = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == KEY_BYTES
    except binascii.Error:
        valid = False
    if not valid:
        raise Problem(400, "invalid_request", "the handshake needs one sec-websocket-key of 16 bytes in base64")
    return accept_key(keys[0].decode("ascii"))


def offered(headers: Headers) -> list[str]:
    """Return the subprotocols of `headers`. What is no token is left out: it could not be answered."""
    found = [one.strip() for name, value in headers if name == OFFERED for one in value.split(b",")]
    return [one.decode("ascii") for one in found if one and not set(one) - TOKEN]


def wanted(fields: Headers) -> bool:
    """Say whether a request that asks for an upgrade asks for this one."""
    return [value.strip().lower() for name, value in fields if name == b"upgrade"] == [b"websocket"]
