"""What goes wrong once while a client works, in the form of either API; everything else is answered as it should be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from tests.support.answers import chat_events, data, event, message_events
from tests.support.loop import Manner
from tests.support.script import Reply, as_json, as_stream
from tests.support.vendor import strict

if TYPE_CHECKING:
    from tests.support.upstream import Answer

MODEL_PATHS = ("/v1/chat/completions", "/v1/messages")
MANNER = Manner(parallel=2, before="Let me have a look.", thinks=True)


@dataclass(frozen=True)
class Mishap:
    """What an upstream says instead of what it would have said."""

    chat: Reply | None = None
    messages: Reply | None = None
    before: int = 0
    """How many requests are answered well before it."""

    def of(self, api: str) -> Answer:
        """Return how an upstream of `api` answers."""
        bad, well, number = getattr(self, api), strict(MANNER), count()
        return lambda seen: bad if bad and seen.path in MODEL_PATHS and next(number) == self.before else well(seen)


def gpt_error(message: str, kind: str, code: str | None, status: int, *headers: tuple[str, str]) -> Reply:
    return as_json({"error": {"message": message, "type": kind, "param": None, "code": code}}, status, *headers)


def claude_error(message: str, kind: str, status: int, *headers: tuple[str, str]) -> Reply:
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_upstream"}
    return as_json(error, status, *headers)


NONE = Mishap()
TOO_LONG = Mishap(
    gpt_error(
        "This model's maximum context length is 200000 tokens. However, your messages resulted in 212345 tokens. "
        "Please reduce the length of the messages.",
        "invalid_request_error", "context_length_exceeded", 400,
    ),
    claude_error("prompt is too long: 212345 tokens > 200000 maximum", "invalid_request_error", 400),
)  # fmt: skip
TOO_LONG_LATER = replace(TOO_LONG, before=2)
SLOW_DOWN = Mishap(
    gpt_error("Rate limit reached", "requests", "rate_limit_exceeded", 429, ("retry-after", "2")),
    claude_error("Rate limit reached", "rate_limit_error", 429, ("retry-after", "2")),
    before=2,
)
OVERLOADED = Mishap(
    as_stream(
        [*chat_events(["I will"])[:2], data({"error": {"message": "Overloaded", "type": "server_error", "code": None}})]
    ),
    as_stream(
        [*message_events(["I will"])[:4], event("error", error={"type": "overloaded_error", "message": "Overloaded"})]
    ),
    before=2,
)
