"""The stores of counters of the process, by the content they were made from: what an edit did not change keeps its
connections, and the counters in memory outlive every edit."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Literal

from engine.store.calendar import period_of, read, written
from engine.store.memory import MemoryStore

if TYPE_CHECKING:
    from engine.observe.log import Log
    from engine.plan.nodes import Plan
    from engine.store.base import Store


PERIODS: tuple[Literal["day", "month"], ...] = ("day", "month")


class Stores:
    def __init__(self) -> None:
        self._memory = MemoryStore(time.monotonic, time.time)

    async def remember(self, plan: Plan, log: Log) -> None:
        """Have the ledgers in memory know what the journal says was spent before this process began."""
        words = {policy.word for limit in plan.limits.values() for policy in limit.policies}
        if plan.journal is None or "budget" not in words:
            return
        from engine.observe.journal.charges import charges

        now = time.time()
        periods = [written(period_of(now, period)[0], period) for period in PERIODS]
        try:
            found = await asyncio.to_thread(charges, plan.journal.path, periods)
        except Exception as error:
            log.event("error", f"what was spent of budgets cannot be read from the journal: {error}; it counts anew")
            return
        for key, period, amount in found:
            number, kind = read(period)
            self._memory.spend(key, kind, number, amount)

    def take(self, plan: Plan) -> Store:  # noqa: ARG002
        """Return the store that `state` of `plan` asks for."""
        return self._memory
