"""Which paths speak WebSocket, and how a handshake that has passed the doors becomes a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.chat import Problem
from engine.dialects import ANTHROPIC, ENDPOINTS, OPENAI
from engine.dialects.realtime import PATH as REALTIME
from engine.plan.admission import IN_PROTOCOL
from engine.serve.failures import stopping
from engine.serve.headers import first
from engine.serve.reply import marks
from engine.serve.sockets.upgrade import accepted

if TYPE_CHECKING:
    from litestar.types import HTTPScope

    from engine.plan.nodes import Sockets as Limits
    from engine.serve.exchange import Exchange
    from engine.serve.sockets.talk import Talk
    from engine.serve.sockets.upgrade import Upgrade

ANY = "/v1/ws"
"""Where the first frame says which API is spoken."""
RESPONSES = "/v1/responses"
PLAIN = frozenset({"/v1/chat/completions", "/v1/messages", "/v1/embeddings", ANY})
PATHS = PLAIN | {RESPONSES, REALTIME}
CONNECTION = frozenset(
    {"type", "asgi", "http_version", "server", "client", "scheme", "root_path", "headers", "query_string"}
)
"""What of an ASGI scope is the same for every message."""


def open_socket(exchange: Exchange, path: str, upgrade: Upgrade) -> None:
    """Make a connection of the handshake of `exchange`. Raises `Problem`: then it is answered over HTTP."""
    admitted(exchange)
    accept = accepted(exchange.headers)
    from engine.serve.sockets.client import wire_for
    from engine.serve.sockets.session import Session

    visit = exchange.visit
    switch = exchange.sockets.switch
    assert switch is not None
    plan = exchange.plan
    wire = wire_for(switch, visit.loop, plan.body_limit)
    prefix = plan.bases[exchange.base] if exchange.base is not None else ""
    session = Session(handshake(exchange.scope), prefix, wire, talk(exchange, path), exchange.sockets, switch)
    exchange.sockets.open.add(session)
    # a page that offers a key must offer something beside it, and be told that, or its browser closes the connection
    chosen = next((one for one in upgrade.offered if not one.encode().startswith(IN_PROTOCOL)), None)
    upgrade.take(wire, accept, marks(visit), chosen)
    exchange.reply.opened, exchange.reply.status = True, 101
    exchange.sockets.hold(visit.loop.create_task(session.run()))


def handshake(scope: HTTPScope) -> HTTPScope:
    """Return what `scope` says of the connection; what an app has put into it, a generation above all, is left out."""
    return cast("HTTPScope", {name: value for name, value in scope.items() if name in CONNECTION})


def admitted(exchange: Exchange) -> Limits:
    """Return what a connection may do. Raises `Problem` where there may be none, or no further one."""
    limits = exchange.plan.sockets
    if limits is None:
        raise Problem(426, "upgrade_required", "`server.websocket` is off: send requests by POST", headers=NO_SOCKET)
    if exchange.gate.closed:
        raise stopping()
    exchange.sockets.admit(limits.connections)
    return limits


NO_SOCKET = ((b"upgrade", b"HTTP/1.1"), (b"connection", b"upgrade"))


def talk(exchange: Exchange, path: str) -> Talk:
    """Return what is spoken at `path`."""
    from engine.serve.sockets.picking import Picking
    from engine.serve.sockets.plain import Plain
    from engine.serve.sockets.responses import Responses

    room = exchange.plan.body_limit
    if path == RESPONSES:
        return Responses(room)
    if path in ENDPOINTS:
        return Plain(ENDPOINTS[path][0], path)
    anthropic = first(exchange.headers, b"anthropic-version") is not None
    return Picking(Plain(ANTHROPIC if anthropic else OPENAI, None, anthropic=anthropic), room)
