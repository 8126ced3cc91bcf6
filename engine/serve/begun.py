"""Whether an upstream's answer is an event stream: by its content type, or by how it begins where that says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects.sse import BOM
from engine.serve.reply import EVENT_STREAM

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.upstreams.base import Answer

FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
"""What the first line of an event stream begins with."""


def is_event_stream(headers: Headers) -> bool:
    return any(name == b"content-type" and b"text/event-stream" in value.lower() for name, value in headers)


async def begun(answer: Answer) -> Answer:
    """Return `answer` with the content type that it really has: some servers send events as plain text.

    Raises `Failed`.
    """
    kind = next((value.lower() for name, value in answer.headers if name == b"content-type"), b"")
    if is_event_stream(answer.headers) or kind.startswith(b"application/json"):
        return answer
    return _Begun(answer, await answer.chunk())


class _Begun:
    """An answer whose first piece has been looked at."""

    def __init__(self, answer: Answer, first: bytes) -> None:
        self._answer = answer
        self._first: bytes | None = first
        self.status = answer.status
        self.framed = answer.framed
        self.headers = answer.headers
        if first.removeprefix(BOM).lstrip().startswith(FIELDS):
            self.headers = [EVENT_STREAM, *(field for field in answer.headers if field[0] != b"content-type")]

    async def chunk(self) -> bytes:
        if self._first is None:
            return await self._answer.chunk()
        first, self._first = self._first, None
        return first

    async def read(self, limit: int) -> bytes:
        first, self._first = self._first or b"", None
        return first + (await self._answer.read(limit) if first else b"")

    def close(self) -> None:
        self._answer.close()
