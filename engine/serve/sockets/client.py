"""A client's WebSocket as the server keeps it: one of its connections, which it stops and drops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.protocol import Protocol, Side, State

from engine.serve.drip import LEAST, Drip
from engine.transport.hangup import EVERY, hung_up
from engine.transport.wire import GONE, QUIET, Wire

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from engine.serve.switch import Switch


class ClientWire(Wire):
    """What uvicorn (0.54) asks of a connection, beside a `Wire`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        most: int,
        patience: Callable[[], float],
        message_patience: Callable[[], float],
    ) -> None:
        """`most`: bytes of one message of the client; a larger one closes the connection (1009). `message_patience`:
        seconds that a message which has begun may take for each further 16 KB, as a body over HTTP."""
        super().__init__(Protocol(Side.SERVER, state=State.OPEN, max_size=most, logger=QUIET), loop, patience)
        self.stopped: Callable[[], None] | None = None
        """Called when the server stops: finish what runs, then close."""
        self._connections: set[object] = set()
        self._drip = Drip(loop, message_patience, self._holds, self._dripped)
        self._hark: asyncio.TimerHandle | None = None
        """Set while reading is paused, and so a client that leaves is not heard."""

    def hand_over(self, transport: asyncio.Transport, connections: set[object], early: bytes = b"") -> None:
        """Take a connection over from HTTP; `early` has come already."""
        self.transport = transport
        self._connections = connections
        connections.add(self)
        transport.set_protocol(self)
        self.begin(transport, early)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.half and self.closed is None:
            self._drip.more(len(data))
        else:
            self._drip.end()

    def _holds(self) -> bool:
        """Say whether it is for us that no more of a message comes."""
        return self._paused

    def _dripped(self, seconds: float) -> None:
        self.close(1008, f"a message brought less than {LEAST // 1024} KB in {seconds:g} s (server.body_timeout)")

    def shutdown(self) -> None:
        """The server stops."""
        if self.stopped is not None:
            self.stopped()
        else:
            self.close(1012, "the server stops")

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._hark is not None:
            self._hark.cancel()
        self._drip.forget()
        super().connection_lost(exc)
        self.stopped = None

    def _pause(self) -> None:
        super()._pause()
        if self._paused and self._hark is None:
            self._hark = self._loop.call_later(EVERY, self._listen)

    def _listen(self) -> None:
        self._hark = None
        if not self._paused or self.transport.is_closing():
            return
        if hung_up(self.transport.get_extra_info("socket").fileno()):
            self._over(GONE, "the client left")
            self.abort()
        else:
            self._hark = self._loop.call_later(EVERY, self._listen)


def wire_for(switch: Switch, loop: asyncio.AbstractEventLoop, most: int) -> ClientWire:
    """Return a wire that waits as the live file says; `most` as for `ClientWire`."""
    return ClientWire(
        loop, most, lambda: switch.generation.plan.send_timeout, lambda: switch.generation.plan.body_timeout
    )
