"""The dialects. Adding one: its file, and its place in DIALECTS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects.anthropic_messages import AnthropicMessages
from engine.dialects.openai_chat import OpenAIChat

if TYPE_CHECKING:
    from engine.dialects.base import Dialect, Endpoint

OPENAI = OpenAIChat()
ANTHROPIC = AnthropicMessages()

DIALECTS: tuple[Dialect, ...] = (OPENAI, ANTHROPIC)

ENDPOINTS: dict[str, tuple[Dialect, Endpoint]] = {
    endpoint.path: (dialect, endpoint) for dialect in DIALECTS for endpoint in dialect.endpoints
}
"""Canonical path -> who owns it."""
