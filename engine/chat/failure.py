"""Why a try failed, and what a client is told."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

Api = Literal["chat", "completions", "embeddings", "messages", "count_tokens", "responses", "input_tokens", "realtime"]
"""The model endpoints, by the word that `when: {api: ...}` uses."""

Language = Literal[
    "chat", "completions", "embeddings", "messages", "count_tokens", "responses", "input_tokens", "realtime", "neutral"
]
"""What an upstream is asked in: an API, or this very vocabulary (`engine.dialects.neutral`), which no client speaks."""

Reason = Literal[
    "connect",
    "tls",
    "timeout",
    "disconnect",
    "rate_limit",
    "quota",
    "overloaded",
    "server_error",
    "auth",
    "not_found",
    "context_length",
    "content_filter",
    "bad_request",
    "limited",
    "off",
    "cooling",
]
"""Why a try failed: the closed list of rule T1."""

REASONS: tuple[Reason, ...] = get_args(Reason)

OnBreak = Literal["error", "continue"]
"""What becomes of a stream that breaks off behind content: one error in it, or another target carries on."""

Headers = list[tuple[bytes, bytes]]
"""Header fields in wire order, names in lower case."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """How one try went wrong. `body` and `headers` are the upstream's own answer, where it gave one."""

    reason: Reason
    message: str
    status: int | None = None
    retry_after: float | None = None
    """Seconds the upstream asked us to wait."""
    headers: Headers = []
    body: bytes | None = None
    ours: bool = False
    """The message is Turnout's own, and quotes nobody."""


class Failed(Exception):  # noqa: N818 - it is raised by a try that failed
    """Carries a `Failure` out of a driver."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Problem(Exception):  # noqa: N818 - it is not an error of ours but an answer to the client
    """An answer that Turnout itself gives instead of an upstream; a dialect renders it in the client's form.

    `code` is a word of our own table (`model_not_found`, `invalid_api_key`, ...): dialects map it to their types.
    `param` is the JSON path of the offending field, as in `messages[0].role`; `details` are what a client's SDK decides
    by, where the API has such a thing (Messages: error.details).
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = headers
        self.details = details
