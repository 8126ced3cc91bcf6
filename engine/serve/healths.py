"""How the targets of one upstream do, and what its checks say of it as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.plan.balance import Load
from engine.serve.health import DOWN, TRIED, Health, circuit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Failure
    from engine.upstreams.base import Options

WORDS = ("ok", "unknown", "failing", "down")
"""What a target may be, the best first."""
MOST_MODELS = 1024
"""Targets of one upstream that are kept: through a pattern clients can name any number."""
READY, SHUT = Load(), Load(ready=False)
CHECKED = DOWN | {"auth"}
"""Why a target may cool that a check which goes well speaks against."""


class Healths:
    """The targets of one upstream, by model."""

    def __init__(self, options: Options, *, remote: bool) -> None:
        self._circuit = circuit(options)
        self._known: dict[str, Health] = {}
        self._remote = remote
        self._said = "unknown"
        """What the last check told: ok, failing, or unknown."""
        self._failures = 0
        """Of checks, in a row."""
        self._shut = ""
        """Why no target is asked, as checks have it: a reason; empty: they may be."""
        self._next = 0.0
        """When the next check is."""

    def of(self, model: str) -> Health:
        """Return what is known of a target that is going to be asked."""
        found = self._known.get(model)
        if found is None:
            if len(self._known) >= MOST_MODELS:
                self._forget()
            found = self._known[model] = Health(self._circuit)
        return found

    def each(self) -> Iterable[tuple[str, Health]]:
        """Return every target that is known, by its model."""
        return self._known.items()

    def load(self, model: str, now: float, *, whole: bool) -> Load:
        """Return what `balance` goes by."""
        found = self._known.get(model)
        if self._shut:
            return SHUT
        if found is None:
            return READY
        return Load(found.busy, found.latency(now, whole=whole), ready=not found.cools(now))

    def cools(self, model: str, now: float) -> tuple[float, str]:
        """Return (seconds until the target is asked again, why it cools); 0 seconds where it may be asked now."""
        if self._shut:
            return max(self._next - now, TRIED), self._shut
        found = self._known.get(model)
        if found is None or not found.until:
            return 0.0, ""
        return found.cools(now), found.why

    def state(self, now: float) -> str:
        """Return how the upstream does: as the best of its targets. What runs inside Turnout needs none to be known."""
        if self._shut:
            return "down"
        states = {one.state(now) for one in self._known.values()}
        if self._said != "unknown":
            states.add(self._said)
        return next((word for word in WORDS if word in states), "unknown" if self._remote else "ok")

    def pause(self, every: float, now: float) -> float:
        """Return the seconds until the next check: sooner where something is wrong, so that it is seen to be over."""
        wrong = self._failures or any(one.until for one in self._known.values())
        pause = min(every, self._circuit.cooldown) if wrong and self._circuit is not None else every
        self._next = now + pause
        return pause

    def checked(self, failure: Failure | None) -> bool:
        """Note how a check went. Return whether that opens or closes the upstream."""
        was = self._shut
        if failure is None:
            self._said, self._failures, self._shut = "ok", 0, ""
            for one in self._known.values():
                if one.until and one.why in CHECKED:
                    one.recovered()
            return bool(was)
        self._said = "failing"
        self._failures += 1
        if self._circuit is not None and self._failures >= self._circuit.failures:
            self._shut = failure.reason
        return self._shut != "" and not was

    def _forget(self) -> None:
        """Make room: for a target that nobody misses, if there is one."""
        idle = (model for model, one in self._known.items() if not one.busy and not one.until)
        self._known.pop(next(idle, None) or next(iter(self._known)))
