"""What one exchange takes of the limits: asked at the door, before any target, and at each try; given back at the end.

A limit that is full is said in the client's form, with what it is and when to come again. Nothing taken here outlives
its exchange: leases go back, and what was estimated is settled by what was used (rules L2-L6).
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from engine.chat import Failure, Problem
from engine.facts import NO_DEPTH
from engine.plan.demand import demand
from engine.plan.limited import UNCOUNTED, before, counters, early, entering, within
from engine.policies.base import Demand
from engine.serve.failures import NO_RETRY
from engine.serve.figures import Figures
from engine.store.base import StoreDown
from engine.store.calendar import written

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from engine.chat import Headers
    from engine.facts import Facts
    from engine.plan.limited import Counter
    from engine.plan.nodes import Decision, Limit, Plan, Pool, Target
    from engine.store.base import Claim, Store, Ticket, Verdict

NOTHING = Demand()
LEAST = Demand(tokens=1, dollars=1)
"""What anything at all would take."""
MEASURED = frozenset({"tokens", "budget"})
"""The policies that count what an answer takes."""
Cost: TypeAlias = "tuple[Ticket, list[int | None]]"
"""What was admitted, and what it really cost, per claim; None: the estimate stays."""


class Taken(msgspec.Struct):
    """What one decision of the store has given."""

    counters: list[Counter]
    ticket: Ticket


class Guard:
    """The limits of one exchange. `leave` must be called, however it ends."""

    __slots__ = (
        "_early",
        "_entered",
        "_ip",
        "_plan",
        "_store",
        "_taken",
        "_trying",
        "charges",
        "figures",
        "problem",
        "refusing",
    )

    def __init__(self, plan: Plan, store: Store, ip: str) -> None:
        """`ip` is the client's address as limits count it."""
        self.figures = Figures()
        """What is left of the limits on requests and tokens, for the headers of the answer."""
        self._plan = plan
        self._store = store
        self._ip = ip
        self._early: Taken | None = None
        self._taken: list[Taken] = []
        self._trying: Taken | None = None
        self._entered: set[str] = set()
        """The entries of fallbacks whose limits have been asked."""
        self.refusing: str | None = None
        """The limit that has refused the exchange, or its last try."""
        self.problem: Problem | None = None
        """What that is to the client, where it was the last try."""
        self.charges: list[tuple[str, str, int]] = []
        """What the exchange took of budgets: (key of the counter, period, micro-USD)."""

    async def door(self, facts: Facts) -> None:
        """Ask the limits that count whoever knocks, before the credential is looked at. Raises `Problem`."""
        limits = early(self._plan, facts)
        if limits:
            self._early = await self._take(counters(limits, facts, self._ip, None, ""), NOTHING)

    async def uncounted(self) -> None:
        """Give back what was taken at the door: this request costs nothing (rule L3)."""
        taken, self._early = self._early, None
        if taken is not None:
            await self._surely(self._store.refund(taken.ticket))

    async def admit(self, decision: Decision) -> None:
        """Ask all limits on the road of `decision` at once. Raises `Problem`: then nothing of it has counted.

        The facts of the decision must be deep where `deep` says so.
        """
        if decision.facts.api in UNCOUNTED:
            return
        limits = before(self._plan, decision)
        if not limits:
            return
        asked = self._counters(limits, decision, None)
        try:
            taken = await self._take(asked, self._demand(decision, decision.targets))
        except Problem:
            await self.uncounted()  # refused requests do not count
            raise
        if taken is not None:
            self._taken.append(taken)

    async def attempt(self, decision: Decision, pool: Pool, target: Target) -> Failure | None:
        """Ask the limits of a try; return why it may not be made (rule L5). `problem` says it to the client."""
        self.refusing = self.problem = None  # what kept another target away is no matter any more
        self.figures.forget()
        if decision.facts.api in UNCOUNTED:
            return None
        first = pool.entry not in self._entered
        limits = entering(self._plan, decision, pool) if first else []
        own = within(self._plan, decision, target)
        if not limits and not own:
            return None
        expected = self._demand(decision, [target])
        try:
            if limits:
                taken = await self._take(self._counters(limits, decision, target), expected, trying=True)
                self._taken += [taken] if taken is not None else []
                self._entered.add(pool.entry)
            if own:
                self._trying = await self._take(self._counters(own, decision, target), expected, trying=True)
        except Problem as problem:
            self.problem = problem
            after = next((float(value) for name, value in problem.headers if name == b"retry-after"), None)
            return Failure(reason="limited", message=problem.message, retry_after=after)
        return None

    def follow(self, plan: Plan) -> None:
        """Go by `plan` from now on; what has been taken stays where it was counted."""
        self._plan = plan

    async def spend(self, used: Demand) -> Problem | None:
        """Charge what an exchange that goes on has used so far; return the limit that this uses up."""
        taken = [one for one in (self._early, *self._taken, self._trying) if one is not None]
        asked = [counter for one in taken for counter in one.counters if counter.policy.word in MEASURED]
        if not asked:
            return None
        for one in taken:
            await self._store.settle(one.ticket, [counter.policy.settled(used) for counter in one.counters])
        try:
            verdict = await self._store.admit([counter.policy.claim(counter.key, LEAST) for counter in asked])
        except StoreDown as down:
            return unavailable(down.retry_after)
        if verdict.ticket is not None:
            await self._store.refund(verdict.ticket)
        if not verdict.refused:
            return None
        self.refusing = asked[verdict.refused[0]].limit.name
        return refused(asked, verdict)

    async def failed(self, *, sent: bool) -> None:
        """The last try came to nothing: what it has taken goes back, but for the request itself where one was sent."""
        taken, self._trying = self._trying, None
        if taken is not None and sent:
            await self._surely(self._give(self._noted([taken], NOTHING)))
        elif taken is not None:
            await self._surely(self._store.refund(taken.ticket))

    async def again(self, used: Demand | None) -> None:
        """The last try has been answered, and the conversation goes on: settle what the try has taken."""
        taken, self._trying = self._trying, None
        if taken is not None:
            await self._surely(self._give(self._noted([taken], used)))

    async def leave(self, used: Demand | None) -> None:
        """Give everything back; `used` is what the exchange has used, None: the estimates stay."""
        taken = [one for one in (self._early, *self._taken, self._trying) if one is not None]
        self._early = self._trying = None
        self._taken = []
        if taken:
            await self._surely(self._give(self._noted(taken, used)))

    async def _surely(self, giving: Coroutine[None, None, None]) -> None:
        """Give back, whatever becomes of this task: it may be cancelled once more while it waits for the network."""
        if not self._store.remote:
            await giving
            return
        task = asyncio.get_running_loop().create_task(giving)
        LEAVING.add(task)
        task.add_done_callback(LEAVING.discard)
        await asyncio.shield(task)

    def _noted(self, taken: list[Taken], used: Demand | None) -> list[Cost]:
        """Return what each decision comes to, and note what it takes of budgets."""
        found = []
        for one in taken:
            costs = [None if used is None else counter.policy.settled(used) for counter in one.counters]
            found.append((one.ticket, costs))
            for claim, place, cost in zip(one.ticket.claims, one.ticket.places, costs, strict=True):
                spent = claim.cost if cost is None else cost
                if claim.kind == "ledger" and spent:
                    self.charges.append((claim.key, written(place, claim.period), spent))
        return found

    async def _give(self, costs: list[Cost]) -> None:
        for ticket, settled in costs:
            try:
                if any(cost is not None for cost in settled):
                    await self._store.settle(ticket, settled)
            finally:
                await self._store.release(ticket)

    def _counters(self, limits: Iterable[Limit], decision: Decision, target: Target | None) -> list[Counter]:
        return counters(limits, decision.facts, self._ip, decision.route, str(target) if target is not None else "")

    def _demand(self, decision: Decision, targets: Iterable[Target]) -> Demand:
        """Return what the request is expected to take, of the dearest of `targets`."""
        facts, prices = decision.facts, self._plan.prices
        if facts.api is None or facts.depth is NO_DEPTH:
            return NOTHING
        known = dict.fromkeys(prices.of(target) for target in targets)
        return max((demand(facts.api, facts.depth, price) for price in known), key=lambda one: one.dollars)

    async def _take(self, asked: list[Counter], demand: Demand, *, trying: bool = False) -> Taken | None:
        """Take of every counter, or of none. Raises `Problem`."""
        claims = [counter.policy.claim(counter.key, demand) for counter in asked]
        for counter, claim in zip(asked, claims, strict=True):
            if claim.cost > claim.most:
                self.refusing = counter.limit.name
                raise exceeds(counter, claim)
        try:
            verdict = await self._store.admit(claims)
            if verdict.refused and LEAVING and all(claims[at].kind == "lease" for at in verdict.refused):
                await asyncio.wait(LEAVING, timeout=1.0)  # who asks one after the other has not two at once
                verdict = await self._store.admit(claims)
        except StoreDown as down:
            raise unavailable(down.retry_after) from None
        self.figures.see(asked, claims, verdict, trying=trying)
        if verdict.refused:
            self.refusing = asked[verdict.refused[0]].limit.name
            raise refused(asked, verdict)
        return Taken(asked, verdict.ticket) if verdict.ticket is not None else None


LEAVING: set[asyncio.Task[None]] = set()
"""What is being given back to a store over the network."""


def refused(asked: Sequence[Counter], verdict: Verdict) -> Problem:
    """Return what a client is told whom a limit refuses: the first in file order names itself (rule L2)."""
    first = asked[verdict.refused[0]]
    limit, word = first.limit, first.policy.word
    wait = max(1, math.ceil(verdict.retry_after))
    by = ", ".join(limit.by)
    headers: Headers = [(b"retry-after", str(wait).encode())]
    if word == "budget":
        told = f"the budget of limit `{limit.name}` is spent: {first.policy} by {by}; it begins anew in {wait} s"
        return Problem(429, "quota", told, headers=(*headers, NO_RETRY))
    if word == "concurrency":
        told = f"limit `{limit.name}` is full: {first.policy} by {by}; try again when one has ended"
    else:
        told = f"limit `{limit.name}` is used up: {first.policy} by {by}; try again in {wait} s"
    return Problem(429, "rate_limited", told, headers=tuple(headers))


def unavailable(wait: float) -> Problem:
    """Return what is said while nobody can count, and the file would rather refuse than let pass."""
    return Problem(
        503,
        "state_unavailable",
        "the store that counts limits cannot be reached, and `state.on_failure` is `closed`; try again",
        headers=((b"retry-after", str(max(1, math.ceil(wait))).encode()),),
    )


def exceeds(counter: Counter, claim: Claim) -> Problem:
    """Return the refusal of a request that is larger than a whole limit: waiting would not help (rule L4)."""
    policy, limit = counter.policy, counter.limit
    told = f"an estimated {policy.amount(claim.cost)} of {policy.amount(claim.most)}"
    return Problem(
        400,
        "request_exceeds_limit",
        f"this request alone takes more than limit `{limit.name}` allows ({policy}): {told}; "
        "ask for less output, or send less",
        headers=(NO_RETRY,),
    )
