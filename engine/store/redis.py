"""Counters in a Redis or Valkey that several processes share: one script call per decision (counters.lua).

While the server is away everything passes (`on_failure: open`) or nothing that a limit applies to (`closed`). Leases
are renewed in the background, all with one call; those of a process that died end by themselves.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from engine.store.base import MICRO, Claim, Left, Shelf, StoreDown, Ticket, Verdict, settled, ticket_of
from engine.store.link import PROBE, Down, Script
from engine.store.shelf import RedisShelf

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from engine.store.link import Link

SOURCE = (Path(__file__).parent / "counters.lua").read_text("utf-8")
PASSED = Verdict((), 0.0, (), None)
"""What is said while nobody can count."""
RENEWED = 3
"""How often a lease is renewed within its span."""
AT_ONCE = 1000
"""The most leases that one call renews."""


class RedisStore:
    """The counters behind `link`, whose names begin with `prefix`."""

    remote = True

    def __init__(self, link: Link, prefix: str, *, closed: bool = False, source: str = SOURCE) -> None:
        """`closed`: refuse while the server is away. `source` is the script."""
        self.link = link
        self._prefix = prefix
        responses = RedisShelf(link, f"{{{prefix}}}:responses")
        self.responses: Shelf | None = responses
        """The responses that clients may come back to."""
        thoughts = RedisShelf(link, f"{{{prefix}}}:thoughts")
        self.thoughts: Shelf | None = thoughts
        """The reasoning of turns whose clients cannot carry it."""
        memories = RedisShelf(link, f"{{{prefix}}}:memories")
        self.memories: Shelf | None = memories
        """What `memory` steps keep of sessions."""
        self._shelves = (responses, thoughts, memories)
        self._closed = closed
        self._script = Script(source, hashlib.sha1(source.encode()).hexdigest())  # noqa: S324 - as the server names it
        self._process = secrets.token_hex(6)
        self._made = 0
        self._held: dict[str, Ticket] = {}
        """The tickets that hold leases, by their id."""
        self._renewal: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        link.back.append(self._wake.set)

    @property
    def shut(self) -> bool:
        return self._closed and self.link.down

    async def admit(self, claims: Sequence[Claim]) -> Verdict:
        if self.link.down:
            self.link.miss()
            return self._unasked()
        asking = asyncio.get_running_loop().create_task(self._admit(claims))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(self._undo)  # who asked has left, and nobody else holds the ticket
            raise

    async def settle(self, ticket: Ticket, costs: Sequence[int | None]) -> None:
        rows = [self._change(ticket, index, back, more) for index, back, more in settled(ticket, costs)]
        await self._apply(ticket, rows)

    async def release(self, ticket: Ticket) -> None:
        if ticket.leased:
            ticket.leased = False
            self._held.pop(ticket.id, None)
            rows = [
                self._change(ticket, index, 0, 0) for index, claim in enumerate(ticket.claims) if claim.kind == "lease"
            ]
            async with self._renewing:  # or what is being renewed would come back after it has gone
                await self._apply(ticket, rows)

    async def refund(self, ticket: Ticket) -> None:
        await self.release(ticket)
        if ticket.valid:
            ticket.valid = False
            rows = [
                self._change(ticket, index, ticket.charged[index], 0)
                for index, claim in enumerate(ticket.claims)
                if claim.kind != "lease" and ticket.charged[index]
            ]
            await self._apply(ticket, rows)

    async def close(self) -> None:
        """Stop renewing, and let what is being given back arrive. The link belongs to who made it."""
        if self._renewal is not None:
            self._renewal.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for shelf in self._shelves:
            await shelf.settled()
        self.link.back.remove(self._wake.set)

    async def _admit(self, claims: Sequence[Claim]) -> Verdict:
        self._made += 1
        ident = f"{self._process}.{self._made:x}"
        names = [(claim.kind, claim.key) for claim in claims]
        arguments: list[str | int] = ["admit", ident]
        for claim in claims:
            arguments += (claim.kind, claim.most, claim.cost, round(claim.span * MICRO), claim.period)
        try:
            admitted, places, totals, resets, waits = await self.link.run(self._script, self._keys(names), arguments)
        except Down:
            return self._unasked()
        left = tuple(
            Left(max(0, claim.most - total), reset / MICRO)
            for claim, total, reset in zip(claims, totals, resets, strict=True)
        )
        if not admitted:
            refused = tuple(index for index, wait in enumerate(waits) if wait != 0)
            return Verdict(refused, max(inf if wait < 0 else wait / MICRO for wait in waits), left, None)
        ticket = ticket_of(claims, places, names, ident)
        if ticket.leased:
            self._hold(ticket)
        return Verdict((), 0.0, left, ticket)

    def _unasked(self) -> Verdict:
        if self._closed:
            raise StoreDown(2 * PROBE)
        return PASSED

    def _undo(self, asking: asyncio.Task[Verdict]) -> None:
        if not asking.cancelled() and asking.exception() is None and (ticket := asking.result().ticket) is not None:
            self._start(self.refund(ticket))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _keys(self, names: Sequence[tuple[str, str]]) -> list[str]:
        return [f"{{{self._prefix}}}:{kind}:{key}" for kind, key in names]

    def _change(self, ticket: Ticket, index: int, back: int, more: int) -> tuple[int, list[str | int]]:
        claim = ticket.claims[index]
        return index, [claim.kind, ticket.places[index], back, more, round(claim.span * MICRO), claim.period]

    async def _apply(self, ticket: Ticket, rows: Sequence[tuple[int, list[str | int]]]) -> None:
        """Change counters. Where the server is away the estimates stay, and the leases end by themselves."""
        if rows:
            keys = self._keys([ticket.counters[index] for index, _ in rows])
            try:
                await self.link.run(
                    self._script, keys, ["change", ticket.id, *(word for _, row in rows for word in row)]
                )
            except Down:
                return

    def _hold(self, ticket: Ticket) -> None:
        self._held[ticket.id] = ticket
        if self._renewal is None:
            self._renewal = self._start(self._renew())

    async def _renew(self) -> None:
        """Renew the leases of all live tickets, as long as there are any."""
        try:
            while self._held:
                spans = [
                    claim.span for ticket in self._held.values() for claim in ticket.claims if claim.kind == "lease"
                ]
                try:
                    async with asyncio.timeout(min(spans) / RENEWED):
                        await self._wake.wait()  # the server is back, and may have lost them
                except TimeoutError:
                    pass
                self._wake.clear()
                async with self._renewing:
                    await self._renew_now()
        finally:
            self._renewal = None

    async def _renew_now(self) -> None:
        leases: list[tuple[tuple[str, str], list[str | int]]] = [
            (name, [ticket.id, round(claim.span * MICRO)])
            for ticket in self._held.values()
            for claim, name in zip(ticket.claims, ticket.counters, strict=True)
            if claim.kind == "lease"
        ]
        for first in range(0, len(leases), AT_ONCE):
            some = leases[first : first + AT_ONCE]
            words: list[str | int] = ["renew", "", *(word for _, row in some for word in row)]
            try:
                await self.link.run(self._script, self._keys([name for name, _ in some]), words)
            except Down:
                return
