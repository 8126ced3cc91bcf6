"""How the targets of an upstream do, from what their requests meet: the circuit, what is under way, and latency.

A circuit: after so many failures in a row, or where a target asks for a long wait, it *cools*: nobody asks it. When
that is over one request at a time tries it; if it gets as far as content the circuit closes, otherwise the target cools
twice as long. Whoever leaves before that hands the trial on. Times are seconds of the loop's clock.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from engine.plan.attempts import NO_TRY, PATIENCE
from engine.units import seconds

if TYPE_CHECKING:
    from engine.chat import Failure, Reason
    from engine.upstreams import base as config
    from engine.upstreams.base import Options

DOWN: frozenset[Reason] = frozenset({"connect", "tls", "timeout", "disconnect", "server_error", "overloaded"})
"""The reasons that say that a target does not do well."""
REFUSED: frozenset[Reason] = frozenset({"auth", "quota"})
"""The reasons that say that our own account is refused: until somebody does something, the next request will be too."""
ASKS = DOWN | {"rate_limit", "quota"}
"""The reasons with which a target may ask to be left alone for long."""
TRIED = 1.0
"""Seconds after which to come back while another request is trying a target."""
LONGEST_ASKED = 3600.0
"""Most seconds that a target is left alone because it asks for it."""
WEIGHT = 0.3
"""What the latest request counts for in the mean latency."""
FADING = 30.0
"""Seconds in which a latency fades to a third: a slow target is asked again some day."""


class Circuit(msgspec.Struct, frozen=True, kw_only=True):
    """`circuit` of an upstream, in seconds."""

    failures: int
    cooldown: float
    longest: float


def circuit(options: Options) -> Circuit | None:
    """Return the circuit that `options` ask for; None: what is there is always asked."""
    told: config.Circuit | str = getattr(options, "circuit", "off")
    if isinstance(told, str):
        return None
    return Circuit(failures=told.failures, cooldown=seconds(told.cooldown), longest=seconds(told.longest))


class Health:
    """One target."""

    __slots__ = ("_latency", "_trials", "busy", "circuit", "failures", "openings", "said", "trying", "until", "why")

    def __init__(self, breaker: Circuit | None) -> None:
        self.circuit = breaker
        """None: it never cools."""
        self.busy = 0
        """Requests under way."""
        self.until = 0.0
        """When it has cooled; 0: the circuit is closed."""
        self.trying = 0
        """The number of the request that is finding out whether it has recovered; 0: none is."""
        self.failures = 0
        """In a row."""
        self.openings = 0
        """How often it has cooled since it last did well."""
        self.why = ""
        """Why it cools: a reason."""
        self.said = "unknown"
        """What the last request told: ok, failing, or unknown."""
        self._trials = 0
        self._latency = [(0.0, 0.0), (0.0, 0.0)]
        """(seconds until the first content, when) of streams, and of whole answers."""

    def cools(self, now: float) -> float:
        """Return the seconds until it may be asked again, 0 where that is now."""
        if now < self.until:
            return self.until - now
        return TRIED if self.trying else 0.0

    def begin(self) -> int:
        """A request goes out. Return its number if it is to find out whether the target has recovered, else 0."""
        self.busy += 1
        if not self.until or self.trying:
            return 0
        self._trials += 1
        self.trying = self._trials
        return self.trying

    def end(self, trial: int) -> None:
        """A request is over, however it went."""
        self.busy -= 1
        if trial and trial == self.trying:
            self.trying = 0

    def settle(self, failure: Failure | None, now: float, trial: int, *, ours: bool, again: bool = False) -> None:
        """Note how a request went. `ours`: it went out on our own account, not on the client's; `again`: it failed
        here before, and counts once: a request that nobody can answer must not close a target to everybody."""
        if self.until and (not trial or trial != self.trying):
            return  # it was under way before the circuit opened, and says nothing of what is now
        if failure is None:
            self._well()
        elif failure.reason in DOWN or (ours and failure.reason in REFUSED):
            self._ill(failure, now, again=again)
        elif failure.reason not in NO_TRY and not (ours and self._left_alone(failure, now)):
            self._well()

    def spoke(self) -> None:
        """A request got as far as content."""
        if not self.until:
            self.said = "ok"

    def recovered(self) -> None:
        """The trial got as far as content: others may come. Until one goes well to its end, one failure is enough."""
        self.until, self.trying = 0.0, 0
        self.said = "ok"
        if self.circuit is not None:
            self.failures = self.circuit.failures - 1

    def _well(self) -> None:
        """A request went as it should, or was refused for what it is."""
        self.until = 0.0
        self.failures = self.openings = 0
        self.said = "ok"

    def _ill(self, failure: Failure, now: float, *, again: bool) -> None:
        """A request failed in a way that says something of the target (`DOWN`, `REFUSED`)."""
        self.said = "failing"
        self.failures += not again
        if self.circuit is None or self._left_alone(failure, now):
            return
        if self.until or self.failures >= self.circuit.failures:
            cooldown = min(self.circuit.cooldown * 2.0 ** min(self.openings, 32), self.circuit.longest)
            self.openings += 1
            self.until, self.why = now + cooldown, failure.reason

    def _left_alone(self, failure: Failure, now: float) -> bool:
        """Let it cool for as long as it asks, where it asks for more than anybody waits. Return whether it does."""
        asked = failure.retry_after
        if self.circuit is None or asked is None or asked <= PATIENCE or failure.reason not in ASKS:
            return False
        self.until, self.why = now + min(asked, LONGEST_ASKED), failure.reason
        return True

    def took(self, wait: float, now: float, *, whole: bool) -> None:
        """The first content came after `wait` seconds; of a `whole` answer that is all of it."""
        mean, at = self._latency[whole]
        old = (1.0 - WEIGHT) * math.exp((at - now) / FADING) if mean else 0.0  # what is long ago counts for little
        self._latency[whole] = (wait + old * (mean - wait), now)

    def latency(self, now: float, *, whole: bool) -> float:
        """Return the mean seconds until the first content, 0 where that is not known or long ago."""
        mean, at = self._latency[whole]
        return mean * math.exp((at - now) / FADING) if mean else 0.0

    def state(self, now: float) -> str:
        """Return ok, failing (the last request, but it is asked on), down (it cools) or unknown (anew)."""
        if self.until:
            return "down" if now < self.until else "unknown"
        return self.said
