"""A request whose answer broke off, as it asks another model to carry on: with what was said so far.

As a turn of the assistant that stands last, where the model goes on with such a turn as its own (`prefill` of its
family: of the models that are known only those of Anthropic before 4.6; which servers of the chat API do so, no name
tells). Everywhere else a turn of the user follows it that asks to go on.

Carried on is plain text alone. Of a structured answer the rest is no document that fits the schema, and no API that
enforces a schema takes a beginning for it; so these are never carried on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.dialects.measure import octets, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fields = dict[str, Raw]

GO_ON = (
    "Your answer was cut off by a lost connection; what I got of it stands above. Go on exactly where it stops, in the "
    "middle of the word if need be. Repeat nothing of it, and say nothing about the interruption."
)
"""What the user says to a model that does not go on by itself."""
LEAST = 16
"""The least limit that is asked for: the Responses API takes no lower one."""


class Form:
    """How requests of one API say what is looked at here."""

    def __init__(self, turns: str, limits: tuple[str, ...], alone: Mapping[str, Callable[[Any], bool]]) -> None:
        self.turns = turns
        """The field that holds the turns."""
        self.limits = limits
        """The fields that limit the answer, in tokens."""
        self.alone = alone
        """Field -> whether its value asks for more than one plain text."""


def _formatted(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") not in (None, "text")


def _within(field: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and _formatted(value.get(field))


FORMS: dict[str, Form] = {
    "chat": Form(
        "messages",
        ("max_tokens", "max_completion_tokens"),
        {
            "n": lambda value: value not in (None, 1),
            "logprobs": bool,
            "top_logprobs": bool,
            "response_format": _formatted,
            "modalities": lambda value: value not in (None, ["text"]),
            "audio": bool,
        },
    ),
    "messages": Form("messages", ("max_tokens",), {"output_format": _formatted, "output_config": _within("format")}),
    "responses": Form(
        "input",
        ("max_output_tokens",),
        {
            "background": bool,
            "conversation": bool,
            "top_logprobs": bool,
            "text": _within("format"),
            "include": lambda value: isinstance(value, list) and "message.output_text.logprobs" in value,
        },
    ),
}
"""API of a request -> its form; of no other can an answer be carried on."""


def obstacle(api: str, fields: Fields) -> str | None:
    """Return the field of a request by which it asks for more than one plain text, None if there is none."""
    for field, asks in FORMS[api].alone.items():
        if field in fields and asks(msgspec.json.decode(fields[field])):
            return field
    return None


def carried(api: str, fields: Fields, said: str, *, prefill: bool) -> Fields:
    """Return the fields of a request, asked again with what was `said` so far; limits leave room for the rest alone, by
    our estimate."""
    form = FORMS[api]
    found = dict(fields)
    for field in form.limits:
        limit = msgspec.json.decode(fields[field]) if field in fields else None
        if type(limit) is int and limit > LEAST:
            found[field] = Raw(msgspec.json.encode(max(LEAST, limit - tokens(octets(said)))))
    if said.strip():
        said = said.rstrip() if prefill else said
        turns = [("assistant", said)] if prefill else [("assistant", said), ("user", GO_ON)]
        found[form.turns] = behind(fields.get(form.turns), [_turn(api, role, text) for role, text in turns])
    return found


def behind(turns: Raw | None, more: list[dict[str, Any]]) -> Raw:
    """Return a JSON array with `more` at its end, all that is there byte for byte; a string is what the user says."""
    told = bytes(turns or b"[]").strip()
    if not told.startswith(b"["):
        said = [] if told == b"null" else [{"role": "user", "content": msgspec.json.decode(told)}]
        told = msgspec.json.encode(said)
    inner = told[1:-1].strip()
    added = msgspec.json.encode(more)[1:-1]
    return Raw(b"[" + inner + (b"," if inner else b"") + added + b"]")


def _turn(api: str, role: str, text: str) -> dict[str, Any]:
    if api != "responses":
        return {"role": role, "content": text}
    part = {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    return {"type": "message", "role": role, "content": [part]}
