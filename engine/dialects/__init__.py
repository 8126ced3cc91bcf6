"""The dialects and the codecs. Adding one: its file, and its place in DIALECTS or CODECS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects.anthropic_messages import AnthropicMessages
from engine.dialects.chat.codec import CHAT
from engine.dialects.messages.codec import MESSAGES
from engine.dialects.openai_chat import OpenAIChat

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.chat import Api
    from engine.dialects.base import Dialect, Endpoint
    from engine.dialects.codec import Codec

OPENAI = OpenAIChat()
ANTHROPIC = AnthropicMessages()

DIALECTS: tuple[Dialect, ...] = (OPENAI, ANTHROPIC)

ENDPOINTS: dict[str, tuple[Dialect, Endpoint]] = {
    endpoint.path: (dialect, endpoint) for dialect in DIALECTS for endpoint in dialect.endpoints
}
"""Canonical path -> who owns it."""

CODECS: dict[str, Codec] = {codec.api: codec for codec in (CHAT, MESSAGES)}
"""The APIs that carry conversations, by name: each is translated into each other."""
ESTIMATED = "count_tokens"
"""The API that is answered by an estimate of ours where an upstream of another API would have to count."""


def crossing(api: str | None, speaks: Collection[Api]) -> Api | None:
    """Return the API into which a request of `api` is translated for an upstream that speaks `speaks`.

    None: it needs no translation, or there is none.
    """
    if api in speaks or (api not in CODECS and api != ESTIMATED):
        return None
    return next((one for one in speaks if one in CODECS), None)
