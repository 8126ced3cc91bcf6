"""Counters in the memory of this process. Nothing waits in here, so every decision is atomic."""

from __future__ import annotations

from collections import OrderedDict
from math import inf
from typing import TYPE_CHECKING

from engine.store.base import MICRO, Claim, Verdict, impossible, settled, ticket_of
from engine.store.calendar import period_of
from engine.store.counters import KINDS, Counter, Leases, Now, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.store.base import Period, Shelf, Ticket

MOST_COUNTERS = 100_000
"""How many counters are kept; new keys beyond share one per shape, so that they are admitted less than they may."""
SWEPT = 8
"""How many counters are looked at when one is added, in turn; those that count nothing any more go."""

Name = tuple[str, str]
"""Kind and key."""


class MemoryStore:
    """The counters of the process; they outlive reloads.

    `clock` goes forward only, in seconds; `calendar` is seconds since 1970, UTC.
    """

    remote = False
    shut = False
    responses: Shelf | None = None
    thoughts: Shelf | None = None
    memories: Shelf | None = None

    def __init__(
        self, clock: Callable[[], float], calendar: Callable[[], float], most_counters: int = MOST_COUNTERS
    ) -> None:
        self._clock = clock
        self._calendar = calendar
        self._most = most_counters
        self._counters: OrderedDict[Name, Counter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counters)

    @property
    def leases(self) -> int:
        """How many are held now."""
        return sum(counter.total for counter in self._counters.values() if isinstance(counter, Leases))

    async def admit(self, claims: Sequence[Claim]) -> Verdict:
        now = self._now()
        names: list[Name] = []
        counters: list[Counter] = []
        places: list[int] = []
        refused: list[int] = []
        retry_after = 0.0
        for index, claim in enumerate(claims):
            name, counter = self._find(claim, now)
            place = counter.place(now)
            names.append(name)
            counters.append(counter)
            places.append(place)
            if counter.total + claim.cost <= claim.most:
                counter.charge(place, claim.cost)
            else:
                refused.append(index)
                retry_after = max(retry_after, inf if impossible(claim) else counter.retry(claim, now))
        for index, claim in enumerate(claims if refused else ()):
            if index not in refused:
                counters[index].give_back(places[index], claim.cost)
        left = tuple(counter.left(claim, now) for claim, counter in zip(claims, counters, strict=True))
        if refused:
            return Verdict(tuple(refused), retry_after, left, None)
        return Verdict((), 0.0, left, ticket_of(claims, places, names))

    async def settle(self, ticket: Ticket, costs: Sequence[int | None]) -> None:
        now = self._now()
        for index, back, more in settled(ticket, costs):
            if back:
                self._give_back(ticket, index, back, now)
            else:
                counter = self._counters.get(ticket.counters[index])
                if counter is None:  # what it held has been forgotten since
                    claim = ticket.claims[index]
                    counter = self._counters[ticket.counters[index]] = KINDS[claim.kind](claim)
                place = counter.place(now)
                counter.charge(place if isinstance(counter, Window) else ticket.places[index], more)

    async def release(self, ticket: Ticket) -> None:
        if ticket.leased:
            ticket.leased = False
            for index, claim in enumerate(ticket.claims):
                if claim.kind == "lease":
                    self._give_back(ticket, index, claim.cost, self._now())

    async def refund(self, ticket: Ticket) -> None:
        await self.release(ticket)
        if ticket.valid:
            ticket.valid = False
            for index, claim in enumerate(ticket.claims):
                if claim.kind != "lease" and ticket.charged[index]:
                    self._give_back(ticket, index, ticket.charged[index], self._now())

    def spend(self, key: str, period: Period, number: int, units: int) -> None:
        """Have the ledger `key` know what was spent in a period before the process began."""
        claim = Claim(key=key, kind="ledger", most=units, cost=units, period=period)
        now = self._now()
        if number == period_of(now.calendar, period)[0]:
            _, counter = self._find(claim, now)
            counter.place(now)
            counter.charge(number, units)

    async def close(self) -> None:
        self._counters.clear()

    def _now(self) -> Now:
        return Now(round(self._clock() * MICRO), self._calendar())

    def _give_back(self, ticket: Ticket, index: int, units: int, now: Now) -> None:
        counter = self._counters.get(ticket.counters[index])
        if counter is not None:
            if not isinstance(counter, Window):  # its slices stay as they are until they are counted again
                counter.place(now)
            counter.give_back(ticket.places[index], units)

    def _find(self, claim: Claim, now: Now) -> tuple[Name, Counter]:
        name = (claim.kind, claim.key)
        counter = self._counters.get(name)
        return (name, counter) if counter is not None else self._added(name, claim, now)

    def _added(self, name: Name, claim: Claim, now: Now) -> tuple[Name, Counter]:
        """Return a new counter; where there are too many, the one that new keys of its shape share.

        As long as the shared one counts, new keys may have been charged there: their own begin with what it has
        charged. Leases come back to where they were taken, so that new keys stay with it until it holds none.
        """
        self._sweep(now)
        together = (claim.kind, f"\0{claim.most} {claim.span} {claim.period}")
        shared = self._counters.get(together)
        if shared is not None and not shared.alive(now):
            shared = None
        if len(self._counters) >= self._most or isinstance(shared, Leases):
            if shared is None:
                shared = self._counters[together] = KINDS[claim.kind](claim)
            return together, shared
        counter = self._counters[name] = KINDS[claim.kind](claim) if shared is None else shared.heir(claim)
        return name, counter

    def _sweep(self, now: Now) -> None:
        for _ in range(min(SWEPT, len(self._counters))):
            name, counter = self._counters.popitem(last=False)
            if counter.alive(now):
                self._counters[name] = counter
