"""The form that the answer must have: a schema, any JSON object, or words to the same end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from engine.dialects.openai.strict import fits

if TYPE_CHECKING:
    from engine.chat import Format
    from engine.dialects.openai.draft import Draft, Json

NAME = "output"
OBJECT = "Answer with a single JSON object and nothing else: no other words, no code fence."
FITTING = OBJECT + " It must fit this JSON Schema:\n"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How it is asked for."""

    kind: Literal["json_schema", "json_object", ""] = ""
    """The `type` of the format that is sent; "": none is."""
    schema: Json = {}
    """The schema with its name, description and strictness."""
    told: str = ""
    """What the system says too, or instead: then the answer may be fenced."""


def write_format(wish: Format | None, draft: Draft, field: str) -> Form:
    """Return how to ask for the form in `field`, which is also how its refusal is called."""
    if wish is None:
        return Form()
    strictest = draft.family.structured if draft.takes(field) else ""
    if wish.kind == "json_schema" and strictest == "json_schema" and draft.takes(f"{field}.json_schema"):
        told = fitting(wish) if draft.family.told else ""
        return Form(kind="json_schema", schema=named_schema(wish, draft), told=told)
    told = fitting(wish) if wish.kind == "json_schema" else OBJECT
    if strictest and draft.takes(f"{field}.json_object"):
        if wish.kind == "json_schema":
            draft.losses.dropped(wish.at, "the upstream takes no schema: the model is told to answer in JSON that fits")
        return Form(kind="json_object", told=told)
    draft.losses.dropped(wish.at, "the upstream can only be told to answer in JSON that fits")
    return Form(told=told)


def fitting(wish: Format) -> str:
    return FITTING + msgspec.json.encode(wish.schema).decode()


def named_schema(wish: Format, draft: Draft) -> Json:
    described: Json = {"name": wish.name or NAME}
    if wish.description is not None:
        described["description"] = wish.description
    strict = wish.strict is not False and draft.takes("strict") and fits(wish.schema)
    if wish.strict and not strict:
        draft.losses.dropped(wish.at, "the upstream cannot hold the model to this schema")
    return {**described, "schema": wish.schema, "strict": strict}
