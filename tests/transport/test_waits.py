"""The four waits, each on its own, and what each says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from engine.transport.base import Waits
from engine.transport.h1 import H1
from tests.transport.conftest import Run
from tests.transport.host import OK, STREAM, Script, Wire, error_of, hosting, post, whole

SHORT = 0.15
LATE = 5
"""How much later than asked a wait may end on a busy machine."""


def stalling(*before: bytes, pause: float = 0.0) -> Script:
    """Send pieces with a pause after each, then nothing more."""

    async def script(wire: Wire) -> None:
        await wire.request()
        for piece in before:
            if wire.reader.at_eof() or wire.writer.transport.is_closing():
                break
            wire.write(piece)
            await asyncio.sleep(pause)
        await wire.left()

    return script


STALLS = {
    # name: (script, which wait is short, what the error names, seconds until it comes)
    "no head": (stalling(), "first_byte", "timeouts.first_byte", SHORT),
    "interim answers are no answer": (stalling(b"HTTP/1.1 100 Continue\r\n\r\n"), "first_byte", "first_byte", SHORT),
    "half a head": (stalling(b"HTTP/1.1 200 OK\r\nx-a"), "idle", "timeouts.idle", SHORT),
    "a head and no body": (stalling(STREAM), "idle", "timeouts.idle", SHORT),
    "half a body": (stalling(STREAM + b"2\r\nok\r\n"), "idle", "timeouts.idle", SHORT),
    "a head in drips, without end": (
        stalling(b"HTTP/1.1 200 OK\r\nx: ", *[b"x"] * 99, pause=0.05),
        "total",
        "timeouts.total",
        SHORT,
    ),
    "a body in drips, without end": (stalling(STREAM, *[b"1\r\nx\r\n"] * 99, pause=0.05), "total", "total", SHORT),
    "silence, in all": (stalling(), "total", "timeouts.total", SHORT),
}


@pytest.mark.parametrize(("script", "wait", "said", "seconds"), STALLS.values(), ids=STALLS)
def test_stalls(run: Run, script: Script, wait: str, said: str, seconds: float) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            begun = loop.time()
            error = await error_of(whole(h1, post(), Waits(**{wait: SHORT})))
            took = loop.time() - begun
            assert (error.reason, said in error.message) == ("timeout", True), error.message
            assert f"127.0.0.1:{host.port}" in error.message
            assert seconds - 0.01 <= took <= seconds + LATE
            await host.saw_us_leave(begun + took)
            await h1.close()

    run(main())


def test_drips_within_idle_go_on_for_as_long_as_they_like(run: Run) -> None:
    async def main() -> None:
        async with hosting(stalling(STREAM, *[b"1\r\nx\r\n"] * 8, b"0\r\n\r\n", pause=0.05)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert await whole(h1, post(), Waits(first_byte=0.2, idle=0.2)) == (200, b"x" * 8)
            await h1.close()

    run(main())


def test_a_kept_connection_starts_its_waits_anew(run: Run) -> None:
    async def script(wire: Wire) -> None:
        for pause in (0.0, 0.25):
            await wire.request()
            await asyncio.sleep(pause)
            wire.write(OK)
        await wire.request()
        await wire.left()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert await whole(h1, post(), Waits(first_byte=0.1, total=0.15)) == (200, b"ok")
            assert await whole(h1, post(), Waits()) == (200, b"ok")  # outlives the deadlines of the one before
            begun = loop.time()
            error = await error_of(whole(h1, post(), Waits(first_byte=0.1)))  # and a shorter one rings in time
            assert (error.reason, loop.time() - begun < 0.1 + LATE) == ("timeout", True)
            assert host.total == 1
            await h1.close()

    run(main())


def test_a_reader_who_takes_his_time_is_not_the_upstreams_fault(run: Run) -> None:
    async def main() -> None:
        async with hosting(stalling(STREAM, b"1\r\na\r\n", b"1\r\nb\r\n", b"0\r\n\r\n", pause=0.15)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(post(), Waits(idle=0.3))
            got = b""
            while piece := await reply.chunk():
                got += piece
                await asyncio.sleep(0.4)
            assert got == b"ab"
            await h1.close()

    run(main())


def test_total_also_ends_an_answer_that_nobody_reads(run: Run) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(stalling(STREAM + b"2\r\nok\r\n")) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            begun = loop.time()
            reply = await h1.send(post(), Waits(total=0.15))
            await asyncio.sleep(0.16)
            await host.saw_us_leave(begun + 0.15)
            assert await reply.chunk() == b"ok"
            error = await error_of(reply.chunk())
            assert (error.reason, "timeouts.total" in error.message) == ("timeout", True)
            await h1.close()

    run(main())


@pytest.mark.parametrize("form", ["bytes", "pieces"])
def test_a_host_that_takes_no_more_of_the_request(run: Run, form: str) -> None:
    async def script(wire: Wire) -> None:
        wire.writer.transport.pause_reading()
        await asyncio.sleep(1)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * (1 << 20)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            begun = loop.time()
            body = pieces() if form == "pieces" else b"x" * (64 << 20)
            error = await error_of(h1.send(post(body), Waits(idle=0.3, first_byte=0.1)))
            assert (error.reason, "took no more of the request" in error.message) == ("timeout", True), error
            assert loop.time() - begun > 0.28
            await h1.close()

    run(main())


def test_a_slow_host_may_take_longer_than_idle_for_the_whole_request(run: Run) -> None:
    async def script(wire: Wire) -> None:
        await wire.head()
        left = 32 << 20
        while left:
            left -= len(await wire.reader.read(2 << 20))
            await asyncio.sleep(0.01)
        wire.write(OK)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            answer = await whole(h1, post(b"x" * (32 << 20)), Waits(idle=0.25, first_byte=0.25))
            assert answer == (200, b"ok")
            await h1.close()

    run(main())


@pytest.mark.parametrize("size", [1, 8 << 20], ids=["small pieces", "pieces that fill every buffer"])
def test_a_client_that_uploads_slowly_is_not_the_upstreams_fault(run: Run, size: int) -> None:
    async def script(wire: Wire) -> None:
        assert (await wire.request()).body == b"a" * size + b"b" * size + b"c" * size
        wire.write(OK)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a", b"b", b"c"):
            await asyncio.sleep(0.15)
            yield piece * size

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert await whole(h1, post(pieces()), Waits(idle=0.06, first_byte=0.06)) == (200, b"ok")
            await h1.close()

    run(main())


def test_nobody_listens(run: Run) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            h1 = H1("http", "127.0.0.1", port, limit=1)
            for _ in range(2):  # the failure gave its slot back
                error = await error_of(h1.send(post(), Waits()))
                assert (error.reason, error.message) == ("connect", f"127.0.0.1:{port}: Connection refused")
            await h1.close()

    run(main())


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 64 + ".invalid"])
def test_a_name_that_does_not_resolve(run: Run, name: str) -> None:
    async def main() -> None:
        error = await error_of(H1("http", name, 80).send(post(), Waits()))
        assert error.reason == "connect"
        assert error.message.startswith(f"{name}:80: the name does not resolve: ")

    run(main())


def test_a_host_that_does_not_pick_up(run: Run) -> None:
    """A full backlog: the kernel drops what else knocks."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            knocking = []
            for _ in range(4):
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", port))
                knocking.append(sock)
            await asyncio.sleep(0.05)
            h1 = H1("http", "127.0.0.1", port)
            begun = loop.time()
            error = await error_of(h1.send(post(), Waits(connect=SHORT)))
            assert (error.reason, "no connection within 0.15 s (timeouts.connect)" in error.message) == (
                "timeout",
                True,
            )
            assert SHORT - 0.01 < loop.time() - begun < SHORT + LATE
            for sock in knocking:
                sock.close()
            await h1.close()

    run(main())
