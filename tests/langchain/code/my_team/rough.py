"""Code that does what code should not: it ends the process, says what is no text, blocks, or gives out nonsense."""

from __future__ import annotations

import sys
import time
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class MuteError(Exception):
    """Cannot even be told."""

    def __str__(self) -> str:
        raise ValueError("no words")


class Rough(BaseChatModel):
    """Does what the last message says, synchronously."""

    @property
    def _llm_type(self) -> str:
        return "rough"

    def _generate(self, messages: list[Any], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        word, _, rest = messages[-1].text.partition(" ")
        content: Any = word
        if word == "exit":
            sys.exit(3)
        if word == "odd":
            raise ValueError("\ud800 is no text")
        if word == "mute":
            raise MuteError
        if word == "half":
            content = "a\ud800b \ud83d\ude00"
        if word == "sleep":
            time.sleep(float(rest))
        if word == "muse":
            thought = {"type": "thinking", "thinking": "hm", "signature": "c2VhbA=="}
            content = [thought, {"type": "text", "text": "mused"}]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content))])


class Nonsense(Embeddings):
    """Gives what the text says in place of a vector."""

    answers: dict[str, Any] = {  # noqa: RUF012 - a table
        "few": [],
        "nan": [[float("nan")]],
        "words": [["a", "b"]],
        "empty": [[]],
        "good": [[1, 2.5]],
    }

    def embed_documents(self, texts: list[str]) -> Any:
        return self.answers[texts[0]]

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError


def leave() -> str:
    """End the process."""
    sys.exit(3)


async def quit_at_once() -> str:
    """End the process from the loop."""
    sys.exit(4)


def half() -> str:
    """Return what is no text."""
    return "a\ud800b"
