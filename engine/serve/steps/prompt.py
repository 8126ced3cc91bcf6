"""`prompt`: a template of the file becomes a part of the system prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Message, Problem, Text
from engine.dialects.instructions import CHANGES, instructed
from engine.serve.clock import today

if TYPE_CHECKING:
    from msgspec import Raw

    from engine.chat import Api, Request
    from engine.plan.layers import Prompt, Tuning
    from engine.plan.nodes import Decision


def prompted(tuning: Tuning, decision: Decision, form: Api, fields: dict[str, Raw]) -> dict[str, Raw]:
    """Return the fields with the prompt in them. Raises `Problem` (500) where it cannot be filled in."""
    if tuning.prompt is None or form not in CHANGES:
        return fields
    return instructed(form, fields, filled(tuning.prompt, decision), tuning.prompt.place)


def told(request: Request, decision: Decision, form: Api) -> Request:
    """Return what was asked in a form that has no system prompt, as a conversation that has: the prompt goes first."""
    prompt = decision.pools[0].tuning.prompt
    if prompt is None or form in CHANGES:
        return request
    own = Message(role="system", blocks=(Text(text=filled(prompt, decision)),))
    return msgspec.structs.replace(request, messages=(own, *request.messages))


def filled(prompt: Prompt, decision: Decision) -> str:
    """Return the text of the prompt. Raises `Problem` (500)."""
    facts = decision.facts
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
    return text.strip()
