"""The forms in which a value may arrive, as engine/dialects/contract names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from engine.dialects.seal import opened

FORMS: dict[str, Callable[[Any, Any], bool]] = {
    "json": lambda sent, got: json.loads(got) == sent,
    "object": lambda sent, got: got == json.loads(sent),
    "listed": lambda sent, got: got == [sent],
    "part-of": lambda sent, got: all(one in got for one in texts(sent)),
    "rendered": lambda sent, got: isinstance(got, str) and "\n[" in f"\n{got}",
    "error": lambda sent, got: got.startswith("Error:"),
    "data-url": lambda sent, got: got.startswith("data:") and got.endswith(f";base64,{data_of(sent)}"),
    "opened": lambda sent, got: sent == f"data:{got['media_type']};base64,{got['data']}",
    "breakpoint": lambda sent, got: isinstance(got, dict),
    "enclosed": lambda sent, got: sent in str(opened(got)),
    "seal": lambda sent, got: sent[0]["signature"] in str(opened(got)),
    "sealed": lambda sent, got: {got["thinking"], got["signature"]} == {sent[0]["text"], sent[0]["signature"]},
}
"""Form -> whether what arrived is what was sent."""


def data_of(sent: Any) -> str:
    """Return the base64 of a source, or what is it already."""
    return str(sent["data"] if isinstance(sent, dict) else sent)


def texts(value: Any) -> list[str]:
    """Return every text in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []
