"""Bytes as a network may bring them."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def pieces(body: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Yield `body` in pieces of the given sizes, over and over."""
    at = 0
    for size in cycle(sizes):
        if at >= len(body):
            return
        yield body[at : at + size]
        at += size
