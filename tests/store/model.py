"""What a store of counters must do, as brute force: every charge with its moment, added up anew for every question.

`Machine` asks a store whatever hypothesis comes up with, by a clock that the test turns, and holds it to that.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.store.base import SLICES, Claim, Ticket, Verdict, slice_width

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from engine.store.base import Store

SECOND = 1_000_000
DAY = 86400 * SECOND
STARTS = tuple(
    int(datetime(*moment, tzinfo=UTC).timestamp()) * SECOND
    for moment in (
        (2026, 11, 28, 12, 0, 0),
        (2026, 12, 31, 23, 59, 50),
        (2027, 2, 28, 23, 59, 59),
        (2028, 2, 28, 23, 59, 59),
        (2028, 2, 29, 23, 59, 59),
    )
)

WINDOWS = (
    Claim(key="w1", kind="window", most=5, cost=1, span=1.0),
    Claim(key="w2", kind="window", most=20, cost=1, span=60.0),
    Claim(key="w3", kind="window", most=3, cost=1, span=0.001),
    Claim(key="w4", kind="window", most=7, cost=1, span=7.0),
)
OTHERS = (  # no process dies here, so that no lease ends by itself
    Claim(key="l1", kind="lease", most=2, cost=1, span=1e9),
    Claim(key="l2", kind="lease", most=4, cost=1, span=1e9),
    Claim(key="d1", kind="ledger", most=10, cost=1, period="day"),
    Claim(key="m1", kind="ledger", most=30, cost=1, period="month"),
)
SHAPES = {claim.key: claim for claim in (*WINDOWS, *OTHERS)}


@dataclass(eq=False)
class Charge:
    at: int
    units: int


@dataclass(eq=False)
class Admitted:
    ticket: Ticket
    claims: list[Claim]
    at: int
    charges: dict[str, list[Charge]]
    """By key: the charge of the admission, then those that came on top."""
    held: bool = True
    open: bool = True


@dataclass
class Model:
    """Everything that was ever charged."""

    admitted: list[Admitted] = field(default_factory=list)

    def charges(self, key: str) -> list[Charge]:
        return [charge for one in self.admitted for charge in one.charges.get(key, ())]

    def within(self, key: str, since: int) -> int:
        """Return what was charged after `since`."""
        return sum(charge.units for charge in self.charges(key) if charge.at > since)

    def held(self, key: str) -> int:
        return sum(1 for one in self.admitted if one.held and any(claim.key == key for claim in one.claims))

    def spent(self, key: str, now: int) -> int:
        period = SHAPES[key].period
        return sum(
            charge.units for charge in self.charges(key) if period_name(charge.at, period) == period_name(now, period)
        )

    def bounds(self, claim: Claim, now: int) -> tuple[int, int]:
        """Return the least and the most that may count against `claim` now."""
        if claim.kind == "window":
            return (
                self.within(claim.key, now - round(claim.span * SECOND)),
                self.within(claim.key, now - (SLICES + 1) * slice_width(claim.span)),
            )
        count = self.held(claim.key) if claim.kind == "lease" else self.spent(claim.key, now)
        return count, count


def period_name(at: int, period: str) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d" if period == "day" else "%Y-%m")


def period_end(at: int, period: str) -> int:
    """Return when the period ends, found by looking."""
    day = at // DAY
    while period_name(day * DAY, period) == period_name(at, period):
        day += 1
    return day * DAY


class Machine(RuleBasedStateMachine):
    """Subclasses say which store, and how its clock is turned."""

    shapes: ClassVar[tuple[Claim, ...]] = tuple(SHAPES.values())

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.now = 0
        self.runner = asyncio.Runner()
        self.store: Store = self.make()

    def make(self) -> Store:
        raise NotImplementedError

    def turn(self) -> None:
        """Tell the store's clock that it is `self.now`."""

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()

    @initialize(start=st.sampled_from(STARTS), beside=st.integers(0, 3 * SECOND))
    def begin(self, start: int, beside: int) -> None:
        self.pass_time(start + beside)

    def pass_time(self, micros: int) -> None:
        self.now += micros
        self.turn()

    @rule(
        micros=st.one_of(
            st.integers(0, 3),
            st.sampled_from([17, 16_667, 116_667, 1_000, SECOND]),
            st.integers(0, 2 * SECOND),
            st.integers(0, 80 * SECOND),
            st.sampled_from([3600 * SECOND, DAY, 31 * DAY]),
        )
    )
    def wait(self, micros: int) -> None:
        self.pass_time(micros)

    @rule(data=st.data(), again=st.integers(1, 4))
    def admit(self, data: st.DataObject, again: int) -> None:
        keys = data.draw(st.lists(st.sampled_from(self.shapes), min_size=1, max_size=4, unique_by=lambda one: one.key))
        claims = [
            Claim(
                key=one.key,
                kind=one.kind,
                most=one.most,
                cost=1 if one.kind == "lease" else data.draw(st.integers(0, one.most)),
                span=one.span,
                period=one.period,
            )
            for one in keys
        ]
        for _ in range(again):
            verdict = self.ask(claims)
            if verdict.refused and 0 < verdict.retry_after < inf and not any(one.kind == "lease" for one in claims):
                self.pass_time(max(0, round(verdict.retry_after * SECOND) - 1))
                if round(verdict.retry_after * SECOND) > 1:
                    assert self.ask(claims).refused, f"{claims} would have been admitted before {verdict.retry_after}"
                self.pass_time(1)
                assert not self.ask(claims).refused, f"{claims} refused after {verdict.retry_after}"

    def ask(self, claims: list[Claim]) -> Verdict:
        bounds = [self.model.bounds(claim, self.now) for claim in claims]
        verdict: Verdict = self.run(self.store.admit(claims))
        for index, (claim, (least, most)) in enumerate(zip(claims, bounds, strict=True)):
            if index in verdict.refused:
                assert most + claim.cost > claim.most, f"{claim} refused with only {most} charged"
            else:
                assert least + claim.cost <= claim.most, f"{claim} not refused with {least} charged"
        assert (verdict.ticket is None) == bool(verdict.refused)
        assert (verdict.retry_after > 0) == bool(verdict.refused)
        assert len(verdict.left) == len(claims)
        if verdict.ticket is not None:
            charges = {claim.key: [Charge(self.now, claim.cost)] for claim in claims if claim.kind != "lease"}
            leased = any(claim.kind == "lease" for claim in claims)
            self.model.admitted.append(Admitted(verdict.ticket, claims, self.now, charges, held=leased))
        for claim, left in zip(claims, verdict.left, strict=True):
            least, most = self.model.bounds(claim, self.now)
            assert max(0, claim.most - most) <= left.remaining <= max(0, claim.most - least)
            if claim.kind == "ledger":
                assert abs(left.reset * SECOND - (period_end(self.now, claim.period) - self.now)) < 2
            if claim.kind == "window":
                assert left.reset <= (SLICES + 1) * slice_width(claim.span) / SECOND
                assert (left.reset > 0) == (left.remaining < claim.most)
        return verdict

    def pick(self, data: st.DataObject) -> Admitted:
        return data.draw(st.sampled_from(self.model.admitted[-20:]))

    @precondition(lambda self: self.model.admitted)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        one = self.pick(data)
        costs = [data.draw(st.one_of(st.none(), st.integers(0, claim.most * 2))) for claim in one.claims]
        self.run(self.store.settle(one.ticket, costs))
        if one.open:
            for claim, cost in zip(one.claims, costs, strict=True):
                if claim.kind != "lease" and cost is not None:
                    self.charge(one, claim, cost)

    def charge(self, one: Admitted, claim: Claim, cost: int) -> None:
        charges = one.charges[claim.key]
        more = cost - sum(charge.units for charge in charges)
        if claim.kind == "ledger":
            charges[0].units = cost  # in the period of the admission
        elif more > 0:
            charges.append(Charge(self.now, more))
        elif charges[0].units >= -more:
            charges[0].units += more
        else:
            charges[0].units = 0  # what came on top stays where it was charged: it errs low

    @precondition(lambda self: any(one.held for one in self.model.admitted))
    @rule(data=st.data(), twice=st.booleans())
    def release(self, data: st.DataObject, twice: bool) -> None:
        one = data.draw(st.sampled_from([one for one in self.model.admitted if one.held]))
        for _ in range(1 + twice):
            self.run(self.store.release(one.ticket))
        one.held = False

    @precondition(lambda self: self.model.admitted)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        one = self.pick(data)
        self.run(self.store.refund(one.ticket))
        one.held = False
        if one.open:
            for claim in one.claims:
                if claim.kind != "lease":
                    self.charge(one, claim, 0)
        one.open = False

    @invariant()
    def leases_are_never_more(self) -> None:
        for claim in self.shapes:
            assert claim.kind != "lease" or self.model.held(claim.key) <= claim.most
