"""The form that an answer must have, written for the Messages API: a schema, a tool in its place, or an instruction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.messages.write_schema import narrowed, object_schema

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.chat import Format, Request
    from engine.dialects.codec import Losses
    from engine.dialects.messages.families import Claude

ANY_OBJECT = "Answer with a single JSON object and nothing else: no explanation, no code fence."


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How the form is asked for."""

    format: dict[str, Any] | None = None
    """output_config.format."""
    tool: dict[str, Any] | None = None
    """A tool whose arguments are the answer."""
    told: str | None = None
    """What the system prompt says."""


def write_format(request: Request, family: Claude, taken: Collection[str], losses: Losses) -> Form:
    """Return how to ask for the form; `taken` are the names of the tools that are sent."""
    wish = request.format
    if wish is None:
        return Form()
    if wish.kind == "json_object" or wish.schema is None:
        losses.dropped(wish.at, "the model is only told to answer with a JSON object")
        return Form(told=ANY_OBJECT)
    if family.structured and not family.refused & {"output_config.format", "output_config"}:
        schema, whole = narrowed(wish.schema | described(wish))
        if not whole:
            losses.approximated(wish.at, "keywords that structured output does not know are told in descriptions")
        return Form(format={"type": "json_schema", "schema": schema})
    losses.approximated(wish.at, "this model has no structured output: the answer comes as the arguments of a tool")
    return Form(tool=stand_in(wish, taken))


def described(wish: Format) -> dict[str, Any]:
    """Return what the form is for as a keyword of its schema, the only place for it here."""
    own = (wish.schema or {}).get("description")
    told = [text for text in (wish.description, own) if isinstance(text, str) and text]
    return {"description": "\n\n".join(told)} if told else {}


def stand_in(wish: Format, taken: Collection[str]) -> dict[str, Any]:
    name = "structured_answer"
    while name in taken:
        name += "_"
    description = "Gives the final answer. Call it once, with the whole answer as its arguments."
    if wish.description:
        description = f"{description} {wish.description}"
    return {"name": name, "description": description, "input_schema": object_schema(wish.schema)}
