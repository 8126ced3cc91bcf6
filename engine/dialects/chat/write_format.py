"""The form that the answer must have: `response_format`, or words to the same end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.dialects.openai.strict import fits

if TYPE_CHECKING:
    from engine.chat import Format
    from engine.dialects.chat.draft import Draft
    from engine.dialects.chat.write_parts import Json

NAME = "output"
OBJECT = "Answer with a single JSON object and nothing else: no other words, no code fence."
FITTING = OBJECT + " It must fit this JSON Schema:\n"


def write_format(wish: Format | None, draft: Draft) -> tuple[Json, str]:
    """Return the parameters, and the instruction for a model that can only be told (then the answer may be fenced)."""
    if wish is None:
        return {}, ""
    strictest = draft.family.structured if draft.takes("response_format") else ""
    if wish.kind == "json_schema" and strictest == "json_schema" and draft.takes("response_format.json_schema"):
        sent = {"response_format": {"type": "json_schema", "json_schema": schema(wish, draft)}}
        return sent, fitting(wish) if draft.family.told else ""
    told = fitting(wish) if wish.kind == "json_schema" else OBJECT
    if strictest and draft.takes("response_format.json_object"):
        if wish.kind == "json_schema":
            draft.losses.dropped(wish.at, "the upstream takes no schema: the model is told to answer in JSON that fits")
        return {"response_format": {"type": "json_object"}}, told
    draft.losses.dropped(wish.at, "the upstream can only be told to answer in JSON that fits")
    return {}, told


def fitting(wish: Format) -> str:
    return FITTING + msgspec.json.encode(wish.schema).decode()


def schema(wish: Format, draft: Draft) -> Json:
    described: Json = {"name": wish.name or NAME}
    if wish.description is not None:
        described["description"] = wish.description
    strict = wish.strict is not False and draft.takes("strict") and fits(wish.schema)
    return {**described, "schema": wish.schema, "strict": strict}
