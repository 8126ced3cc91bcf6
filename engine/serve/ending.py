"""An exchange after which the connection ends: HTTP/1.0, and whoever asks for `connection: close`.

uvicorn's cycle (0.54) sends chunks to clients that know none, and closes at once, though the client still writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn._types import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        ASGISendEvent,
        HTTPResponseBodyEvent,
        HTTPResponseStartEvent,
        Scope,
    )
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def ending(app: ASGI3Application, cycle: RequestResponseCycle, leave: Callable[[], None]) -> ASGI3Application:
    """Return `app` so that its answer can be read by the client of `cycle`, to the end.

    To HTTP/1.0 an answer of unknown length goes as it is, until the connection closes (RFC 9112, 6.1). Where the
    request body has not been read by then, `leave` is called in place of closing.
    """
    old = cycle.scope["http_version"] < "1.1"

    async def run(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        unframed = False

        async def sending(message: ASGISendEvent) -> None:
            nonlocal unframed
            if message["type"] == "http.response.start":
                unframed = old and not _has_length(message)
                if unframed:
                    cycle.chunked_encoding = False
                await send(message)
                return
            body = cast("HTTPResponseBodyEvent", message)
            if unframed:
                cycle.expected_content_length = len(body.get("body", b""))
            unread = cycle.more_body and not cycle.keep_alive and not body.get("more_body", False)
            if unread:
                cycle.keep_alive = True  # the head has said otherwise; this only keeps the cycle from closing
            await send(message)
            if unread:
                leave()

        await app(scope, receive, sending)

    return run


def _has_length(message: HTTPResponseStartEvent) -> bool:
    return any(name == b"content-length" for name, _ in message.get("headers", ()))
