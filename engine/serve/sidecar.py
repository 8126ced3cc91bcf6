"""Turnout beside an editor: says where it is ready, ends with its parent or when nobody asks it, and starts once only.

A second start that finds the same file served at its address says who serves it, and is done.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from engine.plan.server import EVERYWHERE, UNIX
from engine.serve.parent import Parent
from engine.serve.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.observe.log import Log
    from engine.serve.switch import Switch

LOOK = 1.0
"""Seconds between two looks at the parent and at how long nobody has asked."""
KNOCK = 2.0
"""Seconds that a server has to say who it is."""
STARTING = 3.0
"""Seconds after which a server that has its port is taken to answer."""
STDOUT = "-"


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """What `turnout serve` was told beside its file and address."""

    ready_file: str | None = None
    """Where to say that it listens; `-`: standard output."""
    parent: Parent | None = None
    """The process to end with."""
    idle_exit: float | None = None
    """Seconds without a request after which it stops."""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The one line of a ready file."""

    url: str
    pid: int
    generation: str


class Health(msgspec.Struct, frozen=True):
    """What /health tells, as far as it tells who serves what."""

    file: str
    pid: int
    generation: str


def name_of(main: str) -> str:
    """Return what /health calls the file: the same for the same path, and no path."""
    return hashlib.sha256(str(Path(main).resolve()).encode()).hexdigest()[:16]


def announce(path: str, ready: Ready) -> None:
    """Write the ready file: whole or not at all. Raises `OSError`."""
    line = msgspec.json.encode(ready) + b"\n"
    if path == STDOUT:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    file = Path(path).resolve()  # what a link leads to is written, and the link stays
    if file.exists() and not file.is_file():
        out = os.open(file, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe, somebody's terminal
        try:
            os.write(out, line)
        finally:
            os.close(out)
        return
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(line)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def withdraw(path: str) -> None:
    """Remove the ready file if it is still ours."""
    if path == STDOUT:
        return
    try:
        if said(path).pid == os.getpid():
            Path(path).resolve().unlink()
    except (OSError, ValueError):
        pass  # another one has written its own, or somebody has removed it


def said(path: str) -> Ready:
    """Return what a ready file says. Raises `OSError`, `ValueError`."""
    if not Path(path).is_file():
        raise FileNotFoundError(path)  # a pipe would have us wait for somebody who writes into it
    return msgspec.json.decode(Path(path).read_bytes(), type=Ready)


def running(main: str, address: str, ready_file: str | None) -> Ready | None:
    """Return who serves `main` at `address` already, or says so in `ready_file` where the port is any free one."""
    urls = []
    if address.startswith(UNIX):
        urls.append(address)
    elif not address.endswith(":0"):
        host, _, port = address.rpartition(":")
        host = EVERYWHERE.get(host, host)
        urls += [f"{scheme}://{host}:{port}" for scheme in ("http", "https")]
    elif ready_file not in (None, STDOUT):
        try:
            urls.append(said(str(ready_file)).url)
        except (OSError, ValueError):
            return None  # there is none, or it is no ready file
    return next((found for url in urls if (found := _ask(url, name_of(main))) is not None), None)


def taken(main: str, address: str) -> Ready | None:
    """Return who serves `main` at an address that is taken: one that has just started cannot say so at once."""
    until = time.monotonic() + STARTING
    while (found := running(main, address, None)) is None and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _ask(url: str, name: str) -> Ready | None:
    """Ask a server whether it serves the file called `name`. One that takes too long over its answer does not."""
    try:
        told = Threads(1, "knock").submit(_health, url).result(2 * KNOCK)
    except (OSError, ValueError, RecursionError, http.client.HTTPException):  # whatever else may listen there
        return None
    return Ready(url=url, pid=told.pid, generation=told.generation) if told.file == name else None


def _health(url: str) -> Health:
    connection = _connection(url)
    try:
        connection.request("GET", "/health", headers={"host": "localhost"})
        return msgspec.json.decode(connection.getresponse().read(65536), type=Health)
    finally:
        connection.close()


class _Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=KNOCK)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(KNOCK)
        self.sock.connect(self._path)


def _connection(url: str) -> http.client.HTTPConnection:
    if url.startswith(UNIX):
        return _Unix(url.removeprefix(UNIX))
    split = urlsplit(url)
    if split.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is asked for its name, and told nothing
        return http.client.HTTPSConnection(split.hostname or "", split.port, timeout=KNOCK, context=context)
    return http.client.HTTPConnection(split.hostname or "", split.port, timeout=KNOCK)


async def watch(sidecar: Sidecar, switch: Switch, log: Log, stop: Callable[[], None]) -> None:
    """Stop the server when its parent has gone, or when nobody has asked it anything for long enough."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(LOOK)
        if sidecar.parent is not None and sidecar.parent.gone():
            log.event("info", "the parent process has ended (--exit-with-parent)")
            return stop()
        idle = sidecar.idle_exit
        if idle is not None and not switch.busy and loop.time() - switch.asked_at >= idle:
            log.event("info", f"nobody has asked anything for {idle:g} s (--idle-exit)")
            return stop()
