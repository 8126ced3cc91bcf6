"""An upstream of the Messages API, by value: whole answers and streams as it writes them, any answer it could give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from engine.chat import Call, Response, Stop, Text, Thinking, Usage

if TYPE_CHECKING:
    from engine.chat import Block

STOPS = {
    "end": "end_turn",
    "length": "max_tokens",
    "sequence": "stop_sequence",
    "tool": "tool_use",
    "refusal": "refusal",
    "pause": "pause_turn",
    "context": "model_context_window_exceeded",
}

words = st.text(min_size=1, max_size=12)
arguments = st.dictionaries(words, st.none() | st.booleans() | st.integers(-9, 9) | words, max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False) if value else ""
)
blocks: st.SearchStrategy[Block] = st.one_of(
    st.builds(Text, text=words),
    st.builds(Thinking, text=words, signature=st.none() | words),
    st.builds(Thinking, signature=words),
    st.builds(Thinking, sealed=words),
    st.builds(Call, id=st.from_regex(r"toolu_[a-z0-9]{1,4}", fullmatch=True), name=words, arguments=arguments),
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


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Draw a normal answer: no block is empty, and calls mean that it stopped for them, or was cut short."""
    said = tuple(draw(st.lists(blocks, max_size=6)))
    called = any(isinstance(block, Call) for block in said)
    reasons = ["tool" if called else "end", "length", "context", "refusal"] + ([] if called else ["pause", "sequence"])
    reason = draw(st.sampled_from(reasons))
    stop = Stop(
        reason=reason,  # type: ignore[arg-type]  # the words of the list above
        sequence=draw(words) if reason == "sequence" else None,
        details={"type": "refusal", "category": None, "explanation": draw(words)} if reason == "refusal" else None,
    )
    return Response(id="msg_1", model="claude-opus-5", blocks=said, stop=stop, usage=draw(usages))


def message(response: Response) -> dict[str, Any]:
    """Return the answer as one JSON object."""
    told = {
        "id": response.id,
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": [_block(block) for block in response.blocks],
        "stop_reason": STOPS[response.stop.reason],
        "stop_sequence": response.stop.sequence,
        "usage": _usage(response.usage) if response.usage else {"input_tokens": 0, "output_tokens": 0},
    }
    return told if response.stop.details is None else {**told, "stop_details": response.stop.details}


def stream(response: Response, cuts: int = 3) -> list[dict[str, Any]]:
    """Return the answer as events, each text in up to `cuts` pieces."""
    whole = message(response)
    usage = whole["usage"]
    opened = {
        **whole,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }
    opened.pop("stop_details", None)
    told: list[dict[str, Any]] = [{"type": "message_start", "message": opened}]
    for index, block in enumerate(response.blocks):
        start, deltas = _pieces(block, cuts)
        told.append({"type": "content_block_start", "index": index, "content_block": start})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    end = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details") if name in whole}
    told.append({"type": "message_delta", "delta": end, "usage": usage})
    return [*told, {"type": "message_stop"}]


def wire(events: list[dict[str, Any]], end: str = "\n", named: bool = True) -> bytes:
    """Return events as bytes; `end` ends a line, `named` says whether each has its `event:` line."""
    told = ""
    for event in events:
        name = f"event: {event['type']}{end}" if named else ""
        told += f"{name}data: {json.dumps(event, ensure_ascii=False)}{end}{end}"
    return told.encode()


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    if isinstance(block, Call):
        given = json.loads(block.arguments or "{}")
        return {"type": "tool_use", "id": block.id, "name": block.name, "input": given}
    assert isinstance(block, Thinking)
    if block.sealed is not None:
        return {"type": "redacted_thinking", "data": block.sealed}
    return {"type": "thinking", "thinking": block.text, "signature": block.signature or ""}


def _pieces(block: Block, cuts: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return how a block starts, and what is added to it."""
    told = _block(block)
    if isinstance(block, Text):
        return {**told, "text": ""}, [{"type": "text_delta", "text": one} for one in _cut(block.text, cuts)]
    if isinstance(block, Call):
        parts = ["", *_cut(block.arguments, cuts)]
        return {**told, "input": {}}, [{"type": "input_json_delta", "partial_json": one} for one in parts]
    assert isinstance(block, Thinking)
    if block.sealed is not None:
        return told, []
    deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": one} for one in _cut(block.text, cuts)]
    if block.signature:
        deltas.append({"type": "signature_delta", "signature": block.signature})
    return {"type": "thinking", "thinking": "", "signature": ""}, deltas


def _cut(text: str, cuts: int) -> list[str]:
    size = max(1, -(-len(text) // cuts))
    return [text[at : at + size] for at in range(0, len(text), size)]


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
        "output_tokens": usage.output,
        "output_tokens_details": None if usage.reasoning is None else {"thinking_tokens": usage.reasoning},
    }
