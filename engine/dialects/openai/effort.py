"""How much a model is to think: the word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from engine.chat import Effort

if TYPE_CHECKING:
    from engine.chat import Reasoning
    from engine.dialects.openai.draft import Draft

RISING: tuple[Effort, ...] = get_args(Effort)

BUDGETS: tuple[tuple[int, Effort], ...] = ((2_000, "low"), (12_000, "medium"), (24_000, "high"))
"""A budget of thinking tokens below the number is that effort; any larger one is xhigh."""

SAME = frozenset({"reasoning_effort", "reasoning"})
"""Where clients of OpenAI's APIs say it: the same word means the same there."""


def write_effort(reasoning: Reasoning | None, draft: Draft, field: str) -> Effort | None:
    """Return the word for `field`, None to leave it out, which is told; what is sent `tell_effort` tells."""
    if reasoning is None:
        return None
    wish = wished(reasoning)
    if wish is None:
        if reasoning.mode is not None or reasoning.at not in SAME:
            draft.losses.approximated(reasoning.at, "the model thinks as it does by default")
        return None
    words = (field, field.partition(".")[0])
    taken = [word for word in draft.family.efforts if draft.takes(f"{field}={word}", *words)]
    if not taken:
        if wish != "none":
            draft.losses.approximated(reasoning.at, "the model takes no reasoning effort")
        return None
    return nearest(wish, taken)


def tell_effort(effort: Effort, reasoning: Reasoning, draft: Draft, field: str) -> None:
    """Tell that `effort` is what was sent in `field`, where that says something else than the client."""
    if effort != reasoning.effort or reasoning.mode is not None or reasoning.at not in SAME:
        draft.losses.approximated(reasoning.at, f"{field} {effort}")


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
