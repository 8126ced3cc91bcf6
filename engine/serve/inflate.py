"""An upstream's answer without content-encoding: asked for identity, some compress all the same."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from engine.chat import Failed, Failure

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.upstreams.base import Answer

PIECE = 1024 * 1024
"""Most bytes that are inflated at once: a few may become thousands of times as many."""
WINDOWS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}


def inflated(answer: Answer) -> Answer:
    """Return `answer` itself when it is not compressed, else a reader that inflates it as it comes.

    Raises `Failed` (disconnect) for an encoding nobody asked for that cannot be undone here.
    """
    encoding = next((value.strip().lower() for name, value in answer.headers if name == b"content-encoding"), b"")
    if encoding in (b"", b"identity"):
        return answer
    if encoding not in WINDOWS:
        shown = encoding.decode("latin-1")[:20]
        raise Failed(
            Failure(reason="disconnect", message=f"the upstream answered in {shown!r} although identity was asked for")
        )
    return _Inflated(answer, WINDOWS[encoding])


class _Inflated:
    def __init__(self, answer: Answer, window: int) -> None:
        self._answer = answer
        self._inflate = zlib.decompressobj(window)
        self._tail = b""
        """What came and is not inflated yet."""
        self.status = answer.status
        self.framed = True
        answer.headers = self.headers = [pair for pair in answer.headers if pair[0] != b"content-encoding"]
        """The client gets the body as it is after this, so the field goes."""

    headers: Headers

    async def chunk(self) -> bytes:
        while data := self._tail or await self._answer.chunk():
            piece = self._undo(data)
            if piece:
                return piece
        if not self._inflate.eof:
            raise Failed(Failure(reason="disconnect", message="the upstream's compressed answer ends too early"))
        return b""

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.chunk():
            size += len(piece)
            if size > limit:
                raise Failed(Failure(reason="disconnect", message="the upstream's answer is too large"))
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._answer.close()

    def _undo(self, data: bytes) -> bytes:
        if self._inflate.eof:
            return b""  # what comes behind the end says nothing
        try:
            piece = self._inflate.decompress(data, PIECE)
            self._tail = self._inflate.unconsumed_tail
            return piece
        except zlib.error as error:
            raise Failed(Failure(reason="disconnect", message="the upstream's answer is not valid gzip")) from error
