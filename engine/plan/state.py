"""Whether what `state` says fits together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.plan.source import Source

SHARED = ("url", "ca")
"""What is told of one, and means nothing without it."""


def check_state(source: Source) -> None:
    state, tree = source.document.state, source.tree
    if state.kind == "redis" and state.url is None:
        source.report.error(
            "missing-key",
            "`state` has no `url`: where is the Redis?",
            tree.value("state", "kind"),
            help="add `url: env:REDIS_URL`, or redis://host:6379",
        )
    written = tree.data.get("state") or {}
    for option in SHARED if state.kind == "memory" else ():
        if option in written:
            source.report.error(
                "state-kind",
                f"`{option}` is for a shared state, and this one is in the memory of the process",
                tree.key("state", option),
                help=f"add `kind: redis`, or take `{option}` out",
            )
