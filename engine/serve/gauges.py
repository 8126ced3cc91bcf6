"""What metrics find out when they are asked: how the process is at this moment, and what its parts have counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from engine.serve.panel import Look

POOLS = {
    "processes": "Processes of an upstream",
    "busy": "Requests that run in them",
    "waiting": "Requests that wait for one",
    "held": "Conversations that wait for results of the client's tools",
}
STATES = ("ok", "failing", "down", "unknown", "off")


def gauges(look: Look) -> Iterator[Metric]:
    """Yield the metrics of one look."""
    yield InfoMetricFamily("turnout_build", "What runs", value={"version": look.version})
    yield InfoMetricFamily("turnout_generation", "The live state of the file", value={"generation": look.generation})
    for name, says, value in _plain(look):
        yield GaugeMetricFamily(f"turnout_{name}", says, value=value)
    for name, says, value in _counted(look):
        yield CounterMetricFamily(f"turnout_{name}", says, value=value)
    health = GaugeMetricFamily(
        "turnout_upstream_state", "1 at the state an upstream is in, 0 at the others", labels=("upstream", "state")
    )
    for upstream in look.upstreams:
        for state in STATES:
            health.add_metric((upstream.name, state), upstream.state == state)
    yield health
    yield from _pools(look)
    targets = GaugeMetricFamily(
        "turnout_target_state", "Targets in each state: under a pattern there may be many", labels=("target", "state")
    )
    busy = GaugeMetricFamily("turnout_target_in_flight", "Tries that run", labels=("target",))
    for target in look.targets:
        busy.add_metric((target.name,), target.in_flight)
        for state in STATES[:-1]:
            targets.add_metric((target.name, state), target.states.get(state, 0))
    yield targets
    yield busy


def _pools(look: Look) -> Iterator[Metric]:
    """Yield how the processes of upstreams are, where any upstream has some."""
    pools = {upstream.name: upstream.pool for upstream in look.upstreams if upstream.pool is not None}
    for field, says in POOLS.items() if pools else ():
        gauge = GaugeMetricFamily(f"turnout_pool_{field}", says, labels=("upstream",))
        for name, pool in pools.items():
            gauge.add_metric((name,), getattr(pool, field))
        yield gauge


def _plain(look: Look) -> Iterator[tuple[str, str, float]]:
    yield "uptime_seconds", "Since the start of the process", look.uptime_s
    yield "tasks", "Tasks of the event loop", look.tasks
    yield "requests_in_flight", "Model and pass requests that run", look.requests.in_flight
    yield "requests_waiting", "Requests that wait in line", look.requests.waiting
    yield "open_websockets", "WebSockets of clients that are open", look.websockets.open
    yield "generations_draining", "Older states of the file with requests that still run", look.draining
    if look.store.counters is not None:
        yield "limit_counters", "Counters of limits that are kept", look.store.counters
    if look.store.leases is not None:
        yield "leases", "What limits on concurrency hold now", look.store.leases
    if look.store.failures is not None:
        yield "store_down", "Whether the store of counters cannot be reached", look.store.down
    if look.journal is not None:
        yield "journal_rows_waiting", "Rows that are not on disk yet", look.journal.waiting
        yield "journal_failing", "Whether the journal cannot be written", bool(look.journal.failing)


def _counted(look: Look) -> Iterator[tuple[str, str, float]]:
    yield "websocket_messages", "Messages of clients on WebSockets", look.websockets.messages
    yield "queue_refusals", "Requests sent away: the line was full, or they waited too long", look.requests.refused
    if look.store.failures is not None:
        yield "store_failures", "Times that the store of counters could not be asked", look.store.failures
    if look.journal is not None:
        yield "journal_rows_written", "Rows written to the journal", look.journal.written
        yield "journal_rows_dropped", "Rows that were lost", look.journal.dropped
