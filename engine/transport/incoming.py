"""An HTTP/1.1 answer on its way in: from the bytes to status, fields and body. Knows no socket and no clock.

httptools' parser decides what is well-formed; this file adds what it leaves open: limits, codings nobody asked for,
and whose the bytes after an answer are (nobody's).
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Literal

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from engine.transport.base import TransportError

if TYPE_CHECKING:
    from engine.chat import Headers

HEAD_LIMIT = 64 * 1024


class _Stop(Exception):  # noqa: N818 - ends the parser, is no error
    """Raised in a parser callback to make it read no further."""


class Incoming:
    """What has arrived of the answers on one connection, one after the other. `begin` before each.

    `status` is 0 until the head is complete. Pieces of the body go from the parser straight into `body`: a burst
    brings hundreds in one read, and none of them costs a frame of ours. `done` and `error` come after what is in it.
    """

    __slots__ = (
        "_fields",
        "_head_only",
        "_parser",
        "_seen",
        "_where",
        "body",
        "done",
        "error",
        "framed",
        "headers",
        "heading",
        "keep",
        "on_body",
        "status",
    )

    def __init__(self, where: str) -> None:
        self._where = where
        self._fields: Headers = []
        self.body: list[bytes] = []
        self.on_body = self.body.append
        self._parser: Any = HttpResponseParser(self)
        self.begin("")

    def begin(self, method: str) -> None:
        """Get ready for the answer to a request."""
        self.status = 0
        self.headers: Headers = []
        self.framed = True
        self.heading = False
        """Part of a head has arrived, and not yet all of it."""
        self.done = False
        self.error: Exception | None = None
        self.keep = False
        """The answer is complete, and another may follow on the same connection."""
        self._head_only = method == "HEAD"
        self._seen = 0

    @property
    def unanswered(self) -> bool:
        """Not one byte has arrived."""
        return not self._seen

    def feed(self, data: bytes) -> None:
        """Take what has arrived; not to be called once `done` or with an `error`."""
        self._seen += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keep = False
            if not self.done and self.error is None:
                self._malformed(str(error))
            return
        if not self.status and self._seen > HEAD_LIMIT:
            self._malformed("its head is larger than 64 KiB")

    def closed(self, exc: Exception | None) -> None:
        """The upstream has closed: an end, if nothing else ends the answer, or else a break."""
        self.keep = False
        if self.done or self.error is not None:
            return
        if self.status and not self.framed and exc is None:
            self.done = True
            return
        how = "reset the connection" if isinstance(exc, ConnectionError) else "closed the connection"
        when = "in the middle of its answer" if self._seen else "without an answer"
        reason: Literal["tls", "disconnect"] = "tls" if isinstance(exc, ssl.SSLError) else "disconnect"
        self.error = TransportError(reason, f"{self._where}: {how} {when}")

    def end(self) -> None:
        """Let go of the parser, which holds this object and is held by it."""
        self._parser = None

    # what the parser calls

    def on_message_begin(self) -> None:
        if self.done:
            raise _Stop
        self.heading = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        fields, self._fields = self._fields, []
        if status < 200:
            if status == 101:
                self._refuse("it switched protocols unasked")
            return
        if self._seen > HEAD_LIMIT and sum(len(name) + len(value) + 4 for name, value in fields) > HEAD_LIMIT:
            self._refuse("its head is larger than 64 KiB")
        named = dict(fields)
        if b"transfer-encoding" in named:
            codings = [value.strip().lower() for name, value in fields if name == b"transfer-encoding"]
            if codings != [b"chunked"]:
                self._refuse("it uses a transfer coding other than chunked")
            fields = [pair for pair in fields if pair[0] != b"transfer-encoding"]
        elif b"content-length" not in named and status not in (204, 304) and not self._head_only:
            self.framed = False
        self.headers = fields
        self.status = status
        if self._head_only:
            self.done = True
            raise _Stop  # content-length, if any, is that of the body a GET would bring

    def on_message_complete(self) -> None:
        if not self.status:
            self.heading = False  # 1xx: the answer is still to come
            if self.body:
                self._refuse("it gave an interim answer a body")
            return
        self.done = True
        # A trailer is dropped, and the connection with it: the parser would carry a trailer on into the next head.
        self.keep = not self._fields and bool(self._parser.should_keep_alive())

    def _refuse(self, what: str) -> None:
        self._malformed(what)
        raise _Stop

    def _malformed(self, what: str) -> None:
        self.error = TransportError("disconnect", f"{self._where}: its answer is malformed: {what}")
