"""A request of the Responses API that goes on from what is kept: here, or at an upstream.

What Turnout keeps is put in its place, so that the request says everything itself. What an upstream keeps, only that
upstream can be asked about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.chat import Problem
from engine.dialects.body import refused, said
from engine.dialects.clip import clipped
from engine.plan.pinned import ELSEWHERE, PREVIOUS, SOMEBODY, pinned

if TYPE_CHECKING:
    from engine.dialects.base import Peek
    from engine.plan.nodes import Decision, Plan
    from engine.serve.stored import Responses, Stored

TYPELESS = re.compile(rb'\{\s*"id"\s*:\s*"[^"\\]*"\s*(?:,\s*"type"\s*:\s*null\s*)?\}|"type"\s*:\s*null')
"""What a reference may look like that does not say so."""
REFERENCE = b'"item_reference"'
COMPACTION = b'"compaction"'
INPUT = re.compile(r"input\[(\d+)\]")


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and what it goes on from."""

    peek: Peek
    previous: str | None = None
    before: Stored | None = None
    """The response that Turnout keeps and that it goes on from: its items stand first in the input."""
    asked: tuple[Raw, ...] = ()
    """The items that this request adds, where its answer may be kept."""
    keeper: str | None = None
    """The upstream that keeps what it goes on from (SOMEBODY: an unknown one); None: it says everything itself."""

    def placed(self, path: str) -> str:
        """Return where in the client's own body something stands whose path in the whole input is `path`."""
        found = INPUT.match(path)
        if self.before is None or found is None:
            return path
        place = int(found[1]) - len(self.before.items)
        return f"input[{place}]{path[found.end() :]}" if place >= 0 else PREVIOUS

    def told(self, problem: Problem) -> Problem:
        """Return `problem` with its place in the client's own body."""
        param = None if problem.param is None else self.placed(problem.param)
        if problem.param is None or param == problem.param:
            return problem
        message = problem.message.replace(f"`{problem.param}`", f"`{param}`")
        return Problem(problem.status, problem.code, message, param=param, details=problem.details)


def continued(peek: Peek, responses: Responses, caller: str, now: float) -> Continued:
    """Return the request with what Turnout keeps put into its input. Raises `Problem` (400)."""
    fields = peek.fields
    previous = text_of(fields, PREVIOUS)
    sent = items_of(peek)
    asked, keeper = referred(sent, responses, caller, now)
    if previous is None:
        if keeper is None and any(text_of(fields, name) is not None for name in ELSEWHERE):
            keeper = SOMEBODY
        whole = peek if asked is sent or asked == sent else with_items(peek, asked)
        return Continued(peek=whole, asked=asked, keeper=keeper)
    if responses.is_foreign(caller, previous, now):
        raise not_found(previous)
    stored = responses.find(caller, previous, now)
    if stored is None or stored.upstream is not None:
        return Continued(peek=peek, previous=previous, keeper=stored.upstream if stored is not None else SOMEBODY)
    rest = {name: value for name, value in fields.items() if name != PREVIOUS}
    whole = with_items(msgspec.structs.replace(peek, fields=rest), (*(one.raw for one in stored.items), *asked))
    return Continued(peek=whole, previous=previous, before=stored, asked=asked, keeper=keeper)


class Head(msgspec.Struct):
    """What tells a reference from any other item: it has nothing but an id."""

    type: str | None = None
    id: str | None = None
    role: str | None = None


HEAD = msgspec.json.Decoder(Head)


def referred(
    items: tuple[Raw, ...], responses: Responses, caller: str, now: float
) -> tuple[tuple[Raw, ...], str | None]:
    """Return the items with those that Turnout keeps in place of the references to them; and the upstream that keeps
    what others refer to, SOMEBODY for an unknown one, None where there are none."""
    suspects = {place: raw for place, raw in enumerate(items) if is_suspect(bytes(raw))}
    if not suspects:
        return items, None
    names = {place: name for place, raw in suspects.items() if (name := reference_of(raw)) is not None}
    found = responses.items(caller, names.values(), now) if names else {}
    kept = tuple(
        one if isinstance(one := found.get(names.get(place, "")), Raw) else raw for place, raw in enumerate(items)
    )
    keepers = [one for one in found.values() if isinstance(one, str)]
    strange = len(found) < len(set(names.values())) or any(COMPACTION in bytes(raw) for raw in suspects.values())
    return kept, keepers[0] if keepers else SOMEBODY if strange else None


def is_suspect(raw: bytes) -> bool:
    """Say whether an item may be a reference, or what only its upstream can read."""
    return REFERENCE in raw or COMPACTION in raw or TYPELESS.search(raw) is not None


def reference_of(raw: Raw) -> str | None:
    """Return the id of the item that this one refers to, None if it is no reference."""
    try:
        head = HEAD.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return head.id if head.type == "item_reference" or (head.type is None and head.role is None) else None


def with_items(peek: Peek, items: tuple[Raw, ...]) -> Peek:
    """Return the request with this input."""
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


def listed(items: tuple[Raw, ...]) -> Raw:
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
    if request.keeper is None:
        return decision
    found = pinned(decision, plan, request.keeper)
    if found is None and request.previous is not None:
        raise not_found(request.previous)
    return found or decision  # else whoever reads the request says what it names


def not_found(previous: str) -> Problem:
    """Return the vendor's own error for a response that nobody knows."""
    return Problem(
        400,
        "previous_response_not_found",
        f"Previous response with id '{clipped(previous)}' not found.",
        param=PREVIOUS,
    )
