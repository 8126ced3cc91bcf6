"""Kind `openai`: OpenAI itself and every server that speaks its API."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from engine.diagnostics import Flaw
from engine.upstreams.base import BaseUrl, Remote

if TYPE_CHECKING:
    from engine.chat import Language
    from engine.secret import Secret
    from engine.upstreams.base import Driver

HOME = "api.openai.com"
"""Where all APIs are spoken; other servers are only known to have the older ones."""

Spoken = Literal["responses", "chat", "completions", "embeddings", "realtime"]
ALL: tuple[Spoken, ...] = ("responses", "chat", "completions", "embeddings", "realtime")
OLDER: tuple[Spoken, ...] = ("chat", "completions", "embeddings")


def no_apis(apis: list[object]) -> Flaw | None:
    """Return why there can be no empty list of APIs, and none with an API twice; other items are told by type."""
    if not apis:
        return Flaw("is empty, so nothing could be asked", "name APIs, or leave it out")
    names = [api for api in apis if isinstance(api, str)]
    return Flaw("names an API twice", "name each once") if len(set(names)) < len(names) else None


class OpenAI(Remote, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="openai"):
    """OpenAI, or any server that speaks its API (Ollama, vLLM, Groq, OpenRouter, ...)."""

    base_url: BaseUrl = "https://api.openai.com/v1"
    apis: Annotated[
        Annotated[list[Spoken], Meta(extra={"flaw": no_apis})] | None,
        Meta(
            description="The APIs it speaks; a conversation in another API is translated into the first of chat and "
            "responses. Absent: all at api.openai.com, all but responses and realtime elsewhere"
        ),
    ] = None

    websocket: Annotated[
        bool | None,
        Meta(
            description="Whether its Responses API is asked over WebSocket for clients that come by one. Absent: at "
            "api.openai.com; one that refuses is asked by POST"
        ),
    ] = None

    @property
    def sockets(self) -> bool:
        return self.websocket if self.websocket is not None else is_home(self.base_url)

    @property
    def speaks(self) -> tuple[Language, ...]:
        apis = self.apis if self.apis is not None else known(self.base_url)
        return tuple(one for api in apis for one in ((api, "input_tokens") if api == "responses" else (api,)))

    def build(self, name: str, api_key: Secret | None) -> Driver:
        """Make the live driver. Raises `ValueError` when the options cannot work."""
        from engine.upstreams.drivers.openai import OpenAIDriver

        return OpenAIDriver(name, self, api_key)


@lru_cache(256)
def known(base_url: str) -> tuple[Spoken, ...]:
    """Return what a server at `base_url` is known to speak."""
    return ALL if is_home(base_url) else OLDER


@lru_cache(256)
def is_home(base_url: str) -> bool:
    """Say whether `base_url` is OpenAI's own."""
    host = urlsplit(base_url).hostname or ""
    return host == HOME or host.endswith(f".{HOME}")
