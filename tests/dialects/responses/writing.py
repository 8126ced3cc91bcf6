"""Requests as they go to an upstream of the Responses API, and what is wrong with them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from engine.chat import Message, Request, Text
from engine.dialects import CODECS
from engine.dialects.openai.families import family
from engine.dialects.responses.write_request import write
from engine.dialects.translate import read
from tests.dialects import oracles
from tests.dialects.rules import broken

if TYPE_CHECKING:
    from engine.dialects.codec import Written

OPENAI = "api.openai.com"
HI = Message(role="user", blocks=(Text(text="Hi", at="messages[0].content"),), at="messages[0]")
PLAIN: list[Any] = [{"role": "user", "content": "Hi"}]


def asked(api: str, model: str, *refused: str, **fields: Any) -> Written:
    """Return what is written of a client's body, for a model whose upstream has refused these before."""
    least = {"max_tokens": 100} if api == "messages" else {}
    body = {"model": "m", "messages": PLAIN, **least, **fields}
    return write(read(CODECS[api], json.dumps(body).encode()), known(model, *refused), model)


def spoken(model: str, *refused: str, **fields: Any) -> Written:
    """Return what is written of a conversation that was not read from any API."""
    return write(Request(model="m", **{"messages": (HI,), **fields}), known(model, *refused), model)


def known(model: str, *refused: str) -> Any:
    return replace(family(model, OPENAI), refused=frozenset(refused))


def lost(written: Written) -> dict[str, str]:
    return {loss.path: loss.grade for loss in written.losses}


def flaws(body: dict[str, Any]) -> list[str]:
    """Return what the vendor's types or rules hold against a body.

    Beside its types the API takes what an assistant said without an id, and reasoning too.
    """
    made = copy.deepcopy(body)
    for item in made["input"]:
        if item["type"] == "reasoning":
            item.setdefault("id", "rs_1")
        if item.get("role") == "assistant" and isinstance(item["content"], list):
            item |= {"id": "msg_1", "status": "completed"}
            for part in item["content"]:
                if part["type"] == "output_text":
                    part.setdefault("annotations", [])
    return [*oracles.request_flaws("responses", made), *broken("responses", body)]
