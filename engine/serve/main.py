"""Starts the service: reads the file, builds the first generation, listens, follows the file, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from engine.diagnostics.render import render
from engine.observe.log import Log, bridge
from engine.observe.records import Records
from engine.plan.read import read
from engine.plan.server import UNIX
from engine.resources import path as resource
from engine.serve.alone import alone
from engine.serve.app import make_app
from engine.serve.control import Status
from engine.serve.gate import Gate
from engine.serve.generation import Drivers, build, follow
from engine.serve.listener import Listener
from engine.serve.loading import Doing, load, told_if_slow
from engine.serve.observers import Observers
from engine.serve.panel import Panel
from engine.serve.recall import Recall
from engine.serve.reload import Reloader
from engine.serve.server import Server, announced, settings
from engine.serve.sidecar import STDOUT, Ready, Sidecar, name_of, running, taken, watch, withdraw
from engine.serve.sockets.registry import Sockets
from engine.serve.stored import Responses
from engine.serve.switch import Switch
from engine.serve.threads import OTHERS, OWN, Threads
from engine.transport.certificates import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from litestar.types import ASGIApp

    from engine.plan.read import Reading
    from engine.serve.generation import Generation

REST = 1.0
"""Seconds that threads have to end what they do, once everything else has ended."""
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
    with contextlib.ExitStack() as starting:
        if sidecar.ready_file not in (None, STDOUT):
            starting.enter_context(alone(Path(str(sidecar.ready_file)).resolve().parent))
        if not reuse_port and (other := running(main, address, sidecar.ready_file)) is not None:
            return _second(main, sidecar, other)
        try:
            listener = Listener(address, reading.tls, reuse_port=reuse_port)
        except (OSError, ValueError, Unusable) as error:
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if in_use and not reuse_port and (other := taken(main, address)) is not None:
                return _second(main, sidecar, other)
            _say_unusable(address, error)
            return 1
        code = Threads(OTHERS, "code")
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.get_loop().set_default_executor(code)
            serving = _serve(main, reading, generation, drivers, log, listener, sidecar, starting.close)
            status = _run(runner, serving, log)
    if not (OWN.rest(REST) and code.rest(REST)):
        log.flush()
        os._exit(status)  # Python would end what runs wherever it is, and may wait for a lock that it holds
    return status


def _second(main: str, sidecar: Sidecar, other: Ready) -> int:
    """Say who serves the file already."""
    sys.stderr.write(f"turnout serves {main} already: {other.url} (process {other.pid})\n")
    return 0 if announced(sidecar, other) else 1


def _say_unusable(address: str, error: Exception) -> None:
    reason = getattr(error, "strerror", None) or error
    next_step = "another program may use the port; `turnout serve --listen 127.0.0.1:0` takes a free one"
    if address.startswith(UNIX):
        next_step = "another process may listen there, or a file is in the way; `--listen unix:/path` names another"
    if isinstance(error, socket.gaierror):
        next_step = "name an address of this machine, such as 127.0.0.1:4000"
    sys.stderr.write(f"error[listen]: cannot listen on {address}: {reason}\n  = help: {next_step}\n")


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


async def _serve(
    main: str,
    reading: Reading,
    generation: Generation,
    drivers: Drivers,
    log: Log,
    listener: Listener,
    sidecar: Sidecar,
    ready: Callable[[], None],
) -> int:
    """Serve until a signal. `ready` is called once it is said where."""
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
    server = Server(settings(switch), log, main, switch, listener, sidecar, ready)
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


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop where there is one (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)
