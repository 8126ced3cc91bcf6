"""The steps of a conversation: what the file has done to it beside routing. Adding one: its file, and its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.dialects import OWNERS
from engine.facts import NO_DEPTH
from engine.serve.steps.output import shaping
from engine.serve.steps.prompt import prompted

if TYPE_CHECKING:
    from engine.chat import Api
    from engine.dialects.base import Peek
    from engine.plan.nodes import Decision

BEFORE = (prompted, shaping)
"""What changes a request before it is sent, in this order."""


def prepared(decision: Decision, form: Api, peek: Peek) -> tuple[Decision, Peek, bytes]:
    """Return the request as the steps of its entry leave it: (decision, peek, body). Raises `Problem`.

    The steps are those of the entry that was asked, and of the route; they hold for its fallbacks too.
    """
    tuning, facts = decision.pools[0].tuning, decision.facts
    fields = peek.fields
    for step in BEFORE:
        fields = step(tuning, decision, form, fields)
    peek = msgspec.structs.replace(peek, fields=fields)
    body = msgspec.json.encode(fields)
    if facts.depth is not NO_DEPTH:  # what limits estimate is what is sent
        facts = msgspec.structs.replace(facts, depth=OWNERS[form].depth(form, body))
        decision = msgspec.structs.replace(decision, facts=facts)
    return decision, peek, body
