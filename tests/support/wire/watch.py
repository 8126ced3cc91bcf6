"""Every stream that a Turnout process emits in a test is held against the rules of its API, whoever reads it.

What reads answers tells `heard`; a test fails at its end if anything was found (tests/conftest.py). Streams that are
broken on purpose, as where a scripted upstream breaks the rules and its bytes pass, need the mark `odd_stream(why)`.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.wire import violations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ENDPOINTS = (
    ("/chat/completions", "chat"),
    ("/completions", "completions"),
    ("/messages", "messages"),
    ("/responses(/[^/]+)?", "responses"),
)
"""How a path ends -> its API; a response that is kept can be streamed again."""
MARKS = {
    b'"sequence_number":': "responses",
    b"chat.completion.chunk": "chat",
    b"text_completion": "completions",
    b"event: ": "messages",
}
"""What only the streams of an API hold; the first that is found counts."""


class Watch:
    """Knows which servers are Turnouts, and what was wrong with their streams since the last `reset`."""

    def __init__(self) -> None:
        self.servers: set[str] = set()
        self.found: list[str] = []
        self.streams = 0
        """How many streams were held against the rules, ever."""
        self._lock = threading.Lock()

    def heard(self, host: str, target: str, request: bytes, content_type: str, body: bytes, *, cut: bool) -> None:
        """Take note of one answer; what is no stream of a Turnout does not count."""
        path, _, query = target.partition("?")
        api = next((name for end, name in ENDPOINTS if re.search(f"{end}$", path)), None) if path else _looks_like(body)
        if host not in self.servers or api is None or not content_type.startswith("text/event-stream"):
            return
        flaws = violations(api, body, usage=usage_asked(request), cut=cut, after=_resumed(query))
        with self._lock:
            self.streams += 1
            self.found += [f"{path}: {flaw}\n{_shown(body)}" for flaw in flaws]

    def reset(self) -> list[str]:
        """Return what was found, and forget it."""
        with self._lock:
            found, self.found = self.found, []
        return found


WATCH = Watch()


def usage_asked(request: bytes) -> bool | None:
    """Say whether the body of a request asks for the usage of a stream; None if it cannot be read."""
    try:
        options: Any = json.loads(request).get("stream_options") or {}
    except (ValueError, AttributeError):
        return None
    return bool(options.get("include_usage"))


def _looks_like(body: bytes) -> str | None:
    """Tell the API from a stream itself, where the test wrote its request by hand."""
    return next((api for mark, api in MARKS.items() if mark in body), None)


def _resumed(query: str) -> int | None:
    """Return the number of the event after which a response is streamed again."""
    after = parse_qs(query).get("starting_after", [""])[0]
    return int(after) if after.isdigit() else None


def _shown(body: bytes) -> str:
    return body.decode(errors="replace")[-3000:]


# the SDKs ------------------------------------------------------------------------------------------------------------


class _Heard:
    """Copies what an SDK reads of a stream."""

    def __init__(self, response: httpx2.Response, request: httpx2.Request) -> None:
        self._inner: Any = response.stream
        self._request = request
        self._type = response.headers.get("content-type", "")
        self._body = b""
        self._told = False

    def _tell(self, *, cut: bool) -> None:
        if self._told:
            return
        self._told = True
        url = urlsplit(str(self._request.url))
        try:
            asked = self._request.content
        except httpx2.RequestNotRead:
            asked = b""
        target = f"{url.path}?{url.query}"
        WATCH.heard(url.netloc, target, asked, self._type, self._body, cut=cut)


class _HeardSync(_Heard, httpx2.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self._body += chunk
            yield chunk
        self._tell(cut=False)

    def close(self) -> None:
        self._tell(cut=True)
        self._inner.close()


class _HeardAsync(_Heard, httpx2.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._body += chunk
            yield chunk
        self._tell(cut=False)

    async def aclose(self) -> None:
        self._tell(cut=True)
        await self._inner.aclose()


def listen_to_sdks() -> None:
    """Copy every answer that comes through httpx2, which both vendors' SDKs are made on."""
    send, send_async = httpx2.HTTPTransport.handle_request, httpx2.AsyncHTTPTransport.handle_async_request

    def handle(self: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        response = send(self, request)
        response.stream = _HeardSync(response, request)
        return response

    async def handle_async(self: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        response = await send_async(self, request)
        response.stream = _HeardAsync(response, request)
        return response

    httpx2.HTTPTransport.handle_request = handle  # type: ignore[method-assign]
    httpx2.AsyncHTTPTransport.handle_async_request = handle_async  # type: ignore[method-assign]
