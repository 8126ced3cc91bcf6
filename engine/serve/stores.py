"""The stores of counters of the process, by the content they were made from.

What an edit did not change keeps its connections, and the counters in memory outlive every edit.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.serve.threads import aside
from engine.store.calendar import period_of, read, written
from engine.store.memory import MemoryStore

if TYPE_CHECKING:
    from engine.config.sections.state import State
    from engine.config.shared import Shared
    from engine.observe.log import Log
    from engine.plan.nodes import Plan
    from engine.store.base import Store
    from engine.store.redis import RedisStore

CONSEQUENCES = {
    "open": "limits do not apply until it is back",
    "closed": "requests under limits get 503 until it is back",
}


class Live(msgspec.Struct, eq=False):
    """A shared store, and how many generations use it."""

    key: bytes
    store: RedisStore
    users: int = 0


PERIODS: tuple[Literal["day", "month"], ...] = ("day", "month")


class Stores:
    def __init__(self) -> None:
        self.memory = MemoryStore(time.monotonic, time.time)
        self._live: dict[bytes, Live] = {}

    async def remember(self, plan: Plan, log: Log) -> None:
        """Have the ledgers in memory know what the journal says was spent before this process began."""
        words = {policy.word for limit in plan.limits.values() for policy in limit.policies}
        if plan.journal is None or "budget" not in words or plan.document.state.kind != "memory":
            return
        from engine.observe.journal.charges import charges

        now = time.time()
        periods = [written(period_of(now, period)[0], period) for period in PERIODS]
        try:
            found = await aside(charges, plan.journal.path, periods)
        except Exception as error:
            log.event("error", f"what was spent of budgets cannot be read from the journal: {error}; it counts anew")
            return
        for key, period, amount in found:
            number, kind = read(period)
            self.memory.spend(key, kind, number, amount)

    def take(self, state: State, shared: Shared | None, log: Log) -> Store:
        """Return the store that `state` asks for; `shared` is where it is."""
        if shared is None:
            return self.memory
        url = shared.url.reveal()
        digest = hashlib.sha256(msgspec.json.encode((url, shared.ca, state.prefix, state.on_failure)))
        live = self._live.get(digest.digest())
        if live is None:
            from engine.store.link import Link
            from engine.store.redis import RedisStore

            link = Link(url, shared.ca, CONSEQUENCES[state.on_failure], log.event, f"{{{state.prefix}}}:probe")
            store = RedisStore(link, state.prefix, closed=state.on_failure == "closed")
            live = self._live[digest.digest()] = Live(digest.digest(), store)
            with contextlib.suppress(RuntimeError):  # the first one is made before the loop runs
                asyncio.get_running_loop()
                link.open()
        live.users += 1
        return live.store

    def open(self) -> None:
        """Look whether what was taken before the loop ran is there: said at the start, not at the first request."""
        for live in self._live.values():
            live.store.link.open()

    async def give(self, store: Store) -> None:
        """Return a store; the last user closes it."""
        live = next((one for one in self._live.values() if one.store is store), None)
        if live is not None:
            live.users -= 1
            if live.users == 0:
                del self._live[live.key]
                await live.store.close()
                await live.store.link.close()
