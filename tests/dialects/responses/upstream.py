"""An upstream of the Responses API, by value: whole answers and streams as servers write them, strict or careless."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from engine.chat import Call, Refusal, Response, Stop, Text, Thinking
from engine.dialects.responses.sealed import Item
from tests.dialects.gpt import cut, names, objects, usages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Block, Usage

words = st.text(min_size=1, max_size=12)
lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1, max_size=8)
thoughts = st.lists(lines, min_size=1, max_size=3).map("\n\n".join)
"""Reasoning of several summary parts."""


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How a server streams."""

    added: bool = True
    """Items are told to begin."""
    parts: bool = True
    """Parts are told to begin and to end."""
    pieces: bool = True
    """Texts come in pieces."""
    whole: bool = True
    """Texts are told whole at their end."""
    done: bool = True
    """Items are told whole at their end."""
    output: bool = True
    """The end of the response tells its output."""
    interleaved: bool = False
    """The arguments of parallel calls come in turn."""
    ids: str = "same"
    """Of the events of an item: same, none, or another one for each event (rotating)."""
    indexes: str = "right"
    """Of the events of an item: right, none, or zero for all."""
    raw: bool = False
    """Reasoning is told raw, not in summaries."""
    numbers: bool = True
    named: bool = True
    """Every event has its `event:` line."""
    finish: bool = False
    """[DONE] ends the stream."""
    cut: int = 3
    """Characters in a piece of text."""


@st.composite
def styles(draw: st.DrawFn) -> Style:
    added, done = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    careful = draw(st.booleans()) or not (added and done)
    return Style(
        added=added,
        parts=added and draw(st.booleans()),
        pieces=draw(st.booleans()) or not done,
        whole=draw(st.booleans()),
        done=done,
        output=draw(st.booleans()) or not done,
        interleaved=careful and added and draw(st.booleans()),
        ids="same" if careful else draw(st.sampled_from(["same", "none", "rotating"])),
        indexes="right" if careful else draw(st.sampled_from(["right", "none", "zero"])),
        raw=draw(st.booleans()),
        numbers=draw(st.booleans()),
        named=draw(st.booleans()),
        finish=draw(st.booleans()),
        cut=draw(st.integers(1, 9)),
    )


CODEX = Style(parts=False, whole=False, output=False)
"""The five events that are enough for Codex 0.169."""


def blocks(place: int) -> st.SearchStrategy[Block]:
    seals = st.builds(Item, id=st.just(f"rs_{place}"), encrypted_content=words).map(Item.text)
    return st.one_of(
        st.builds(Text, text=words),
        st.builds(Refusal, text=words),
        st.builds(Thinking, text=thoughts),
        st.builds(Thinking, text=thoughts, signature=seals, form=st.just("responses")),
        st.builds(Thinking, sealed=seals, form=st.just("responses")),
        st.builds(Call, id=st.just(f"call_{place}"), name=names, arguments=objects),
        st.builds(Call, id=st.just(f"call_{place}"), name=names, arguments=words, kind=st.just("custom")),
    )


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Draw an answer: reasoning with and without seals, texts, refusals and calls in any order."""
    said = tuple(draw(blocks(place)) for place in range(draw(st.integers(0, 5))))
    called = any(isinstance(block, Call) for block in said)
    refused = any(isinstance(block, Refusal) for block in said)
    natural = "tool" if called else "refusal" if refused else "end"
    reason = draw(st.sampled_from([natural, natural, "length", "refusal"]))
    stop = Stop(reason=reason)  # type: ignore[arg-type]  # the words of the list above
    return Response(id="resp_1", model="gpt-5.5", blocks=said, stop=stop, usage=draw(st.none() | usages))


def unsealed(response: Response) -> Response:
    """Return the answer without seals, which only the end of an item tells."""
    said = [
        Thinking(text=block.text) if isinstance(block, Thinking) else block
        for block in response.blocks
        if not (isinstance(block, Thinking) and block.sealed)
    ]
    return msgspec.structs.replace(response, blocks=tuple(said))


def answer(response: Response, *, raw: bool = False) -> dict[str, Any]:
    """Return the answer as one JSON object."""
    held = {type(block) for block in response.blocks}
    natural = "tool" if Call in held else "refusal" if Refusal in held else "end"
    reasons = {"length": "max_output_tokens", "refusal": "content_filter"}
    reason = None if response.stop.reason == natural else reasons[response.stop.reason]
    return {
        **_head(response),
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": list(_items(response, raw)),
        "usage": None if response.usage is None else usage(response.usage),
    }


def stream(response: Response, style: Style) -> list[dict[str, Any]]:
    """Return the answer as events."""
    whole = answer(response, raw=style.raw)
    begun = {**_head(response), "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events = [{"type": f"response.{step}", "response": begun} for step in ("created", "in_progress")]
    runs: list[list[tuple[int, dict[str, Any]]]] = []
    for index, item in enumerate(whole["output"]):
        parallel = style.interleaved and item["type"].endswith("_call")
        if parallel and runs and runs[-1][0][1]["type"].endswith("_call"):
            runs[-1].append((index, item))
        else:
            runs.append([(index, item)])
    for run in runs:
        events += _turns([list(_told(index, item, style)) for index, item in run])
    end = whole if style.output else {**whole, "output": []}
    events.append({"type": f"response.{whole['status']}", "response": end})
    if style.numbers:
        return [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return events


def wire(events: list[dict[str, Any]], style: Style = CODEX, *, end: str = "\n", comments: bool = False) -> bytes:
    """Return events as bytes; `end` ends a line."""
    told = []
    for event in events:
        name = f"event: {event['type']}{end}" if style.named else ""
        told.append(f"{name}data: {json.dumps(event, ensure_ascii=False)}{end}{end}")
    if style.finish:
        told.append(f"data: [DONE]{end}{end}")
    if comments:
        told = [piece for one in told for piece in (f": keep-alive{end}{end}", one)]
    return "".join(told).encode()


def usage(told: Usage) -> dict[str, Any]:
    read = told.input + told.cache_read + told.cache_write
    counts: dict[str, Any] = {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": told.cache_read, "cache_write_tokens": told.cache_write},
        "output_tokens": told.output,
        "total_tokens": read + told.output,
    }
    if told.reasoning is not None:
        counts["output_tokens_details"] = {"reasoning_tokens": told.reasoning}
    return counts


def _head(response: Response) -> dict[str, Any]:
    echoed = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "error": None}
    return {"id": response.id, "object": "response", "created_at": 1, "model": response.model, **echoed}


def _items(response: Response, raw: bool) -> Iterator[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for place, block in enumerate(response.blocks):
        if isinstance(block, Text):
            parts.append({"type": "output_text", "text": block.text, "annotations": []})
        elif isinstance(block, Refusal):
            parts.append({"type": "refusal", "refusal": block.text})
        else:
            if parts:
                yield _message(place, parts)
            parts = []
            yield _reasoning(place, block, raw) if isinstance(block, Thinking) else _call(place, block)
    if parts:
        yield _message(len(response.blocks), parts)


def _message(place: int, parts: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"id": f"msg_{place}", "type": "message", "role": "assistant", "status": "completed"}
    return {**head, "content": parts}


def _reasoning(place: int, block: Thinking, raw: bool) -> dict[str, Any]:
    sealed = Item.of(block.signature or block.sealed or "")
    kind, field = ("reasoning_text", "content") if raw else ("summary_text", "summary")
    texts = [{"type": kind, "text": text} for text in block.text.split("\n\n") if text]
    item = {"id": f"rs_{place}", "type": "reasoning", "summary": [], field: texts}
    return item if sealed is None else {**item, "id": sealed.id, "encrypted_content": sealed.encrypted_content}


def _call(place: int, block: Any) -> dict[str, Any]:
    assert isinstance(block, Call)
    kind, said = ("function_call", "arguments") if block.kind == "function" else ("custom_tool_call", "input")
    item = {"id": f"fc_{place}", "type": kind, "call_id": block.id, "name": block.name, said: block.arguments}
    return {**item, "status": "completed"}


class Telling:
    """Tells one item in a style."""

    def __init__(self, index: int, item: dict[str, Any], style: Style) -> None:
        self.index = index
        self.item = item
        self.style = style
        self.number = 0

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.number += 1
        style, ident = self.style, self.item["id"]
        other = f"{ident}_{self.number}" if style.ids == "rotating" else ident
        told: dict[str, Any] = {"type": kind, **fields}
        if "item" in fields:
            # encrypted content holds only under its own id
            told["item"] = {**fields["item"], "id": ident if "encrypted_content" in fields["item"] else other}
        elif style.ids != "none":
            told["item_id"] = other
        if style.indexes != "none":
            told["output_index"] = self.index if style.indexes == "right" else 0
        return told


EMPTY = {"content": [], "summary": [], "arguments": "", "input": "", "status": "in_progress"}
CALLS = (("arguments", "function_call_arguments"), ("input", "custom_tool_call_input"))


def _told(index: int, item: dict[str, Any], style: Style) -> Iterator[dict[str, Any]]:
    """Return the events of an item."""
    event = Telling(index, item, style).event
    begun = {name: EMPTY.get(name, value) for name, value in item.items() if name != "encrypted_content"}
    if style.added:
        yield event("response.output_item.added", item=begun)
    for name, stem in CALLS:
        if name in item:
            for piece in cut(item[name], style.cut) if style.pieces else ():
                yield event(f"response.{stem}.delta", delta=piece)
            if style.whole:
                yield event(f"response.{stem}.done", **{name: item[name]})
    for name in ("summary", "content"):
        for place, part in enumerate(item.get(name, [])):
            yield from _part(event, name, place, part, style)
    if style.done:
        yield event("response.output_item.done", item=item)


def _part(event: Any, name: str, place: int, part: dict[str, Any], style: Style) -> Iterator[dict[str, Any]]:
    stem = {
        "output_text": "output_text",
        "refusal": "refusal",
        "summary_text": "reasoning_summary_text",
        "reasoning_text": "reasoning_text",
    }[part["type"]]
    field = "refusal" if part["type"] == "refusal" else "text"
    where: dict[str, Any] = {"summary_index" if name == "summary" else "content_index": place}
    more: dict[str, Any] = {"logprobs": []} if stem == "output_text" else {}
    around = "reasoning_summary_part" if name == "summary" else "content_part"
    if style.parts:
        yield event(f"response.{around}.added", part={**part, field: ""}, **where)
    for piece in cut(part[field], style.cut) if style.pieces else ():
        yield event(f"response.{stem}.delta", delta=piece, **where, **more)
    if style.whole:
        yield event(f"response.{stem}.done", **{field: part[field]}, **where, **more)
    if style.parts:
        yield event(f"response.{around}.done", part=part, **where)


def _turns(rows: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the events of several items: each begins in turn, then they go on in turn."""
    turns = max(map(len, rows), default=0)
    return [row[turn] for turn in range(turns) for row in rows if turn < len(row)]
