"""A compiled LangGraph graph: its state has `messages`, and what its models say in it is the answer.

Nothing of LangGraph is imported: who has a graph has imported it. Facts: langgraph 1.2 (pregel/main.py, stream_mode
"messages": each item is a message, or a chunk of one, and where it comes from; a model whose run is tagged `nostream`
is not told; "updates": what a node has made of the state, `__interrupt__` where the graph stops to ask).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.messages.ai import add_ai_message_chunks

from engine.upstreams.drivers.langchain.closing import closing

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
    listener = Listener(messages, telling)
    modes = ["messages", "updates"]
    async with closing(graph.astream({"messages": messages}, config, stream_mode=modes)) as stream:
        async for mode, told_of in stream:
            if mode == "updates":
                refuse_questions(told_of)
            elif events := listener.hear(told_of[0]):
                yield events
    if events := listener.left():
        yield events


def refuse_questions(update: dict[str, Any]) -> None:
    """Raise `NotImplementedError` where the graph has stopped to ask somebody (`interrupt`)."""
    for question in update.get("__interrupt__", ()):
        asked = repr(getattr(question, "value", question))
        raise NotImplementedError(f"the graph waits for an answer that no client can give (`interrupt`): {asked}")


class Listener:
    """Hears what a graph says, and keeps its calls back until it is known whose they are."""

    def __init__(self, messages: list[BaseMessage], telling: Telling) -> None:
        self._known = {message.id for message in messages}
        self._telling = telling
        self._last: str | None = None
        self._calling: dict[str, AIMessage] = {}
        """The messages with calls, by their ids."""
        self._answered: set[str | None] = set()
        """The calls that the graph has answered itself."""

    def hear(self, message: BaseMessage) -> list[Event]:
        """Return the events of a message, or of a chunk of one, but for its calls."""
        if isinstance(message, ToolMessage):
            self._answered.add(message.tool_call_id)
        if not isinstance(message, AIMessage) or message.id in self._known:
            return []
        key = message.id or ""
        if key != self._last:
            self._telling.apart()
        self._last = key
        if has_calls(message):
            self._calling[key] = added(self._calling.get(key), message)
        return self._telling.hear(quiet(message))

    def left(self) -> list[Event]:
        """Return the events of the calls that the graph leaves to the client."""
        events: list[Event] = []
        for message in self._calling.values():
            calls = [call for call in message.tool_calls if call["id"] not in self._answered]
            broken = [call for call in message.invalid_tool_calls if call["id"] not in self._answered]
            if calls or broken:
                events += self._telling.hear(AIMessage(content="", tool_calls=calls, invalid_tool_calls=broken))
        return events


def added(before: AIMessage | None, message: AIMessage) -> AIMessage:
    """Return a message so far with its next chunk."""
    if isinstance(before, AIMessageChunk) and isinstance(message, AIMessageChunk):
        return add_ai_message_chunks(before, message)
    return message


def has_calls(message: AIMessage) -> bool:
    return bool(message.tool_calls or message.invalid_tool_calls or getattr(message, "tool_call_chunks", None))


def quiet(message: AIMessage) -> AIMessage:
    """Return `message` without its calls: until the graph has ended nobody knows whose they are."""
    if not has_calls(message):
        return message
    nothing: dict[str, Any] = {"tool_calls": [], "invalid_tool_calls": [], "tool_call_chunks": []}
    return message.model_copy(update={name: value for name, value in nothing.items() if hasattr(message, name)})
