"""What goes out together on the client's wire, seen from the other end of a real socket."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

import pytest

from engine.serve.corked import Corked
from engine.transport.stall import Stall

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def sent(steps: Callable[[Corked], object], *, turns: int = 0) -> tuple[bytes, bytes]:
    """Return what has left at once, and all that has left `turns` turns of the loop later."""
    here, there = socket.socketpair()
    there.setblocking(False)

    def read() -> bytes:
        try:
            return there.recv(1000)
        except BlockingIOError:
            return b""

    async def run() -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=here)
        raw = cast("asyncio.Transport", transport)
        steps(Corked(raw, loop, Stall(raw, loop, lambda: 60.0, lambda _: None)))
        at_once = read()
        for _ in range(turns):
            await asyncio.sleep(0)
        later = read()
        transport.close()
        await asyncio.sleep(0)
        return at_once, at_once + later

    with there:
        return asyncio.run(run())


def in_turn(*pieces: bytes) -> Callable[[Corked], None]:
    def write(wire: Corked) -> None:
        for piece in pieces:
            wire.write(piece)

    return write


@pytest.mark.parametrize(
    ("pieces", "at_once", "a_turn_later"),
    [
        ((HEAD,), b"", HEAD),
        ((HEAD, b"{}"), HEAD + b"{}", HEAD + b"{}"),
        ((HEAD, b""), HEAD, HEAD),
        ((b"2\r\n{}\r\n",), b"2\r\n{}\r\n", b"2\r\n{}\r\n"),
        ((HEAD, b"one", b"two"), HEAD + b"onetwo", HEAD + b"onetwo"),
        ((HEAD, HEAD, HEAD), HEAD + HEAD, HEAD + HEAD + HEAD),
    ],
)
def test_a_head_waits_for_its_body_or_a_turn(pieces: tuple[bytes, ...], at_once: bytes, a_turn_later: bytes) -> None:
    assert sent(in_turn(*pieces), turns=2) == (at_once, a_turn_later)


def test_closing_lets_a_head_out_first() -> None:
    def head_and_close(wire: Corked) -> None:
        wire.write(HEAD)
        wire.close()
        assert wire.is_closing()

    assert sent(head_and_close)[0] == HEAD
