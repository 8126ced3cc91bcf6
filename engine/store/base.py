"""What a store of counters is asked, and what it answers. Knows neither policies nor where the numbers are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["window", "lease", "ledger"]
Period = Literal["", "day", "month"]

SLICES = 60
"""How many slices a window is cut into."""
MICRO = 1_000_000
"""Microseconds, the unit in which stores count time, in a second. All of it stays whole and below 2^53."""
LEASE_RETRY = 1.0
"""Seconds after which it is worth asking again for a lease: nobody knows when one comes back."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What one request asks of one counter."""

    key: str
    """The counter: short, ASCII, already hashed; equal keys are one counter."""
    kind: Kind
    most: int
    """In units: requests, tokens, leases, micro-USD."""
    cost: int
    """What is asked now, in the same units."""
    span: float = 0.0
    """Of a window, its length in seconds; of a lease, how long it lives without being renewed."""
    period: Period = ""
    """Of a ledger: the calendar day or month, UTC."""


class Left(msgspec.Struct, frozen=True):
    """What a counter has left after a decision."""

    remaining: int
    reset: float
    """Seconds until the counter is whole again if nothing more comes; 0 for leases."""


class Ticket(msgspec.Struct, kw_only=True, eq=False):
    """What was admitted; given back to the store that made it."""

    claims: tuple[Claim, ...]
    places: tuple[int, ...]
    """Per claim, where it was counted: the slice of a window, the period of a ledger, 0 for leases."""
    charged: list[int]
    """Per claim, what is charged there; it can be given back."""
    excess: list[int]
    """Per claim, what a window was charged later: it is in other slices, and stays."""
    counters: tuple[tuple[str, str], ...]
    """Per claim, kind and key of the counter that was charged: of the memory store, it may be one that many share."""
    id: str = ""
    """Of the leases, where others hold some too."""
    leased: bool
    """Whether it holds leases."""
    valid: bool = True
    """Not once it was refunded."""


class Verdict(msgspec.Struct, frozen=True):
    """Whether a request may go on."""

    refused: tuple[int, ...]
    """Indexes of the claims that refuse; none: admitted."""
    retry_after: float
    """Seconds, the longest among those refusing; 0 when admitted, infinite where no waiting helps."""
    left: tuple[Left, ...]
    """Per claim, after this decision; none when the store is down and the request was let through."""
    ticket: Ticket | None
    """None: refused, or let through while the store is down."""


class StoreDown(Exception):  # noqa: N818 - a state of the store
    """The store cannot be reached, and the file says that nobody passes then (`on_failure: closed`)."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the shared state cannot be reached")
        self.retry_after = retry_after
        """Seconds until it is asked again."""


class Shelf(Protocol):
    """Values that processes share, each for a while, all together within some room."""

    def put(self, name: str, value: bytes, seconds: float, entries: int, size: int) -> None:
        """Keep `value`; of all that is kept at most `entries`, and `size` bytes."""

    def drop(self, name: str) -> None:
        """Forget what is kept under `name`."""

    async def get(self, names: Sequence[str], *, patient: bool = False) -> list[bytes | None] | None:
        """Return the values of `names`; None where nobody can be asked. `patient`: look twice."""


class Store(Protocol):
    """Counters, leases and ledgers.

    A `window` admits at most `most` units in any window of its length, exactly: it is cut into slices, and a slice
    that overlaps the window counts whole, so it errs low. A `lease` counts until it is released or, where the process
    dies, until its span is over. A `ledger` adds up until its calendar period ends.
    """

    remote: bool
    """Whether it is reached over a network, so that asking it may wait."""

    @property
    def shut(self) -> bool:
        """Whether it admits nobody, because it cannot be reached (`on_failure: closed`)."""

    responses: Shelf | None
    """Where stored responses are shared; None: each process has its own."""
    thoughts: Shelf | None
    memories: Shelf | None
    """Where the reasoning is shared that clients cannot carry."""

    async def admit(self, claims: Sequence[Claim]) -> Verdict:
        """Charge all claims or none; what is refused does not count. Raises `StoreDown`."""

    async def settle(self, ticket: Ticket, costs: Sequence[int | None]) -> None:
        """Charge what it really cost, per claim; None: the estimate stays.

        What was too much goes back to when it was charged, what was too little is charged now.
        """

    async def release(self, ticket: Ticket) -> None:
        """Give the leases back; may be called twice."""

    async def refund(self, ticket: Ticket) -> None:
        """Undo the admission, as if it had never been."""

    async def close(self) -> None: ...


def slice_width(span: float) -> int:
    """Return the width of a slice of a window in microseconds, rounded up: the slices cover the window."""
    return max(1, -(-round(span * MICRO) // SLICES))


def ticket_of(
    claims: Sequence[Claim], places: Sequence[int], counters: Sequence[tuple[str, str]], ident: str = ""
) -> Ticket:
    """Return the ticket of claims that were all charged."""
    return Ticket(
        claims=tuple(claims),
        places=tuple(places),
        charged=[claim.cost for claim in claims],
        excess=[0] * len(claims),
        counters=tuple(counters),
        id=ident,
        leased=any(claim.kind == "lease" for claim in claims),
    )


class Change(NamedTuple):
    """What settling changes of one claim: never both."""

    claim: int
    """Its index."""
    back: int
    """To be given back where it was charged."""
    more: int
    """To be charged now."""


def settled(ticket: Ticket, costs: Sequence[int | None]) -> list[Change]:
    """Note in `ticket` what it really cost, and return what has to be changed."""
    changes = []
    for index, (claim, cost) in enumerate(zip(ticket.claims, costs, strict=True)):
        if cost is None or claim.kind == "lease" or not ticket.valid:
            continue
        more = cost - ticket.charged[index] - ticket.excess[index]
        back = min(-more, ticket.charged[index])
        if more > 0:
            (ticket.excess if claim.kind == "window" else ticket.charged)[index] += more
            changes.append(Change(index, 0, more))
        elif back > 0:
            ticket.charged[index] -= back
            changes.append(Change(index, back, 0))
    return changes


def impossible(claim: Claim) -> bool:
    """Say whether no waiting helps."""
    return claim.cost > claim.most
