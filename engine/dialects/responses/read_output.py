"""What an item of an upstream's output says, whole as it stands in an answer or at the end of its stream.

Servers that imitate the API leave out what they can: a content that is a text, parts without a type, reasoning in
`content` only (vLLM), a call without its call_id.

Protocol facts: openai 3.54 (types/responses/response_output_item.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from engine.chat import Call, Failed, Kind, Loss, Opaque, Refusal, Refused, Text, Thinking, Thought, Wrote
from engine.dialects.failure import text
from engine.dialects.lost import foreign
from engine.dialects.openai.arguments import arguments_of
from engine.dialects.responses.namespaces import BETWEEN, PLAIN
from engine.dialects.responses.sealed import Item
from engine.dialects.tap import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Block

VENDOR = "openai"

CALLS: dict[str, Kind] = {"function_call": "function", "custom_tool_call": "custom"}
KNOWN = frozenset({"message", "reasoning", *CALLS})
"""Items that other APIs can be told of; all others belong to calls that the vendor answers itself."""

Place: TypeAlias = tuple[str, int]
"""Where a text stands in its item: the list and the place in it."""
Spoken: TypeAlias = type[Wrote] | type[Thought] | type[Refused]

WORDS: dict[str, tuple[Spoken, str]] = {
    "output_text": (Wrote, "text"),
    "text": (Wrote, "text"),
    "refusal": (Refused, "refusal"),
    "summary_text": (Thought, "text"),
    "reasoning_text": (Thought, "text"),
}
"""Type of a part -> what says it in a stream, and the field that holds its text."""
ARGUMENTS: Place = ("arguments", 0)

UNTOLD = "other APIs do not tell comments from answers"


class Piece(NamedTuple):
    """A text of an item. `said` is None for a part that no other API knows."""

    place: Place
    said: Spoken | None
    text: str
    part: dict[str, Any]


def pieces(item: dict[str, Any]) -> Iterator[Piece]:
    """Return the parts of a message or of reasoning."""
    reasons = item.get("type") == "reasoning"
    for name in ("summary", "content") if reasons else ("content",):
        parts = item.get(name)
        for index, one in enumerate(parts if isinstance(parts, list) else [parts]):
            part = {"text": one} if isinstance(one, str) else one
            if not isinstance(part, dict):
                continue
            usual = (Thought, "text") if reasons else (Wrote, "text")
            kind = text(part.get("type"))
            said, field = WORDS.get(kind, (None, "") if kind else usual)
            yield Piece((name, index), Thought if reasons else said, text(part.get(field or "text")), part)


def blocks(item: dict[str, Any], at: str) -> Iterator[Block]:
    """Read an item that stands `at`. Raises `Failed` for a call of no tool."""
    kind = text(item.get("type"))
    if kind == "message":
        for piece in pieces(item):
            if piece.said is None:
                yield _opaque(piece.part, _at(at, piece.place))
            elif piece.text:
                yield Refusal(text=piece.text) if piece.said is Refused else Text(text=piece.text)
    elif kind == "reasoning":
        yield from _reasoning(item)
    elif kind in CALLS:
        name = name_of(item)
        if not name:
            raise Failed(malformed("a tool call without a name"))
        yield Call(id=call_id(item), name=name, arguments=arguments(item), kind=CALLS[kind])
    else:
        yield _opaque(item, at)


def _reasoning(item: dict[str, Any]) -> Iterator[Thinking]:
    thought = "\n\n".join(piece.text for piece in pieces(item) if piece.text)
    seal = seal_of(item)
    if seal and not thought:
        yield Thinking(sealed=seal, form="responses")
    elif thought:
        yield Thinking(text=thought, signature=seal, form="responses") if seal else Thinking(text=thought)


def lost(item: dict[str, Any], at: str) -> Iterator[Loss]:
    """Return what of a message no other API can be told, beside parts that nobody knows."""
    if item.get("type") != "message":
        return
    for piece in pieces(item):
        if piece.part.get("annotations"):
            yield foreign("annotations", f"{_at(at, piece.place)}.annotations")
    if text(item.get("phase")):
        yield Loss(f"{at}.phase", "approximated", UNTOLD)


def seal_of(item: dict[str, Any]) -> str | None:
    """Return what seals a reasoning item (`Thinking.signature`); None if nothing does."""
    encrypted = text(item.get("encrypted_content"))
    return Item(id=text(item.get("id")), encrypted_content=encrypted).text() if encrypted else None


def name_of(item: dict[str, Any]) -> str:
    """Return the one name of the tool that is called."""
    name, namespace = text(item.get("name")), text(item.get("namespace"))
    return name if namespace in ("", PLAIN) or not name else f"{namespace}{BETWEEN}{name}"


def call_id(item: dict[str, Any]) -> str:
    return text(item.get("call_id")) or text(item.get("id"))


def arguments(item: dict[str, Any]) -> str:
    """Return what a call holds of the model's words."""
    return text(item.get("input")) if item.get("type") == "custom_tool_call" else arguments_of(item.get("arguments"))


def _opaque(raw: dict[str, Any], at: str) -> Opaque:
    return Opaque(vendor=VENDOR, kind=text(raw.get("type")) or "item", raw=raw, at=at)


def _at(at: str, place: Place) -> str:
    return f"{at}.{place[0]}[{place[1]}]"
