"""Tools that the proxy runs, in the form of each API: offered in a request, and a conversation gone on with results.

All else stays as it was. Chat completions and Responses have no flag for a failed call: there its result begins with
`Error: `; Messages have `is_error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.dialects.body import refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Fields = dict[str, Raw]

PLACES = {"chat": "messages", "messages": "messages", "responses": "input"}
"""API -> the field that holds the turns."""
SAID = ("role", "content", "tool_calls", "reasoning_content", "reasoning", "reasoning_details")
"""What of an answer of chat completions is a part of the turn in the next request."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as a model is told of it."""

    name: str
    description: str = ""
    schema: dict[str, Any]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the call `id`."""

    id: str
    text: str
    error: bool = False
    custom: bool = False
    """The call was one of free text."""


def names(fields: Mapping[str, Raw]) -> set[str]:
    """Return the names of the tools that a request declares."""
    found: set[str] = set()
    for tool in _list(fields, "tools"):
        declared: Any = msgspec.json.decode(tool)
        if isinstance(declared, dict):
            inner = declared.get(str(declared.get("type")))
            holder = inner if isinstance(inner, dict) and "name" in inner else declared
            found.add(str(holder.get("name", "")))
    return found


def offered(api: str, fields: Mapping[str, Raw], tools: Iterable[Offered]) -> Fields:
    """Return the request with `tools` behind the client's own. Raises `Problem` (400)."""
    return {**fields, "tools": _listed([*_list(fields, "tools"), *(_raw(_declared(api, one)) for one in tools)])}


def _declared(api: str, tool: Offered) -> dict[str, Any]:
    if api == "messages":
        return {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
    function = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    if api == "chat":
        return {"type": "function", "function": function}
    return {"type": "function", **function, "strict": False}  # its default is strict, which few schemas satisfy


def gone_on(api: str, fields: Mapping[str, Raw], answer: bytes, results: Sequence[Told]) -> Fields:
    """Return the request that goes on with `answer`, a whole answer of `api`, and with what came of its calls."""
    place = PLACES[api]
    sent = fields.get(place, Raw(b"[]"))
    if bytes(sent).startswith(b'"'):
        first = {"type": "message", "role": "user", "content": msgspec.json.decode(sent)}
        turns = [_raw(first)]
    else:
        turns = _list(fields, place)
    return {**fields, place: _listed([*turns, *_said(api, answer), *_results(api, results)])}


def _said(api: str, answer: bytes) -> list[Raw]:
    """Return the turns that an answer is in the next request."""
    told: Any = msgspec.json.decode(answer)
    if api == "chat":
        message = told["choices"][0]["message"]
        kept = {name: message[name] for name in SAID if message.get(name) is not None}
        return [_raw({"content": None, **kept})]
    if api == "messages":
        return [_raw({"role": "assistant", "content": told["content"]})]
    sealed = [item for item in told["output"] if item["type"] != "reasoning" or item.get("encrypted_content")]
    return [_raw(item) for item in sealed]


def _results(api: str, results: Sequence[Told]) -> list[Raw]:
    if api == "messages":
        blocks: list[dict[str, Any]] = [
            {"type": "tool_result", "tool_use_id": one.id, "content": one.text}
            | ({"is_error": True} if one.error else {})
            for one in results
        ]
        return [_raw({"role": "user", "content": blocks})]
    texts = [(one, f"Error: {one.text}" if one.error else one.text) for one in results]
    if api == "chat":
        return [_raw({"role": "tool", "tool_call_id": one.id, "content": text}) for one, text in texts]
    return [
        _raw({"type": f"{'custom_tool' if one.custom else 'function'}_call_output", "call_id": one.id, "output": text})
        for one, text in texts
    ]


def _list(fields: Mapping[str, Raw], name: str) -> list[Raw]:
    try:
        return msgspec.json.decode(fields.get(name, b"null"), type=list[Raw] | None) or []
    except msgspec.DecodeError:
        raise refused(f"`{name}` must be a list", name) from None


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def _listed(items: Iterable[Raw]) -> Raw:
    return Raw(b"[" + b",".join(map(bytes, items)) + b"]")
