"""Starts the service: reads the file, builds the first generation, listens, follows the file, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, cast

import uvicorn

from engine.diagnostics.render import render
from engine.observe.log import Log, bridge
from engine.plan.read import read
from engine.resources import path as resource
from engine.serve.app import make_app
from engine.serve.control import Status
from engine.serve.failures import stopping
from engine.serve.gate import Gate
from engine.serve.generation import Drivers, build, follow
from engine.serve.http import Protocol
from engine.serve.recall import Recall
from engine.serve.reload import Reloader
from engine.serve.stored import Responses
from engine.serve.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from litestar.types import ASGIApp
    from uvicorn._types import ASGIApplication

    from engine.plan.read import Reading
    from engine.serve.generation import Generation

KEEP_ALIVE = 75
"""Seconds an idle client connection is kept; SDKs keep theirs for 5 to 60."""
BACKLOG = 2048


def serve(config: str | None, listen: str | None) -> int:
    """Run until a signal. Returns 0 after a clean stop, 1 when the file or the address cannot be used."""
    main = config or str(resource("proxy.yaml"))
    reading = read(main, os.environ)
    log = Log()
    drivers = Drivers()
    generation = build(reading, drivers, log)
    if generation is None:
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        sys.stderr.write(render(reading.report, "full", colour=colour) + "\n")
        return 1
    address = listen or generation.plan.document.server.listen
    try:
        sock = bind(address)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        next_step = "another program may use the port; `turnout serve --listen 127.0.0.1:0` takes a free one"
        if isinstance(error, socket.gaierror):
            next_step = "name an address of this machine, such as 127.0.0.1:4000"
        sys.stderr.write(f"error[listen]: cannot listen on {address}: {reason}\n  = help: {next_step}\n")
        return 1
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(main, reading, generation, drivers, log, sock))


async def _serve(
    main: str, reading: Reading, generation: Generation, drivers: Drivers, log: Log, sock: socket.socket
) -> int:
    plan = generation.plan
    follow(log, plan)
    bridge(log)
    status = Status()
    gate = Gate()
    switch = Switch(cast("ASGIApp", make_app(log, status, Recall(), Responses(), gate)), generation, log, gate)
    reloader = Reloader(main, os.environ, reading, switch, drivers, status, log)
    server = Server(
        uvicorn.Config(
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
        ),
        log,
        main,
        switch,
    )
    loop = asyncio.get_running_loop()
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    if reading.report.diagnostics:
        log.event("warning", f"{main} has warnings", render(reading.report, "full"))
    following = loop.create_task(reloader.run())
    gc.collect()
    gc.freeze()  # what start-up made lives as long as the process: no need to look at it again
    gc.set_threshold(10_000, 20, 20)
    try:
        await server.serve(sockets=[sock])
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await switch.generation.close()
        log.event("info", "turnout has stopped")
    return 0 if server.started else 1


class Server(uvicorn.Server):
    """uvicorn's server, which says where it listens, and ends with exit code 0 when it is told to stop."""

    def __init__(self, config: uvicorn.Config, log: Log, main: str, switch: Switch) -> None:
        super().__init__(config)
        self._log = log
        self._main = main
        self._switch = switch

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for sock in sockets or []:
            self._log.event("info", f"serving {self._main}")
            self._log.say(f"turnout is listening on {url_of(sock)}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish for as long as the live file says, which may not be what it said at the start."""
        self._switch.gate.close(stopping)
        drain = self._switch.generation.plan.drain
        self.config.timeout_graceful_shutdown = cast("int", drain)  # uvicorn 0.54 hands it to asyncio, where floats do
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as in uvicorn
        """Stop accepting and let requests finish; a second signal ends at once."""
        if self.should_exit:
            self.force_exit = True
        else:
            self.should_exit = True


def bind(address: str) -> socket.socket:
    """Return a socket bound to `host:port`; port 0 takes a free one. Raises `OSError`, `ValueError`."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host.strip("[]"), int(port)))
    except (OSError, ValueError, OverflowError):
        sock.close()
        raise
    sock.set_inheritable(True)
    return sock


def url_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop where there is one (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)
