"""Echo in the form of messages (anthropic 2.12: types/message.py, raw_message_stream_event.py)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from engine.dialects import ANTHROPIC
from engine.dialects.sse import frame
from engine.upstreams.drivers.echo.reply import Said, Tool, Wish, mark, say

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = {"done": "end_turn", "stop": "stop_sequence", "length": "max_tokens", "tools": "tool_use"}


class Block(Struct):
    type: str = "text"
    text: str | None = None
    content: str | list[Block] | None = None


class Message(Struct):
    role: str
    content: str | list[Block] | None = None

    @property
    def results(self) -> list[str]:
        """What tools answered in this message."""
        blocks = self.content if isinstance(self.content, list) else []
        return [written(block.content) for block in blocks if block.type == "tool_result"]


class ToolEntry(Struct):
    name: str = ""
    type: str | None = None
    input_schema: dict[str, Any] | None = None
    defer_loading: bool | None = None


class Choice(Struct):
    type: str = "auto"
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Format(Struct):
    schema: dict[str, Any] | bool = True


class OutputConfig(Struct):
    format: Format | None = None


class Thinking(Struct):
    display: str | None = None


class Messages(Struct):
    """A request, as far as echo reads it."""

    messages: list[Message]
    tools: list[ToolEntry] | None = None
    tool_choice: Choice | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    stop_sequences: list[str] | None = None
    thinking: Thinking | None = None
    stream: bool | None = None


MESSAGES = msgspec.json.Decoder(Messages)


def answer(body: bytes, model: str, demo: bool) -> tuple[bool, list[bytes]]:
    """Return whether the answer is a stream, and its pieces. Raises `msgspec.ValidationError`."""
    request = MESSAGES.decode(body)
    depth = ANTHROPIC.depth("messages", body)
    seed = mark(body)
    said = say(wish(request, depth.thinking, depth.max_tokens, demo), seed)
    head = {"id": f"msg_{seed}", "type": "message", "role": "assistant", "model": model}
    shown = not (request.thinking and request.thinking.display == "omitted")
    if request.stream:
        return True, list(events(head, said, seed, depth.input_tokens, shown=shown))
    whole = {
        **head,
        "content": [block for block, _ in blocks(said, seed, shown=shown)],
        "stop_reason": ENDS[said.end],
        "stop_sequence": said.stopped_by,
        "usage": used(depth.input_tokens, said.tokens),
    }
    return False, [msgspec.json.encode(whole)]


def count(body: bytes, _model: str, _demo: bool) -> tuple[bool, list[bytes]]:
    """Return that the answer is no stream, and its one piece: the same count that a message's usage has."""
    MESSAGES.decode(body)
    return False, [msgspec.json.encode({"input_tokens": ANTHROPIC.depth("count_tokens", body).input_tokens})]


def wish(request: Messages, think: bool, limit: int | None, demo: bool) -> Wish:
    """Say in neutral words what a messages request asks for."""
    users = [one for one in request.messages if one.role == "user"]
    last = max((at for at, one in enumerate(users) if not one.results and written(one.content)), default=-1)
    choice = request.tool_choice or Choice()
    form = (request.output_config.format if request.output_config else None) or request.output_format
    demanded: Any = {"any": "any", "none": "none"}.get(choice.type, "auto")
    return Wish(
        prompt=written(users[last].content) if last >= 0 else "",
        results=[result for one in users[last + 1 :] for result in one.results],
        tools=[
            Tool(one.name, one.input_schema or {})
            for one in request.tools or []
            if one.name and not one.defer_loading and (one.input_schema is not None or one.name == choice.name)
        ],
        choice=(choice.name or "",) if choice.type == "tool" else demanded,
        parallel=not choice.disable_parallel_tool_use,
        schema=form.schema if form else None,
        stop=request.stop_sequences or [],
        limit=limit,
        think=think,
        demo=demo,
    )


def written(content: str | list[Block] | None) -> str:
    """Return the last text of some content: coding agents put their own notes before what the user wrote."""
    if isinstance(content, str):
        return content
    return next((block.text for block in reversed(content or []) if block.text), "")


def used(given: int, out: int) -> dict[str, Any]:
    """Return the usage (types/usage.py): no cache here."""
    return {
        "input_tokens": given,
        "output_tokens": out,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
    }


def blocks(said: Said, seed: str, *, shown: bool) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield each content block whole, and the deltas that build it up from an empty one."""
    if said.thinking:
        pieces = said.thinking if shown else []
        signature = base64.b64encode(f"echo {seed}".encode()).decode()
        yield (
            {"type": "thinking", "thinking": "".join(pieces), "signature": signature},
            [
                *({"type": "thinking_delta", "thinking": piece} for piece in pieces),
                {"type": "signature_delta", "signature": signature},
            ],
        )
    if said.text:
        yield (
            {"type": "text", "text": "".join(said.text), "citations": None},
            [{"type": "text_delta", "text": piece} for piece in said.text],
        )
    for use in said.uses:
        yield (
            {
                "type": "tool_use",
                "id": f"toolu_{use.id}",
                "name": use.name,
                "input": msgspec.json.decode(use.arguments),
            },
            [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *use.pieces]],
        )


EMPTY: dict[str, dict[str, Any]] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
}
"""What a block starts as."""


def events(head: dict[str, Any], said: Said, seed: str, given: int, *, shown: bool) -> Iterator[bytes]:
    """Yield the events of a stream, message_start to message_stop."""

    def event(kind: str, **fields: Any) -> bytes:
        return frame(msgspec.json.encode({"type": kind, **fields}), kind.encode())

    start = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": used(given, 1)}
    yield event("message_start", message=start)
    yield event("ping")
    for index, (block, deltas) in enumerate(blocks(said, seed, shown=shown)):
        yield event("content_block_start", index=index, content_block={**block, **EMPTY[block["type"]]})
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    end = {"stop_reason": ENDS[said.end], "stop_sequence": said.stopped_by}
    usage = {name: value for name, value in used(given, said.tokens).items() if name.endswith("_tokens")}
    yield event("message_delta", delta=end, usage=usage)
    yield event("message_stop")
