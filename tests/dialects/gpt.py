"""An upstream of the chat API, by value: whole answers and streams as servers write them, strict or careless."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from engine.chat import Call, Refusal, Response, Stop, Text, Thinking, Usage

if TYPE_CHECKING:
    from engine.chat import Block

FINISHES = {"end": "stop", "length": "length", "tool": "tool_calls", "refusal": "content_filter"}

words = st.text(min_size=1, max_size=12)
names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
objects = st.dictionaries(words, st.none() | st.booleans() | st.integers(-9, 9) | words, min_size=1, max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False)
)
counts = st.integers(0, 999)
usages = st.builds(
    lambda reasoning, more, **given: Usage(**given, reasoning=reasoning, output=(reasoning or 0) + more),
    input=counts,
    cache_read=counts,
    cache_write=counts,
    reasoning=st.none() | counts,
    more=counts,
)


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How a server streams."""

    indexed: bool = True
    """Fragments of calls carry their index."""
    repeats: bool = False
    """Every fragment carries the id and the name of its call."""
    interleaved: bool = False
    """Fragments of several calls come in turn."""
    reasoning: str = "reasoning_content"
    crowded: bool = False
    """As much as possible comes in one delta."""
    usage: str = "after"
    """Where the usage stands: after, finish, every, never."""
    done: bool = True
    """[DONE] ends the stream."""
    finish: bool = True
    """A finish_reason comes before [DONE]."""
    cut: int = 3
    """Characters in a piece of text."""


@st.composite
def styles(draw: st.DrawFn) -> Style:
    indexed = draw(st.booleans())
    done = draw(st.booleans())
    return Style(
        indexed=indexed,
        repeats=draw(st.booleans()),
        interleaved=indexed and draw(st.booleans()),
        reasoning=draw(st.sampled_from(["reasoning_content", "reasoning", "reasoning_details"])),
        crowded=draw(st.booleans()),
        usage=draw(st.sampled_from(["after", "finish", "every"])),
        done=done,
        finish=True,
        cut=draw(st.integers(1, 9)),
    )


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Draw an answer: reasoning, text, a refusal, calls, each there or not."""
    blocks: list[Block] = []
    if draw(st.booleans()):
        blocks.append(Thinking(text=draw(words)))
    if draw(st.booleans()):
        blocks.append(Text(text=draw(words)))
    refused = draw(st.booleans())
    if refused:
        blocks.append(Refusal(text=draw(words)))
    calls = draw(st.lists(st.builds(Call, name=names, id=st.just(""), arguments=objects), max_size=3))
    blocks += [msgspec.structs.replace(call, id=f"call_{place}") for place, call in enumerate(calls)]
    reason = draw(st.sampled_from(["tool" if calls else "refusal" if refused else "end", "length", "refusal"]))
    stop = Stop(reason=reason)  # type: ignore[arg-type]  # the words of the list above
    return Response(id="chatcmpl-1", model="gpt-5.5", blocks=tuple(blocks), stop=stop, usage=draw(usages))


def completion(response: Response, reasoning: str = "reasoning_content") -> dict[str, Any]:
    """Return the answer as one JSON object."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    calls = [_call(block) for block in response.blocks if isinstance(block, Call)]
    for block in response.blocks:
        if isinstance(block, Thinking):
            message |= _reasoning(reasoning, block.text)
        elif isinstance(block, Text):
            message["content"] = block.text
        elif isinstance(block, Refusal):
            message["refusal"] = block.text
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISHES[response.stop.reason]}
    told = {"id": response.id, "object": "chat.completion", "created": 1, "model": response.model, "choices": [choice]}
    return told | ({"usage": usage(response.usage)} if response.usage else {})


def stream(response: Response, style: Style) -> list[dict[str, Any]]:
    """Return the answer as chunks."""
    deltas = [{"role": "assistant", "content": ""}, *_said(response, style), *_called(response, style)]
    if style.crowded:
        deltas = _crowded(deltas)
    chunks = [_chunk(response, delta) for delta in deltas]
    if style.finish:
        chunks.append(_chunk(response, {}, FINISHES[response.stop.reason]))
    if response.usage is not None and style.usage == "every":
        for place, chunk in enumerate(chunks):
            part = Usage(input=response.usage.input, output=place)
            chunk["usage"] = usage(response.usage if place == len(chunks) - 1 else part)
    elif response.usage is not None and style.usage == "finish":
        chunks[-1]["usage"] = usage(response.usage)
    elif response.usage is not None and style.usage == "after":
        chunks.append({**_chunk(response, {}), "choices": [], "usage": usage(response.usage)})
    return chunks


def wire(chunks: list[dict[str, Any]], *, done: bool = True, end: str = "\n", comments: bool = False) -> bytes:
    """Return chunks as bytes; `end` ends a line."""
    told = [f"data: {json.dumps(chunk, ensure_ascii=False)}{end}{end}" for chunk in chunks]
    if done:
        told.append(f"data: [DONE]{end}{end}")
    if comments:
        told = [piece for one in told for piece in (f": keep-alive{end}{end}", one)]
    return "".join(told).encode()


def usage(told: Usage) -> dict[str, Any]:
    prompt = told.input + told.cache_read + told.cache_write
    details = {"cached_tokens": told.cache_read, "cache_write_tokens": told.cache_write}
    counts: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": told.output}
    counts |= {"total_tokens": prompt + told.output, "prompt_tokens_details": details}
    if told.reasoning is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": told.reasoning}
    return counts


def _chunk(response: Response, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": response.id,
        "object": "chat.completion.chunk",
        "created": 1,
        "model": response.model,
        "choices": [choice],
    }


def _reasoning(form: str, text: str) -> dict[str, Any]:
    if form == "reasoning_details":
        return {form: [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]}
    return {form: text}


def _said(response: Response, style: Style) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = []
    for block in response.blocks:
        if isinstance(block, Thinking):
            deltas += [_reasoning(style.reasoning, piece) for piece in cut(block.text, style.cut)]
        elif isinstance(block, Text):
            deltas += [{"content": piece} for piece in cut(block.text, style.cut)]
        elif isinstance(block, Refusal):
            deltas += [{"refusal": piece} for piece in cut(block.text, style.cut)]
    return deltas


def _called(response: Response, style: Style) -> list[dict[str, Any]]:
    """Return the fragments of the calls: an opening one each, then the arguments piece by piece."""
    rows = []
    for place, call in enumerate(block for block in response.blocks if isinstance(block, Call)):
        index = {"index": place} if style.indexed else {}
        whole = _call(call)
        opening = {**index, **whole, "function": {"name": call.name, "arguments": ""}}
        again = {**index, **({"id": call.id} if style.repeats else {})}
        name = {"name": call.name} if style.repeats else {}
        pieces = [{**again, "function": {**name, "arguments": piece}} for piece in cut(call.arguments, style.cut)]
        rows.append([opening, *pieces])
    if style.interleaved:
        turns = max(map(len, rows), default=0)
        listed = [row[turn] for turn in range(turns) for row in rows if turn < len(row)]
    else:
        listed = [fragment for row in rows for fragment in row]
    return [{"tool_calls": [fragment]} for fragment in listed]


def _crowded(deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put neighbours that say different things into one delta."""
    merged: list[dict[str, Any]] = []
    for delta in deltas:
        if merged and not merged[-1].keys() & delta.keys() and "refusal" not in merged[-1]:
            merged[-1] = {**merged[-1], **delta}
        else:
            merged.append(delta)
    return merged


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
