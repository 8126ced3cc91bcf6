"""Why an upstream of the Messages API failed, read off its error object. Knows nothing of requests or answers.

Protocol facts: anthropic 2.12 (types/shared/*_error.py, _error_classes.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.failure import reason_of, text

if TYPE_CHECKING:
    from engine.chat import Reason

REASONS: dict[str, Reason] = {
    "rate_limit_error": "rate_limit",
    "overloaded_error": "overloaded",
    "billing_error": "quota",
    "enforced_spend_limit_reached": "quota",
    "contract_spend_limit_reached": "quota",
    "not_found_error": "not_found",
    "authentication_error": "auth",
    "permission_error": "auth",
    "timeout_error": "timeout",
    "invalid_request_error": "bad_request",
    "request_too_large": "bad_request",
    "api_error": "server_error",
}


def judged(status: int | None, error: Any) -> tuple[Reason, str]:
    """Return why an error object was sent, and its message. `status` is None for an error inside a stream."""
    if not isinstance(error, dict):
        return reason_of(status, [], text(error), REASONS), text(error)
    details = error.get("details")
    code = text(details.get("error_code")) if isinstance(details, dict) else ""
    words = ["billing_error" if code.endswith("_spend_limit_reached") else code, text(error.get("type"))]
    message = text(error.get("message"))
    return reason_of(status, words, message, REASONS), message
