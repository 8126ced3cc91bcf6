"""Reads what an upstream of the Responses API answers: the whole answer, and what a stream shares with it.

Protocol facts: openai 3.54 (types/responses/response.py, types/responses/response_usage.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Failed, Refusal, Response, Stop, Usage
from engine.dialects.failure import text
from engine.dialects.lost import unsaid
from engine.dialects.openai.arguments import broken
from engine.dialects.openai.errors import confessed
from engine.dialects.responses import errors
from engine.dialects.responses.read_output import blocks, lost
from engine.dialects.tap import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Loss

REASONS = {"max_output_tokens": "length", "content_filter": "refusal", "": "length"}
"""`incomplete_details.reason` -> `Stop.reason`. Any other word is an end."""

UNFINISHED = frozenset({"queued", "in_progress", "cancelled"})
"""The `status` of a response that is no answer."""

BROKEN = "a tool call whose arguments are not JSON"


def read_answer(body: bytes) -> Response:
    """Read a whole response.

    Raises `Failed`: with the upstream's own reason where the response failed or reports an error, else `disconnect`.
    A call whose id is missing or given twice has the id "": whoever writes it mints one.
    """
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failed(malformed("an answer that is not JSON")) from None
    failure = confessed(answer, body)
    if failure is not None:
        raise Failed(failure)
    output = answer.get("output") if isinstance(answer, dict) else None
    if not isinstance(output, list):
        raise Failed(malformed("an answer without an output"))
    status = text(answer.get("status"))
    if status == "failed":
        raise Failed(errors.confessed("response.failed", {"response": answer}, body))
    if status in UNFINISHED:
        raise Failed(malformed(f"a response that is {status}"))
    items = [(one, f"output[{index}]") for index, one in enumerate(output) if isinstance(one, dict)]
    found = _own_ids([block for one, at in items for block in blocks(one, at)])
    calls = [block for block in found if isinstance(block, Call)]
    stop = stop_of(answer, called=bool(calls), refused=any(isinstance(block, Refusal) for block in found))
    if stop.reason == "tool" and any(broken(call.arguments) for call in calls if call.kind == "function"):
        raise Failed(malformed(BROKEN))  # as in a stream
    return Response(
        id=text(answer.get("id")),
        model=text(answer.get("model")),
        blocks=tuple(found),
        stop=stop,
        usage=usage_of(answer),
        losses=(*(loss for one, at in items for loss in lost(one, at)), *unheard(answer)),
    )


def stop_of(response: dict[str, Any], *, called: bool, refused: bool) -> Stop:
    """Return why the model stopped. Of a complete response only what it holds tells: calls, a refusal, or neither."""
    reason = "end"
    if is_incomplete(response):
        reason = REASONS.get(_reason(response), "end")
    if reason == "end":
        reason = "tool" if called else "refusal" if refused else "end"
    return msgspec.convert({"reason": reason}, Stop)


def is_incomplete(response: dict[str, Any]) -> bool:
    status = text(response.get("status"))
    return status == "incomplete" or (not status and isinstance(response.get("incomplete_details"), dict))


def unheard(response: dict[str, Any]) -> Iterator[Loss]:
    """Return the loss of a reason for being incomplete that is read as an end."""
    if is_incomplete(response) and _reason(response) not in REASONS:
        yield unsaid("incomplete_details.reason", "approximated")


def usage_of(response: dict[str, Any]) -> Usage | None:
    """Return the usage of a response; an empty one is none. `input_tokens` is all input, `output_tokens` all output."""
    usage = response.get("usage")
    if not isinstance(usage, dict) or not any(
        isinstance(usage.get(name), int | float) for name in ("input_tokens", "output_tokens")
    ):
        return None
    read, output = _object(usage.get("input_tokens_details")), _object(usage.get("output_tokens_details"))
    asked, answered = number(usage.get("input_tokens")), number(usage.get("output_tokens"))
    cached, written = number(read.get("cached_tokens")), number(read.get("cache_write_tokens"))
    thought = output.get("reasoning_tokens")
    return Usage(
        input=max(0, asked - cached - written),
        cache_read=cached,
        cache_write=written,
        output=answered,
        reasoning=None if thought is None else min(number(thought), answered),
    )


def number(value: Any) -> int:
    """Return a count, 0 for whatever is none."""
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def _reason(response: dict[str, Any]) -> str:
    return text(_object(response.get("incomplete_details")).get("reason"))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _own_ids(found: list[Any]) -> list[Any]:
    """Return the blocks with no id given twice."""
    seen: set[str] = set()
    for place, block in enumerate(found):
        if isinstance(block, Call):
            if block.id in seen:
                found[place] = msgspec.structs.replace(block, id="")
            seen.add(block.id)
    return found
