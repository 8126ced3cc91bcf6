"""The client side of WebSocket, against the server of the `websockets` library and against raw bytes."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.utils import accept_key

from engine.transport.base import TransportError, Waits
from engine.transport.wire import Closed, Message
from engine.transport.ws import Rejected, UpstreamWire, connect
from tests.transport.conftest import Run
from tests.transport.host import Script, Wire, error_of, hosting
from tests.transport.proxy import proxying

Talk = Callable[[ServerConnection], Awaitable[None]]
TARGET = b"/v1/realtime?model=gpt-realtime"


@asynccontextmanager
async def serving(talk: Talk, **how: Any) -> AsyncIterator[int]:
    """Serve `talk`, once for each connection; the port."""
    async with serve(talk, "127.0.0.1", 0, **how) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def dialled(port: int, **how: Any) -> UpstreamWire:
    return await connect("http", "127.0.0.1", port, TARGET, [(b"x-a", b"1")], how.pop("waits", Waits()), **how)


async def end_of(wire: UpstreamWire) -> Closed:
    try:
        while True:
            await wire.receive()
    except Closed as closed:
        return closed


def test_text_and_binary_go_both_ways_and_the_close_too(run: Run) -> None:
    seen: list[Any] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request)
        with suppress(ConnectionClosed):
            await echo(connection)
        seen.append((connection.close_code, connection.close_reason))

    async def main() -> None:
        async with serving(talk) as port:
            wire = await dialled(port)
            await wire.send(b"gr\xc3\xbc\xc3\x9fe")
            assert await wire.receive() == Message("grüße".encode(), text=True)
            await wire.send(b"\x00\xff", text=False)
            assert await wire.receive() == Message(b"\x00\xff", text=False)
            wire.close(4001, "enough")
            assert (await end_of(wire)).code == 4001
            while len(seen) < 2:
                await asyncio.sleep(0.005)
        request = seen[0]
        assert (request.path, request.headers["x-a"]) == (TARGET.decode(), "1")
        assert request.headers["host"] == f"127.0.0.1:{port}"
        assert "sec-websocket-extensions" not in request.headers
        assert seen[1] == (4001, "enough")

    run(main())


def test_the_close_of_the_upstream_is_told(run: Run) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.close(4008, "session expired")

    async def main() -> None:
        async with serving(talk) as port:
            closed = await end_of(await dialled(port))
            assert (closed.code, closed.reason) == (4008, "session expired")

    run(main())


def test_a_subprotocol_is_agreed_on(run: Run) -> None:
    async def main() -> None:
        async with serving(echo, subprotocols=["realtime"]) as port:
            wire = await dialled(port, subprotocols=("other", "realtime"))
            assert wire.subprotocol == "realtime"
            assert (b"sec-websocket-protocol", b"realtime") in wire.headers
            wire.abort()
            assert (await dialled(port, subprotocols=("other", "realtime"))).subprotocol == "realtime"

    run(main())


@pytest.mark.parametrize("status", [401, 404, 429, 500, 302])
def test_any_other_status_is_handed_back_with_its_body(run: Run, status: int) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(status, '{"error":{"message":"no"}}')  # type: ignore[arg-type]
        response.headers["Retry-After"] = "7"
        response.headers["Location"] = "/elsewhere"
        return response

    async def main() -> None:
        async with serving(echo, process_request=refuse) as port:
            with pytest.raises(Rejected) as told:
                await dialled(port)
            assert (told.value.status, told.value.body) == (status, b'{"error":{"message":"no"}}')
            assert (b"retry-after", b"7") in told.value.headers

    run(main())


ODD = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "a 101 of another key": b"HTTP/1.1 101 S\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "a 101 to something else": b"HTTP/1.1 101 S\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    "a head without end": b"HTTP/1.1 101 S\r\n" + b"x-a: b\r\n" * 1000,
    "an error without end": b"HTTP/1.1 500 S\r\n\r\n" + b"x" * 2_000_000,
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_answer_that_is_none_is_a_disconnect(run: Run, answer: bytes) -> None:
    async def script(wire: Wire) -> None:
        await wire.head()
        wire.write(answer)
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            error = await error_of(dialled(host.port))
            assert error.reason == "disconnect"
            await host.saw_us_leave(asyncio.get_running_loop().time())

    run(main())


def closing(data: bytes) -> Script:
    async def script(wire: Wire) -> None:
        await wire.head()
        wire.write(data)
        wire.close()

    return script


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 101 Switch", b"HTTP/1.1 500 S\r\ncontent-length: 9\r\n\r\nabc"])
def test_an_upstream_that_leaves_in_the_middle_of_its_answer(run: Run, data: bytes) -> None:
    async def main() -> None:
        async with hosting(closing(data)) as host:
            assert (await error_of(dialled(host.port))).reason == "disconnect"

    run(main())


def test_nobody_there_and_nobody_answering(run: Run) -> None:
    async def silent(wire: Wire) -> None:
        await wire.head()
        await wire.left()

    async def main() -> None:
        async with hosting(silent) as host:
            error = await error_of(dialled(host.port, waits=Waits(first_byte=0.05)))
            assert (error.reason, "timeouts.first_byte" in error.message) == ("timeout", True)
            await host.saw_us_leave(asyncio.get_running_loop().time())
            port = host.port
        assert (await error_of(dialled(port))).reason == "connect"

    run(main())


def test_a_caller_that_is_cancelled_closes_the_socket(run: Run) -> None:
    async def main() -> None:
        there = asyncio.Event()

        async def silent(wire: Wire) -> None:
            await wire.head()
            there.set()
            await wire.left()

        async with hosting(silent) as host:
            task = asyncio.create_task(dialled(host.port))
            await there.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await host.saw_us_leave(asyncio.get_running_loop().time())

    run(main())


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal"])
def test_no_address_that_no_upstream_may_have(run: Run, host: str) -> None:
    async def main() -> None:
        error = await error_of(connect("http", host, 80, TARGET, [], Waits(connect=2.0)))
        assert error.reason == "connect"

    run(main())


@pytest.mark.parametrize(
    ("target", "headers"), [(b"/a b", []), (TARGET, [(b"x-a", b"1\r\nx-b: 2")]), (b"/\r\nx: y", [])]
)
def test_what_cannot_be_written_down_safely(run: Run, target: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    async def main() -> None:
        async with serving(echo) as port:
            with pytest.raises(ValueError, match="a line break"):
                await connect("http", "127.0.0.1", port, target, headers, Waits())

    run(main())


def test_a_message_that_is_too_large(run: Run) -> None:
    codes: list[int | None] = []

    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * 2000)
        await connection.wait_closed()
        codes.append(connection.close_code)

    async def main() -> None:
        async with serving(talk) as port:
            assert (await end_of(await dialled(port, most=1000))).code == 1009
            while not codes:
                await asyncio.sleep(0.005)
            assert codes == [1009]

    run(main())


def test_frames_that_come_with_the_answer(run: Run) -> None:
    """One packet: the head of the 101, and what is said at once."""

    async def script(wire: Wire) -> None:
        received = await wire.head()
        key = next(value for name, value in received.headers if name == b"sec-websocket-key").decode()
        head = f"HTTP/1.1 101 S\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept_key(key)}"
        wire.write(head.encode() + b"\r\n\r\n\x81\x02hi\x81\x03you\x88\x02\x03\xe9")
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            wire = await dialled(host.port)
            assert [(await wire.receive()).data for _ in range(2)] == [b"hi", b"you"]
            assert (await end_of(wire)).code == 1001

    run(main())


class Tls:
    def __init__(self) -> None:
        authority = trustme.CA()
        self.client = ssl.create_default_context()
        self.client.set_alpn_protocols(["http/1.1"])
        authority.configure_trust(self.client)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.server)


@pytest.fixture(scope="module")
def tls() -> Tls:
    return Tls()


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("secure", [False, True])
def test_over_tls_and_through_a_proxy(run: Run, tls: Tls, *, secure: bool, proxied: bool) -> None:
    async def main() -> None:
        async with serving(echo, ssl=tls.server if secure else None) as port, proxying() as proxy:
            way = proxy.url.replace("//", "//ada:s%40cret@") if proxied else None
            scheme = "https" if secure else "http"
            wire = await connect(scheme, "127.0.0.1", port, TARGET, [], Waits(), proxy=way, ssl=tls.client)
            for size in (2, 200_000):
                await wire.send(b"x" * size)
                assert len((await wire.receive()).data) == size
            wire.close()
            assert proxy.asked == ([b"CONNECT 127.0.0.1:%d HTTP/1.1" % port] if proxied else [])
            assert proxy.authorizations == ([b"Basic YWRhOnNAY3JldA=="] if proxied else [])
            await asyncio.sleep(0.05)

    run(main())


def test_a_certificate_nobody_trusts(run: Run, tls: Tls) -> None:
    async def main() -> None:
        async with serving(echo, ssl=tls.server) as port, proxying() as proxy:
            for way in (None, proxy.url):
                error = await error_of(connect("https", "127.0.0.1", port, TARGET, [], Waits(), proxy=way))
                assert error.reason == "tls"

    run(main())


def test_a_proxy_that_refuses_or_says_nothing(run: Run) -> None:
    async def main() -> None:
        async with proxying(refuse=b"407 Proxy Authentication Required") as proxy:
            error = await error_of(dialled(9, proxy=proxy.url))
            assert (error.reason, "407" in error.message) == ("connect", True)
        async with proxying(deaf=True) as proxy:
            error = await error_of(dialled(9, proxy=proxy.url, waits=Waits(connect=0.05)))
            assert (error.reason, "timeouts.connect" in error.message) == ("timeout", True)
        with pytest.raises(TransportError):
            await dialled(9, proxy="http://127.0.0.1:9")

    run(main())


def test_nothing_of_a_closed_connection_waits_for_the_garbage_collector(run: Run) -> None:
    async def used(port: int) -> list[weakref.ref[Any]]:
        wire = await dialled(port)
        await wire.send(b"x")
        await wire.receive()
        wire.close()
        await end_of(wire)
        return [weakref.ref(wire), weakref.ref(wire._frames)]

    async def main() -> None:
        async with serving(echo) as port:
            gc.disable()
            try:
                left = await used(port)
                while any(one() is not None for one in left):
                    await asyncio.sleep(0.01)
            finally:
                gc.enable()

    run(main())
