"""OpenAI's Responses API: its endpoints, its streams, and the errors that end them.

Protocol facts: openai 3.54 (types/responses/response_create_params.py, types/responses/response_stream_event.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.dialects.base import Endpoint, Peek
from engine.dialects.body import TOO_DEEP, Shape, refused, whole
from engine.dialects.measure import Tally
from engine.dialects.openai_chat import OpenAIChat
from engine.dialects.responses.broken import broken, broken_stream
from engine.dialects.responses.errors import ENDS, FAILED, confessed, end_of
from engine.dialects.responses.gauge import GAUGE
from engine.dialects.sse import parse
from engine.dialects.tap import Reader, Sign, StreamTap, malformed
from engine.facts import Depth

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Api, Failure, Problem
    from engine.dialects.base import Failing
    from engine.dialects.meter import Gauge

Name = Annotated[str, Meta(min_length=1)]


class Item(Struct):
    """An item of the input; one without a type is a message."""

    type: str | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None


class InputTokens(Struct):
    """What is counted by /v1/responses/input_tokens."""

    model: Name
    input: str | list[Item] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    parallel_tool_calls: bool | None = None


class Responses(InputTokens):
    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None


SHAPES: dict[Api, Shape] = {"responses": Shape(Responses), "input_tokens": Shape(InputTokens)}

FRAMES = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "response.reasoning_summary_part.added",
        "response.output_item.added",
        "keepalive",
    }
)
"""Events without content of their own; an item that is added may be a call, whose name is content."""


class OpenAIResponses(OpenAIChat):
    """The other dialect of kind `openai`: its errors and its models are those of chat completions."""

    endpoints: tuple[Endpoint, ...] = (
        Endpoint(api="responses", path="/v1/responses", body=Responses),
        Endpoint(api="input_tokens", path="/v1/responses/input_tokens", body=InputTokens),
    )

    def peek(self, api: Api, body: bytes) -> Peek:
        fields, known = SHAPES[api].open(body)
        return Peek(fields=fields, model=known["model"], stream=bool(known.get("stream")))

    def depth(self, api: Api, body: bytes) -> Depth:  # noqa: ARG002 - both endpoints take the same body
        try:
            return measured(whole(body))
        except RecursionError:
            raise refused(TOO_DEEP) from None

    def tap(
        self,
        api: Api,  # noqa: ARG002 - only responses stream
        rename: str | None,
        begun: Callable[[bytes], None] | None = None,
    ) -> StreamTap:
        return StreamTap(EVENTS, rename, begun)

    def gauge(self, api: Api) -> Gauge | None:
        return GAUGE if api == "responses" else None

    def identities(self, answer: bytes) -> tuple[str, ...]:
        try:
            if answer.lstrip().startswith(b"{"):
                response = RESPONSE.decode(answer)
            else:
                response = TELLING.decode(parse(answer)[1] or b"{}").response
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ()
        return (response.id, *(item.id for item in response.output if item.id)) if response.id else ()

    def stream_error(self, api: Api, problem: Problem, asked: Failing) -> bytes:  # noqa: ARG002
        return broken_stream(problem, asked)


def measured(request: dict[str, Any]) -> Depth:
    """Return the deep facts of a request."""
    tally = Tally()
    tally.add(request.get("instructions"))
    tally.add(request.get("input"))
    tally.schema(request.get("tools"))
    items = request.get("input")
    loaded = [one for one in items if isinstance(one, dict) and one.get("tools")] if isinstance(items, list) else []
    reasoning, limit = request.get("reasoning"), request.get("max_output_tokens")
    return Depth(
        tools=bool(request.get("tools") or loaded),
        images=tally.images > 0,
        thinking=isinstance(reasoning, dict) and reasoning.get("effort") not in (None, "none"),
        input_tokens=tally.input_tokens,
        max_tokens=limit if type(limit) is int else None,
    )


class Said(Struct, frozen=True):
    id: str | None = None


class Response(Struct, frozen=True):
    """What is looked at of a response."""

    id: str | None = None
    status: str | None = None
    output: tuple[Said, ...] = ()


class Telling(Struct):
    """An event that tells of the response as a whole."""

    response: Response = Response()


RESPONSE = msgspec.json.Decoder(Response)
TELLING = msgspec.json.Decoder(Telling)


class Event(Struct):
    """What is looked at of every event."""

    type: str = ""
    delta: Any = None
    item: Any = None
    part: Any = None


EVENT = msgspec.json.Decoder(Event)


def read_event(name: bytes, data: bytes) -> Sign | Failure:
    """Say what one event of a stream is."""
    if data.startswith(b"[DONE]"):
        return Sign.NOISE
    try:
        event = EVENT.decode(data)
    except msgspec.ValidationError:
        return Sign.FRAME
    kind = event.type or name.decode("utf-8", "replace")
    if kind in FAILED:
        return confessed(kind, msgspec.json.decode(data), data)
    if kind in ENDS:
        kind = end_of(kind, status_of(data))
        if kind in ENDS:
            return Sign.END
        if kind in FAILED:
            return confessed(kind, msgspec.json.decode(data), data)
        return malformed("the end of a response that was cancelled")
    if kind.endswith(".delta"):
        return Sign.CONTENT if event.delta != "" else Sign.FRAME
    if kind == "response.output_item.added" and isinstance(event.item, dict) and event.item.get("name"):
        return Sign.CONTENT
    return Sign.FRAME if kind in FRAMES or not kind.startswith("response.") else Sign.CONTENT


def status_of(data: bytes) -> str | None:
    """Return the status of the response that an event tells."""
    try:
        return TELLING.decode(data).response.status
    except msgspec.ValidationError:
        return None


EVENTS = Reader(read=read_event, nested="response", broken=broken)
