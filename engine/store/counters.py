"""The three kinds of counters as the memory store keeps them: each charges, gives back and says what is left.

Times are whole microseconds of a clock that is handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.store.base import LEASE_RETRY, MICRO, SLICES, Left, slice_width
from engine.store.calendar import period_of

if TYPE_CHECKING:
    from engine.store.base import Claim, Period


class Now(NamedTuple):
    """One moment by both clocks."""

    clock: int
    """Microseconds, never going back."""
    calendar: float
    """Seconds since 1970, UTC."""


class Window:
    """Units per slice of time, the oldest first. A slice counts until no part of it is in the window any more."""

    __slots__ = ("slices", "total", "width")

    def __init__(self, claim: Claim) -> None:
        self.width = slice_width(claim.span)
        self.slices: list[list[int]] = []
        """[number of the slice, units]"""
        self.total = 0

    def place(self, now: Now) -> int:
        """Return the slice of now, and forget those that count no more."""
        place = now.clock // self.width
        slices = self.slices
        while slices and slices[0][0] < place - SLICES:
            self.total -= slices.pop(0)[1]
        early = 0
        while slices and slices[-1][0] > place:
            early += slices.pop()[1]  # the clock went back: what it says was later has been charged by now
        if early:
            self.total -= early
            self.charge(place, early)
        return place

    def charge(self, place: int, units: int) -> None:
        if self.slices and self.slices[-1][0] == place:
            self.slices[-1][1] += units
        else:
            self.slices.append([place, units])
        self.total += units

    def give_back(self, place: int, units: int) -> None:
        for one in reversed(self.slices):
            if one[0] <= place:
                back = min(units, one[1]) if one[0] == place else 0
                one[1] -= back
                self.total -= back
                return

    def retry(self, claim: Claim, now: Now) -> float:
        free = claim.most - claim.cost - self.total
        for number, units in self.slices:
            free += units
            if free >= 0:
                return self._gone(number, now)
        return 0.0

    def left(self, claim: Claim, now: Now) -> Left:
        newest = next((number for number, units in reversed(self.slices) if units), None)
        return Left(max(0, claim.most - self.total), self._gone(newest, now) if newest is not None else 0.0)

    def _gone(self, number: int, now: Now) -> float:
        """Return the seconds until a slice counts no more."""
        return ((number + SLICES + 1) * self.width - now.clock) / MICRO

    def alive(self, now: Now) -> bool:
        return bool(self.slices) and self.slices[-1][0] >= now.clock // self.width - SLICES

    def heir(self, claim: Claim) -> Window:
        """Return a counter that begins with what this one has charged."""
        one = Window(claim)
        one.slices = [list(each) for each in self.slices]
        one.total = self.total
        return one


class Leases:
    """How many are held. They end with the process that keeps them, so that none needs to expire."""

    __slots__ = ("total",)

    def __init__(self, claim: Claim) -> None:  # noqa: ARG002 - made like the others
        self.total = 0

    def place(self, now: Now) -> int:  # noqa: ARG002
        return 0

    def charge(self, place: int, units: int) -> None:  # noqa: ARG002
        self.total += units

    def give_back(self, place: int, units: int) -> None:  # noqa: ARG002
        self.total = max(0, self.total - units)

    def retry(self, claim: Claim, now: Now) -> float:  # noqa: ARG002
        return LEASE_RETRY

    def left(self, claim: Claim, now: Now) -> Left:  # noqa: ARG002
        return Left(max(0, claim.most - self.total), 0.0)

    def alive(self, now: Now) -> bool:  # noqa: ARG002
        return self.total > 0


class Ledger:
    """What was spent in the calendar period of now."""

    __slots__ = ("number", "period", "total")

    def __init__(self, claim: Claim) -> None:
        self.period: Period = claim.period
        self.number = 0
        self.total = 0

    def place(self, now: Now) -> int:
        """Return the number of the period that is charged.

        Where the clock stepped back over the end of a period, the later one goes on. Where it went back further it
        had been wrong, and what was spent by it counts in the period of now.
        """
        number, _ = period_of(now.calendar, self.period)
        if number > self.number:
            self.number, self.total = number, 0
        elif number < self.number - 1:
            self.number = number
        return self.number

    def charge(self, place: int, units: int) -> None:
        if place == self.number:
            self.total += units

    def give_back(self, place: int, units: int) -> None:
        if place == self.number:
            self.total = max(0, self.total - units)

    def retry(self, claim: Claim, now: Now) -> float:  # noqa: ARG002
        return period_of(now.calendar, self.period)[1]

    def left(self, claim: Claim, now: Now) -> Left:
        return Left(max(0, claim.most - self.total), period_of(now.calendar, self.period)[1])

    def alive(self, now: Now) -> bool:
        return self.total > 0 and self.number >= period_of(now.calendar, self.period)[0]

    def heir(self, claim: Claim) -> Ledger:
        one = Ledger(claim)
        one.number, one.total = self.number, self.total
        return one


Counter = Window | Leases | Ledger
KINDS: dict[str, type[Window | Leases | Ledger]] = {"window": Window, "lease": Leases, "ledger": Ledger}
