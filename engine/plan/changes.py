"""What an edit changed, in the words of the file: `+route batch, ~model smart, -key ada`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from engine.config.document import Document

NAMED = {
    "upstreams": "upstream",
    "models": "model",
    "bases": "base",
    "limits": "limit",
    "keys": "key",
    "prices": "price",
}
WHOLE = ("server", "defaults", "state", "observe", "include", "version")
MOST = 12
"""Changes that are named; the rest is counted."""


def changes(old: Document, new: Document) -> str:
    """Return one line that says what differs between two documents; `no change` when nothing does."""
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    told = [f"~{section}" for section in WHOLE if before[section] != after[section]]
    for section, word in NAMED.items():
        told += _named(word, before[section], after[section])
    was = {route["name"]: route for route in before["routes"]}
    now = {route["name"]: route for route in after["routes"]}
    told += _named("route", was, now)
    if was == now and list(was) != list(now):
        told.append("~order of routes")
    if len(told) > MOST:
        told = [*told[:MOST], f"and {len(told) - MOST} more"]
    return ", ".join(told) or "no change"


def _named(word: str, before: dict[str, object], after: dict[str, object]) -> list[str]:
    told = [f"+{word} {name}" for name in after if name not in before]
    told += [f"~{word} {name}" for name in after if name in before and after[name] != before[name]]
    told += [f"-{word} {name}" for name in before if name not in after]
    return told
