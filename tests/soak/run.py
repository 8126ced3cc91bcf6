"""One soak, from the start of the server to the reckoning at the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.soak.client import Client
from tests.soak.file import edited, written
from tests.soak.moods import Moods
from tests.soak.server import Server, wait
from tests.soak.sockets import Busy, Socket
from tests.support.apis import CHAT
from tests.support.http import post
from tests.support.upstream import Upstream
from tests.support.wire.watch import WATCH

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = 2.0
"""Seconds between two looks."""
EDITS = 3.0
"""Seconds between two edits."""
MB = 1024 * 1024
WARM = 0.4
"""The part of the run after which memory must have reached its plateau."""


@dataclass(frozen=True)
class Crowd:
    """How many are there: over HTTP, and with a WebSocket, silent or asking."""

    clients: int = 16
    idle: int = 200
    busy: int = 50


@dataclass
class Outcome:
    """What was seen. `memory` are (seconds since the start, bytes)."""

    minutes: float
    counted: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, int]] = field(default_factory=list)
    accounts: dict[str, int] = field(default_factory=dict)
    """How many requests each has counted: clients, log, journal, metrics."""
    descriptors: tuple[int, int] = (0, 0)
    """Before and after."""
    tasks: tuple[int, int] = (0, 0)
    reloads: dict[str, int] = field(default_factory=dict)
    flaws: list[str] = field(default_factory=list)
    """What was wrong with streams that clients got."""
    traceback: str = ""
    status: int = 0

    def at(self, minute: float) -> float:
        """Return the memory at a minute of the run, in MB; of the last look before."""
        return next((size for at, size in reversed(self.memory) if at <= minute * 60), self.memory[0][1]) / MB

    def slope(self) -> float:
        """Return how much memory grows after the warm-up, in MB a minute: the line of least squares."""
        points = [(at / 60, size / MB) for at, size in self.memory if at >= WARM * self.minutes * 60]
        x, y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
        return sum((at - x) * (size - y) for at, size in points) / (sum((at - x) ** 2 for at, _ in points) or 1.0)

    def report(self) -> str:
        marks = sorted({min(mark, self.minutes) for mark in (1.0, 5.0, 10.0, self.minutes)})
        lines = [f"RSS at {mark:g} min: {self.at(mark):.1f} MB" for mark in marks]
        lines.append(f"slope after {WARM * self.minutes:g} min: {self.slope():+.2f} MB/min")
        lines += [f"{name}: {count}" for name, count in sorted(self.counted.items())]
        lines.append("accounts: " + ", ".join(f"{name} {count}" for name, count in self.accounts.items()))
        lines.append(f"descriptors: {self.descriptors}, tasks: {self.tasks}, reloads: {self.reloads}")
        return "\n".join(lines)


def soak(
    minutes: float,
    seed: int = 1,
    crowd: Crowd = Crowd(),
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run for so many minutes."""
    random, outcome = Random(seed), Outcome(minutes)
    WATCH.reset()
    with TemporaryDirectory() as folder:
        upstream = Upstream(Moods(Random(seed + 1)))
        server = Server(Path(folder), written(upstream.url))
        try:
            _settle(server, upstream, outcome)
            asyncio.run(_drive(server, upstream, outcome, random, crowd, say))
            wait(server.at_rest, "something still runs, waits or is held", 45)
            upstream.stop()
            _reckon(server, outcome)
        finally:
            outcome.status = server.stop()
            log = server.log.read_text()
            outcome.traceback = log[log.find("Traceback") :][:2000] if "Traceback" in log else ""
    outcome.flaws = WATCH.reset()
    return outcome


def _settle(server: Server, upstream: Upstream, outcome: Outcome) -> None:
    """Have everything opened that stays open, and note how much it is."""
    well = upstream.answer
    upstream.answer = lambda _: CHAT.whole()
    outcome.counted["sent"] += 1
    assert post(server.url, CHAT.path, CHAT.body("to-chat")).status == 200
    upstream.answer = well
    wait(server.at_rest, "the first request never came to rest")
    outcome.descriptors = (server.descriptors(), 0)
    outcome.tasks = (server.look()["tasks"], 0)


async def _drive(
    server: Server, upstream: Upstream, outcome: Outcome, random: Random, crowd: Crowd, say: Callable[[str], None]
) -> None:
    place = urlsplit(server.url)
    host, port, stop = place.hostname or "", place.port or 0, asyncio.Event()
    made: list[Client | Socket] = [
        Client(host, port, Random(random.random()), outcome.counted) for _ in range(crowd.clients)
    ]
    made += [Socket(server.url, Random(random.random()), outcome.counted) for _ in range(crowd.idle)]
    made += [Busy(server.url, Random(random.random()), outcome.counted) for _ in range(crowd.busy)]
    running = [asyncio.create_task(client.run(stop)) for client in made]
    editing = asyncio.create_task(_edit(server, upstream.url, Random(random.random()), stop))
    began = time.monotonic()
    while (passed := time.monotonic() - began) < outcome.minutes * 60:
        told = await asyncio.to_thread(server.look)
        outcome.memory.append((passed, told["rss_bytes"]))
        if int(passed) // 30 > int(passed - EVERY) // 30:
            say(f"{passed / 60:.1f} min: {told['rss_bytes'] / MB:.1f} MB, {outcome.counted['sent']} requests")
        upstream.requests.clear()
        upstream.connections[:] = [one for one in upstream.connections if one.closed_at is None]
        await asyncio.sleep(EVERY)
        gone = [task for task in running if task.done()]
        assert not gone, gone[0].exception()
    stop.set()
    await asyncio.gather(*running, editing)


async def _edit(server: Server, url: str, random: Random, stop: asyncio.Event) -> None:
    """Save the file again and again; at the end it is a good one."""
    edit = 0
    while not stop.is_set():
        edit += 1
        text, _ = edited(url, edit, random)
        server.file.write_text(text)
        await asyncio.sleep(EDITS)
    server.file.write_text(written(url, edit + 1))
    await asyncio.sleep(1.0)


def _reckon(server: Server, outcome: Outcome) -> None:
    outcome.accounts = {
        "clients": outcome.counted["sent"],
        "log": server.logged(),
        "journal": server.rows(),
        "metrics": server.metered(),
    }
    told = server.look()
    outcome.reloads = told["reloads"]
    before = outcome.descriptors[0]
    deadline = time.monotonic() + 30
    while (after := server.descriptors()) > before and time.monotonic() < deadline:
        time.sleep(0.2)
    outcome.descriptors = (before, after)
    outcome.tasks = (outcome.tasks[0], server.look()["tasks"])
