"""Reads a request body under its limit, and undoes gzip without trusting it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from engine.chat import Problem
from engine.serve.headers import first

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from litestar.types import HTTPRequestEvent, Receive

RATIO = 100
"""How many times larger than its compressed form a body may grow; text of agents reaches about 20."""
SLACK = 1024 * 1024
"""Below this size the ratio is not asked: short bodies of spaces compress well and harm nobody."""


class ClientGone(Exception):  # noqa: N818 - nobody is left to whom it would be an error
    """The client closed its connection."""


async def read_body(receive: Receive, headers: Sequence[tuple[bytes, bytes]], limit: int) -> bytes:
    """Return the whole decoded body. Raises `Problem` (413, 415, 400) and `ClientGone`."""
    check_length(headers, limit)
    unpack = decoder(headers, limit)
    message = await _next(receive)
    if not message.get("more_body") and unpack is None:
        return _within(message["body"], limit)  # the usual request: one piece, not compressed
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = message["body"]
        if unpack is not None:
            piece = unpack.feed(piece)
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
        if not message.get("more_body"):
            break
        message = await _next(receive)
    if unpack is not None:
        unpack.finish()
    return b"".join(pieces)


def check_length(headers: Sequence[tuple[bytes, bytes]], limit: int) -> None:
    """Refuse (413) a body that is said to be too large, before any of it is read."""
    declared = first(headers, b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise too_large(limit)


async def stream_body(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """Yield the body as it comes, for `pass` routes. Raises `Problem` (413) and `ClientGone`."""
    size = 0
    while True:
        message = await _next(receive)
        piece = message["body"]
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        if piece:
            yield piece
        if not message.get("more_body"):
            return


def too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"the request body is larger than server.body_limit ({limit} bytes)",
    )


def decoder(headers: Sequence[tuple[bytes, bytes]], limit: int) -> Unpack | None:
    """Return what undoes content-encoding, None for identity. Raises `Problem` (415)."""
    encoding = first(headers, b"content-encoding")
    if encoding is None:
        return None
    match encoding.strip().lower():
        case b"identity" | b"":
            return None
        case b"gzip" | b"x-gzip":
            return Unpack(31, limit)
        case b"deflate":
            return Unpack(15, limit)
    shown = encoding.decode("latin-1")[:40]
    raise Problem(
        415, "unsupported_media_type", f"content-encoding {shown!r} is not understood; send gzip, deflate or none"
    )


class Unpack:
    """Inflates piece by piece, never beyond `limit` nor beyond `RATIO` times what came in."""

    def __init__(self, window: int, limit: int) -> None:
        self._inflate = zlib.decompressobj(window)
        self._limit = limit
        self._read = 0
        self._made = 0

    def feed(self, data: bytes) -> bytes:
        self._read += len(data)
        ratio = max(SLACK, self._read * RATIO)
        allowed = min(self._limit, ratio) - self._made + 1
        try:
            piece = self._inflate.decompress(data, max(allowed, 1))
        except zlib.error as error:
            raise Problem(400, "invalid_request", "the request body is not valid gzip or deflate data") from error
        if self._inflate.unused_data:
            raise Problem(400, "invalid_request", "the compressed request body has more behind its end")
        self._made += len(piece)
        if self._read > self._limit + SLACK:
            raise too_large(self._limit)  # whatever comes of it: empty blocks are nothing without end
        if self._made > self._limit:
            raise too_large(self._limit)
        if self._made > ratio or self._inflate.unconsumed_tail:
            raise Problem(413, "body_too_large", f"the request body is more than {RATIO} times its compressed size")
        return piece

    def finish(self) -> None:
        if not self._inflate.eof:
            raise Problem(400, "invalid_request", "the compressed request body ends too early")


async def _next(receive: Receive) -> HTTPRequestEvent:
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    return message


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise too_large(limit)
    return body
