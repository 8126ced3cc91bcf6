"""An answer that is held until the steps of its conversation have looked at it, and then goes out as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Failed
from engine.dialects import CODECS
from engine.dialects.fold import fold
from engine.serve.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Api, Headers, Response
    from engine.serve.reply import Visit


def read(api: Api, status: int, body: bytes) -> Response | None:
    """Return an answer of `api`, whole or a stream, in no vendor's form; None for an error, or what cannot be read."""
    codec = CODECS.get(api)
    if codec is None or status != 200:
        return None
    try:
        if body.lstrip().startswith(b"{"):
            return codec.read_answer(body)
        decoder = codec.decoder()
        events = [*decoder.feed(body), *decoder.finish()]
        return fold(events) if decoder.failure is None and decoder.ended else None
    except (Failed, msgspec.DecodeError):
        return None


class Held(Reply):
    """A `Reply` that nobody hears yet."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(self._keep, visit)
        self._head: Headers = []
        self._body: list[bytes] = []

    async def _keep(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._head = list(message["headers"])
        else:
            self._body.append(message["body"])

    def hold(self, seconds: float, beat: bytes, head: Callable[[], Headers]) -> None:
        """Whoever waits for this answer is kept alive by the reply that it goes out with."""

    def response(self, api: Api) -> Response | None:
        """Return what was answered, in no vendor's form; None for an error, or what cannot be read."""
        return read(api, self.status, self.body)

    @property
    def body(self) -> bytes:
        """What was answered."""
        return b"".join(self._body)

    @body.setter
    def body(self, body: bytes) -> None:
        self._body = [body]

    async def release(self, reply: Reply) -> None:
        """Send it out."""
        body = self.body
        if reply.opened:  # with keep-alives
            await reply.end(body)
            return
        streamed = any(name == b"content-type" and b"event-stream" in value for name, value in self._head)
        head = [field for field in self._head if field[0] != b"content-length"]
        if streamed:
            await reply.piece(body, lambda: head)
            await reply.end()
        else:
            await reply.whole(self.status, head, body)


class Heard:
    """What a reply sends, noted as it goes out."""

    def __init__(self, reply: Reply) -> None:
        self._send = reply.send
        self._body: list[bytes] = []
        self._status = 0
        reply.send = self._note

    async def _note(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._body.append(message["body"])
        await self._send(message)

    def response(self, api: Api) -> Response | None:
        """Return what was answered, in no vendor's form; None for an error, or what cannot be read."""
        return read(api, self._status, b"".join(self._body))
