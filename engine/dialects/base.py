"""What a dialect is: the wire forms of one vendor's API, as pure functions over bytes.

Sans-io: a dialect knows no socket, no clock and no file. Its streams are tested by value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.chat import Api, Failure, Headers, Problem
    from engine.dialects.meter import Gauge
    from engine.facts import Depth


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A model endpoint of a dialect: POST `path` with a JSON body."""

    api: Api
    path: str
    """Canonical, as in /v1/chat/completions."""
    body: type[msgspec.Struct]
    """The fields that are looked at; a body may hold any others."""


class Peek(msgspec.Struct, frozen=True, kw_only=True):
    """A request body opened only at the top level, its shape checked."""

    fields: dict[str, msgspec.Raw]
    """Every field, its value byte for byte."""
    model: str
    stream: bool
    form: Api | None = None
    """The API whose request this is, where it is not that of the endpoint it came to."""

    def renamed(self, model: str) -> bytes:
        """Return the body with `model` replaced; every other value byte for byte."""
        return msgspec.json.encode({**self.fields, "model": msgspec.Raw(msgspec.json.encode(model))})


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model as /v1/models shows it. `created` is in seconds since 1970."""

    id: str
    owner: str
    created: int


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """What the error of a stream may have to say of the request: its id, the asked model, the time in seconds."""

    request: str
    model: str
    created: int


class Tap(Protocol):
    """Reads one stream as it passes. Before the commit point it holds everything back.

    `feed` takes the upstream's bytes as they come, split anywhere, and returns what may go to the client now:
    b"" while nothing but lifecycle frames has come; at the first content (or the proper end of a stream without
    content) everything held so far; from then on whatever whole events came, with `model` rewritten where asked. What
    it returns always ends with an event, so that a keep-alive or an error of ours may follow.
    """

    @property
    def committed(self) -> bool:
        """Content has come: what was held is out, or about to be."""

    @property
    def told(self) -> bool:
        """After the commit point the upstream's own error event has been let through; False: it is ours to say."""

    @property
    def failure(self) -> Failure | None:
        """Set when the upstream reported an error in-band (before or after the commit point), or sent garbage."""

    @property
    def over(self) -> bool:
        """The client has been told everything, although the upstream has not ended: nothing more need be read."""

    @property
    def ended(self) -> bool:
        """The stream's own terminal event was seen ([DONE] or a finish_reason; message_stop)."""

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes:
        """Return what is still held when the upstream's body is over."""

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:
        """Return the event that ends the stream with `problem`, where it ties in with what has gone out (numbers, an
        object that grows); None where `Dialect.stream_error` says it."""


class Dialect(Protocol):
    """One vendor's API."""

    name: str
    """As `kind` in the file: openai, anthropic."""
    endpoints: tuple[Endpoint, ...]

    def peek(self, api: Api, body: bytes) -> Peek:
        """Open `body` and check its shape. Raises `Problem` (400) naming the path of what is wrong."""

    def depth(self, api: Api, body: bytes) -> Depth:
        """Return the facts that need the whole body (level 2). `body` has passed `peek`.

        Raises `Problem` (400) where it is nested too deeply.
        """

    def tap(self, api: Api, rename: str | None, begun: Callable[[bytes], None] | None = None) -> Tap:
        """Return a reader for one stream; `rename` is the model name to write into it, None to leave it.

        `begun` is given the events before the content when the stream commits, and its last event.
        """

    def gauge(self, api: Api) -> Gauge | None:
        """Return where answers tell their usage; None for what uses no tokens."""

    def identities(self, answer: bytes) -> tuple[str, ...]:
        """Return the ids by which a client may come back to `answer` (JSON, or one event of a stream): its own, then
        those of its items; nothing if it has none."""

    def renamed(self, api: Api, body: bytes, model: str) -> bytes:
        """Return a JSON answer with its `model` replaced. Raises `Failed` (disconnect) when it is not valid JSON."""

    def classify(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Say why an upstream of this dialect answered `status` (>= 400), or an error object in a stream."""

    def status(self, problem: Problem) -> int:
        """Return the HTTP status that says `problem` to clients of this API."""

    def error(self, problem: Problem, request_id: str) -> bytes:
        """Render `problem` as this API's error body (JSON)."""

    def stream_error(self, api: Api, problem: Problem, asked: Failing) -> bytes:
        """Render `problem` as the one in-band error that ends a stream in which nothing else was said."""

    def keepalive(self, api: Api) -> bytes:
        """Return what keeps a silent stream alive: an SSE comment, or an event where the client needs one."""

    def models(self, cards: Sequence[ModelCard], query: dict[str, str]) -> bytes:
        """Render GET /v1/models."""

    def model(self, card: ModelCard) -> bytes:
        """Render GET /v1/models/{id}."""
