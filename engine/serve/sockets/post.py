"""One message of a client, asked as the POST that it stands for; what is answered goes out as frames.

It takes the same road as a request over HTTP, from the Host check to the record, on the generation that is live as it
begins; so nothing about routing, limits, fallbacks or translation is said again here.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

from engine.dialects.sse import Splitter, parse
from engine.serve.sockets.upgrade import OFFERED, TURN
from engine.transport.wire import Closed

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope

    from engine.chat import Headers, Problem
    from engine.serve.reply import Visit
    from engine.serve.sockets.talk import Answering
    from engine.transport.wire import Wire

HANDSHAKE = frozenset(
    {
        b"connection",
        b"upgrade",
        b"content-length",
        b"content-type",
        b"content-encoding",
        b"transfer-encoding",
        b"expect",
        b"idempotency-key",  # of one request; these are many
    }
)
"""Fields of the handshake that say nothing of a message. Who it is from, and which page, they do."""
JSON = (b"content-type", b"application/json")


def fields_of(headers: Headers) -> Headers:
    """Return the fields of a handshake as those of each message; what was offered as a key is one."""
    return [
        (name, value)
        for name, value in headers
        if name not in HANDSHAKE and (name == OFFERED or not name.startswith(b"sec-websocket-"))
    ]


class Post:
    """One request on a socket. `run` is a task of its own, which `leave` ends."""

    def __init__(self, scope: HTTPScope, path: str, body: bytes, answering: Answering, wire: Wire) -> None:
        """`scope` is what the handshake says of the connection."""
        self.answering = answering
        self.task: asyncio.Task[None] | None = None
        self._body = body
        self._wire = wire
        self._sent = False
        self._splitter: Splitter | None = None
        self._pieces: list[bytes] = []
        self._left = False
        self.status = 0
        self._headers: Headers = []
        headers = [*fields_of(cast("Headers", scope["headers"])), JSON, (b"content-length", b"%d" % len(body))]
        self._scope = cast(
            "HTTPScope",
            {
                **scope,
                "method": "POST",
                "path": path,
                "raw_path": path.encode(),
                "headers": headers,
                "extensions": {TURN: answering.turn},
                "state": {},
            },
        )

    @property
    def size(self) -> int:
        return len(self._body)

    async def run(self, app: ASGIApp) -> None:
        """Ask, and answer with frames."""
        try:
            await app(self._scope, self._receive, self._send)
        finally:
            visit = self._visit()
            if self._wire.closed is None and not self.answering.over and not (visit is not None and visit.gone):
                await self._say(self.answering.broken())

    def leave(self, why: Problem | None = None) -> None:
        """The client wants no answer any more, or is gone: as over HTTP, where it closes its connection.

        `why` says more than that.
        """
        if self._left:
            return
        self._left = True
        visit = self._visit()
        if visit is None or self.task is None:
            return  # it has not begun
        visit.gone = True
        visit.refused = why
        self.task.cancel()

    def _visit(self) -> Visit | None:
        return cast("Visit | None", cast("dict[str, Any]", self._scope).get("turnout"))

    async def _receive(self) -> Any:
        if self._left:
            return {"type": "http.disconnect"}  # before it had begun
        if self._sent:
            await asyncio.Event().wait()  # that the client is gone is told by `leave`
        self._sent = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: Any) -> None:
        if self._left:
            return  # the client has been told already that nothing comes, or is gone
        if message["type"] == "http.response.start":
            self.status, self._headers = message["status"], message["headers"]
            kind = next((value for name, value in self._headers if name == b"content-type"), b"")
            if self.status == 200 and kind.startswith(b"text/event-stream"):
                self._splitter = Splitter()
                self.answering.begin(self._headers)
            return
        body = message.get("body", b"")
        last = not message.get("more_body", False)
        if self._splitter is None:
            self._pieces.append(body)
            if last:
                await self._say(self.answering.whole(self.status, self._headers, b"".join(self._pieces)))
            return
        for event in self._splitter.feed(body):
            _, data = parse(event)
            if data is not None:
                await self._say(self.answering.event(data))
        if last:
            await self._say(self.answering.end())

    async def _say(self, frames: list[bytes]) -> None:
        for frame in frames:
            with contextlib.suppress(Closed):  # it is about to be told to leave
                await self._wire.send(frame)
