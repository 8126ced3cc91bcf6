"""What ASGI cannot see: how large and how slow a request head is, and that a client has left.

A subclass of uvicorn's httptools protocol (0.54). httptools itself limits neither the size of a head nor its time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.chat import Problem
from engine.dialects import ANTHROPIC, OPENAI

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEAD_LIMIT = 64 * 1024
"""Bytes of request line and headers. Agents send about 2 KB."""
HEAD_SECONDS = 10.0
"""From the first byte of a head to its end."""

PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class Protocol(HttpToolsProtocol):
    """One client connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_size = 0
        self._in_head = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        """The cycle whose task runs; `self.cycle` may already be the next one of a pipeline."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            visit = cast("dict[str, Any]", running.scope).get("turnout")
            if visit is not None:  # else the task has not begun, and will find out when it reads the request
                visit.gone = True
                visit.task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self._in_head and self._head_size > HEAD_LIMIT:
            self._refuse(431, "headers_too_large", f"the request head is larger than {HEAD_LIMIT} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._end_head()
        if size > HEAD_LIMIT:
            self._refuse(431, "headers_too_large", f"the request head is larger than {HEAD_LIMIT} bytes")
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if not self.pipeline:
            self.flow.resume_reading()  # a large body has paused it, and paused we would not see the client leave

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that is not taken is answered like any request; that is no news for the log."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - as in uvicorn
        self._refuse(400, "invalid_request", "this is not a valid HTTP/1.1 request")

    def _await_head(self) -> None:
        self._in_head, self._head_size = True, 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _end_head(self) -> None:
        self._in_head, self._head_size = False, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self._head_size == 0:
            self.transport.close()  # nothing was ever sent: a connection opened ahead of need
        else:
            self._refuse(408, "request_timeout", f"the request head did not arrive within {HEAD_SECONDS:g} seconds")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer without ASGI, in the form of the API as far as the request line tells, and close."""
        self._end_head()
        if self.transport.is_closing():
            return
        if self._running is not None and not self._running.response_complete:
            self.transport.close()  # an answer is on its way in front of this one: nothing can be put in between
            return
        form = ANTHROPIC if b"/messages" in (getattr(self, "url", b"") or b"") else OPENAI
        body = form.error(Problem(status, code, message), "")
        head = (
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            % (status, PHRASES[status], len(body))
        )
        self.transport.write(head + body)
        self.transport.close()
