"""Kind `openai`: OpenAI itself and every server that speaks its API."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from engine.chat import Api
from engine.upstreams.base import BaseUrl, Remote

if TYPE_CHECKING:
    from engine.secret import Secret
    from engine.upstreams.base import Driver


class OpenAI(Remote, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="openai"):
    """OpenAI, or any server that speaks its API (Ollama, vLLM, Groq, OpenRouter, ...)."""

    speaks: ClassVar[tuple[Api, ...]] = ("chat", "completions", "embeddings")

    base_url: BaseUrl = "https://api.openai.com/v1"

    def build(self, name: str, api_key: Secret | None) -> Driver:
        """Make the live driver. Raises `ValueError` when the options cannot work."""
        from engine.upstreams.drivers.openai import OpenAIDriver

        return OpenAIDriver(name, self, api_key)
