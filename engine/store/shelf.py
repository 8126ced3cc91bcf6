"""Values that processes share through Redis: each for a while, all together within some room; the oldest give way.

What cannot be reached is a miss. Nobody waits for what is kept; who looks for it waits a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.store.link import Down, Script

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from engine.store.link import Link

SOURCE = (Path(__file__).parent / "shelf.lua").read_text(encoding="utf-8")
PUT = Script(SOURCE, hashlib.sha1(SOURCE.encode()).hexdigest())  # noqa: S324 - as the server names it
ON_ITS_WAY = 0.05
"""Seconds after which a value that was not there is looked for once more: another process may just be keeping it."""


class RedisShelf:
    """The values of one sort behind `link`, whose keys begin with `prefix`."""

    def __init__(self, link: Link, prefix: str) -> None:
        self._link = link
        self._prefix = prefix
        self._tasks: set[asyncio.Task[Any]] = set()

    def put(self, name: str, value: bytes, seconds: float, entries: int, size: int) -> None:
        """Keep `value` under `name`, in the background."""
        keys = (f"{self._prefix}:index", f"{self._prefix}:sizes", self._key(name))
        limits = (max(1, round(seconds * 1000)), min(entries, 2**53), min(size, 2**53))
        self._begin(self._link.run(PUT, keys, (name, value, *limits, self._key(""))))  # type: ignore[arg-type]  # bytes too

    def drop(self, name: str) -> None:
        """Forget what is kept under `name`, in the background."""
        self._begin(self._link.call("DEL", self._key(name)))

    async def get(self, names: Sequence[str], *, patient: bool = False) -> list[bytes | None] | None:
        """Return the values of `names`; None while the server is away. `patient`: one that is not there may be on its
        way, and is looked for once more."""
        if not names:
            return []
        await self.settled()
        try:
            found = await self._link.call("MGET", *map(self._key, names))
            if patient and None in found:
                await asyncio.sleep(ON_ITS_WAY)
                found = await self._link.call("MGET", *map(self._key, names))
        except Down:
            return None
        return list(found)

    async def settled(self) -> None:
        """Wait until everything of this process is kept."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:value:{name}"

    def _begin(self, doing: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._quietly(doing))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, doing: Coroutine[Any, Any, Any]) -> None:
        with contextlib.suppress(Down):  # the link has said so
            await doing
