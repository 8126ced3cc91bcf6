"""Reads a whole answer of the chat API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Failed, Refusal, Response
from engine.dialects.chat.finish import stop_of, unheard
from engine.dialects.chat.piece import piece, usage_of
from engine.dialects.failure import text
from engine.dialects.openai.arguments import broken
from engine.dialects.openai.errors import confessed
from engine.dialects.tap import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Block


def read_answer(body: bytes) -> Response:
    """Read a completion (openai 3.54: types/chat/chat_completion.py); of several choices the first.

    Raises `Failed`: with the upstream's own reason where it reports an error with status 200, else `disconnect`.
    A call whose id is missing or given twice has the id "": whoever writes it mints one.
    """
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failed(malformed("an answer that is not JSON")) from None
    failure = confessed(answer, body)
    if failure is not None:
        raise Failed(failure)
    choice = _choice(answer)
    blocks = tuple(_blocks(choice["message"]))
    stop = stop_of(
        choice,
        called=any(isinstance(block, Call) for block in blocks),
        refused=any(isinstance(block, Refusal) for block in blocks),
    )
    calls = [block for block in blocks if isinstance(block, Call) and block.kind == "function"]
    if stop.reason == "tool" and any(broken(call.arguments) for call in calls):
        raise Failed(malformed("a tool call whose arguments are not JSON"))  # as in a stream
    return Response(
        id=text(answer.get("id")),
        model=text(answer.get("model")),
        blocks=blocks,
        stop=stop,
        usage=usage_of(answer, choice, answer.get("x_groq")),
        losses=tuple(unheard(choice)),
    )


def _choice(answer: Any) -> dict[str, Any]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    found = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    found = [one for one in found if isinstance(one.get("message"), dict)]
    if not found:
        raise Failed(malformed("an answer without a message"))
    return next((one for one in found if one.get("index") == 0), found[0])


def _blocks(message: dict[str, Any]) -> Iterator[Block]:
    said = piece(message)
    yield from said.thoughts
    yield from said.blocks
    seen: set[str] = set()
    for call in said.calls:
        if not call.name:
            raise Failed(malformed("a tool call without a name"))
        yield Call(id="" if call.id in seen else call.id, name=call.name, arguments=call.arguments, kind=call.kind)
        seen.add(call.id)
