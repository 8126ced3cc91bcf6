"""Whatever bytes come where frames are awaited: messages are the same in any pieces, and nonsense ends with a code."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.serve.sockets.client import ClientWire
from engine.transport.wire import Closed
from tests.end_to_end.sockets.raw import BINARY, CLOSE, CONT, PING, TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 100_000
CODES = {1000, 1001, 1002, 1005, 1006, 1007, 1009}
"""What a connection may end with here (RFC 6455, 7.4)."""
END = frame(struct.pack("!H", 1000), CLOSE)


async def heard(pieces: Sequence[bytes]) -> tuple[list[tuple[bytes, bool]], int]:
    """Send `pieces` to a wire on a real socket; return the messages it took, and the code it ended with."""
    loop = asyncio.get_running_loop()
    failures: list[object] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    ours, theirs = socket.socketpair()
    wire = ClientWire(loop, MOST, lambda: 10.0, lambda: 10.0)
    transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
    wire.hand_over(transport, set())
    theirs.setblocking(False)
    got: list[tuple[bytes, bool]] = []

    async def take() -> int:
        try:
            while True:
                got.append(await wire.receive())
        except Closed as closed:
            return closed.code

    async def write() -> None:
        for piece in pieces:
            await loop.sock_sendall(theirs, piece)
        theirs.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(theirs, 65536):
            pass

    taking = asyncio.ensure_future(take())
    try:
        async with asyncio.timeout(20):
            await asyncio.gather(write(), return_exceptions=True)
            code = await taking
    finally:
        theirs.close()
        wire.abort()
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not failures, failures
    return [(bytes(one[0]), one[1]) for one in got], code


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(min(one, len(data)) for one in at), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges) if begin < end]


def framed(message: bytes, text: bool, at: Sequence[int]) -> bytes:
    """Return a message in frames that are cut at these places, with a ping before each but the first."""
    pieces = cut(message, at) or [b""]
    kinds = [TEXT if text else BINARY, *[CONT] * (len(pieces) - 1)]
    last = len(pieces) - 1
    sent = [
        frame(piece, kind, fin=number == last) for number, (piece, kind) in enumerate(zip(pieces, kinds, strict=True))
    ]
    return frame(b"p", PING).join(sent)


places = st.lists(st.integers(0, 60_000), max_size=6)
message = st.tuples(
    st.one_of(st.text(max_size=300).map(str.encode), st.integers(0, 50_000).map(lambda size: b"x" * size)),
    st.booleans(),
    places,
)


@given(st.lists(message, max_size=6), places)
@settings(max_examples=100)
def test_messages_are_the_same_in_any_pieces(messages: list[tuple[bytes, bool, list[int]]], at: list[int]) -> None:
    sent = b"".join(framed(*one) for one in messages) + END
    got, code = asyncio.run(heard(cut(sent, at)))
    assert got == [(data, text) for data, text, _ in messages]
    assert code == 1000


@given(st.lists(st.one_of(st.binary(max_size=40), message.map(lambda one: framed(*one))), max_size=6), places)
@settings(max_examples=150)
def test_nonsense_ends_with_a_code_and_nothing_else(blocks: list[bytes], at: list[int]) -> None:
    _, code = asyncio.run(heard(cut(b"".join(blocks), at)))
    assert code in CODES or 3000 <= code < 5000


@given(message, st.integers(0, 2000), st.integers(0, 7))
@settings(max_examples=150)
def test_one_bit_that_flips_does_no_harm(one: tuple[bytes, bool, list[int]], where: int, bit: int) -> None:
    data = bytearray(framed(*one) + END)
    data[where % len(data)] ^= 1 << bit
    _, code = asyncio.run(heard([bytes(data)]))
    assert code in CODES or 3000 <= code < 5000 or code in range(1003, 1015)
