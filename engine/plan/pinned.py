"""A request that goes on from what an upstream keeps: it stays with that upstream, whatever the order of targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.plan.nodes import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.plan.nodes import Decision, Plan

PREVIOUS = "previous_response_id"
ELSEWHERE = ("conversation", "prompt")
"""Parameters of the Responses API that name what only the upstream knows that made it."""
WORDS = (b'"item_reference"', b'"compaction"')
"""Types of items of which the same is true."""
SOMEBODY = ""
"""The keeper of something of which nobody here knows who keeps it."""


def goes_on(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Say whether a body of the Responses API names what only an upstream may know."""
    named = (PREVIOUS, *ELSEWHERE)
    given = any(name in fields and bytes(fields[name]) != b"null" for name in named)
    return given or any(word in bytes(fields.get("input", b"")) for word in WORDS)


def pinned(decision: Decision, plan: Plan, keeper: str) -> Decision | None:
    """Return `decision` with only the targets of the upstream `keeper`; None where none of them is.

    SOMEBODY: it can only be asked, and nobody after it, which upstream stands first of those that speak the API.
    """
    if keeper == SOMEBODY:
        keeper = next((name for name in _asked(decision, plan)), SOMEBODY)
    pools = []
    for pool in decision.pools:
        targets = tuple(target for target in pool.targets if target.upstream == keeper)
        if targets:
            pools.append(msgspec.structs.replace(pool, targets=targets))
    if not pools:
        return None
    why = "it goes on from what an upstream keeps: no other is asked"
    step = Step(section="target", name=keeper, verdict="stays", why=why, span=plan.upstreams[keeper].span)
    return msgspec.structs.replace(decision, pools=tuple(pools), trace=(*decision.trace, step))


def _asked(decision: Decision, plan: Plan) -> list[str]:
    """Return the upstreams that are on and speak the API of the request, in the order in which they are tried."""
    return [
        target.upstream
        for pool in decision.pools
        for target in pool.targets
        if target.upstream not in plan.off and decision.facts.api in plan.upstreams[target.upstream].options.speaks
    ]
