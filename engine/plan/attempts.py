"""Which target next, given how the last one went: rules T1 and T2 as a generator.

The relay drives it with real calls, `turnout explain` with pretended ones. It knows no clock and no dice: waiting,
`jitter` and the order of a pool are the driver's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.chat import Failure, Reason
from engine.plan.balance import as_written
from engine.plan.nodes import Done, Try

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from engine.plan.nodes import Decision, Pool, Target

MAX_TRIES = 8
"""Real tries of one request, over all pools."""
FIRST_WAIT, LONGEST_WAIT = 0.25, 8.0
"""Backoff in seconds: the n-th retry waits up to FIRST_WAIT * 2^n."""
PATIENCE = 10.0
"""The longest `retry-after`, in seconds, that is waited for; a target that wants more is not tried again."""

NO_TRY: frozenset[Reason] = frozenset({"off", "cooling", "limited"})
"""The reasons for which nothing was sent."""
AGAIN: frozenset[Reason] = frozenset(
    {"connect", "tls", "timeout", "disconnect", "rate_limit", "overloaded", "server_error"}
)
"""The reasons that may have gone when the same target is asked again."""


def attempts(
    decision: Decision,
    jitter: Callable[[float], float],
    ordered: Callable[[Pool], Iterable[Target]] = as_written,
) -> Generator[Try, Done, Done]:
    """Yield the targets to try; receive how each went; return the outcome.

    Each pool in turn: its targets as `ordered` has them, without waiting; then up to `retries` of them again, from the
    start, with backoff. No target is tried by two pools. The outcome is the answer, the failure that ended it, or the
    last real failure; when nothing was ever sent, that of the target which can be asked soonest.
    """
    course = Course(jitter, ordered)
    for pool in decision.pools:
        targets = course.fresh(pool)
        for target in targets:
            if (yield from course.attempt(pool, target, 0.0)):
                return course.outcome
        yield from course.again(pool, targets)
        if course.over:
            break
    return course.outcome


NOTHING = Done(failure=Failure(reason="off", message="there is no target to try"))


class Course:
    """What has been tried in one request, and how it went."""

    def __init__(self, jitter: Callable[[float], float], ordered: Callable[[Pool], Iterable[Target]]) -> None:
        self.jitter = jitter
        self.ordered = ordered
        self.over = False
        self.outcome = NOTHING
        self._failures: dict[str, Failure] = {}
        """Target -> how it failed last."""
        self._tries = 0

    def fresh(self, pool: Pool) -> list[Target]:
        """Return the targets of `pool` that no earlier pool has tried, each once."""
        unique: dict[str, Target] = {}
        for target in self.ordered(pool):
            unique.setdefault(str(target), target)
        return [target for name, target in unique.items() if name not in self._failures]

    def attempt(self, pool: Pool, target: Target, delay: float) -> Generator[Try, Done, bool]:
        """Try `target`; return whether the request is over: answered, failed for good, or out of tries."""
        done = yield Try(pool=pool, target=target, delay=delay)
        failure = done.failure
        if failure is None:
            self.outcome = done
            self.over = True
            return True
        real = failure.reason not in NO_TRY
        if real or (self._tries == 0 and _tells_more(failure, self.outcome.failure)):
            self.outcome = done
        self._tries += real
        self._failures[str(target)] = failure
        self.over = failure.reason not in pool.fallback_on or self._tries >= MAX_TRIES
        return self.over

    def again(self, pool: Pool, targets: list[Target]) -> Generator[Try, Done, None]:
        """Spend the retries of `pool` on the targets that may have recovered, from the first on."""
        waiting = [target for target in targets if self._may_recover(target)]
        used = 0
        while waiting and used < pool.retries:
            target = waiting.pop(0)
            if (yield from self.attempt(pool, target, self._wait(target, used))):
                return
            if self._failures[str(target)].reason not in NO_TRY:
                used += 1
            if self._may_recover(target):
                waiting.append(target)

    def _may_recover(self, target: Target) -> bool:
        failure = self._failures[str(target)]
        return failure.reason in AGAIN and (failure.retry_after is None or failure.retry_after <= PATIENCE)

    def _wait(self, target: Target, used: int) -> float:
        asked = self._failures[str(target)].retry_after
        if asked is not None:
            return max(0.0, asked)
        return self.jitter(min(FIRST_WAIT * 2.0**used, LONGEST_WAIT))


def _tells_more(failure: Failure, than: Failure | None) -> bool:
    """Say of targets that were not asked which the client is told of: of the one that can be asked soonest."""
    return than is None or than.retry_after is None or (failure.retry_after or math.inf) < than.retry_after
