"""In which order the targets of a pool are asked: `balance`, `sticky` and weights, given loads, lots and a session.

`attempts` goes on from here. What the loads are, where lots come from and who counts the turns is the driver's.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.plan.nodes import Pool, Target

    Rank = Callable[[Pool, list["Asked"], "Chance"], list["Asked"]]


class Load(msgspec.Struct, frozen=True):
    """What is known of a target: requests under way, seconds until the first content of late (0: not known)."""

    busy: int = 0
    latency: float = 0.0
    ready: bool = True
    """It does not cool down."""


class Chance(msgspec.Struct, frozen=True):
    """What makes one request go another way than the one before."""

    lot: Callable[[], float]
    """A number from 0 (included) to 1 (excluded), another one at every call."""
    turn: int = 0
    """How many requests this pool has had before."""


class Asked(msgspec.Struct, frozen=True):
    """A target that is to be put in its place."""

    target: Target
    load: Load


def as_written(pool: Pool) -> tuple[Target, ...]:
    """Return the targets as `explain` and `tests:` try them, whatever loads and lots are (rule T3)."""
    if pool.balance != "weighted":
        return pool.targets
    return tuple(sorted(pool.targets, key=lambda target: -target.weight))


def explained(pool: Pool) -> str:
    """Return in words how the targets of `pool` share its requests, as `explain` has it."""
    names = (f"{one} {one.weight}" if pool.balance == "weighted" else str(one) for one in pool.targets)
    return ", ".join(names) + ("; each session stays with one of them" if pool.sticky else "")


def shared(pool: Pool, load: Callable[[Target], Load], chance: Chance, session: str | None) -> tuple[Target, ...]:
    """Return the targets in the order in which one request tries them; those that cool down come last.

    `session` is what the client calls its session, None where it says nothing of it or the pool does not ask.
    """
    if pool.balance == "failover":
        return pool.targets
    if session is not None:
        ranked = by_session(pool, session)
        return (*(one for one in ranked if load(one).ready), *(one for one in ranked if not load(one).ready))
    asked = [Asked(target, load(target)) for target in pool.targets]
    ready = [one for one in asked if one.load.ready]
    ranking = RANKS[pool.balance](pool, ready, chance) if len(ready) > 1 else ready
    return (*(one.target for one in ranking), *(one.target for one in asked if not one.load.ready))


def by_session(pool: Pool, session: str) -> list[Target]:
    """Return the targets as a session ranks them: a weighted rendezvous hash (each draws, the luckiest is first).

    The same in every process and after every restart. If a target goes, only the sessions move that were there; if
    one comes, only those move that go to it.
    """
    return sorted(pool.targets, key=lambda one: _draw(_hashed(session, str(one)), _weight(pool, one)))


def _hashed(session: str, target: str) -> float:
    """Return a number between 0 and 1, neither included, that both together make."""
    digest = hashlib.blake2b(f"{session}\0{target}".encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / 2**48


def _draw(lot: float, weight: int) -> float:
    """Return how late a target comes that drew `lot`: the first of many does so in proportion to its weight."""
    return -math.log(lot) / weight if weight else math.inf


def _weight(pool: Pool, target: Target) -> int:
    return target.weight if pool.balance == "weighted" else 1


# --- the balances ---------------------------------------------------------------------------------------------------


def _in_turn(pool: Pool, ready: list[Asked], chance: Chance) -> list[Asked]:  # noqa: ARG001 - one signature
    start = chance.turn % len(ready)
    return [*ready[start:], *ready[:start]]


def _weighted(pool: Pool, ready: list[Asked], chance: Chance) -> list[Asked]:
    drawn = [(_draw(1.0 - chance.lot(), _weight(pool, one.target)), place) for place, one in enumerate(ready)]
    return [ready[place] for _, place in sorted(drawn)]


def _least_busy(pool: Pool, ready: list[Asked], chance: Chance) -> list[Asked]:
    least = min(one.load.busy for one in ready)
    tied = [one for one in ready if one.load.busy == least]
    others = [one for one in ready if one.load.busy > least]
    return [*_in_turn(pool, tied, chance), *sorted(others, key=lambda one: one.load.busy)]


def _latency(pool: Pool, ready: list[Asked], chance: Chance) -> list[Asked]:  # noqa: ARG001 - one signature
    """The better of two that are drawn: the best of all would get every request until it is the worst."""
    one, other, *rest = _by_lot(ready, chance.lot)
    first, second = (one, other) if _cost(one) <= _cost(other) else (other, one)
    return [first, *sorted((second, *rest), key=_cost)]


def _by_lot(ready: Iterable[Asked], lot: Callable[[], float]) -> list[Asked]:
    return [one for _, _, one in sorted((lot(), place, one) for place, one in enumerate(ready))]


def _cost(one: Asked) -> float:
    """Return how long a further request waits there: each that is under way makes it longer."""
    return one.load.latency * (one.load.busy + 1)


RANKS: dict[str, Rank] = {
    "round_robin": _in_turn,
    "weighted": _weighted,
    "least_busy": _least_busy,
    "latency": _latency,
}
"""`balance` -> how it ranks two or more targets that are ready."""
