"""What an outcome of a soak must not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.soak.run import Outcome

SLOPE = 1.0
"""The most that memory may grow after the warm-up, in MB a minute, in a run of five minutes or more."""
SHORT = 30.0
"""The same for shorter runs, whose pools and caches are still filling."""
LEAST = 5.0
"""Minutes from which on a run is no short one."""
CAME = (
    *("streams", "left waiting", "left in the answer", "status 200", "status 429", "status 502"),
    *("frame done", "frame completed", "frame error", "frame cancelled", "left on a socket", "broke off on a socket"),
)
"""What must have come about."""
TASKS = 2
"""How many tasks more than at the start may run, of the server itself."""


def verdict(outcome: Outcome) -> list[str]:
    """Return what is wrong, in words."""
    bound = SLOPE if outcome.minutes >= LEAST else SHORT
    accounts, (files, files_left), (tasks, tasks_left) = outcome.accounts, outcome.descriptors, outcome.tasks
    found = {
        f"memory grows by {outcome.slope():.2f} MB a minute, more than {bound:g}": outcome.slope() > bound,
        f"requests are not accounted for: {accounts}": len(set(accounts.values())) > 1,
        f"{files_left} descriptors are open, {files} at the start": files_left > files,
        f"{tasks_left} tasks run, {tasks} at the start": tasks_left > tasks + TASKS,
        f"no edit was taken, or none refused: {outcome.reloads}": not all(outcome.reloads.values()),
        f"the server ended with {outcome.status}": outcome.status not in (0, -15),
        f"it logged {outcome.traceback}": bool(outcome.traceback),
        f"too little came about: {dict(outcome.counted)}": not all(outcome.counted[one] for one in CAME),
        "streams broke the rules: " + "\n\n".join(outcome.flaws[:3]): bool(outcome.flaws),
    }
    return [words for words, holds in found.items() if holds]
