"""The dialects and the codecs. Adding one: its file, and its place in DIALECTS, CODECS or CLIENTS."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from engine.chat import Problem
from engine.dialects.anthropic_messages import AnthropicMessages
from engine.dialects.body import FIELDS
from engine.dialects.chat.codec import CHAT
from engine.dialects.completions.codec import COMPLETIONS
from engine.dialects.messages.codec import MESSAGES
from engine.dialects.neutral.codec import NEUTRAL
from engine.dialects.neutral.gauge import GAUGE
from engine.dialects.openai_chat import OpenAIChat
from engine.dialects.openai_responses import OpenAIResponses
from engine.dialects.responses.codec import RESPONSES as RESPONSES_CODEC

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.chat import Api, Language
    from engine.dialects.base import Dialect, Endpoint, Peek
    from engine.dialects.codec import Client, Codec
    from engine.dialects.meter import Gauge

OPENAI = OpenAIChat()
RESPONSES = OpenAIResponses()
ANTHROPIC = AnthropicMessages()

DIALECTS: tuple[Dialect, ...] = (OPENAI, RESPONSES, ANTHROPIC)

ENDPOINTS: dict[str, tuple[Dialect, Endpoint]] = {
    endpoint.path: (dialect, endpoint) for dialect in DIALECTS for endpoint in dialect.endpoints
}
"""Canonical path -> who owns it."""
OWNERS: dict[str, Dialect] = {endpoint.api: dialect for dialect, endpoint in ENDPOINTS.values()}
METERED = frozenset(one.api for dialect, one in ENDPOINTS.values() if dialect.gauge(one.api) is not None)
"""The APIs whose answers take tokens."""

CODECS: dict[str, Codec] = {codec.api: codec for codec in (CHAT, MESSAGES, RESPONSES_CODEC)}
"""The APIs that carry conversations, by name: each is translated into each other."""
CLIENTS: dict[str, Client] = {**CODECS, COMPLETIONS.api: COMPLETIONS}
"""What clients can ask in of an upstream that does not speak it: those, and legacy completions."""
ASKED_IN: dict[str, Codec] = {**CODECS, NEUTRAL.api: NEUTRAL}
"""What an upstream can be asked in: those, and the vocabulary between them, for upstreams inside Turnout."""


def gauge(api: Language) -> Gauge | None:
    """Return where answers in `api` tell their usage; None for what uses no tokens."""
    return GAUGE if api == NEUTRAL.api else OWNERS[api].gauge(cast("Api", api))


def opened(api: Api, body: bytes) -> Peek:
    """Open a request that came to the endpoint of `api`, its shape checked.

    To chat completions Cursor sends requests of the Responses API (forum.cursor.com/t/159298): they are opened as what
    they are. Raises `Problem` (400).
    """
    try:
        return OWNERS[api].peek(api, body)
    except Problem as problem:
        if api != "chat" or problem.param != "messages":
            raise
        fields = FIELDS.decode(body)
        if "input" not in fields or "messages" in fields:
            raise
        return msgspec.structs.replace(RESPONSES.peek("responses", body), form="responses")


COUNTS: dict[str, Api] = {"count_tokens": "messages", "input_tokens": "responses"}
"""The APIs that count the input of a conversation -> the API in whose form it is sent."""


def crossing(api: str | None, speaks: Collection[Language], form: str | None = None) -> Language | None:
    """Return the API into which a request of `api` is translated for an upstream that speaks `speaks`.

    `speaks` is in the order of preference. `form` is the API whose body was sent, where it is not that of `api`: its
    answer is translated even where its body passes. None: it needs no translation, or there is none.
    """
    if api in COUNTS:
        return None if api in speaks else next((one for one in speaks if one in COUNTS), _spoken(speaks))
    if api not in CLIENTS or (api in speaks and form in (None, api)):
        return None
    return next((one for one in speaks if one == form), _spoken(speaks))


def is_estimated(api: str | None, into: str | None) -> bool:
    """Say whether the count that `api` asks for is ours, because no upstream is asked in `into` that could count."""
    return api in COUNTS and into is not None and into not in COUNTS


def _spoken(speaks: Collection[Language]) -> Language | None:
    return next((one for one in speaks if one in ASKED_IN), None)
