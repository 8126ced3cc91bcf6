"""OpenAI's API as it was before Responses: chat completions, legacy completions, embeddings, models.

Protocol facts: openai 3.54 (types/chat/*, types/completion*, types/shared/error_object.py, _streaming.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.dialects.base import Endpoint, Peek
from engine.dialects.body import TOO_DEEP, Shape, refused, renamed, whole
from engine.dialects.chat.gauge import GAUGE
from engine.dialects.failure import error_of, failed, text
from engine.dialects.measure import Tally
from engine.dialects.openai.errors import judged
from engine.dialects.sse import frame
from engine.dialects.tap import Reader, Sign, StreamTap
from engine.facts import Depth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.chat import Api, Failure, Headers, Problem
    from engine.dialects.base import Failing, ModelCard
    from engine.dialects.meter import Gauge

Name = Annotated[str, Meta(min_length=1)]


class ChatMessage(Struct):
    role: Literal["developer", "system", "user", "assistant", "tool", "function"]


class StreamOptions(Struct):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Chat(Struct):
    model: Name
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = None
    logprobs: bool | None = None
    parallel_tool_calls: bool | None = None


class Completions(Struct):
    model: Name
    prompt: str | list[str | int | list[int]] | None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    echo: bool | None = None
    suffix: str | None = None


class Embeddings(Struct):
    model: Name
    input: str | list[str | int | list[int]]


SHAPES: dict[Api, Shape] = {"chat": Shape(Chat), "completions": Shape(Completions), "embeddings": Shape(Embeddings)}

CONTENT = (
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "refusal",
    "audio",
    "images",
    "annotations",
)
"""Fields of a delta that are content when they are not empty; reasoning in the three forms that servers use."""

TYPES: dict[str, tuple[str, str | None]] = {
    "invalid_api_key": ("invalid_request_error", "invalid_api_key"),
    "missing_api_key": ("invalid_request_error", "invalid_api_key"),
    "expired_api_key": ("invalid_request_error", "invalid_api_key"),
    "disabled_api_key": ("invalid_request_error", "invalid_api_key"),
    "context_length": ("invalid_request_error", "context_length_exceeded"),
    "content_filter": ("invalid_request_error", "content_policy_violation"),
    "rate_limited": ("requests", "rate_limit_exceeded"),
    "quota": ("insufficient_quota", "insufficient_quota"),
    "invalid_request": ("invalid_request_error", None),
    "overloaded": ("server_error", "overloaded"),
    "response_not_found": ("invalid_request_error", None),
}
"""Our codes -> OpenAI's `type` and `code`; a code that is not here keeps its own word, its type follows the status."""


STATUSES = {529: 503, 402: 429}
"""Statuses that this API does not know -> what it says instead."""


class OpenAIChat:
    """The dialect of kind `openai`."""

    name: str = "openai"
    endpoints: tuple[Endpoint, ...] = (
        Endpoint(api="chat", path="/v1/chat/completions", body=Chat),
        Endpoint(api="completions", path="/v1/completions", body=Completions),
        Endpoint(api="embeddings", path="/v1/embeddings", body=Embeddings),
    )

    def peek(self, api: Api, body: bytes) -> Peek:
        fields, known = SHAPES[api].open(body)
        return Peek(fields=fields, model=known["model"], stream=bool(known.get("stream")))

    def depth(self, api: Api, body: bytes) -> Depth:
        try:
            return measured(api, whole(body))
        except RecursionError:
            raise refused(TOO_DEEP) from None

    def tap(self, api: Api, rename: str | None, begun: Callable[[bytes], None] | None = None) -> StreamTap:
        return StreamTap(LEGACY if api == "completions" else CHUNKS, rename, begun)

    def gauge(self, api: Api) -> Gauge | None:  # noqa: ARG002 - the same place in every answer
        return GAUGE

    def identities(self, answer: bytes) -> tuple[str, ...]:  # noqa: ARG002 - stored completions are not looked after
        return ()

    def renamed(self, api: Api, body: bytes, model: str) -> bytes:  # noqa: ARG002 - the same place in every answer
        return renamed(body, model)

    def classify(self, status: int, headers: Headers, body: bytes) -> Failure:
        reason, message = judged(status, error_of(body))
        return failed(reason, status, message, headers, body)

    def status(self, problem: Problem) -> int:
        return 429 if problem.code == "quota" else STATUSES.get(problem.status, problem.status)

    def error(self, problem: Problem, request_id: str) -> bytes:  # noqa: ARG002 - OpenAI has it in a header only
        kind, code = TYPES.get(problem.code, (type_of(self.status(problem)), problem.code))
        error = {"message": problem.message, "type": kind, "param": problem.param, "code": code}
        return msgspec.json.encode({"error": error})

    def stream_error(self, api: Api, problem: Problem, asked: Failing) -> bytes:  # noqa: ARG002
        return frame(self.error(problem, asked.request))

    def keepalive(self, api: Api) -> bytes:  # noqa: ARG002 - the same in every stream
        return b": keep-alive\n\n"

    def models(self, cards: Sequence[ModelCard], query: dict[str, str]) -> bytes:  # noqa: ARG002 - never paged
        return msgspec.json.encode({"object": "list", "data": [shown(card) for card in cards]})

    def model(self, card: ModelCard) -> bytes:
        return msgspec.json.encode(shown(card))


def measured(api: Api, request: dict[str, Any]) -> Depth:
    """Return the deep facts of a request."""
    tally = Tally()
    if api == "embeddings":
        tally.add(request.get("input"))
    elif api == "completions":
        tally.add(request.get("prompt"))
        tally.add(request.get("suffix"))
    else:
        tally.add(request.get("messages"))
        tally.schema(request.get("tools"))
        tally.schema(request.get("functions"))
    limits = (request.get("max_completion_tokens"), request.get("max_tokens"))
    return Depth(
        tools=bool(request.get("tools") or request.get("functions")),
        images=tally.images > 0,
        thinking=thinks(request),
        input_tokens=tally.input_tokens,
        max_tokens=next((one for one in limits if type(one) is int), None),
    )


def thinks(request: dict[str, Any]) -> bool:
    """Say whether a chat request asks for reasoning, in any of the forms that servers understand."""
    if request.get("reasoning_effort") not in (None, "none"):
        return True
    thinking, reasoning = request.get("thinking"), request.get("reasoning")
    if isinstance(thinking, dict) and thinking.get("type") != "disabled":
        return True
    return isinstance(reasoning, dict) and reasoning.get("effort") != "none" and reasoning.get("enabled") is not False


def read_chunk(_name: bytes, data: bytes) -> Sign | Failure:
    """Say what one chunk of a chat stream is."""
    if data.startswith(b"[DONE]"):
        return Sign.END
    chunk = msgspec.json.decode(data)
    sign = lifecycle(chunk, data)
    if sign is not None:
        return sign
    ended = False
    for choice in chunk["choices"]:
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if isinstance(delta, dict) and speaks(delta):
            return Sign.END if choice.get("finish_reason") else Sign.CONTENT
        ended = ended or bool(isinstance(choice, dict) and choice.get("finish_reason"))
    return Sign.END if ended else Sign.FRAME


def read_legacy(_name: bytes, data: bytes) -> Sign | Failure:
    """Say what one chunk of a legacy completion is."""
    if data.startswith(b"[DONE]"):
        return Sign.END
    chunk = msgspec.json.decode(data)
    sign = lifecycle(chunk, data)
    if sign is not None:
        return sign
    choices = [choice for choice in chunk["choices"] if isinstance(choice, dict)]
    if any(choice.get("finish_reason") for choice in choices):
        return Sign.END
    return Sign.CONTENT if any(choice.get("text") for choice in choices) else Sign.FRAME


def lifecycle(chunk: Any, data: bytes) -> Sign | Failure | None:
    """Return what a chunk is that is no ordinary one: an error, or without choices."""
    if not isinstance(chunk, dict):
        return Sign.FRAME
    if chunk.get("error"):
        reason, message = judged(None, chunk["error"])
        return failed(reason, None, message, [], data)
    return None if isinstance(chunk.get("choices"), list) else Sign.FRAME


def speaks(delta: dict[str, Any]) -> bool:
    """Say whether a delta holds content: text, reasoning, a refusal, audio, or a tool's name or arguments."""
    if any(delta.get(field) for field in CONTENT):
        return True
    calls = [call for call in delta.get("tool_calls") or () if isinstance(call, dict)]
    spoken = [delta.get("function_call"), *(call.get(text(call.get("type")) or "function") for call in calls)]
    return any(
        isinstance(call, dict) and (call.get("name") or call.get("arguments") or call.get("input")) for call in spoken
    )


CHUNKS = Reader(read=read_chunk)
LEGACY = Reader(read=read_legacy)


def type_of(status: int) -> str:
    return "invalid_request_error" if status < 500 else "server_error"


def shown(card: ModelCard) -> dict[str, Any]:
    """Return a model as openai 3.54 types/model.py has it."""
    return {"id": card.id, "object": "model", "created": card.created, "owned_by": card.owner}
