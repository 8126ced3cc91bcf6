"""uvicorn's server as Turnout runs it: its settings, where it says that it listens, and how it stops."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING, cast

import uvicorn

from engine.serve.failures import stopping
from engine.serve.http import Protocol
from engine.serve.listener import BACKLOG, Listener
from engine.serve.sidecar import Ready, Sidecar, announce

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from uvicorn._types import ASGIApplication

    from engine.observe.log import Log
    from engine.serve.switch import Switch

KEEP_ALIVE = 75
"""Seconds an idle client connection is kept; SDKs keep theirs for 5 to 60."""
PARTING = 0.5
"""Seconds for the last words of what is ended."""
GOODBYE = 2.0
"""Seconds for the client's part in closing TLS."""
HANDSHAKE = 10.0
"""Seconds for a TLS handshake, as for the head of a request."""


def announced(sidecar: Sidecar, ready: Ready) -> bool:
    """Say who is ready, if anybody wants to know; False if that cannot be written down."""
    if sidecar.ready_file is None:
        return True
    try:
        announce(sidecar.ready_file, ready)
    except OSError as error:
        why = error.strerror or error
        sys.stderr.write(f"error[ready-file]: cannot write {sidecar.ready_file}: {why}\n")
        return False
    return True


def settings(switch: Switch) -> uvicorn.Config:
    """Return how uvicorn serves: heads, limits, logs and WebSockets are ours."""
    return uvicorn.Config(
        cast("ASGIApplication", switch),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        backlog=BACKLOG,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which says where it listens, and ends with exit code 0 when it is told to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        log: Log,
        main: str,
        switch: Switch,
        listener: Listener,
        sidecar: Sidecar,
        ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._sidecar = sidecar
        self._listener = listener
        self._loop: asyncio.AbstractEventLoop | None = None
        self._log = log
        self._main = main
        self._switch = switch

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - as in uvicorn
        """Listen. uvicorn's own would give a unix socket to a TCP server, and has no way for a context of ours."""
        self._loop = loop = asyncio.get_running_loop()
        self._switch.sockets.tasks = self.server_state.tasks
        state = self.lifespan.state

        def connection() -> Protocol:
            return Protocol(config=self.config, server_state=self.server_state, app_state=state)

        listener = self._listener
        listen = loop.create_server if listener.path is None else loop.create_unix_server
        patience = HANDSHAKE if listener.context is not None else None
        server = await listen(
            connection,
            sock=listener.sock,
            ssl=listener.context,
            backlog=BACKLOG,
            ssl_handshake_timeout=patience,
            ssl_shutdown_timeout=patience and GOODBYE,
        )
        self.servers = [server]
        self.started = True
        self._log.event("info", f"serving {self._main}")
        self._log.say(f"turnout is listening on {listener.url}")
        ready = Ready(url=listener.url, pid=os.getpid(), generation=self._switch.generation.id)
        if not announced(self._sidecar, ready):
            self.started = False
            self.should_exit = True
        self._ready()

    def stop(self) -> None:
        """Stop as after a signal."""
        self.should_exit = True
        self._switch.gate.close(stopping)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish for as long as the live file says, which may not be what it said at the start."""
        self._switch.gate.close(stopping)  # if it was no signal that stopped us
        drain = self._switch.generation.plan.drain
        self.config.timeout_graceful_shutdown = cast("int", drain)  # uvicorn 0.54 hands it to asyncio, where floats do
        await super().shutdown(sockets)
        await self._part()

    async def _part(self) -> None:
        """Give what was told to end a moment to say so; then let go of clients that do not take even that."""
        if self.force_exit:
            for task in self.server_state.tasks:
                task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks), timeout=PARTING)
        await asyncio.sleep(0.01)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as in uvicorn
        """Stop accepting and let requests finish; a second signal ends at once."""
        if self.should_exit:
            self.force_exit = True
        else:
            self.should_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._switch.gate.close, stopping)
