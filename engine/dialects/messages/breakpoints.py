"""The places up to which a prompt is to be cached, for the Messages API: four at most, the longer-lived ones first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.dialects.codec import Losses

MOST = 4
LIVES = {"": "", "5m": "5m", "30m": "5m", "1h": "1h", "12h": "1h", "24h": "1h"}
"""How long a client wants it -> how long Anthropic keeps it; "" is its default, 5 minutes."""


class Breakpoints:
    """Collects them in the order of the prompt: tools, system, messages. `name` is what the client calls one."""

    def __init__(self, name: str, *, taken: int, refused: bool, losses: Losses) -> None:
        self._name = name
        self._most = MOST - taken
        self._refused = refused
        self._losses = losses
        self._found: list[tuple[dict[str, Any], str, str]] = []

    def put(self, block: dict[str, Any], life: str | None, at: str) -> None:
        """Mark `block`, where the client has set a breakpoint behind it."""
        if life is not None:
            self._found.append((block, life, f"{at}.{self._name}"))

    def settle(self) -> None:
        """Write the breakpoints into their blocks: the last ones, if there are too many."""
        if self._refused:
            kept: list[tuple[dict[str, Any], str, str]] = []
        else:
            kept = self._found[-self._most :] if self._most > 0 else []
        for _, _, path in self._found[: len(self._found) - len(kept)]:
            why = "this upstream takes none" if self._refused else f"{MOST} are the most"
            self._losses.dropped(path, f"a cache breakpoint too many: {why}")
        shorter = False
        for block, life, path in kept:
            ttl = LIVES.get(life, "5m")
            exact = ttl == life and self._name == "cache_control"
            if ttl == "1h" and shorter:
                ttl, exact = "5m", False
            shorter = shorter or ttl != "1h"
            if not exact:
                self._losses.approximated(path, f"cached for {'an hour' if ttl == '1h' else 'five minutes'}")
            block["cache_control"] = {"type": "ephemeral", "ttl": ttl} if ttl else {"type": "ephemeral"}
