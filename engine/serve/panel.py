"""What the process tells of itself: one look at it, from which /status and the gauges of /metrics are made.

Names of the file and figures only: no credential, no key of a client, no address, no text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import TYPE_CHECKING

import msgspec

from engine import __version__
from engine.plan.labels import OTHER, Labels
from engine.serve.control import Config, rss, stamp
from engine.upstreams.base import Pool

if TYPE_CHECKING:
    from engine.serve.control import Status
    from engine.serve.gate import Gate
    from engine.serve.observers import Observers
    from engine.serve.switch import Switch


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """An upstream. `state` is ok, failing, down, unknown or off; `why` is said of one that is off."""

    name: str
    kind: str
    state: str
    why: str = ""
    pool: Pool | None = None
    """Of one that answers through processes."""


class Target(msgspec.Struct, kw_only=True):
    """The targets of one name as the file writes it: a single one, or all that its `*` has been filled in to."""

    name: str
    in_flight: int = 0
    states: dict[str, int] = {}
    """How many are ok, failing, down (nobody asks them for now) or unknown."""
    why: list[str] = []
    """The reasons for which some are left alone."""


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """Model and `pass` requests: how many run and wait now, and what became of those in line."""

    in_flight: int
    waiting: int
    max_concurrency: int | None
    """None: no cap, so nobody waits."""
    queue: int | None
    refused: int
    waited_s: float


class WebSockets(msgspec.Struct, frozen=True, kw_only=True):
    """Those of clients: how many are open of how many that may be (None: they are off), and what was asked on them."""

    open: int
    connections: int | None
    messages: int


class ToolSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where tools come from. `state` is ready, starting, or why there are none; `begun`: how often a server was."""

    name: str
    state: str
    begun: int | None = None


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of `limits`, as written."""

    name: str
    policies: list[str]
    by: list[str]


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """Where counters are: in memory it tells how many, over a network whether it can be reached."""

    kind: str
    counters: int | None = None
    leases: int | None = None
    """What limits on concurrency hold now."""
    down: bool = False
    failures: int | None = None


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """`failing` says why nothing can be written at present, "" where it can."""

    written: int
    waiting: int
    dropped: int
    failing: str


class Reloads(msgspec.Struct, frozen=True, kw_only=True):
    taken: int
    refused: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The process at one moment."""

    version: str
    timestamp: str
    uptime_s: float
    rss_bytes: int
    tasks: int
    """Those of the event loop."""
    stopping: bool
    generation: str
    draining: int
    """How many older generations have requests that still run."""
    config: Config
    reloads: Reloads
    requests: Requests
    websockets: WebSockets
    upstreams: list[Upstream]
    targets: list[Target]
    """Those that have been asked."""
    tools: list[ToolSource]
    limits: list[Limit]
    store: Store
    journal: Journal | None


class Panel:
    """Where the parts of the process are looked at. `switch` is set once it stands."""

    switch: Switch

    def __init__(self, status: Status, observers: Observers, gate: Gate) -> None:
        self.status = status
        self.observers = observers
        self.gate = gate

    def look(self) -> Look:
        generation, status = self.switch.generation, self.status
        journal = self.observers.journal
        return Look(
            version=__version__,
            timestamp=stamp(),
            uptime_s=status.uptime,
            rss_bytes=rss(),
            tasks=len(asyncio.all_tasks()),
            stopping=self.gate.closed,
            generation=generation.id,
            draining=len(self.switch.draining),
            config=status.config,
            reloads=Reloads(taken=status.reloads, refused=status.refusals),
            requests=self._requests(),
            websockets=self._websockets(),
            upstreams=self._upstreams(),
            targets=self._targets(),
            tools=self._tools(),
            limits=self._limits(),
            store=self._store(),
            journal=Journal(
                written=journal.written, waiting=journal.waiting, dropped=journal.dropped, failing=journal.failing
            )
            if journal is not None
            else None,
        )

    def _requests(self) -> Requests:
        gate, cap = self.gate, self.switch.generation.plan.overload
        return Requests(
            in_flight=gate.in_flight,
            waiting=gate.waiting,
            max_concurrency=cap.concurrency if cap is not None else None,
            queue=cap.queue if cap is not None else None,
            refused=gate.refused,
            waited_s=round(gate.waited, 3),
        )

    def _websockets(self) -> WebSockets:
        sockets, limits = self.switch.sockets, self.switch.generation.plan.sockets
        return WebSockets(
            open=len(sockets.open),
            connections=limits.connections if limits is not None else None,
            messages=sockets.messages,
        )

    def _upstreams(self) -> list[Upstream]:
        generation = self.switch.generation
        now = asyncio.get_running_loop().time()
        return [
            Upstream(
                name=name,
                kind=str(upstream.options.__struct_config__.tag),
                state=generation.live[name].health.state(now) if name in generation.live else "off",
                why=generation.plan.off.get(name, ""),
                pool=getattr(generation.live[name].driver, "pool", None) if name in generation.live else None,
            )
            for name, upstream in generation.plan.upstreams.items()
        ]

    def _targets(self) -> list[Target]:
        generation, now = self.switch.generation, asyncio.get_running_loop().time()
        labels = Labels(generation.plan)
        found: dict[str, Target] = {}
        for upstream, live in generation.live.items():
            for model, health in live.health.each():
                name = labels.target(f"{upstream}/{model}")
                if name == OTHER:  # the file no longer leads there
                    continue
                one = found.setdefault(name, Target(name=name))
                one.in_flight += health.busy
                state = health.state(now)
                one.states[state] = one.states.get(state, 0) + 1
                if state == "down" and health.why not in one.why:
                    one.why.append(health.why)
        return list(found.values())

    def _tools(self) -> list[ToolSource]:
        boxes = self.switch.generation.tools.values()
        return [
            ToolSource(name=box.name, state=box.source.state, begun=getattr(box.source, "begun", None)) for box in boxes
        ]

    def _limits(self) -> list[Limit]:
        return [
            Limit(name=limit.name, policies=[str(policy) for policy in limit.policies], by=list(limit.by))
            for limit in self.switch.generation.plan.limits.values()
        ]

    def _store(self) -> Store:
        generation = self.switch.generation
        kind, store = generation.plan.document.state.kind, generation.store
        if isinstance(store, Sized):
            return Store(kind=kind, counters=len(store), leases=getattr(store, "leases", None))
        link = getattr(store, "link", None)
        return Store(kind=kind, down=getattr(link, "down", False), failures=getattr(link, "failures", None))
