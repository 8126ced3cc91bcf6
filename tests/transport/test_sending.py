"""What goes up the wire, and what happens when more comes or goes than the other side takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.transport.base import Request, Waits
from engine.transport.h1 import H1
from tests.transport.conftest import Run
from tests.transport.host import OK, STREAM, Wire, always, error_of, get, hosting, post, whole

BODY = b'{"model":"gpt-5.5"}'

WRITTEN = {
    "a JSON body": (
        Request(
            method="POST",
            target=b"/v1/chat/completions?a=b",
            headers=[(b"x-b", b"1"), (b"authorization", b"Bearer k"), (b"x-b", b"2")],
            body=BODY,
        ),
        b"POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: HOST\r\nx-b: 1\r\nauthorization: Bearer k\r\nx-b: 2\r\n"
        b"content-length: 19\r\n\r\n" + BODY,
    ),
    "no body to get": (
        Request(method="GET", target=b"/v1/models", headers=[]),
        b"GET /v1/models HTTP/1.1\r\nhost: HOST\r\n\r\n",
    ),
    "an empty post says so": (
        Request(method="POST", target=b"/x", headers=[]),
        b"POST /x HTTP/1.1\r\nhost: HOST\r\ncontent-length: 0\r\n\r\n",
    ),
}


@pytest.mark.parametrize(("request_", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_the_bytes_of_a_request(run: Run, request_: Request, expected: bytes) -> None:
    seen: list[bytes] = []

    async def script(wire: Wire) -> None:
        seen.append(await wire.reader.read(1 << 16))  # one write: one read
        wire.write(OK)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert await whole(h1, request_) == (200, b"ok")
            assert seen == [expected.replace(b"HOST", b"127.0.0.1:%d" % host.port)]
            await h1.close()

    run(main())


UNWRITABLE = {
    "a line break in a value": (b"/", (b"x-a", b"1\r\nx-b: 2")),
    "a lone line feed": (b"/", (b"x-a", b"1\n2")),
    "a lone carriage return": (b"/", (b"x-a", b"1\r2")),
    "a line break in a name": (b"/", (b"x-a\r\nx-b", b"1")),
    "a NUL": (b"/", (b"x-a", b"1\x002")),
    "a space in the target": (b"/a b", (b"x-a", b"1")),
    "a line break in the target": (b"/a\r\nx: y", (b"x-a", b"1")),
}


@pytest.mark.parametrize(("target", "header"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_nothing_of_ours_can_start_another_line(run: Run, target: bytes, header: tuple[bytes, bytes]) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            with pytest.raises(ValueError, match="line break") as caught:
                await h1.send(Request(method="GET", target=target, headers=[header]), Waits())
            assert "x-b" not in str(caught.value)
            assert host.total == 0
            await h1.close()

    run(main())


def test_a_streamed_body_goes_up_in_its_pieces(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one", b"", b"two", b"x" * 100_000):
            yield piece

    async def main() -> None:
        async with hosting(always(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert await whole(h1, post(pieces())) == (200, b"ok")
            assert await whole(h1, get()) == (200, b"ok")
            assert (host.requests[0].body, host.requests[0].chunks) == (b"onetwo" + b"x" * 100_000, 3)
            assert (b"transfer-encoding", b"chunked") in host.requests[0].headers
            assert host.total == 1  # over in both directions: used again
            await h1.close()

    run(main())


def test_a_streamed_body_waits_for_a_host_that_reads_slowly(run: Run) -> None:
    asked = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(200):
            asked += 1
            yield b"x" * 100_000

    async def script(wire: Wire) -> None:
        wire.writer.transport.pause_reading()
        await asyncio.sleep(0.2)
        assert asked < 160, "pieces are piling up in memory"
        wire.writer.transport.resume_reading()
        assert len((await wire.request()).body) == 20_000_000
        wire.write(OK)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert await whole(h1, post(pieces())) == (200, b"ok")
            await h1.close()

    run(main())


def test_a_refusal_before_the_body_is_sent_is_the_answer(run: Run) -> None:
    given = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b"x" * 10_000
            await asyncio.sleep(0.01)

    async def script(wire: Wire) -> None:
        await wire.head()
        wire.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            begun = asyncio.get_running_loop().time()
            assert await whole(h1, post(pieces())) == (413, b"big")
            await host.saw_us_leave(begun)  # half a request is still in the way: not used again
            sent = given
            await asyncio.sleep(0.05)
            assert given == sent
            await h1.close()

    run(main())


def test_nothing_more_is_sent_once_the_request_is_refused(run: Run) -> None:
    given = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b"x"
            await asyncio.sleep(0.01)

    async def script(wire: Wire) -> None:
        await wire.head()
        wire.write(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nsl")
        await asyncio.sleep(0.1)
        wire.write(b"ow")
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(post(pieces()), Waits())
            sent = given
            assert (await reply.chunk() + await reply.chunk(), given) == (b"slow", sent)
            await h1.close()

    run(main())


def test_bytes_refused_half_way(run: Run) -> None:
    async def script(wire: Wire) -> None:
        await wire.head()
        wire.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(post(b"x" * (32 << 20)), Waits())
            assert (reply.status, await reply.chunk()) == (413, b"big")
            assert await whole(h1, post(b"x" * (32 << 20))) == (413, b"big")
            assert host.total == 2
            await h1.close()

    run(main())


def test_both_directions_at_once(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"ping"
            await asyncio.sleep(0.02)

    async def script(wire: Wire) -> None:
        await wire.head()
        wire.write(STREAM)
        while size := int(await wire.reader.readuntil(b"\r\n"), 16):
            wire.write(b"%x\r\n%b" % (size, await wire.reader.readexactly(size + 2)))
        wire.write(b"0\r\n\r\n")
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert await whole(h1, post(pieces())) == (200, b"ping" * 5)
            await h1.close()

    run(main())


class ClientGone(Exception):  # noqa: N818
    """What the serving side raises out of a body."""


@pytest.mark.parametrize("early", [False, True], ids=["before the head", "after the head"])
def test_a_body_that_raises_ends_the_request(run: Run, early: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.sleep(0.05)
        raise ClientGone

    async def script(wire: Wire) -> None:
        await wire.head()
        if early:
            wire.write(STREAM + b"2\r\nok\r\n")
        await wire.left()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            if early:
                reply = await h1.send(post(pieces()), Waits())
                assert await reply.chunk() == b"ok"
                with pytest.raises(ClientGone):
                    await reply.chunk()
                reply.close()
            else:
                with pytest.raises(ClientGone):
                    await h1.send(post(pieces()), Waits())
            await host.saw_us_leave(loop.time())
            await h1.close()

    run(main())


def test_a_host_that_hangs_up_on_a_streamed_body(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000

    async def script(wire: Wire) -> None:
        await wire.head()
        wire.reset()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            error = await error_of(h1.send(post(pieces()), Waits()))
            assert (error.reason, host.total) == ("disconnect", 1)
            await h1.close()

    run(main())


@pytest.mark.parametrize("framing", ["chunked", "content-length", "until close"])
def test_an_answer_that_nobody_reads_stays_on_the_hosts_side(run: Run, framing: str) -> None:
    size = 64 << 20
    written = 0

    async def script(wire: Wire) -> None:
        nonlocal written
        await wire.request()
        head = {"content-length": b"content-length: %d\r\n\r\n" % size, "chunked": STREAM[17:]}.get(framing, b"\r\n")
        wire.write(b"HTTP/1.1 200 OK\r\n" + head)
        piece = b"x" * 65536
        for _ in range(size // len(piece)):
            wire.write(b"10000\r\n%b\r\n" % piece if framing == "chunked" else piece)
            await wire.writer.drain()
            written += len(piece)
        if framing == "chunked":
            wire.write(b"0\r\n\r\n")
        await wire.writer.drain()
        if framing == "until close":
            wire.close()
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(post(), Waits())
            before = -1
            while written != before:
                before = written
                await asyncio.sleep(0.2)
            assert 0 < written < 24 << 20  # the kernel's two buffers, and a little of ours
            got = 0
            largest = 0
            while piece := await reply.chunk():
                got += len(piece)
                largest = max(largest, len(piece))
            assert got == size
            assert largest <= 512 * 1024
            await h1.close()

    run(main())
