"""The stores of counters of the process, by the content they were made from: what an edit did not change keeps its
connections, and the counters in memory outlive every edit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.store.memory import MemoryStore

if TYPE_CHECKING:
    from engine.plan.nodes import Plan
    from engine.store.base import Store


class Stores:
    def __init__(self) -> None:
        self._memory = MemoryStore(time.monotonic, time.time)

    def take(self, plan: Plan) -> Store:  # noqa: ARG002
        """Return the store that `state` of `plan` asks for."""
        return self._memory
