"""`prompt`: a template of the file becomes a part of the system prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Problem
from engine.dialects.instructions import instructed
from engine.serve.clock import today

if TYPE_CHECKING:
    from msgspec import Raw

    from engine.chat import Api
    from engine.plan.layers import Tuning
    from engine.plan.nodes import Decision


def prompted(tuning: Tuning, decision: Decision, form: Api, fields: dict[str, Raw]) -> dict[str, Raw]:
    """Return the fields with the prompt in them. Raises `Problem` (500) where it cannot be filled in."""
    prompt, facts = tuning.prompt, decision.facts
    if prompt is None:
        return fields
    known = {
        "model": facts.model or "",
        "key": facts.key,
        "client": facts.client or "",
        "api": facts.api or "",
        "route": decision.route or "",
        "base": facts.base or "",
        "date": today(),
    }
    try:
        text = prompt.render(known | prompt.vars)
    except Exception as error:  # whatever an expression of the file's may raise
        raise Problem(500, "prompt_failed", f"the prompt {prompt.name} cannot be filled in: {error}") from None
    return instructed(form, fields, text.strip(), prompt.place)
