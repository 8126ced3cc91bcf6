"""Tells a response again that was kept: as the stream in which it could have been told."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.chat import Tool
from engine.dialects.codec import Asked
from engine.dialects.fold import unfold
from engine.dialects.responses.read_answer import read_answer
from engine.dialects.responses.read_output import name_of
from engine.dialects.responses.write_stream import ResponsesEncoder


def retold(kept: dict[str, Any]) -> bytes:
    """Return the whole stream of a response that `write_answer` or the encoder made: with the same items and ids."""
    asked = Asked(
        model=kept["model"],
        id=kept["id"].removeprefix("resp_"),
        created=int(kept["created_at"]),
        echo=kept,
        tools=tuple(
            Tool(name=name_of(item), namespace=item["namespace"]) for item in kept["output"] if "namespace" in item
        ),
    )
    return ResponsesEncoder(asked).feed(unfold(read_answer(msgspec.json.encode(kept))))
