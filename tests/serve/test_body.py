"""Reading a request body by value: pieces, limits, gzip, and what lies about itself."""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Problem
from engine.serve.body import RATIO, SLACK, ClientGone, Unpack, read_body, stream_body

if TYPE_CHECKING:
    from collections.abc import Sequence

KB, MB = 1024, 1024 * 1024
GZIP = [(b"content-encoding", b"gzip")]


def receiving(pieces: Sequence[bytes], *, left: bool = False) -> Any:
    """Return an ASGI `receive` that brings `pieces`; with `left` the client goes before the last."""
    events: list[dict[str, Any]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if left:
        events.append({"type": "http.disconnect"})
    else:
        events[-1]["more_body"] = False
    script = iter(events)

    async def receive() -> dict[str, Any]:
        return next(script)

    return receive


def body(pieces: Sequence[bytes], headers: Sequence[tuple[bytes, bytes]] = (), limit: int = MB) -> bytes:
    return asyncio.run(read_body(receiving(pieces), headers, limit))


def refusal(pieces: Sequence[bytes], headers: Sequence[tuple[bytes, bytes]] = (), limit: int = MB) -> str:
    with pytest.raises(Problem) as caught:
        body(pieces, headers, limit)
    return f"{caught.value.status} {caught.value.message}"


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)] or [b""]


def test_pieces() -> None:
    assert body([b""]) == b""
    assert body([b"one"]) == b"one"
    assert body([b"one", b"", b"two", b""]) == b"onetwo"


def test_the_limit() -> None:
    assert len(body([b"x" * 10], limit=10)) == 10
    assert len(body([b"x" * 5, b"x" * 5], limit=10)) == 10
    too_large = "413 the request body is larger than server.body_limit (10 bytes)"
    assert refusal([b"x" * 11], limit=10) == too_large
    assert refusal([b"x" * 6, b"x" * 5], limit=10) == too_large


def test_what_is_declared_too_large_is_not_read() -> None:
    async def receive() -> Any:
        raise AssertionError("nothing may be read")

    with pytest.raises(Problem) as caught:
        asyncio.run(read_body(receive, [(b"content-length", b"11")], 10))
    assert caught.value.status == 413


@given(st.binary(max_size=3000), st.integers(1, 700), st.sampled_from(["gzip", "x-gzip", "GZip", "deflate"]))
def test_any_split_of_a_compressed_body_reads_alike(data: bytes, size: int, name: str) -> None:
    packed = zlib.compress(data) if name == "deflate" else gzip.compress(data)
    assert body(cut(packed, size), [(b"content-encoding", name.encode())]) == data


def test_identity_is_no_encoding() -> None:
    for name in (b"identity", b"", b" Identity "):
        assert body([b"plain"], [(b"content-encoding", name)]) == b"plain"


def test_the_limit_counts_what_comes_out() -> None:
    noise = os.urandom(600)
    packed = gzip.compress(noise)
    assert body([packed], GZIP, 600) == noise
    assert refusal(cut(packed, 100), GZIP, 599) == "413 the request body is larger than server.body_limit (599 bytes)"


def test_the_ratio() -> None:
    told = f"413 the request body is more than {RATIO} times its compressed size"
    assert refusal([gzip.compress(b" " * 3 * MB)], GZIP, 32 * MB) == told
    assert refusal(cut(gzip.compress(b" " * 3 * MB), 64), GZIP, 32 * MB) == told
    assert len(body([gzip.compress(b" " * SLACK)], GZIP, 32 * MB)) == SLACK, "small ones may be of spaces"


def test_a_bomb_is_never_unpacked() -> None:
    unpack = Unpack(31, 32 * MB)
    with pytest.raises(Problem):
        unpack.feed(gzip.compress(b"\0" * 64 * MB, 1)[: 16 * KB])
    assert unpack._made <= 16 * KB * RATIO + 1


BROKEN = {
    "not compressed at all": (b'{"model": "x"}', "not valid gzip"),
    "cut": (gzip.compress(b"x" * 100)[:-3], "ends too early"),
    "empty": (b"", "ends too early"),
    "a wrong checksum": (gzip.compress(b"x")[:-8] + b"\1\2\3\4" + gzip.compress(b"x")[-4:], "not valid gzip"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken(what: str) -> None:
    data, told = BROKEN[what]
    said = refusal([data], GZIP)
    assert said.startswith("400 ")
    assert told in said


def test_unknown_encodings() -> None:
    said = refusal([b"x"], [(b"content-encoding", b"br")])
    assert said == "415 content-encoding 'br' is not understood; send gzip, deflate or none"
    assert len(refusal([b"x"], [(b"content-encoding", b"x" * 5000)])) < 200


def test_a_client_that_leaves() -> None:
    with pytest.raises(ClientGone):
        asyncio.run(read_body(receiving([b"one"], left=True), [], MB))


def test_a_stream_is_passed_as_it_comes_and_has_the_same_limit() -> None:
    async def collect(pieces: Sequence[bytes], limit: int) -> list[bytes]:
        return [piece async for piece in stream_body(receiving(pieces), limit)]

    assert asyncio.run(collect([b"one", b"", b"two"], 10)) == [b"one", b"two"]
    with pytest.raises(Problem) as caught:
        asyncio.run(collect([b"x" * 6, b"x" * 6], 10))
    assert caught.value.status == 413
