"""What goes wrong once while a client works, in the form of each API; everything else is answered as it should be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from tests.support.answers import chat_events, message_events
from tests.support.events import data, event
from tests.support.items import item_events, message_item, numbered, opened, response_of
from tests.support.loop import Manner
from tests.support.script import Reply, as_json, as_stream
from tests.support.vendor import strict

if TYPE_CHECKING:
    from tests.support.upstream import Answer, Seen

PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
"""API -> where a model is asked."""
APIS = {path: api for api, path in PATHS.items()}
MANNER = Manner(parallel=2, before="Let me have a look.", thinks=True)


@dataclass(frozen=True)
class Mishap:
    """What an upstream says instead of what it would have said."""

    chat: Reply | None = None
    messages: Reply | None = None
    responses: Reply | None = None
    before: int = 0
    """How many requests are answered well before it."""

    def answer(self) -> Answer:
        """Return how an upstream answers in whose work it comes up."""
        well, number = strict(MANNER), count()

        def answer(seen: Seen) -> Reply:
            bad = getattr(self, APIS[seen.path]) if seen.path in APIS else None
            return bad if bad and next(number) == self.before else well(seen)

        return answer


def gpt_error(message: str, kind: str, code: str | None, status: int, *headers: tuple[str, str]) -> Reply:
    return as_json({"error": {"message": message, "type": kind, "param": None, "code": code}}, status, *headers)


def claude_error(message: str, kind: str, status: int, *headers: tuple[str, str]) -> Reply:
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_upstream"}
    return as_json(error, status, *headers)


def failed(code: str, message: str, after: str = "") -> Reply:
    """Return a stream of responses that fails, `after` a text if there is one."""
    whole = response_of()
    said = item_events(0, message_item(after))[:3] if after else []
    end = {**whole, "status": "failed", "output": [], "usage": None, "error": {"code": code, "message": message}}
    return as_stream(numbered([*opened(whole), *said, ("response.failed", {"response": end})]))


NONE = Mishap()
TOO_LONG = Mishap(
    gpt_error(
        "This model's maximum context length is 200000 tokens. However, your messages resulted in 212345 tokens. "
        "Please reduce the length of the messages.",
        "invalid_request_error", "context_length_exceeded", 400,
    ),
    claude_error("prompt is too long: 212345 tokens > 200000 maximum", "invalid_request_error", 400),
    failed(
        "context_length_exceeded",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
    ),
)  # fmt: skip
"""The Responses API tells it as the failure of a stream that has begun (james-6-23/codex2api#310)."""
TOO_LONG_LATER = replace(TOO_LONG, before=2)
SLOW_DOWN = Mishap(
    gpt_error("Rate limit reached", "requests", "rate_limit_exceeded", 429, ("retry-after", "2")),
    claude_error("Rate limit reached", "rate_limit_error", 429, ("retry-after", "2")),
    gpt_error("Rate limit reached", "requests", "rate_limit_exceeded", 429, ("retry-after", "2")),
    before=2,
)
OVERLOADED = Mishap(
    as_stream(
        [*chat_events(["I will"])[:2], data({"error": {"message": "Overloaded", "type": "server_error", "code": None}})]
    ),
    as_stream(
        [*message_events(["I will"])[:4], event("error", error={"type": "overloaded_error", "message": "Overloaded"})]
    ),
    failed("server_error", "Overloaded", after="I will"),
    before=2,
)
