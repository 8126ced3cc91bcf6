"""A client's WebSocket as the server keeps it: one of its connections, which it stops and drops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.protocol import Protocol, Side, State

from engine.transport.wire import QUIET, Wire

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class ClientWire(Wire):
    """What uvicorn (0.54) asks of a connection, beside a `Wire`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int, patience: Callable[[], float]) -> None:
        """`most`: bytes of one message of the client; a larger one closes the connection (1009)."""
        super().__init__(Protocol(Side.SERVER, state=State.OPEN, max_size=most, logger=QUIET), loop, patience)
        self.stopped: Callable[[], None] | None = None
        """Called when the server stops: finish what runs, then close."""
        self._connections: set[object] = set()

    def hand_over(self, transport: asyncio.Transport, connections: set[object]) -> None:
        """Take a connection over from HTTP."""
        self.transport = transport
        self._connections = connections
        connections.add(self)
        transport.set_protocol(self)
        self.begin(transport)

    def shutdown(self) -> None:
        """The server stops."""
        if self.stopped is not None:
            self.stopped()
        else:
            self.close(1012, "the server stops")

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(exc)
        self.stopped = None
