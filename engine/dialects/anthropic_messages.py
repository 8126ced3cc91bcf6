"""Anthropic's Messages API: messages, token counting, models.

Protocol facts: anthropic 2.12 (types/message*.py, types/raw_*_event.py, types/model_info.py, _streaming.py).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.chat import Problem
from engine.dialects.base import Endpoint, Peek
from engine.dialects.body import TOO_DEEP, Shape, refused, renamed, whole
from engine.dialects.failure import error_of, failed, text
from engine.dialects.measure import Tally
from engine.dialects.messages.errors import judged
from engine.dialects.messages.gauge import GAUGE
from engine.dialects.sse import frame
from engine.dialects.tap import Reader, Sign, StreamTap
from engine.dialects.window import need
from engine.facts import Depth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.chat import Api, Failure, Headers
    from engine.dialects.base import Failing, ModelCard
    from engine.dialects.meter import Gauge

Name = Annotated[str, Meta(min_length=1)]


class Message(Struct):
    role: Literal["user", "assistant", "system"]


class Messages(Struct):
    model: Name
    messages: list[Message]
    stream: bool | None = None


SHAPE = Shape(Messages)

TEXT_BLOCKS = {"text": "text", "thinking": "thinking"}
"""Blocks that start empty, and the field that fills; any other block is content from its start."""

DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Deltas that may be empty, and the field to look at; any other delta is content."""

LIFECYCLE = frozenset({"message_start", "content_block_stop", "message_delta"})

TYPES: dict[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The type a status has (anthropic 2.12: _exceptions.py); other 4xx: invalid_request_error, other 5xx: api_error."""

STATUSES = {422: 400, 502: 500}
"""Statuses that this API does not know -> what it says instead."""

PHRASE = "prompt is too long"
LIMIT = "exceed context limit"
"""What clients look for in an error to know that the context is full."""

PAGE = (20, 1000)
"""How many models a page has by default, and at most."""
LIMIT_OF_PAGE = re.compile(r"[0-9]{1,10}")


class AnthropicMessages:
    """The dialect of kind `anthropic`."""

    name: str = "anthropic"
    endpoints: tuple[Endpoint, ...] = (
        Endpoint(api="messages", path="/v1/messages", body=Messages),
        Endpoint(api="count_tokens", path="/v1/messages/count_tokens", body=Messages),
    )

    def peek(self, api: Api, body: bytes) -> Peek:  # noqa: ARG002 - both endpoints take the same body
        fields, known = SHAPE.open(body)
        return Peek(fields=fields, model=known["model"], stream=bool(known.get("stream")))

    def depth(self, api: Api, body: bytes) -> Depth:  # noqa: ARG002
        try:
            return measured(whole(body))
        except RecursionError:
            raise refused(TOO_DEEP) from None

    def tap(
        self,
        api: Api,  # noqa: ARG002 - only messages stream
        rename: str | None,
        begun: Callable[[bytes], None] | None = None,
    ) -> StreamTap:
        return StreamTap(EVENTS, rename, begun)

    def gauge(self, api: Api) -> Gauge | None:
        return GAUGE if api == "messages" else None

    def identities(self, answer: bytes) -> tuple[str, ...]:  # noqa: ARG002 - the API keeps no messages
        return ()

    def renamed(self, api: Api, body: bytes, model: str) -> bytes:  # noqa: ARG002
        return renamed(body, model)

    def classify(self, status: int, headers: Headers, body: bytes) -> Failure:
        reason, message = judged(status, error_of(body))
        return failed(reason, status, message, headers, body)

    def status(self, problem: Problem) -> int:
        return 402 if problem.code == "quota" else STATUSES.get(problem.status, problem.status)

    def error(self, problem: Problem, request_id: str) -> bytes:
        message = too_long(problem.message) if problem.code == "context_length" else problem.message
        error: dict[str, Any] = {"type": type_of(self.status(problem)), "message": message}
        if problem.details is not None:
            error["details"] = problem.details
        return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})

    def stream_error(self, api: Api, problem: Problem, asked: Failing) -> bytes:  # noqa: ARG002
        return frame(self.error(problem, asked.request), b"error")

    def keepalive(self, api: Api) -> bytes:  # noqa: ARG002
        return b'event: ping\ndata: {"type": "ping"}\n\n'

    def models(self, cards: Sequence[ModelCard], query: dict[str, str]) -> bytes:
        """Render one page. Raises `Problem` (400) on a limit or a cursor that cannot be."""
        ids = [card.id for card in cards]
        limit = query.get("limit", str(PAGE[0]))
        if not LIMIT_OF_PAGE.fullmatch(limit) or not 1 <= int(limit) <= PAGE[1]:
            raise Problem(400, "invalid_request", f"`limit` must be a number from 1 to {PAGE[1]}", param="limit")
        start, end = 0, len(cards)
        for cursor in ("after_id", "before_id"):
            if query.get(cursor, ids[0] if ids else None) not in (*ids, None):
                raise Problem(400, "invalid_request", f"`{cursor}` is no model of this list", param=cursor)
        if after := query.get("after_id"):
            start = ids.index(after) + 1
        if before := query.get("before_id"):
            end = ids.index(before)
        size = int(limit)
        if before and not after:
            start = max(start, end - size)
            more = start > 0
        else:
            more = end - start > size
        page = cards[start : min(start + size, end)]
        return msgspec.json.encode(
            {
                "data": [shown(card) for card in page],
                "has_more": more,
                "first_id": page[0].id if page else None,
                "last_id": page[-1].id if page else None,
            }
        )

    def model(self, card: ModelCard) -> bytes:
        return msgspec.json.encode(shown(card))


def measured(request: dict[str, Any]) -> Depth:
    """Return the deep facts of a request."""
    tally = Tally()
    tally.add(request.get("system"))
    tally.add(request.get("messages"))
    tally.schema(request.get("tools"))
    thinking, limit = request.get("thinking"), request.get("max_tokens")
    return Depth(
        tools=bool(request.get("tools")),
        images=tally.images > 0,
        thinking=isinstance(thinking, dict) and thinking.get("type") != "disabled",
        input_tokens=tally.input_tokens,
        max_tokens=limit if type(limit) is int else None,
    )


def read_event(name: bytes, data: bytes) -> Sign | Failure:
    """Say what one event of a messages stream is."""
    if name == b"ping" or data.startswith(b"[DONE]"):
        return Sign.NOISE
    event = msgspec.json.decode(data)
    if not isinstance(event, dict):
        return Sign.FRAME
    kind = event.get("type") or name.decode("utf-8", "replace")
    if kind == "error" or (kind not in LIFECYCLE and isinstance(event.get("error"), dict)):
        reason, message = judged(None, event.get("error"))
        return failed(reason, None, message, [], data)
    if kind == "message_stop":
        return Sign.END
    if kind == "ping":
        return Sign.NOISE
    block, delta = event.get("content_block"), event.get("delta")
    if kind == "content_block_start" and isinstance(block, dict):
        field = TEXT_BLOCKS.get(text(block.get("type")))
        return Sign.CONTENT if field is None or block.get(field) else Sign.FRAME
    if kind == "content_block_delta" and isinstance(delta, dict):
        field = DELTAS.get(text(delta.get("type")))
        return Sign.CONTENT if field is None or delta.get(field) else Sign.FRAME
    return Sign.FRAME


EVENTS = Reader(read=read_event, nested="message", everywhere=False)


def type_of(status: int) -> str:
    return TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def too_long(message: str) -> str:
    """Say that the context is exceeded in the words by which Claude Code knows that it should compact."""
    if PHRASE in message.lower() or LIMIT in message.lower():
        return message
    told = need(message)
    if told is None:
        return f"{PHRASE}: {message}"
    if told.input is not None and told.output is not None and told.input < told.window:
        sum_ = f"{told.input} + {told.output} > {told.window}"
        return f"input length and `max_tokens` {LIMIT}: {sum_}, decrease input length or `max_tokens` and try again"
    asked = told.all if told.input is None else told.input
    if asked is None or asked < told.window:
        return f"{PHRASE}: {message}"
    return f"{PHRASE}: {asked} tokens > {told.window} maximum"


def shown(card: ModelCard) -> dict[str, Any]:
    """Return a model as anthropic 2.12 types/model_info.py has it."""
    return {
        "type": "model",
        "id": card.id,
        "display_name": card.id,
        "created_at": datetime.fromtimestamp(card.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
    }
