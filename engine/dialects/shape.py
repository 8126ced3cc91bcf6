"""A structured answer asked for, and a conversation gone on with, in the form of each API. All else stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.dialects.body import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    Fields = dict[str, Raw]

NAME = "answer"
"""What a schema is called where the API wants a name."""
ANY_TEXT = "(nothing)"
"""What stands for an answer without text, where a turn must have some."""


def shaped(api: str, fields: Mapping[str, Raw], schema: dict[str, Any]) -> Fields:
    """Return a request of `api` that asks for an answer of this schema. Another API's is returned as it is."""
    if api == "chat":
        form: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": NAME, "schema": schema}}
        return {**fields, "response_format": _raw(form)}
    if api == "responses":
        return _within(fields, "text", "format", {"type": "json_schema", "name": NAME, "schema": schema})
    if api == "messages":
        return _within(fields, "output_config", "format", {"type": "json_schema", "schema": schema})
    return dict(fields)


def unshaped(api: str, fields: Mapping[str, Raw]) -> Fields:
    """Return the request without the schema that `shaped` put into it."""
    if api == "chat":
        return {name: value for name, value in fields.items() if name != "response_format"}
    name = {"responses": "text", "messages": "output_config"}.get(api)
    if name is None or name not in fields:
        return dict(fields)
    rest = {key: value for key, value in msgspec.json.decode(fields[name]).items() if key != "format"}
    return {**{key: value for key, value in fields.items() if key != name}, **({name: _raw(rest)} if rest else {})}


def gone_on(api: str, fields: Mapping[str, Raw], answer: str, reply: str) -> Fields:
    """Return a request of `api` that goes on with what was answered, and with what is said to that."""
    if api == "responses":
        said = [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": answer}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": reply}]},
        ]
        sent = fields.get("input", Raw(b"[]"))
        if bytes(sent).startswith(b'"'):
            said.insert(0, {"type": "message", "role": "user", "content": msgspec.json.decode(sent)})
            sent = Raw(b"[]")
        return {**fields, "input": _more(sent, said, "input")}
    turns = [{"role": "assistant", "content": answer or ANY_TEXT}, {"role": "user", "content": reply}]
    return {**fields, "messages": _more(fields.get("messages", Raw(b"[]")), turns, "messages")}


def _within(fields: Mapping[str, Raw], name: str, inner: str, value: Any) -> Fields:
    try:
        whole = msgspec.json.decode(fields.get(name, b"null"), type=dict[str, Raw] | None) or {}
    except msgspec.DecodeError:
        raise refused(f"`{name}` must be an object", name) from None
    return {**fields, name: _raw({**whole, inner: value})}


def _more(raw: Raw, items: list[dict[str, Any]], name: str) -> Raw:
    try:
        known = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.DecodeError:
        raise refused(f"`{name}` must be a list", name) from None
    return _raw([*known, *items])


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
