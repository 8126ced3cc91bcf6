"""Whoever asked has gone: the socket closes at once, in every phase, and the host sees it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from engine.transport.base import Request, Waits
from engine.transport.h1 import H1
from tests.transport.conftest import Run
from tests.transport.host import STREAM, Script, Wire, error_of, hosting, post, whole


async def silent(wire: Wire) -> None:
    await wire.left()


async def no_answer(wire: Wire) -> None:
    await wire.request()
    await wire.left()


async def half_a_head(wire: Wire) -> None:
    await wire.request()
    wire.write(b"HTTP/1.1 200 OK\r\ncontent-le")
    await wire.left()


async def reads_slowly(wire: Wire) -> None:
    await wire.head()
    await asyncio.sleep(0.1)
    await wire.left()


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536
        await asyncio.sleep(0)


async def stuck() -> AsyncIterator[bytes]:
    yield b"half a body"
    await asyncio.sleep(60)


PHASES = {
    "uploading bytes": (reads_slowly, lambda: post(b"x" * (32 << 20))),
    "uploading pieces that the host does not take": (reads_slowly, lambda: post(endless())),
    "waiting for the client's next piece": (silent, lambda: post(stuck())),
    "waiting for the head": (no_answer, post),
    "in the head": (half_a_head, post),
}


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("script", "request_"), PHASES.values(), ids=PHASES)
def test_cancelled_before_the_head(
    run: Run, script: Script, request_: object, encrypted: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    assert callable(request_)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script, contexts[0] if encrypted else None) as host:
            h1 = H1("https" if encrypted else "http", "127.0.0.1", host.port, ssl=contexts[1])
            asking = asyncio.create_task(h1.send(request_(), Waits()))
            await asyncio.sleep(0.08)
            assert host.open == 1
            now = loop.time()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await host.saw_us_leave(now)
            await h1.close()

    run(main())


async def stream_then_silence(wire: Wire) -> None:
    await wire.request()
    wire.write(STREAM + b"2\r\nok\r\n")
    await wire.left()


async def half_a_json(wire: Wire) -> None:
    await wire.request()
    wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    await wire.left()


async def more_than_is_read(wire: Wire) -> None:
    await wire.request()
    wire.write(STREAM + b"a00000\r\n" + b"x" * 0xA00000)
    await wire.left()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("how", ["cancel", "close"])
@pytest.mark.parametrize("script", [stream_then_silence, half_a_json, more_than_is_read])
def test_gone_in_the_body(
    run: Run, script: Script, how: str, encrypted: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script, contexts[0] if encrypted else None) as host:
            h1 = H1("https" if encrypted else "http", "127.0.0.1", host.port, ssl=contexts[1])
            reply = await h1.send(post(), Waits())
            if how == "cancel" and script is not more_than_is_read:
                await reply.chunk()
                reading = asyncio.create_task(reply.chunk())
                await asyncio.sleep(0.02)
                now = loop.time()
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            else:
                await asyncio.sleep(0.02)
                now = loop.time()
                reply.close()
            await host.saw_us_leave(now)
            reply.close()
            assert (await error_of(reply.chunk())).reason == "disconnect"
            await h1.close()

    run(main())


def test_cancelled_in_the_tls_handshake(run: Run, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(silent) as host:
            h1 = H1("https", "127.0.0.1", host.port, ssl=contexts[1], limit=1)
            for times in (1, 2):
                asking = asyncio.create_task(h1.send(post(), Waits()))
                await asyncio.sleep(0.05)
                now = loop.time()
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                await host.saw_us_leave(now, times)
            await h1.close()

    run(main())


def test_cancelled_while_the_host_does_not_pick_up(run: Run) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            knocking = [socket.socket() for _ in range(4)]
            for sock in knocking:
                sock.setblocking(False)
                sock.connect_ex(deaf.getsockname())
            await asyncio.sleep(0.02)
            h1 = H1("http", *deaf.getsockname())
            await asyncio.gather(error_of(h1.send(post(), Waits(connect=0.01))))
            before = len(os.listdir("/proc/self/fd"))
            asking = asyncio.create_task(h1.send(post(), Waits()))
            await asyncio.sleep(0.05)
            assert len(os.listdir("/proc/self/fd")) == before + 1
            now = loop.time()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert loop.time() - now < 5
            assert len(os.listdir("/proc/self/fd")) == before
            for sock in knocking:
                sock.close()
            await h1.close()

    run(main())


def test_many_leave_at_once_and_nothing_is_left_over(run: Run) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(stream_then_silence) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=50)
            request = Request(method="POST", target=b"/", headers=[], body=b"{}")
            asking = [asyncio.create_task(whole(h1, request)) for _ in range(80)]
            await asyncio.sleep(0.2)
            assert host.open == 50
            now = loop.time()
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            await host.saw_us_leave(now, 50)
            assert host.total == 50
            reply = await h1.send(request, Waits())
            assert await reply.chunk() == b"ok"
            reply.close()
            await h1.close()

    run(main())


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context for 127.0.0.1."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
