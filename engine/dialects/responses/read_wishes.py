"""How a Responses request wants its answer: how much is thought, in which form it comes; the latest word counts.

Items of the input may change both in the middle of a conversation. Protocol facts: openai 3.54
(types/shared_params/reasoning.py, types/responses/response_text_config_param.py,
types/responses/response_configuration_update_item_param_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from engine.chat import Effort, Format, Reasoning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.dialects.codec import Losses
    from engine.dialects.fields import Fields

EFFORTS: tuple[Effort, ...] = get_args(Effort)

TOLD = ("effort", "summary", "generate_summary", "context", "mode")
"""The fields of `reasoning` that are looked at here."""


def read_reasoning(body: Fields, items: Sequence[Fields], losses: Losses) -> Reasoning | None:
    """Return how much the model should think, and whether its thoughts are to be summed up."""
    wish = body.object("reasoning")
    effort = None if wish is None else read_effort(wish)
    shown = None if wish is None else read_shown(wish, losses)
    at = "reasoning"
    for update in updates(items, "reasoning"):
        latest = read_effort(update)
        if latest is not None:
            effort, at = latest, update.at
            losses.approximated(update.path("effort"), "the latest effort counts for the whole request")
    return None if effort is None and shown is None else Reasoning(effort=effort, shown=shown, at=at)


def read_effort(wish: Fields) -> Effort | None:
    word = wish.text("effort")
    known = next((effort for effort in EFFORTS if effort == word), None)
    if word and known is None:
        raise wish.wrong("effort", f"one of {', '.join(EFFORTS)}")
    return known


def read_shown(wish: Fields, losses: Losses) -> str | None:
    """Return that thoughts are to be summed up, None where that is left open."""
    name = "summary" if wish.text("summary") else "generate_summary"
    summary = wish.text(name)
    if summary in ("concise", "detailed"):
        losses.approximated(wish.path(name), "in other APIs a summary has one length only")
    if wish.text("context") not in (None, "auto"):
        losses.approximated(wish.path("context"), "how much earlier reasoning it sees is left to the model")
    if wish.text("mode") not in (None, "standard"):
        losses.dropped(wish.path("mode"), "no counterpart in other APIs")
    return "summarized" if summary else None


def read_format(body: Fields, items: Sequence[Fields], losses: Losses) -> Format | None:
    """Return the form that the answer must have; None: any text."""
    wish = body.object("text")
    holder = None if wish is None else wish.object("format")
    for update in updates(items, "text"):
        latest = update.object("format")
        if latest is not None:
            holder = latest
            losses.approximated(latest.at, "the latest form counts for the whole request")
    return None if holder is None else read_form(holder)


def read_form(wish: Fields) -> Format | None:
    kind = wish.named("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format(kind="json_object", at=wish.at)
    if kind != "json_schema":
        raise wish.wrong("type", "text, json_object or json_schema")
    schema = wish.schema("schema")
    if schema is None:
        raise wish.missing("schema")
    return Format(
        kind="json_schema",
        schema=schema,
        name=wish.text("name"),
        description=wish.text("description"),
        strict=wish.flag("strict"),
        at=wish.at,
    )


def updates(items: Sequence[Fields], name: str) -> list[Fields]:
    """Return what the input says of `name` in the middle of the conversation, in order."""
    said = [item.object(name) for item in items if item.text("type") == "configuration_update"]
    return [one for one in said if one is not None]
