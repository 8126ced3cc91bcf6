"""Starts the service: reads the file, builds the first generation, listens, follows the file, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from engine.diagnostics.render import render
from engine.observe.log import Log, bridge
from engine.observe.records import Records
from engine.plan.read import read
from engine.plan.server import UNIX
from engine.resources import path as resource
from engine.serve.app import make_app
from engine.serve.control import Status
from engine.serve.failures import stopping
from engine.serve.gate import Gate
from engine.serve.generation import Drivers, build, follow
from engine.serve.http import Protocol
from engine.serve.listener import Listener
from engine.serve.loading import Doing, load, told_if_slow
from engine.serve.observers import Observers
from engine.serve.panel import Panel
from engine.serve.recall import Recall
from engine.serve.reload import Reloader
from engine.serve.sidecar import Ready, Sidecar, announce, name_of, running, watch, withdraw
from engine.serve.sockets.registry import Sockets
from engine.serve.stored import Responses
from engine.serve.switch import Switch
from engine.serve.threads import OTHERS, Threads
from engine.transport.certificates import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType

    from litestar.types import ASGIApp
    from uvicorn._types import ASGIApplication

    from engine.plan.read import Reading
    from engine.serve.generation import Generation

KEEP_ALIVE = 75
"""Seconds an idle client connection is kept; SDKs keep theirs for 5 to 60."""
BACKLOG = 2048
PARTING = 0.5
"""Seconds for the last words of what is ended."""
GOODBYE = 2.0
"""Seconds for the client's part in closing TLS."""
HANDSHAKE = 10.0
"""Seconds for a TLS handshake, as for the head of a request."""
ALONE = Sidecar()
"""Beside nobody."""


def serve(
    config: str | None,
    listen: str | None,
    *,
    port: int | None = None,
    reuse_port: bool = False,
    sidecar: Sidecar = ALONE,
) -> int:
    """Run until a signal. Returns 0 after a clean stop, 1 when the file or the address cannot be used.

    `listen` stands in for `server.listen`, `port` for its port. 0 also where the same file is served there already.
    """
    main = config or str(resource("proxy.yaml"))
    reading = read(main, os.environ)
    log = Log()
    drivers = Drivers(listen or (reading.plan.document.server.listen if reading.plan is not None else None))
    doing = Doing()
    with told_if_slow(doing):
        loaded = load(reading, main, doing=doing)
    generation = build(reading, drivers, log, loaded)
    if generation is None:
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        sys.stderr.write(render(reading.report, "full", colour=colour) + "\n")
        return 1
    address = listen or generation.plan.document.server.listen
    if port is not None:
        address = f"{'127.0.0.1' if address.startswith(UNIX) else address.rpartition(':')[0]}:{port}"
    if not reuse_port and (other := running(main, address, sidecar.ready_file)) is not None:
        sys.stderr.write(f"turnout serves {main} already: {other.url} (process {other.pid})\n")
        return 0 if _announced(sidecar, other) else 1
    try:
        listener = Listener(address, reading.tls, reuse_port=reuse_port)
    except (OSError, ValueError, Unusable) as error:
        reason = getattr(error, "strerror", None) or error
        next_step = "another program may use the port; `turnout serve --listen 127.0.0.1:0` takes a free one"
        if address.startswith(UNIX):
            next_step = "another process may listen there, or a file is in the way; `--listen unix:/path` names another"
        if isinstance(error, socket.gaierror):
            next_step = "name an address of this machine, such as 127.0.0.1:4000"
        sys.stderr.write(f"error[listen]: cannot listen on {address}: {reason}\n  = help: {next_step}\n")
        return 1
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.get_loop().set_default_executor(Threads(OTHERS, "code"))
        return _run(runner, _serve(main, reading, generation, drivers, log, listener, sidecar), log)


def _run(runner: asyncio.Runner, serving: Coroutine[Any, Any, int], log: Log) -> int:
    """Run to the end, whatever the code of others calls for: asyncio lets `sys.exit` in any task stop the loop."""
    loop = runner.get_loop()
    task = loop.create_task(serving)
    while True:
        try:
            return loop.run_until_complete(task)
        except SystemExit as error:
            if task.done():
                raise
            log.event("error", f"code that the file names called for the end of the process: {error!r}; it goes on")


def _announced(sidecar: Sidecar, ready: Ready) -> bool:
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


async def _serve(
    main: str,
    reading: Reading,
    generation: Generation,
    drivers: Drivers,
    log: Log,
    listener: Listener,
    sidecar: Sidecar,
) -> int:
    plan = generation.plan
    follow(log, plan)
    bridge(log)
    status = Status()
    records = Records(log)
    observers = Observers(records)
    observers.follow(plan)
    generation.begin()
    await drivers.stores.remember(plan, log)
    gate = Gate()
    sockets = Sockets()
    panel = Panel(status, observers, gate)
    app = make_app(records, status, Recall(), Responses(), gate, sockets, panel, name_of(main))
    switch = panel.switch = sockets.switch = Switch(cast("ASGIApp", app), generation, records, gate, sockets)
    reloader = Reloader(main, os.environ, reading, switch, drivers, status, observers, listener)
    server = Server(_settings(switch), log, main, switch, listener, sidecar)
    drivers.stores.open()
    loop = asyncio.get_running_loop()
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    if reading.report.diagnostics:
        log.event("warning", f"{main} has warnings", render(reading.report, "full"))
    following = loop.create_task(reloader.run())
    watching = (
        loop.create_task(watch(sidecar, switch, log, server.stop))
        if sidecar.parent is not None or sidecar.idle_exit is not None
        else None
    )
    gc.collect()
    gc.freeze()  # what start-up made lives as long as the process: no need to look at it again
    gc.set_threshold(10_000, 20, 20)
    try:
        await server.serve(sockets=[listener.sock])
    finally:
        listener.close()
        if sidecar.ready_file is not None:
            withdraw(sidecar.ready_file)
        if watching is not None:
            watching.cancel()
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await switch.generation.close()
        await observers.close()
        log.event("info", "turnout has stopped")
    return 0 if server.started else 1


def _settings(switch: Switch) -> uvicorn.Config:
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
        self, config: uvicorn.Config, log: Log, main: str, switch: Switch, listener: Listener, sidecar: Sidecar
    ) -> None:
        super().__init__(config)
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
        if not _announced(self._sidecar, ready):
            self.started = False
            self.should_exit = True

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


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop where there is one (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)
