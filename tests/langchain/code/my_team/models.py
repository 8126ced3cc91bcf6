"""Chat models of an operator's own: what they say is decided by the last message."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

from my_team import errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.messages import BaseMessage

USAGE = {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35, "input_token_details": {"cache_read": 10}}
MADE: list[str] = []
"""The models made so far in this process."""


class Parrot(BaseChatModel):
    """Repeats what it is told, word by word. It takes neither tools nor a schema."""

    model: str = ""
    temperature: float | None = None
    voice: str = "plain"

    @property
    def _llm_type(self) -> str:
        return "parrot"

    def model_post_init(self, _: Any) -> None:
        MADE.append(self.model)

    def said(self, messages: list[BaseMessage]) -> str:
        return f"{self.model} in a {self.voice} voice at {self.temperature}: {messages[-1].text}"

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        message = AIMessage(self.said(messages), usage_metadata=USAGE, response_metadata={"finish_reason": "length"})
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for word in self.said(messages).split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(word + " "))
            await asyncio.sleep(0)
        last = AIMessageChunk("", usage_metadata=USAGE, response_metadata={"finish_reason": "length"})
        yield ChatGenerationChunk(message=last)


class Counting(Parrot):
    """Says how many models were made in this process."""

    def said(self, messages: list[BaseMessage]) -> str:
        return f"{len(MADE)} made"


class Worker(BaseChatModel):
    """Does what the first word of the last message says. It takes tools, and through them a schema."""

    max_tokens: int | None = None
    thinking: dict[str, Any] | None = None
    notes: str = ""
    """A file in which is written that a stream was closed."""

    @property
    def _llm_type(self) -> str:
        return "worker"

    def bind_tools(self, tools: Any, *, tool_choice: Any = None, parallel_tool_calls: Any = None, **_: Any) -> Any:
        tools = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=tools, tool_choice=tool_choice, parallel_tool_calls=parallel_tool_calls)

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        raise TypeError("only asynchronously")

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **given: Any
    ) -> ChatResult:
        whole: AIMessageChunk | None = None
        async for chunk in self._astream(messages, stop, **given):
            whole = chunk.message if whole is None else whole + chunk.message
        assert whole is not None
        message = AIMessage(
            content=whole.content,
            tool_calls=whole.tool_calls,
            invalid_tool_calls=whole.invalid_tool_calls,
            usage_metadata=whole.usage_metadata,
            response_metadata=whole.response_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **given: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        word, _, rest = str(messages[-1].text).partition(" ")
        async for message in getattr(self, f"do_{word}")(rest, messages, {"stop": stop, **given}):
            yield ChatGenerationChunk(message=message)

    async def do_see(self, _: str, messages: list[BaseMessage], given: Any) -> AsyncIterator[AIMessageChunk]:
        """Tell what it was given."""
        seen = [
            {"type": one.type, "content": one.content, "calls": getattr(one, "tool_calls", None)} for one in messages
        ]
        given = {**given, "stop": [word[::-1] for word in given["stop"] or ()]}  # backwards: it would end the answer
        told = {"messages": seen, "given": given, "max_tokens": self.max_tokens, "thinking": self.thinking}
        yield AIMessageChunk(json.dumps(told), response_metadata={"stop_reason": "end_turn"})

    async def do_think(self, rest: str, *_: Any) -> AsyncIterator[AIMessageChunk]:
        v1 = {"output_version": "v1"}
        for piece in ("Let me ", "think."):
            yield AIMessageChunk([{"type": "reasoning", "reasoning": piece, "index": 0}], response_metadata=v1)
        signed = {"type": "reasoning", "extras": {"signature": "c2VhbA=="}, "index": 0}
        yield AIMessageChunk([signed], response_metadata=v1)
        yield AIMessageChunk([{"type": "text", "text": rest, "index": 1}], response_metadata=v1)

    async def do_call(self, *_: Any) -> AsyncIterator[AIMessageChunk]:
        """Call two tools at once, their arguments by turns."""
        pieces: list[tuple[int, str | None, str | None, str]] = [
            (0, "call_a", "weather", ""),
            (1, "call_b", "clock", ""),
            (0, None, None, '{"city": '),
            (1, None, None, "{}"),
            (0, None, None, '"Paris"}'),
        ]
        for index, ident, name, args in pieces:
            piece = {"index": index, "id": ident, "name": name, "args": args, "type": "tool_call_chunk"}
            yield AIMessageChunk("", tool_call_chunks=[piece])
        yield AIMessageChunk("", response_metadata={"finish_reason": "tool_calls"}, usage_metadata=USAGE)

    async def do_answer(self, rest: str, _: Any, given: Any) -> AsyncIterator[AIMessageChunk]:
        """Call the tool that it must call, as a model without structured output of its own does."""
        yield AIMessageChunk("Here it is: ")
        name = given["tools"][0]["function"]["name"]
        for ident, called, args in (("call_1", name, '{"city":'), (None, None, f' "{rest}"}}')):
            piece = {"index": 0, "id": ident, "name": called, "args": args, "type": "tool_call_chunk"}
            yield AIMessageChunk("", tool_call_chunks=[piece])

    async def do_wait(self, *_: Any) -> AsyncIterator[AIMessageChunk]:
        """Say a word, and nothing more until it is closed."""
        try:
            yield AIMessageChunk("Wait")
            await asyncio.Event().wait()
        finally:
            Path(self.notes).write_text("closed")

    async def do_silence(self, *_: Any) -> AsyncIterator[AIMessageChunk]:
        await asyncio.Event().wait()
        yield AIMessageChunk("never")

    async def do_fail(self, rest: str, *_: Any) -> AsyncIterator[AIMessageChunk]:
        raise errors.made(rest)
        yield AIMessageChunk("never")

    async def do_break(self, *_: Any) -> AsyncIterator[AIMessageChunk]:
        yield AIMessageChunk("So far ")
        raise errors.made("overloaded")

    async def do_flood(self, rest: str, *_: Any) -> AsyncIterator[AIMessageChunk]:
        """Say much, and note how far it has come."""
        for number in range(int(rest)):
            yield AIMessageChunk("x" * 1000)
            Path(self.notes).write_text(str(number))


class Modest(Worker):
    """Says of itself that its model `plain` takes no tools."""

    model: str = ""

    def model_post_init(self, _: Any) -> None:
        if self.model == "plain":
            self.profile = {"tool_calling": False, "structured_output": False}


class Vectors(Embeddings):
    """Embeds a text as its length and its vowels."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[len(text) * self.scale, float(sum(text.count(vowel) for vowel in "aeiou"))] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


vectors = Vectors(scale=2.0)
