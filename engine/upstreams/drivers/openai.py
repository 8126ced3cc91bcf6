"""OpenAI itself and every server that speaks its API: a bearer token, the bytes as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.upstreams.drivers.remote import RemoteDriver

if TYPE_CHECKING:
    from engine.chat import Api


class OpenAIDriver(RemoteDriver):
    """A live upstream of kind `openai`."""

    dialect: str = "openai"
    apis: frozenset[Api] = frozenset({"responses", "input_tokens", "chat", "completions", "embeddings"})

    @classmethod
    def credential(cls, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}
