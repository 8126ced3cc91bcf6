"""Why a model failed, from whatever its code raised.

LangChain's integrations raise what their vendors' SDKs raise, and since langchain-core 1.7 also name it in classes of
their own (exceptions.py: ModelError). Both are known by their looks: a status, a body, a name.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Failure
from engine.dialects import ANTHROPIC, OPENAI
from engine.texts import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Headers, Reason

NAMES: tuple[tuple[str, Reason], ...] = (
    ("ContextOverflow", "context_length"),
    ("RateLimit", "rate_limit"),
    ("ResourceExhausted", "rate_limit"),
    ("Throttling", "rate_limit"),
    ("Authentication", "auth"),
    ("PermissionDenied", "auth"),
    ("Timeout", "timeout"),
    ("Connection", "connect"),
    ("ConnectError", "connect"),
    ("ModelNotFound", "not_found"),
    ("Refusal", "content_filter"),
    ("ContentFilter", "content_filter"),
    ("LengthFinish", "bad_request"),  # openai: an answer bound to a schema did not fit into max_tokens
    ("InvalidRequest", "bad_request"),
    ("BadRequest", "bad_request"),
    ("ServiceUnavailable", "overloaded"),
    ("Overloaded", "overloaded"),
)
"""What the name of a class of exceptions has in it -> why; the first that fits."""
CHAIN = 5
"""How far the causes of an exception are followed."""


def failure_of(error: BaseException, name: str) -> Failure:
    """Return `error`, raised by the code of upstream `name`, as a failure."""
    for cause in causes(error):
        status = status_of(cause)
        if status is not None and status >= 400:
            return answered(cause, status)
    for cause in causes(error):
        for kind in type(cause).__mro__[:-2]:
            reason = next((reason for word, reason in NAMES if word in kind.__name__), None)
            if reason is not None:
                return Failure(reason=reason, message=f"upstream `{name}`: {type(cause).__name__}: {first_line(cause)}")
    if isinstance(error, NotImplementedError):
        return Failure(reason="bad_request", message=f"upstream `{name}` cannot do that: {first_line(error)}")
    return Failure(reason="server_error", message=f"upstream `{name}`: its code raised {type(error).__name__}")


def answered(error: BaseException, status: int) -> Failure:
    """Return the failure that the answer of a vendor is, as one of that vendor's would be classified."""
    module = type(error).__module__.partition(".")[0]
    dialect = ANTHROPIC if "anthropic" in module else OPENAI
    response = getattr(error, "response", None)
    body = getattr(error, "body", None)
    content = getattr(response, "content", None)
    if not isinstance(content, bytes) or not content:
        said = body if isinstance(body, dict) and "error" in body else {"error": body or {"message": told(error)}}
        try:
            content = msgspec.json.encode(said, enc_hook=str)
        except UnicodeEncodeError:
            content = msgspec.json.encode({"error": {"message": told(error)}})
    return dialect.classify(status, headers_of(response), content)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an exception tells: of openai, anthropic, httpx, Google, botocore and others."""
    response = getattr(error, "response", None)
    candidates: list[Any] = [getattr(error, "status_code", None), getattr(response, "status_code", None)]
    candidates += [getattr(error, "http_status", None), getattr(error, "code", None), getattr(error, "status", None)]
    if isinstance(response, dict):
        candidates.append((response.get("ResponseMetadata") or {}).get("HTTPStatusCode"))
    return next((int(one) for one in candidates if isinstance(one, int) and 100 <= one <= 599), None)


def headers_of(response: Any) -> Headers:
    """Return the header fields of a response of httpx."""
    try:
        return [(str(key).lower().encode(), str(value).encode()) for key, value in response.headers.items()]
    except (AttributeError, TypeError, UnicodeEncodeError):
        return []


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it came of."""
    here: BaseException | None = error
    for _ in range(CHAIN):
        if here is None:
            return
        yield here
        if isinstance(here, BaseExceptionGroup):
            here = here.exceptions[0]
            continue
        here = here.__cause__ or (None if here.__suppress_context__ else here.__context__)


def place_of(error: BaseException) -> str:
    """Say for the log what was raised and where."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {first_line(error)}{where}"


def first_line(error: BaseException) -> str:
    return told(error).strip().partition("\n")[0][:300]
