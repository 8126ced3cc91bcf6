"""How much a model of the Messages API is to think, and what room that leaves for the answer.

The tables are those of Anthropic's effort and extended thinking guides: a newer model takes a word, an older one a
number of tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Reasoning
from engine.dialects.window import left

if TYPE_CHECKING:
    from engine.chat import Effort, Request
    from engine.dialects.codec import Losses
    from engine.dialects.messages.families import Claude

BUDGETS: dict[Effort, int] = {"low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768, "max": 60_000}
"""Effort -> tokens to think with, for models that take a number."""

WORDS: tuple[tuple[int, Effort], ...] = ((2048, "low"), (12_000, "medium"), (24_000, "high"))
"""Budgets below the number -> effort, for models that take a word; above them all it is xhigh."""

LEAST_BUDGET = 1024
HEADLESS = "the thinking that led to the last tool calls is lost: this turn goes on without any"
ORDER: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """What the body says about thinking."""

    max_tokens: int
    thinking: dict[str, Any] | None = None
    effort: Effort | None = None
    on: bool = False
    """The model will think, told or not."""


def write_reasoning(request: Request, family: Claude, losses: Losses, *, forced: bool, headless: bool) -> Thinking:
    """Return what to say about thinking.

    `forced`: the client wants the model to call a tool, which a thinking one cannot be made to. `headless`: the turn
    that is going on called tools, and its thinking is lost.
    """
    wish = request.reasoning
    room = write_max_tokens(request, family, losses)
    if wish is not None and (wish.mode == "off" or wish.effort in ("none", "minimal")):
        return without(wish, family, room, losses)
    if "thinking.headless" in family.refused:
        return stilled(wish, family, room, losses)
    if wish is None or (wish.effort is None and wish.mode is None):
        return untold(request, family, room, losses, forced=forced)
    if not family.thinking:
        losses.dropped(wish.at, "this model does not think")
        return Thinking(max_tokens=room)
    if (wish.mode == "budget" and "enabled" in family.thinking) or "adaptive" not in family.thinking:
        return budgeted(request, wish, family, room, losses, headless=headless)
    effort = wish.effort
    if effort is None and wish.budget is not None:
        effort = word_for(wish.budget)
        losses.approximated(wish.at, f"this model takes no number of tokens; sent as effort {effort}")
    word = taken(effort, family, wish, losses)
    return Thinking(max_tokens=room, thinking=shown({"type": "adaptive"}, wish, family), effort=word, on=True)


def write_max_tokens(request: Request, family: Claude, losses: Losses) -> int:
    most = ceiling(family)
    if request.max_tokens is None:
        return min(family.max_tokens, most)
    if request.max_tokens > most:
        why = "the input leaves room for" if most == left(family.refused) else "this model answers with at most"
        losses.dropped(request.at("max_tokens"), f"{why} {most} tokens")
        return most
    return request.max_tokens


def ceiling(family: Claude) -> int:
    """Return the most tokens of an answer, where an upstream has said so: its own number."""
    told = [int(word.partition(">")[2]) for word in family.refused if word.startswith("max_tokens>")]
    room = left(family.refused)
    return min([family.output, *told, *([] if room is None else [room])])


def without(wish: Reasoning, family: Claude, room: int, losses: Losses) -> Thinking:
    """Return how to ask for no thinking, or for as little as the model can do."""
    effort = wish.effort if wish.effort in ORDER else None
    if wish.effort == "minimal" and family.efforts:
        effort = "low"
    if wish.effort == "minimal":
        losses.approximated(wish.at, "sent as the lowest effort" if family.efforts else "sent as no thinking")
    if "disabled" in family.thinking:
        if effort is not None and ORDER.index(effort) > ORDER.index(family.disabled_up_to):
            losses.dropped(wish.at, f"without thinking the effort is {family.disabled_up_to} at most")
            effort = family.disabled_up_to
        word = taken(effort, family, wish, losses)
        explicit = "adaptive" in family.thinking
        return Thinking(max_tokens=room, thinking={"type": "disabled"} if explicit else None, effort=word)
    if family.thinks == "off":
        return Thinking(max_tokens=room, effort=taken(effort, family, wish, losses))
    if wish.effort != "minimal":
        losses.dropped(wish.at, f"this model always thinks{'; sent as effort low' if family.efforts else ''}")
    return Thinking(max_tokens=room, effort=taken("low", family, wish, losses) if family.efforts else None, on=True)


def stilled(wish: Reasoning | None, family: Claude, room: int, losses: Losses) -> Thinking:
    """Return how to go on with a turn whose thinking the upstream misses: without any, or at least unasked for."""
    if wish is not None and (wish.effort or wish.mode):
        losses.dropped(wish.at, HEADLESS)
    if "disabled" in family.thinking or family.thinks == "off":
        return without(msgspec.structs.replace(wish or Reasoning(), mode="off"), family, room, losses)
    return Thinking(max_tokens=room, effort=taken(wish.effort, family, wish, losses) if wish else None, on=True)


def untold(request: Request, family: Claude, room: int, losses: Losses, *, forced: bool) -> Thinking:
    """Return what to say where the client said nothing: only what lets it see the thoughts, or have its tool called."""
    if family.thinks == "off" or not family.thinking:
        return Thinking(max_tokens=room)
    if forced and family.forced == "unless-thinking" and family.thinks == "on" and "disabled" in family.thinking:
        path = request.choice.at if request.choice is not None else request.at("format")
        losses.approximated(path, "a thinking model cannot be made to call a tool: it answers without thinking")
        return Thinking(max_tokens=room, thinking={"type": "disabled"})
    thinking = shown({"type": "adaptive"}, request.reasoning, family)
    return Thinking(max_tokens=room, thinking=thinking if len(thinking) > 1 else None, on=True)


def budgeted(
    request: Request, wish: Reasoning, family: Claude, room: int, losses: Losses, *, headless: bool
) -> Thinking:
    """Return thinking with a number of tokens, which come on top of what the client allows for the answer."""
    if headless:
        losses.dropped(wish.at, HEADLESS)
        return Thinking(max_tokens=room)
    budget = wish.budget if wish.mode == "budget" and wish.budget else BUDGETS[wish.effort or "medium"]
    if wish.budget != budget:
        losses.approximated(wish.at, f"this model takes a number of tokens; sent as {budget}")
    most = ceiling(family)
    wanted, given = budget, room
    budget = max(budget, LEAST_BUDGET)
    if budget >= room:
        room = min(room + budget, most)
        budget = min(budget, room - 1)
    if budget < LEAST_BUDGET:
        losses.dropped(wish.at, f"thinking needs {LEAST_BUDGET} tokens, this model answers with {most} at most")
        return Thinking(max_tokens=given)
    if budget != wanted:
        losses.approximated(wish.at, f"sent as {budget} tokens, which this model and this answer have room for")
    if room != given and request.max_tokens is not None:
        losses.approximated(request.at("max_tokens"), "raised: the thinking counts too")
    thinking = shown({"type": "enabled", "budget_tokens": budget}, wish, family)
    effort = taken(wish.effort, family, wish, losses) if family.efforts else None
    return Thinking(max_tokens=room, thinking=thinking, effort=effort, on=True)


def word_for(budget: int) -> Effort:
    return next((effort for most, effort in WORDS if budget < most), "xhigh")


def taken(effort: Effort | None, family: Claude, wish: Reasoning, losses: Losses) -> Effort | None:
    """Return the effort, or the next lower one that the family takes."""
    if effort is None or effort in family.efforts:
        return effort
    if not family.efforts:
        losses.dropped(wish.at, "this model takes no effort")
        return None
    lower = [one for one in family.efforts if ORDER.index(one) < ORDER.index(effort)]
    word = lower[-1] if lower else family.efforts[0]
    losses.dropped(wish.at, f"this model takes no effort {effort}; sent as {word}")
    return word


def shown(thinking: dict[str, Any], wish: Reasoning | None, family: Claude) -> dict[str, Any]:
    """Return `thinking` with how the thoughts are to come: readable, unless the client wants none."""
    display = wish.shown if wish is not None and wish.shown in ("summarized", "omitted") else "summarized"
    if display == family.display or "thinking.display" in family.refused:
        return thinking
    return {**thinking, "display": display}
