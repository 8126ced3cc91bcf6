"""Echo in the form of chat completions (openai 3.54: types/chat/chat_completion.py, chat_completion_chunk.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from engine.dialects import OPENAI
from engine.dialects.sse import frame
from engine.upstreams.drivers.echo.reply import CREATED, Said, Schema, Tool, Use, Wish, mark, say

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = {"done": "stop", "stop": "stop", "length": "length", "tools": "tool_calls"}
DONE = frame(b"[DONE]")
ANY_OBJECT: Schema = {"type": "object", "properties": {"echo": {"type": "string"}}, "required": ["echo"]}
"""What `json_object` is filled with."""


class Part(Struct):
    type: str = "text"
    text: str | None = None


class Message(Struct):
    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The last text: coding agents put their own notes before what the user wrote."""
        if isinstance(self.content, str):
            return self.content
        return next((part.text for part in reversed(self.content or []) if part.text), "")


class Named(Struct):
    name: str = ""
    parameters: dict[str, Any] | None = None


class ToolEntry(Struct):
    type: str = "function"
    function: Named | None = None
    custom: Named | None = None

    @property
    def name(self) -> str:
        return (self.function or self.custom or Named()).name


class Allowed(Struct):
    mode: str = "auto"
    tools: list[ToolEntry] = []


class Choice(ToolEntry):
    allowed_tools: Allowed | None = None


class JsonSchema(Struct):
    schema: dict[str, Any] | bool | None = None


class Format(Struct):
    type: str = "text"
    json_schema: JsonSchema | None = None


class Streaming(Struct):
    include_usage: bool | None = None


class Chat(Struct):
    """A request, as far as echo reads it."""

    messages: list[Message]
    tools: list[ToolEntry] | None = None
    tool_choice: str | Choice | None = None
    functions: list[Named] | None = None
    function_call: str | Named | None = None
    parallel_tool_calls: bool | None = None
    response_format: Format | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stream: bool | None = None
    stream_options: Streaming | None = None

    @property
    def legacy(self) -> bool:
        """The request uses `functions`, as before there were tools."""
        return bool(self.functions) and not self.tools


CHAT = msgspec.json.Decoder(Chat)


def answer(body: bytes, model: str, demo: bool) -> tuple[bool, list[bytes]]:
    """Return whether the answer is a stream, and its pieces. Raises `msgspec.ValidationError`."""
    request = CHAT.decode(body)
    depth = OPENAI.depth("chat", body)
    said = say(wish(request, depth.thinking, depth.max_tokens, demo), mark(body))
    copies = request.n or 1
    usage = used(depth.input_tokens, said, copies)
    head = {
        "id": f"chatcmpl-{mark(body)}",
        "object": "chat.completion.chunk" if request.stream else "chat.completion",
        "created": CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_echo",
    }
    if request.stream:
        options = request.stream_options
        counted = usage if options is not None and options.include_usage else None
        return True, list(chunks(head, said, copies, counted, legacy=request.legacy))
    choices = [
        {
            "index": index,
            "message": message(said, legacy=request.legacy),
            "logprobs": None,
            "finish_reason": finish(said, legacy=request.legacy),
        }
        for index in range(copies)
    ]
    return False, [msgspec.json.encode({**head, "choices": choices, "usage": usage})]


def wish(request: Chat, think: bool, limit: int | None, demo: bool) -> Wish:
    """Say in neutral words what a chat request asks for."""
    last = max((at for at, one in enumerate(request.messages) if one.role == "user"), default=-1)
    since = request.messages[last + 1 :]
    form = request.response_format or Format()
    schema: Schema | None = None
    if form.type == "json_schema":
        schema = form.json_schema.schema if form.json_schema else None
    return Wish(
        prompt=request.messages[last].text if last >= 0 else "",
        results=[one.text for one in since if one.role in ("tool", "function")],
        tools=tools(request),
        choice=choice(request),
        parallel=request.parallel_tool_calls is not False and not request.legacy,
        schema=ANY_OBJECT if schema is None and form.type in ("json_object", "json_schema") else schema,
        stop=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        limit=limit,
        think=think,
        demo=demo,
    )


def tools(request: Chat) -> list[Tool]:
    """Return the declared tools; a custom tool takes plain text."""
    if request.legacy:
        return [Tool(one.name, one.parameters or {}) for one in request.functions or []]
    return [
        Tool(entry.name, None if entry.function is None else entry.function.parameters or {})
        for entry in request.tools or []
        if entry.name
    ]


def choice(request: Chat) -> Any:
    """Return which tools are demanded, in the words of `Wish.choice`."""
    asked = request.function_call if request.legacy else request.tool_choice
    if isinstance(asked, Choice) and asked.allowed_tools is not None:
        if asked.allowed_tools.mode == "required":
            return tuple(entry.name for entry in asked.allowed_tools.tools)
        return "auto"
    if isinstance(asked, (Choice, Named)):
        return (asked.name,)
    return {"none": "none", "required": "any"}.get(asked or "", "auto")


def used(given: int, said: Said, copies: int) -> dict[str, Any]:
    """Return the usage (types/completion_usage.py)."""
    out = said.tokens * copies
    return {
        "prompt_tokens": given,
        "completion_tokens": out,
        "total_tokens": given + out,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": said.thinking_tokens * copies,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def finish(said: Said, *, legacy: bool) -> str:
    return "function_call" if legacy and said.uses else ENDS[said.end]


def message(said: Said, *, legacy: bool) -> dict[str, Any]:
    """Return the message of a whole answer. `reasoning_content` is the extension that most servers have."""
    made: dict[str, Any] = {
        "role": "assistant",
        "content": None if said.uses else "".join(said.text),
        "refusal": None,
        "annotations": [],
    }
    if said.thinking:
        made["reasoning_content"] = "".join(said.thinking)
    if said.uses and legacy:
        made["function_call"] = {"name": said.uses[0].name, "arguments": said.uses[0].arguments}
    elif said.uses:
        made["tool_calls"] = [call(use) for use in said.uses]
    return made


def call(use: Use) -> dict[str, Any]:
    """Return one tool call of a whole answer."""
    if use.plain:
        return {"id": f"call_{use.id}", "type": "custom", "custom": {"name": use.name, "input": use.arguments}}
    function = {"name": use.name, "arguments": use.arguments}
    return {"id": f"call_{use.id}", "type": "function", "function": function}


def chunks(
    head: dict[str, Any], said: Said, copies: int, usage: dict[str, Any] | None, *, legacy: bool
) -> Iterator[bytes]:
    """Yield the events of a stream: role, reasoning, text or tool calls, finish, usage if asked, [DONE]."""
    more = {} if usage is None else {"usage": None}

    def event(delta: dict[str, Any], reason: str | None = None) -> Iterator[bytes]:
        for index in range(copies):
            one = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
            yield frame(msgspec.json.encode({**head, "choices": [one], **more}))

    yield from event({"role": "assistant", "content": "", "refusal": None})
    for piece in said.thinking:
        yield from event({"reasoning_content": piece})
    for piece in said.text:
        yield from event({"content": piece})
    for number, use in enumerate(said.uses):
        for delta in called(use, number, legacy=legacy):
            yield from event(delta)
    yield from event({}, finish(said, legacy=legacy))
    if usage is not None:
        yield frame(msgspec.json.encode({**head, "choices": [], "usage": usage}))
    yield DONE


def called(use: Use, number: int, *, legacy: bool) -> Iterator[dict[str, Any]]:
    """Yield the deltas of one call: its name, then its arguments."""
    if legacy:
        yield {"function_call": {"name": use.name, "arguments": ""}}
        for piece in use.pieces:
            yield {"function_call": {"arguments": piece}}
        return
    kind, field = ("custom", "input") if use.plain else ("function", "arguments")
    first = {"index": number, "id": f"call_{use.id}", "type": kind, kind: {"name": use.name, field: ""}}
    yield {"tool_calls": [first]}
    for piece in use.pieces:
        yield {"tool_calls": [{"index": number, kind: {field: piece}}]}
