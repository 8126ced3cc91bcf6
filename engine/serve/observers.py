"""Keeps who is told of records on what the live file asks for: the journal, and the metrics.

An edit that leaves them alone leaves them as they are, with all they have counted. Neither is imported before a file
asks for it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from engine.plan.labels import Labels
from engine.serve.threads import OWN

if TYPE_CHECKING:
    from engine.observe.journal.writer import Journal
    from engine.observe.metrics import Metrics
    from engine.observe.records import Records, Subscriber
    from engine.plan.nodes import Plan


class Observers:
    """The subscribers of the process besides the log."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.journal: Journal | None = None
        self.metrics: Metrics | None = None
        self._loop = asyncio.get_running_loop()
        self._closing: set[asyncio.Future[None]] = set()

    def follow(self, plan: Plan) -> None:
        """Do what `observe` of `plan` says from now on."""
        self._follow_journal(plan)
        self._follow_metrics(plan)
        others: list[Subscriber] = [one for one in (self.journal, self.metrics) if one is not None]
        self.records.follow(*others)

    async def close(self) -> None:
        """Write down what is not on disk yet, and end."""
        self.records.follow()
        if self.journal is not None:
            self._close(self.journal)
        while self._closing:
            await asyncio.wait(self._closing)

    def _follow_journal(self, plan: Plan) -> None:
        wanted, current = plan.journal, self.journal
        if wanted is not None and current is not None and current.path == wanted.path:
            current.retention = wanted.retention
            return
        if current is not None:
            self._close(current)
        self.journal = None
        if wanted is not None:
            from engine.observe.journal.writer import Journal

            self.journal = Journal(wanted.path, wanted.retention, self._say)

    def _follow_metrics(self, plan: Plan) -> None:
        if not plan.document.observe.metrics:
            self.metrics = None
        elif self.metrics is not None:
            self.metrics.follow(Labels(plan))
        else:
            from engine.observe.metrics import Metrics

            self.metrics = Metrics(Labels(plan))
            self.metrics.live(ok=True, since=time.time())

    def _close(self, journal: Journal) -> None:
        """Have `journal` write what it holds, beside everything else."""
        closing = self._loop.run_in_executor(OWN, journal.close)
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _say(self, level: str, message: str) -> None:
        """Log from any thread."""
        try:
            self._loop.call_soon_threadsafe(self.records.log.event, level, message)
        except RuntimeError:  # the loop is closed: nobody else writes now
            self.records.log.event(level, message)
