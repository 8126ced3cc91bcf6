"""Runs every check for every pair, whole and streamed, several at a time."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.conformance.check import PAIRS, Failed, Room, Skipped
from tests.conformance.gateway import Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conformance.check import Check, Mode, Pair
    from tests.conformance.gateway import Gateway
    from tests.conformance.upstream.stage import Stage

State = Literal["pass", "fail", "skip"]


@dataclass(frozen=True)
class Outcome:
    """How one check went for one pair in one mode."""

    check: str
    pair: Pair
    mode: Mode
    state: State
    reason: str = ""


def pairs_of(gateway: Gateway, wanted: Callable[[Pair], bool] = lambda _: True) -> list[Pair]:
    """Return the pairs whose upstream has a model, and which are wanted."""
    return [pair for pair in PAIRS if pair.upstream in gateway.models and wanted(pair)]


def run(gateway: Gateway, stage: Stage, checks: Sequence[Check], pairs: Sequence[Pair], jobs: int = 8) -> list[Outcome]:
    """Run the checks; those in which the upstream fails come when all others are through."""
    outcomes: list[Outcome] = []
    for rough in (False, True):
        cells = [
            (check, pair, mode)
            for check in checks
            if check.rough is rough
            for pair in pairs
            if check.applies(pair)
            for mode in check.modes
        ]
        with ThreadPoolExecutor(jobs) as pool:
            outcomes += pool.map(lambda cell: attempt(gateway, stage, *cell), cells)
    return outcomes


def attempt(gateway: Gateway, stage: Stage, check: Check, pair: Pair, mode: Mode) -> Outcome:
    """Run one check once. What the upstream would have refused is told with a failure."""
    room = Room(gateway, stage, pair, mode)
    try:
        check.run(room)
    except Skipped as why:
        return Outcome(check.name, pair, mode, "skip", str(why))
    except (Failed, Silence) as why:
        return Outcome(check.name, pair, mode, "fail", _told(room, str(why)))
    except Exception:
        return Outcome(
            check.name, pair, mode, "fail", _told(room, f"the check itself broke:\n{traceback.format_exc()}")
        )
    flaws = [flaw for arrived in room.act.arrived for flaw in arrived.flaws]
    if flaws:
        return Outcome(check.name, pair, mode, "fail", f"the upstream was asked what its vendor refuses: {flaws[0]}")
    return Outcome(check.name, pair, mode, "pass")


def _told(room: Room, reason: str) -> str:
    """Add what the upstream saw: it is often the cause."""
    for arrived in room.act.arrived:
        if arrived.api != room.pair.upstream:
            return f"{reason}; the upstream was asked in {arrived.api}, which it does not speak"
        if arrived.flaws:
            return f"{reason}; the upstream was asked what its vendor refuses: {arrived.flaws[0]}"
    return reason
