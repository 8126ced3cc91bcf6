"""The CORS answers: what a web page is told, from the live plan and per request (rule C7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.serve.headers import first

if TYPE_CHECKING:
    from litestar.types import HTTPScope, Message, Send

    from engine.chat import Headers
    from engine.plan.nodes import Plan

ALLOWED = frozenset(
    {
        "content-type",
        "authorization",
        "x-api-key",
        "api-key",
        "x-turnout-key",
        "x-turnout-session",
        "anthropic-version",
        "anthropic-beta",
        "anthropic-dangerous-direct-browser-access",
        "x-requested-with",
    }
)
ALLOWED_PREFIX = "x-stainless-"
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
MAX_AGE = b"600"

EXPOSED = (
    b"x-request-id, request-id, retry-after, retry-after-ms, x-should-retry, "
    b"x-ratelimit-limit-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, "
    b"x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, x-ratelimit-reset-tokens, "
    b"anthropic-ratelimit-requests-limit, anthropic-ratelimit-requests-remaining, anthropic-ratelimit-requests-reset, "
    b"anthropic-ratelimit-tokens-limit, anthropic-ratelimit-tokens-remaining, anthropic-ratelimit-tokens-reset, "
    b"anthropic-ratelimit-input-tokens-limit, anthropic-ratelimit-input-tokens-remaining, "
    b"anthropic-ratelimit-input-tokens-reset, anthropic-ratelimit-output-tokens-limit, "
    b"anthropic-ratelimit-output-tokens-remaining, anthropic-ratelimit-output-tokens-reset, "
    b"x-turnout-request, x-turnout-route, x-turnout-target, x-turnout-attempts, x-turnout-generation"
)


def is_preflight(scope: HTTPScope) -> bool:
    return scope["method"] == "OPTIONS" and first(scope["headers"], b"access-control-request-method") is not None


async def preflight(send: Send, scope: HTTPScope) -> None:
    """Answer a preflight of an allowed origin; the headers every answer gets are added by `announcing`."""
    asked = (first(scope["headers"], b"access-control-request-headers") or b"").decode("latin-1").lower()
    names = [name.strip() for name in asked.split(",") if name.strip()]
    granted = [name for name in names if name in ALLOWED or name.startswith(ALLOWED_PREFIX)]
    headers: Headers = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-max-age", MAX_AGE),
        (b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers"),
    ]
    if granted:
        headers.append((b"access-control-allow-headers", ", ".join(granted).encode()))
    if first(scope["headers"], b"access-control-request-private-network") == b"true":
        headers.append((b"access-control-allow-private-network", b"true"))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def announcing(send: Send, origin: bytes, plan: Plan) -> Send:
    """Return a `send` that adds what the page at the allowed `origin` needs to read the answer."""
    ours: Headers = [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED)]
    if plan.document.server.cors.credentials:
        ours.append((b"access-control-allow-credentials", b"true"))

    async def announce(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"]]
            vary = [value for name, value in headers if name == b"vary"]
            rest = [pair for pair in headers if pair[0] != b"vary"]
            message["headers"] = [*rest, (b"vary", b", ".join([*vary, b"Origin"])), *ours]
        await send(message)

    return announce
