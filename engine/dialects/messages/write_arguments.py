"""The arguments of a tool call, which come as text and must go as a JSON object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.chat import Call
    from engine.dialects.codec import Losses

CLOSING = {"{": "}", "[": "]"}
TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|(?P<open>\\?)\Z)|[{}\[\],]', re.DOTALL)
"""Strings (the last one may be open, even within an escape), brackets and commas."""
DEPTH = 1000
"""JSON that is nested more deeply cannot be read anyway."""


def write_arguments(call: Call, losses: Losses) -> dict[str, Any]:
    """Return the arguments of `call`: {} for no text, what was cut off mended, anything else wrapped."""
    if call.kind == "custom":
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    path = f"{call.at}.arguments"
    value, broken = decoded(call.arguments), False
    if value is BROKEN:
        value, broken = decoded(mended(call.arguments)), True
    if value is BROKEN:
        losses.dropped(path, "no JSON; sent as {_raw: the text}")
        return {"_raw": call.arguments}
    if not isinstance(value, dict):
        losses.dropped(path, "no JSON object; sent as {value: it}")
        return {"value": value}
    if broken:
        losses.approximated(path, "JSON that was cut off; sent mended")
    return value


BROKEN = object()


def decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return BROKEN


def mended(text: str) -> str:
    """Return JSON that was cut off with its strings, objects and lists closed; a value it has only begun is left out.

    What is broken otherwise stays broken.
    """
    closers: list[str] = []
    whole, safe = text, 0
    for token in TOKENS.finditer(text):
        char = token[0][0]
        if char in CLOSING:
            closers.append(CLOSING[char])
            if len(closers) > DEPTH:
                return text
            safe = token.end()
        elif char in "}]":
            if not closers or closers.pop() != char:
                return text
            safe = token.end()
        elif char == ",":
            safe = token.start()
        elif token["open"] is not None:
            whole = text.removesuffix("\\") + '"' if token["open"] else text + '"'
    closing = "".join(reversed(closers))
    for attempt in (whole + closing, text[:safe] + closing):
        if decoded(attempt) is not BROKEN:
            return attempt
    return text
