"""Why an upstream of OpenAI's APIs failed, read off its error object. Knows nothing of requests or answers.

Protocol facts: openai 3.54 (types/shared/error_object.py, types/responses/response_error.py); codes by which Codex
0.169 knows that a server is overloaded; Moonshot's types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.failure import failed, first, reason_of, text

if TYPE_CHECKING:
    from engine.chat import Failure, Reason

REASONS: dict[str, Reason] = {
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "exceeded_current_quota_error": "quota",
    "context_length_exceeded": "context_length",
    "exceed_context_size_error": "context_length",
    "content_policy_violation": "content_filter",
    "content_filter": "content_filter",
    "image_content_policy_violation": "content_filter",
    "bio_policy": "content_filter",
    "misalignment_policy_violation": "content_filter",
    "model_not_found": "not_found",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_error": "rate_limit",
    "overloaded": "overloaded",
    "overloaded_error": "overloaded",
    "server_is_overloaded": "overloaded",
    "slow_down": "overloaded",
    "engine_overloaded_error": "overloaded",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "permission_denied": "auth",
    "timeout": "timeout",
    "invalid_request_error": "bad_request",
    "invalid_prompt": "bad_request",
    "server_error": "server_error",
}


def judged(status: int | None, error: Any) -> tuple[Reason, str]:
    """Return why an error object was sent, and its message. `error` may be a bare text (Ollama), `code` a status."""
    if not isinstance(error, dict):
        return reason_of(status, [], text(error), REASONS), text(error)
    code = error.get("code")
    if status is None and isinstance(code, int) and 400 <= code < 600:
        status = code
    message = text(error.get("message"))
    return reason_of(status, [text(code), text(error.get("type"))], message, REASONS), message


def confessed(body: Any, data: bytes, *, named: bool = False) -> Failure | None:
    """Return the failure that an answer with status 200, or one event of it, is instead of a completion.

    Servers send {"error": {...}}, {"error": "text"}, {"errors": [...]}, a bare text, {"detail": ...} or, after an
    `error` event name (`named`), an error object without a wrapper. None: it is no error.
    """
    if isinstance(body, str):
        return _failure(body, data)
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return None
    if body.get("error"):
        return _failure(body["error"], data)
    if isinstance(body.get("choices"), list):
        return None
    if body.get("errors"):
        return _failure(first(body["errors"]), data)
    if "detail" in body:
        detail = body["detail"]
        return _failure(detail if isinstance(detail, (str, dict)) else "the upstream refused the request", data)
    if named or body.get("object") == "error" or body.get("type") == "error":
        return _failure(body, data)
    return None


def _failure(error: Any, data: bytes) -> Failure:
    reason, message = judged(None, error)
    return failed(reason, None, message, [], data)
