"""What goes wrong between Turnout and an upstream: each fault one small function, told by its name.

A fault is what a scripted upstream does with one request in an API, streamed or not. Two need no script: nobody listens
at `refused`, and nobody trusts the certificate of `tls`.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from tests.support.script import RESET, STALL, Reply, Step, as_json, as_stream, paced

if TYPE_CHECKING:
    from tests.support.apis import Api

JSON = ("content-type", "application/json")
EVENTS = ("content-type", "text/event-stream")
HUGE = 33 * 1024 * 1024
"""Bytes of an event that is larger than any is taken (engine/dialects/tap.py)."""
DRIP = 0.05
"""Seconds between the pieces of an answer that never falls silent and never ends."""


def healthy(api: Api, stream: bool) -> Reply:
    return api.stream("Hello", " there") if stream else api.whole("Hello there")


def half(api: Api) -> bytes:
    """Return the first half of a whole answer."""
    whole = json.dumps(api.answer("Hello there")).encode()
    return whole[: len(whole) // 2]


def begun(api: Api, stream: bool, *then: Step) -> Reply:
    """Return an answer of which half arrives, or of a stream its first word, and then this."""
    if stream:
        return as_stream([*api.begun("Hello"), *then])
    return Reply(headers=(("content-length", "5000"), JSON), parts=(half(api), *then))


def reset_before_headers(api: Api, stream: bool) -> Reply:
    return Reply(parts=(RESET,), raw=True)


def reset_mid_stream(api: Api, stream: bool) -> Reply:
    return begun(api, stream, 0.02, RESET)


def stall_before_headers(api: Api, stream: bool) -> Reply:
    return Reply(before=(STALL,))


def stall_mid_stream(api: Api, stream: bool) -> Reply:
    return begun(api, stream, STALL)


def slow_drip(api: Api, stream: bool) -> Reply:
    """Never silent for long enough to be given up, never done: only `timeouts.total` ends it."""
    if stream:
        first = api.begun("Hello")
        return as_stream([*first[:-1], *paced([first[-1], *api.more(first, 200)], DRIP)])
    body = half(api)
    pieces = [body[at : at + 1] for at in range(len(body))]
    return Reply(headers=(("content-length", "5000"), JSON), parts=tuple(paced(pieces, DRIP)))


def rate_limit(api: Api, stream: bool) -> Reply:
    return as_json(api.refusal("rate_limit_error", "slow down"), 429)


def rate_limit_with_retry_after(api: Api, stream: bool) -> Reply:
    return as_json(api.refusal("rate_limit_error", "slow down"), 429, ("retry-after", "17"))


def status_401(api: Api, stream: bool) -> Reply:
    return as_json(api.refusal("authentication_error", "no such key"), 401)


def status_500(api: Api, stream: bool) -> Reply:
    return as_json(api.refusal("api_error", "oops"), 500)


def status_503(api: Api, stream: bool) -> Reply:
    return as_json(api.refusal("api_error", "not now"), 503)


def status_529(api: Api, stream: bool) -> Reply:
    return as_json(api.refusal("overloaded_error", "Overloaded"), 529)


def malformed_json(api: Api, stream: bool) -> Reply:
    """Whole, as far as its length tells."""
    return as_json(half(api))


def malformed_sse(api: Api, stream: bool) -> Reply:
    return as_stream([*api.events("Hello")[: api.lifecycle], b"data: {oops\n\n", *api.begun("Hello")[-1:]])


def malformed_sse_mid_stream(api: Api, stream: bool) -> Reply:
    return begun(api, stream, b"data: {oops\n\n")


def truncated_gzip(api: Api, stream: bool) -> Reply:
    squeeze = zlib.compressobj(wbits=31)
    content = b"".join(api.begun("Hello")) if stream else half(api)
    packed = squeeze.compress(content) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    return Reply(headers=(EVENTS if stream else JSON, ("content-encoding", "gzip")), parts=(packed,), framing="chunked")


def wrong_content_type(api: Api, stream: bool) -> Reply:
    return Reply(headers=(("content-type", "text/html"),), parts=(b"<html>It works!</html>",))


def huge_event(api: Api, stream: bool) -> Reply:
    return as_stream([b"data: " + b" " * HUGE + b"\n\n"])


SCRIPTED = {
    "reset-before-headers": reset_before_headers,
    "reset-mid-stream": reset_mid_stream,
    "stall-before-headers": stall_before_headers,
    "stall-mid-stream": stall_mid_stream,
    "slow-drip": slow_drip,
    "429": rate_limit,
    "429-retry-after": rate_limit_with_retry_after,
    "401": status_401,
    "500": status_500,
    "503": status_503,
    "529": status_529,
    "malformed-json": malformed_json,
    "malformed-sse": malformed_sse,
    "malformed-sse-mid-stream": malformed_sse_mid_stream,
    "truncated-gzip": truncated_gzip,
    "wrong-content-type": wrong_content_type,
    "huge-event": huge_event,
}
UNREACHED = ("refused", "tls")
FAULTS = (*UNREACHED, *SCRIPTED)
