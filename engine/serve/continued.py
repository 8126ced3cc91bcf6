"""A request of the Responses API that goes on from what is kept: here, or at an upstream.

What Turnout keeps is put in its place, so that the request says everything itself. What an upstream keeps, only that
upstream can be asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.chat import Problem
from engine.dialects.body import refused, said
from engine.dialects.clip import clipped

if TYPE_CHECKING:
    from engine.dialects.base import Peek
    from engine.plan.nodes import Decision, Plan
    from engine.serve.stored import Responses

PREVIOUS = "previous_response_id"
REFERENCE = b'"item_reference"'
ELSEWHERE = ("conversation", "prompt")
"""Parameters that name what only the upstream knows that made it."""
SOMEBODY = ""
"""The keeper of something of which nobody here knows who keeps it."""


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and what it goes on from."""

    peek: Peek
    previous: str | None = None
    keeper: str | None = None
    """The upstream that keeps what it goes on from (SOMEBODY: an unknown one); None: it says everything itself."""


def continued(peek: Peek, responses: Responses, caller: str, now: float) -> Continued:
    """Return the request with what Turnout keeps put into its input. Raises `Problem` (400)."""
    fields = peek.fields
    previous = text_of(fields, PREVIOUS)
    if previous is None:
        keeper = SOMEBODY if any(text_of(fields, name) is not None for name in ELSEWHERE) else None
        return Continued(peek=referred(peek, responses, caller, now), keeper=keeper)
    stored = responses.find(caller, previous, now)
    if stored is None or stored.upstream is not None:
        return Continued(peek=peek, previous=previous, keeper=stored.upstream if stored is not None else SOMEBODY)
    rest = {name: value for name, value in fields.items() if name != PREVIOUS}
    rest["input"] = listed((*stored.items, *items_of(peek)))
    whole = msgspec.structs.replace(peek, fields=rest)
    return Continued(peek=referred(whole, responses, caller, now), previous=previous)


def referred(peek: Peek, responses: Responses, caller: str, now: float) -> Peek:
    """Return the request with the items in place of the references to them, as far as Turnout keeps them."""
    raw = peek.fields.get("input")
    if raw is None or REFERENCE not in bytes(raw):
        return peek
    items: list[Raw] = []
    for item in items_of(peek):
        known = msgspec.json.decode(item) if REFERENCE in bytes(item) else None
        ident = known.get("id") if isinstance(known, dict) and known.get("type") == "item_reference" else None
        found = responses.item(caller, ident, now) if isinstance(ident, str) else None
        items.append(item if found is None else found)
    return msgspec.structs.replace(peek, fields={**peek.fields, "input": listed(items)})


def items_of(peek: Peek) -> tuple[Raw, ...]:
    """Return the items of the input, each byte for byte; a text is one message. Raises `Problem` (400)."""
    raw = peek.fields.get("input")
    if raw is None or bytes(raw) == b"null":
        return ()
    if bytes(raw).startswith(b'"'):
        message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": decoded(raw)}]}
        return (Raw(msgspec.json.encode(message)),)
    try:
        return tuple(msgspec.json.decode(raw, type=list[Raw]))
    except msgspec.DecodeError as error:
        raise refused(f"`input` is not valid JSON: {said(error)}", "input") from None


def listed(items: tuple[Raw, ...] | list[Raw]) -> Raw:
    return Raw(b"[" + b",".join(map(bytes, items)) + b"]")


def text_of(fields: dict[str, Raw], name: str) -> Any:
    """Return the value of a field that is given and not null."""
    return None if name not in fields or bytes(fields[name]) == b"null" else decoded(fields[name])


def decoded(raw: Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refused("the body is not valid JSON") from None


def kept_by(decision: Decision, plan: Plan, request: Continued) -> Decision:
    """Return `decision` with only the targets of the upstream that keeps what the request goes on from.

    Raises `Problem` (400), in the vendor's own words, where none of them is.
    """
    keeper = request.keeper
    if keeper is None:
        return decision
    if keeper == SOMEBODY:
        native = (
            target.upstream
            for pool in decision.pools
            for target in pool.targets
            if target.upstream not in plan.off and decision.facts.api in plan.upstreams[target.upstream].options.speaks
        )
        keeper = next(native, SOMEBODY)
    pools = []
    for pool in decision.pools:
        targets = tuple(target for target in pool.targets if target.upstream == keeper)
        if targets:
            pools.append(msgspec.structs.replace(pool, targets=targets))
    if pools:
        return msgspec.structs.replace(decision, pools=tuple(pools))
    if request.previous is None:
        return decision  # whoever reads the request says what it names
    raise not_found(request.previous)


def not_found(previous: str) -> Problem:
    """Return the vendor's own error for a response that nobody knows."""
    return Problem(
        400,
        "previous_response_not_found",
        f"Previous response with id '{clipped(previous)}' not found.",
        param=PREVIOUS,
    )
