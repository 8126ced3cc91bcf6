"""The Responses API of an upstream, asked over WebSocket for one lane of a client that came by one.

The frames pass: what the upstream sends is an answer of events like one over HTTP, each with the bytes it came with. A
request that goes on from what this very connection answered last brings only what is new, as the client sent it; any
other brings everything. (openai 3.57, types/responses; the vendor's guide to the WebSocket mode.)
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.chat import Failed, Failure
from engine.transport.waiting import late
from engine.transport.wire import Closed

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.transport.base import Waits
    from engine.transport.waiting import Stage
    from engine.transport.wire import Wire
    from engine.upstreams.base import Call

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
EVENT_STREAM = (b"content-type", b"text/event-stream")
JSON = (b"content-type", b"application/json")
NOT_OURS = frozenset({"stream", "background", "type"})
"""Fields of a POST that have no meaning here."""
UNKNOWN = "previous_response_not_found"
LIMITS = frozenset({"websocket_connection_limit_reached", "websocket_stream_limit_reached"})
"""What an upstream says of a connection that is used up: nothing is wrong with the request."""
FIELDS = msgspec.json.Decoder(dict[str, Raw])


class Said(msgspec.Struct):
    id: str | None = None


class Trouble(msgspec.Struct):
    code: str | None = None
    headers: dict[str, str] = {}


class Event(msgspec.Struct):
    """As much of an event as matters here."""

    type: str = ""
    response: Said | None = None
    error: Trouble | None = None
    status: int | None = None


EVENT = msgspec.json.Decoder(Event)


class Line:
    """One connection. It carries one request at a time."""

    def __init__(self, wire: Wire, where: str) -> None:
        self.last: str | None = None
        """The response that the upstream still has at hand for it."""
        self._wire = wire
        self._where = where

    @property
    def closed(self) -> bool:
        return self._wire.closed is not None

    def close(self) -> None:
        self._wire.close()

    async def ask(self, call: Call, waits: Waits, until: float) -> LineAnswer | Whole | None:
        """Send `call` and return once something is answered; None where it must be asked anew, on a new connection.

        Raises `Failed`.
        """
        turn = call.turn
        assert turn is not None
        short = turn.previous is not None and turn.previous == self.last
        for frame in [framed(call, short=True), framed(call, short=False)] if short else [framed(call, short=False)]:
            try:
                await self._wire.send(frame)
                data, event = await self.next("first_byte", waits, until)
            except Closed:
                return None  # it had been closed while nobody asked anything
            if event.type != "error" or event.error is None:
                return LineAnswer(self, data, event, waits, until)
            self.last = None
            if event.error.code in LIMITS:
                self.close()
                return None
            if event.error.code != UNKNOWN or not short:
                break
            short = False
        assert event.error is not None
        headers = [(name.lower().encode(), value.encode()) for name, value in event.error.headers.items()]
        body = msgspec.json.encode({"error": FIELDS.decode(data)["error"]})
        return Whole(event.status or 500, [JSON, *headers], body)

    async def next(self, stage: Stage, waits: Waits, until: float) -> tuple[bytes, Event]:
        """Return the next event. Raises `Failed` timeout, and `Closed`."""
        now = asyncio.get_running_loop().time()
        end = now + getattr(waits, stage)
        try:
            async with asyncio.timeout_at(min(end, until)):
                message = await self._wire.receive()
        except TimeoutError:
            self._wire.abort()
            error = late(self._where, "total" if until < end else stage, waits)
            raise Failed(Failure(reason=error.reason, message=error.message)) from None
        try:
            return message.data, EVENT.decode(message.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._wire.close(1002, "no event")
            told = f"{self._where}: sent a message that is no event"
            raise Failed(Failure(reason="disconnect", message=told)) from None

    def broken(self, closed: Closed) -> Failed:
        return Failed(Failure(reason="disconnect", message=f"{self._where}: closed the WebSocket: {closed}"))


class Whole:
    """An answer that is here already. See `engine.upstreams.base.Answer`."""

    framed = True

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def chunk(self) -> bytes:
        body, self._body = self._body, b""
        return body

    async def read(self, limit: int) -> bytes:  # noqa: ARG002 - it is here
        return await self.chunk()

    def close(self) -> None:
        """Nothing is open."""


class LineAnswer:
    """What one request is answered. See `engine.upstreams.base.Answer`."""

    framed = True

    def __init__(self, line: Line, data: bytes, event: Event, waits: Waits, until: float) -> None:
        self.status = 200
        self.headers: Headers = [EVENT_STREAM]
        self._line = line
        self._first: bytes | None = data
        self._waits = waits
        self._until = until
        self._done = False
        self._see(event)

    async def chunk(self) -> bytes:
        """Return the next event, b"" after the last. Raises `Failed`."""
        first, self._first = self._first, None
        if first is not None:
            return event_of(first)
        if self._done:
            return b""
        try:
            data, event = await self._line.next("idle", self._waits, self._until)
        except Closed as closed:
            raise self._line.broken(closed) from None
        self._see(event)
        return event_of(data)

    async def read(self, limit: int) -> bytes:  # noqa: ARG002 - a message has a limit of its own
        pieces = []
        while piece := await self.chunk():
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Let the connection be used again if everything has come; else close it, which ends the response."""
        if not self._done:
            self._done = True
            self._line.close()

    def _see(self, event: Event) -> None:
        if event.type in ENDS or event.type == "error":
            self._done = True
            said = event.response.id if event.response else None
            self._line.last = said if event.type in ENDS and event.type != "response.failed" else None


def framed(call: Call, *, short: bool) -> bytes:
    """Return the frame for a request; `short`: with only what is new."""
    assert isinstance(call.body, bytes)
    turn = call.turn
    assert turn is not None
    fields: dict[str, Any] = {name: raw for name, raw in FIELDS.decode(call.body).items() if name not in NOT_OURS}
    if short:
        fields |= {"previous_response_id": turn.previous, "input": turn.fresh}
    if not turn.generate:
        fields["generate"] = False
    return msgspec.json.encode({"type": "response.create", **fields})


def event_of(data: bytes) -> bytes:
    """Return a message as the event it would be over HTTP. JSON has line breaks only between its parts."""
    if b"\n" in data or b"\r" in data:
        data = msgspec.json.encode(FIELDS.decode(data))
    return b"data: %b\n\n" % data
