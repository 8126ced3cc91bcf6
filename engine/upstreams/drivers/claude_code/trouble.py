"""Why `claude` did not answer, in the words of rule T1 (claude-agent-sdk 0.2.189: types.py, AssistantMessageError).

Pure. Errors of the API come as a message of their own and a result that is an error; the exit code may be 0.
"""

from __future__ import annotations

import math

from engine.chat import Failed, Failure, Reason
from engine.diagnostics.mask import mask

SIGN_IN = (
    "`claude` is not signed in, or its sign-in is over: run `claude` in a terminal of the user who runs Turnout and "
    "`/login` there, or `claude setup-token`; `claude auth status` shows how it is"
)
LOOK = "run `claude -p hello` in a terminal to see why"
REASONS: dict[str, Reason] = {
    "authentication_failed": "auth",
    "oauth_org_not_allowed": "auth",
    "billing_error": "quota",
    "rate_limit": "rate_limit",
    "overloaded": "overloaded",
    "invalid_request": "bad_request",
    "model_not_found": "not_found",
    "server_error": "server_error",
}
STATUSES: dict[int, Reason] = {
    400: "bad_request",
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    413: "bad_request",
    429: "rate_limit",
    529: "overloaded",
}
TOO_LONG = ("prompt is too long", "exceed context limit")
LONGEST = 500
"""Characters of an error that are passed on."""


def trouble(name: str, error: str | None, status: int | None, text: str, resets: float | None, now: float) -> Failure:
    """Return why the upstream `name` failed. `resets`, `now`: seconds since 1970, when the plan's limit is over."""
    reason = STATUSES.get(status or 0) or REASONS.get(error or "", "server_error")
    said = mask(" ".join(text.split())[:LONGEST])
    if reason == "bad_request" and any(words in said.lower() for words in TOO_LONG):
        reason = "context_length"
    if reason == "auth":
        return Failure(reason=reason, message=f"upstream `{name}`: {SIGN_IN}", ours=True)
    wait = max(1.0, math.ceil(resets - now)) if resets is not None and reason == "rate_limit" else None
    return Failure(reason=reason, message=f"upstream `{name}`: {said or 'claude failed'}", retry_after=wait)


def ended(name: str, why: str) -> Failed:
    """Say that the process ended in the middle of an answer."""
    return Failed(Failure(reason="disconnect", message=f"upstream `{name}`: `claude` {why}; {LOOK}"))


def busy(name: str, why: str) -> Failed:
    """Say that there is no place for one more request."""
    return Failed(Failure(reason="overloaded", message=f"upstream `{name}`: {why}", retry_after=1.0))
