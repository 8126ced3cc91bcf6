"""How much a model is to think, as `reasoning_effort`."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from engine.chat import Effort

if TYPE_CHECKING:
    from engine.chat import Reasoning
    from engine.dialects.chat.draft import Draft

RISING: tuple[Effort, ...] = get_args(Effort)

BUDGETS: tuple[tuple[int, Effort], ...] = ((2_000, "low"), (12_000, "medium"), (24_000, "high"))
"""A budget of thinking tokens below the number is that effort; any larger one is xhigh."""


def write_effort(reasoning: Reasoning | None, draft: Draft, *, tools: bool) -> Effort | None:
    """Return the word for `reasoning_effort`, None to leave it out; `tools`: the request has some."""
    if reasoning is None:
        return None
    wish = wished(reasoning)
    if wish is None:
        draft.losses.approximated(reasoning.at, "the model thinks as it does by default")
        return None
    taken = [word for word in draft.family.efforts if draft.takes(f"reasoning_effort={word}", "reasoning_effort")]
    if not taken:
        if wish != "none":
            draft.losses.approximated(reasoning.at, "the model takes no reasoning effort")
        return None
    effort = nearest(wish, taken)
    if tools and effort != "none" and not (draft.family.effort_with_tools and draft.takes("reasoning_effort+tools")):
        why = "chat completions of this model take no reasoning effort beside tools: it thinks as it does by default"
        draft.losses.approximated(reasoning.at, why)
        return None
    draft.losses.approximated(reasoning.at, f"reasoning_effort {effort}")
    return effort


def wished(reasoning: Reasoning) -> Effort | None:
    if reasoning.mode == "off":
        return "none"
    if reasoning.effort is not None or reasoning.budget is None:
        return reasoning.effort
    return next((effort for limit, effort in BUDGETS if reasoning.budget < limit), "xhigh")


def nearest(wish: Effort, taken: list[Effort]) -> Effort:
    """Return the strongest effort that is not above the wish, but never none for a wish to think; else the weakest."""
    rank = RISING.index(wish)
    below = [word for word in taken if RISING.index(word) <= rank and (word != "none" or wish == "none")]
    thinking = [word for word in taken if word != "none"]
    return below[-1] if below else (thinking or taken)[0]
