"""Exceptions as the SDKs of vendors, httpx and langchain-core raise them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from langchain_core.exceptions import ContextOverflowError, ModelRateLimitError


@dataclass
class Response:
    """As httpx has it, as far as it is looked at."""

    status_code: int
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class APIStatusError(Exception):
    """As in openai and anthropic: a response, and its body."""

    def __init__(self, message: str, response: Response, body: Any = None) -> None:
        super().__init__(message)
        self.response = response
        self.status_code = response.status_code
        self.body = body


class HTTPStatusError(Exception):
    """As in httpx: a response alone."""

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message)
        self.response = response


class APITimeoutError(Exception):
    """As in openai and anthropic."""


class APIConnectionError(Exception):
    """As in openai and anthropic."""


class ClientError(Exception):
    """As in botocore."""

    def __init__(self) -> None:
        super().__init__("An error occurred (ThrottlingException)")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": 429}, "Error": {"Code": "ThrottlingException"}}


def wrapped() -> Exception:
    """An error of a vendor's, behind one of the operator's own."""
    outer = RuntimeError("the team's own words")
    outer.__cause__ = APIStatusError("slow down", Response(429))
    return outer


LONG = b'{"error": {"message": "too much", "type": "invalid_request_error", "code": "context_length_exceeded"}}'
MADE: dict[str, Exception] = {
    "rate_limit": APIStatusError("slow down", Response(429, headers={"Retry-After": "7"})),
    "rate_limit_named": ModelRateLimitError("slow down"),
    "rate_limit_botocore": ClientError(),
    "auth": APIStatusError("bad key hoarse-and-loud", Response(401)),
    "context": APIStatusError("too much", Response(400, LONG)),
    "context_named": ContextOverflowError("prompt is too long: 5 tokens > 4 maximum"),
    "overloaded": APIStatusError(
        "overloaded", Response(529), {"error": {"type": "overloaded_error", "message": "busy"}}
    ),
    "http": HTTPStatusError("Server error '500'", Response(500)),
    "timeout": APITimeoutError("Request timed out."),
    "builtin_timeout": TimeoutError(),
    "connect": APIConnectionError("Connection error."),
    "wrapped": wrapped(),
    "not_done": NotImplementedError("no such thing"),
    "group": ExceptionGroup("several", [APIStatusError("slow down", Response(429)), ValueError("other")]),
    "bug": ZeroDivisionError("the secret of the team"),
}


def made(name: str) -> Exception:
    return MADE[name]
