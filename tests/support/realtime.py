"""A scripted realtime upstream on loopback, on the server of the `websockets` library, in a thread of its own.

It answers the events that clients of the API send, and does what a `test.*` event asks it to. It knows nothing of
Turnout.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

USAGE = {
    "total_tokens": 60,
    "input_tokens": 40,
    "output_tokens": 20,
    "input_token_details": {"text_tokens": 10, "audio_tokens": 30, "cached_tokens": 16},
    "output_token_details": {"text_tokens": 5, "audio_tokens": 15},
}
"""What every response takes, as the API tells it (openai 3.54, types/realtime/realtime_response_usage.py)."""


@dataclass
class Visit:
    """One connection as the upstream saw it. Header names in lower case."""

    target: str
    headers: dict[str, str]
    subprotocol: str | None = None
    heard: list[dict[str, Any] | bytes] = field(default_factory=list)
    """JSON for text frames, bytes for binary ones."""
    flooded: int = 0
    """How many messages of a flood have left."""
    closed: threading.Event = field(default_factory=threading.Event)
    code: int | None = None
    reason: str = ""

    @property
    def model(self) -> str:
        return parse_qs(urlsplit(self.target).query)["model"][0]

    def close(self, seconds: float = 20) -> tuple[int | None, str]:
        """Wait for its end, and return how it was closed."""
        assert self.closed.wait(seconds), "the upstream still has the connection"
        return self.code, self.reason


class Realtime:
    """The server. `refusals` are what the next handshakes are answered: (status, headers, body)."""

    def __init__(self, *, subprotocols: bool = True) -> None:
        """`subprotocols`: it answers `realtime` where that is offered."""
        self.visits: list[Visit] = []
        self.refusals: deque[tuple[int, dict[str, str], bytes]] = deque()
        self.asked = 0
        """How many handshakes have come."""
        self._subprotocols = subprotocols
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="realtime", daemon=True)
        self._thread.start()
        assert ready.wait(10)
        self.url = f"http://127.0.0.1:{self.port}"

    def visit(self, number: int = 0) -> Visit:
        """Return the connection of that number, counted from 0, or from the last one where it is negative."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.visits) > number, 20), "no such connection has come"
            return self.visits[number]

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._end = asyncio.Event()
        self._loop.run_until_complete(self._serve(ready))
        self._loop.close()

    async def _serve(self, ready: threading.Event) -> None:
        server = serve(
            self._talk,
            "127.0.0.1",
            0,
            process_request=self._refuse,
            select_subprotocol=self._select,
            max_size=2**26,
        )
        async with server as running:
            self.port: int = next(iter(running.sockets)).getsockname()[1]
            ready.set()
            await self._end.wait()
            for one in list(running.connections):
                one.transport.abort()

    def _refuse(self, _connection: ServerConnection, _request: Request) -> Response | None:
        self.asked += 1
        if not self.refusals:
            return None
        status, headers, body = self.refusals.popleft()
        fields = Headers({"content-type": "application/json", "content-length": str(len(body)), **headers})
        return Response(status, "Scripted", fields, body)

    def _select(self, _connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return Subprotocol("realtime") if self._subprotocols and "realtime" in offered else None

    async def _talk(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        visit = Visit(request.path, headers, connection.subprotocol)
        with self._news:
            self.visits.append(visit)
            self._news.notify_all()
        try:
            await say(connection, "session.created", session={"type": "realtime", "model": visit.model})
            async for message in connection:
                await self._answer(connection, visit, message)
        except ConnectionClosed:
            pass
        finally:
            with suppress(ConnectionClosed):
                await connection.wait_closed()
            visit.code, visit.reason = connection.close_code, connection.close_reason or ""
            visit.closed.set()

    async def _answer(  # noqa: C901 - a table
        self, connection: ServerConnection, visit: Visit, message: str | bytes
    ) -> None:
        if isinstance(message, bytes):
            visit.heard.append(message)
            await connection.send(message)
            return
        event = json.loads(message)
        visit.heard.append(event)
        match event["type"]:
            case "session.update":
                await say(connection, "session.updated", session={**event["session"], "model": visit.model})
            case "response.create":
                await say(connection, "response.created", response={"id": "resp_1", "status": "in_progress"})
                await say(connection, "response.output_text.delta", response_id="resp_1", delta="Hello")
                if not event.get("hold"):
                    await done(connection)
            case "test.finish":
                await done(connection)
            case "test.close":
                await connection.close(event["code"], event.get("reason", ""))
            case "test.cut":
                connection.transport.abort()
            case "test.say":
                await connection.send(event["text"])
            case "test.raw":
                connection.transport.write(bytes.fromhex(event["hex"]))
            case "test.deaf":
                connection.transport.pause_reading()  # type: ignore[attr-defined]  # of a stream
            case "test.flood":
                for _ in range(event["count"]):
                    await connection.send(b"x" * event["size"])
                    visit.flooded += 1


async def say(connection: ServerConnection, kind: str, **fields: Any) -> None:
    await connection.send(json.dumps({"type": kind, "event_id": "event_1", **fields}))


async def done(connection: ServerConnection) -> None:
    await say(connection, "response.done", response={"id": "resp_1", "status": "completed", "usage": USAGE})
