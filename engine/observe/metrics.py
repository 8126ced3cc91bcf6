"""What records add up to, for Prometheus: https://prometheus.io/docs/practices/naming/.

Every label is a word of ours or a name of the file, so that there are only so many series; what an edit takes out of
the file stops. Nothing here is global to the process but for what prometheus_client itself is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from engine.observe.record import Reload, Request

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
"""Upper bounds of the buckets of durations: answers of language models take from a moment to minutes."""
WAITS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BUCKETS = ("input", "cache_read", "cache_write", "output")
"""The kinds of tokens, which do not overlap."""
RESULTS = ("taken", "refused")
EVERYWHERE = ("none", "other")
"""What a label says where there is no name, and where the file does not have it."""
ANSWERED = "none"
"""The reason of a try that did not fail."""


class Names(Protocol):
    """The labels of the live file; whatever it does not know is `other`."""

    models: frozenset[str]
    targets: frozenset[str]
    routes: frozenset[str]
    limits: frozenset[str]

    def model(self, asked: str | None, /) -> str: ...
    def target(self, target: str | None, /) -> str: ...
    def route(self, name: str | None, /) -> str: ...


M = TypeVar("M", Counter, Histogram)


class Metrics:
    """A subscriber of records."""

    name = "metrics"

    def __init__(self, names: Names) -> None:
        self.registry = CollectorRegistry()
        self._names = names
        self._labels: dict[object, tuple[str, ...]] = {}
        """Metric -> the names of its labels."""
        self._children: dict[tuple[Any, ...], Any] = {}
        """(metric, label, ...) -> its series."""
        count, measure = self._counter, self._histogram
        self._requests = count("requests", "Requests that ended", "api", "model", "route", "status")
        self._errors = count("errors", "Requests that ended in an error", "api", "model", "reason")
        self._duration = measure(
            "request_duration_seconds", "From the head of a request to the end of its answer", SECONDS, "api", "model"
        )
        self._first = measure(
            "time_to_first_content_seconds", "From the head of a request to the first content", SECONDS, "target"
        )
        self._tries = count("tries", "What was sent to targets, and why it failed", "target", "reason")
        self._fallbacks = count(
            "fallbacks", "Targets that failed, cooled or were limited, so that another was asked", "target", "reason"
        )
        self._tokens = count("tokens", "Tokens, in kinds that do not overlap", "model", "target", "kind")
        self._cost = count("cost_usd", "What tokens cost, in US dollars", "model", "target")
        self._losses = count("losses", "Fields that a translation could not carry over", "target", "grade")
        self._tools = count("tool_calls", "Calls of tools that Turnout ran itself", "model", "result")
        self._limited = count("limit_refusals", "What limits refused", "limit")
        self._queued = measure("queue_wait_seconds", "Time in line, of the requests that waited", WAITS)
        self._reloads = count("config_reloads", "Edits of the file", "result")
        self._reloaded = Gauge(
            "turnout_config_last_reload_successful", "Whether the file on disk is what runs", registry=self.registry
        )
        self._reloaded_at = Gauge(
            "turnout_config_last_reload_success_timestamp_seconds",
            "When an edit was last taken",
            registry=self.registry,
        )
        for result in RESULTS:
            self._child(self._reloads, result)
        ProcessCollector(registry=self.registry)

    def follow(self, names: Names) -> None:
        """Go by the names of another file. Series of names that it does not have are gone."""
        self._names = names
        known = {"model": names.models, "target": names.targets, "route": names.routes, "limit": names.limits}
        for key in list(self._children):
            metric, *values = key
            if any(
                label in known and value not in known[label] and value not in EVERYWHERE
                for label, value in zip(self._labels[metric], values, strict=True)
            ):
                metric.remove(*values)
                del self._children[key]

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, without the time each series was made at: nobody asks for it."""
        for metric in self.registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric

    def live(self, *, ok: bool, since: float) -> None:
        """Say what is live at the start: `since` in seconds since 1970."""
        self._reloaded.set(ok)
        self._reloaded_at.set(since)

    def wants(self, _status: int, _problem: object) -> bool:
        return True

    def request(self, record: Request) -> None:
        names = self._names
        api = record.api or ("pass" if record.route is not None else "other")
        model, target, reason = names.model(record.model), names.target(record.target), record.reason
        self._child(self._requests, api, model, names.route(record.route), str(record.status)).inc()
        self._child(self._duration, api, model).observe(record.seconds)
        if reason is not None:
            self._child(self._errors, api, model, reason).inc()
        elif record.first is not None and record.target is not None:
            self._child(self._first, target).observe(record.first)
        if record.queued:
            self._queued.observe(record.queued)
        at_tries = [one.limit for one in record.skipped if one.limit is not None]
        for limit in at_tries or ([record.limit] if record.limit is not None else []):
            self._child(self._limited, limit if limit in names.limits else "other").inc()
        for run in record.tools:
            self._child(self._tools, model, "failed" if run.failed else "ok").inc()
        self._answering(record, model, target)

    def _answering(self, record: Request, model: str, target: str) -> None:
        """Count what targets were sent, and what they took."""
        names = self._names
        for attempt in record.attempts:
            self._child(self._tries, names.target(attempt.target), attempt.reason or ANSWERED).inc()
        for before, after in pairwise(record.attempts):
            if before.target != after.target:
                self._child(self._fallbacks, names.target(before.target), before.reason or ANSWERED).inc()
        answered = record.attempts and record.attempts[-1].reason is None
        for one in record.skipped if answered else ():
            if one.reason is not None and one.reason != "off":
                self._child(self._fallbacks, names.target(one.target), one.reason).inc()
        if record.usage is not None:
            for bucket in BUCKETS:
                count = getattr(record.usage, bucket)
                if count:
                    self._child(self._tokens, model, target, bucket).inc(count)
        if record.cost:
            self._child(self._cost, model, target).inc(record.cost / 1e6)
        for loss in record.losses:
            self._child(self._losses, target, "dropped" if ": dropped" in loss else "approximated").inc()

    def reload(self, record: Reload) -> None:
        self._child(self._reloads, RESULTS[not record.taken]).inc()
        self._reloaded.set(record.taken)
        if record.taken:
            self._reloaded_at.set(record.at)

    def _child(self, metric: M, *labels: str) -> M:
        """Return the series of `metric` with these labels."""
        key = (metric, *labels)
        child: M | None = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        made = Counter(f"turnout_{name}", says, labels, registry=self.registry)
        self._labels[made] = labels
        return made

    def _histogram(self, name: str, says: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        made = Histogram(f"turnout_{name}", says, labels, buckets=buckets, registry=self.registry)
        self._labels[made] = labels
        return made
