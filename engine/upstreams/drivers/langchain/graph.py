"""A compiled LangGraph graph: its state has `messages`, and what its models say in it is the answer.

Nothing of LangGraph is imported: who has a graph has imported it. Facts: langgraph 1.2 (pregel/main.py, stream_mode
"messages": each item is a message, or a chunk of one, and where it comes from; a model whose run is tagged `nostream`
is not told).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.messages.ai import add_ai_message_chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from engine.chat import Event
    from engine.upstreams.drivers.langchain.telling import Telling


def is_graph(found: object) -> bool:
    """Say whether `found` is a compiled graph."""
    return any(kind.__name__ == "Pregel" and kind.__module__.startswith("langgraph.") for kind in type(found).__mro__)


def talks(graph: Any) -> bool:
    """Say whether the state of `graph` holds a conversation."""
    return "messages" in getattr(graph, "channels", {})


async def told(
    graph: Any, messages: list[BaseMessage], config: RunnableConfig, telling: Telling
) -> AsyncGenerator[list[Event], None]:
    """Yield what the graph says. Calls of tools that the graph itself answers are its own affair.

    A graph with a checkpointer starts a thread of its own for every request: the client sends the whole conversation.
    """
    config = {**config, "configurable": {**config.get("configurable", {}), "thread_id": secrets.token_hex(16)}}
    for message in messages:
        message.id = message.id or secrets.token_hex(8)  # so that they are known again where a node returns them
    known = {message.id for message in messages}
    waiting: dict[str, AIMessage] = {}
    last: str | None = None
    async for message, _ in graph.astream({"messages": messages}, config, stream_mode="messages"):
        if isinstance(message, ToolMessage):
            waiting = {key: one for key, one in waiting.items() if not answers(message, one)}
        elif isinstance(message, AIMessage) and message.id not in known:
            key = message.id or ""
            if key != last:
                telling.apart()
            last = key
            if has_calls(message):
                waiting[key] = added(waiting.get(key), message)
            if events := telling.hear(quiet(message)):
                yield events
    for message in waiting.values():
        if events := telling.hear(only_calls(message)):
            yield events


def added(before: AIMessage | None, message: AIMessage) -> AIMessage:
    """Return a message so far with its next chunk."""
    if isinstance(before, AIMessageChunk) and isinstance(message, AIMessageChunk):
        return add_ai_message_chunks(before, message)
    return message


def has_calls(message: AIMessage) -> bool:
    return bool(message.tool_calls or message.invalid_tool_calls or getattr(message, "tool_call_chunks", None))


def answers(result: ToolMessage, message: AIMessage) -> bool:
    return any(call["id"] == result.tool_call_id for call in message.tool_calls)


def quiet(message: AIMessage) -> AIMessage:
    """Return `message` without its calls: until the graph has ended nobody knows whose they are."""
    if not has_calls(message):
        return message
    nothing: dict[str, Any] = {"tool_calls": [], "invalid_tool_calls": [], "tool_call_chunks": []}
    return message.model_copy(update={name: value for name, value in nothing.items() if hasattr(message, name)})


def only_calls(message: AIMessage) -> AIMessage:
    return AIMessage(content="", tool_calls=message.tool_calls, invalid_tool_calls=message.invalid_tool_calls)
