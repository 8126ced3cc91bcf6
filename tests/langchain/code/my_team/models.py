"""Chat models that answer by a script in the last message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.messages import BaseMessage

USAGE = {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35, "input_token_details": {"cache_read": 10}}


class Parrot(BaseChatModel):
    """Repeats what it is told, word by word. It takes neither tools nor a schema."""

    model: str = ""
    temperature: float | None = None
    voice: str = "plain"

    @property
    def _llm_type(self) -> str:
        return "parrot"

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
