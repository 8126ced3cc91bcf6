"""From why a try failed to what the client is told: one table, and what passes through unchanged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.chat import Failure, Problem, Reason

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.plan.nodes import Target

RETRY = b"x-should-retry"
NO_RETRY = (RETRY, b"false")
"""Read by both vendors' SDKs (openai 3.54, anthropic 2.12: _base_client.py): they would multiply our own retries."""

TOLD: dict[Reason, tuple[int, str]] = {
    "connect": (502, "upstream_unreachable"),
    "tls": (502, "upstream_unreachable"),
    "timeout": (504, "upstream_timeout"),
    "disconnect": (502, "upstream_disconnect"),
    "rate_limit": (429, "rate_limited"),
    "quota": (429, "quota"),
    "overloaded": (529, "overloaded"),
    "server_error": (502, "upstream_error"),
    "auth": (502, "upstream_auth"),
    "not_found": (404, "model_not_found"),
    "context_length": (400, "context_length"),
    "content_filter": (400, "content_filter"),
    "bad_request": (400, "invalid_request"),
    "limited": (429, "rate_limited"),
    "off": (503, "no_target"),
    "cooling": (529, "cooling"),
}
"""What a failure is to the client, where there is no answer of the upstream's to pass on."""

HOPELESS = frozenset({"auth", "quota"})
"""The reasons that the same request meets again, whatever SDKs make of the status."""

KEPT = frozenset({409, 413, 422})
"""Statuses of a `bad_request` that say more than 400; a dialect that does not know one says it its own way."""


def stopping() -> Problem:
    """Return what a request is told whose time is up: the server stops, or its generation must go."""
    return Problem(
        503, "overloaded", "Turnout is shutting down or was reconfigured; try again", headers=((b"retry-after", b"1"),)
    )


def answer_to(failure: Failure, forward: bool) -> tuple[int, Headers, bytes] | None:
    """Return the upstream's own error answer, byte for byte, where the client may see it.

    Clients match on the wording of errors to recover (Claude Code: thinking, context length), so it is not touched.
    Not so for a refusal of *our* credential: that is not the client's key, and the text may quote it.
    """
    if failure.status is None or failure.body is None:
        return None
    if failure.reason == "auth" and not forward:
        return None
    return failure.status, failure.headers, failure.body


def cooling(target: Target, why: str, wait: float) -> Failure:
    """Return why `target` is not asked: it cools for another `wait` seconds because of `why`."""
    message = f"{target} cools down after it failed ({why}); it is asked again in {math.ceil(wait)} s"
    return Failure(reason="cooling", message=message, retry_after=wait)


def no_credential() -> Problem:
    """Return the answer to a request that has nothing to forward to an `auth: forward` upstream (rule K4)."""
    return Problem(
        401,
        "missing_api_key",
        "this model is reached with your own credential of its vendor: send it as `authorization: Bearer KEY` or "
        "`x-api-key: KEY`; a key of Turnout's own goes into `x-turnout-key` beside it",
    )


def loggable(failure: Failure) -> str:
    """Return what the log may hold of a failure: an upstream that refuses a credential likes to quote it."""
    if failure.reason == "auth" and not failure.ours:
        return f"the upstream refused the credential ({failure.status})"
    return failure.message


def after_retries(tries: int, headers: Headers) -> Headers:
    """Return `headers` with what keeps SDKs from retrying what we have retried, whatever the upstream thinks of it."""
    if tries < 2:
        return headers
    return [*(field for field in headers if field[0] != RETRY), NO_RETRY]


def forwarded(failure: Failure) -> Problem:
    """Say that an upstream of another API refused the client's own credential."""
    return Problem(failure.status or 401, "invalid_api_key", failure.message)


def problem_of(failure: Failure, target: Target | None, tried: int = 0, beside: Headers | None = None) -> Problem:
    """Say a failure as an answer of ours. `beside` are the upstream's own fields, as the client may have them."""
    status, code = TOLD[failure.reason]
    if failure.reason == "bad_request" and failure.status is not None and failure.status in KEPT:
        status = failure.status
    message = failure.message
    headers = list(beside or ())
    if failure.reason == "auth" and target is not None and not failure.ours:
        message = (
            f"upstream `{target.upstream}` refused Turnout's own credential"
            f"{f' ({failure.status})' if failure.status else ''}; the operator should check its api_key"
        )
    if tried > 1 or failure.reason in HOPELESS:
        headers = [*(field for field in headers if field[0] != RETRY), NO_RETRY]
    if failure.retry_after is not None and not any(name == b"retry-after" for name, _ in headers):
        headers.append((b"retry-after", str(math.ceil(failure.retry_after)).encode()))
    return Problem(status, code, message, headers=tuple(headers))
