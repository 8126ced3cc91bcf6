"""Through a declared proxy: the same promises as H1, kept by httpx2."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from engine.transport.base import Request, Waits
from engine.transport.client import Client, ProxiedReply
from tests.transport.conftest import Run
from tests.transport.host import OK, STREAM, Script, Wire, always, error_of, get, hosting, once, post
from tests.transport.proxy import proxying

HEAD = b"HTTP/1.1 200 OK\r\n"


async def whole(client: Client, request: Request, waits: Waits | None = None) -> tuple[int, bytes]:
    reply = await client.send(request, waits or Waits())
    return reply.status, await rest(reply)


async def rest(reply: ProxiedReply) -> bytes:
    body = b""
    while piece := await reply.chunk():
        body += piece
    return body


def test_requests_go_through_the_proxy_and_nowhere_else(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")

    async def main() -> None:
        async with hosting(always(OK)) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            request = Request(
                method="POST", target=b"/v1/x?a=b%20c", headers=[(b"x-a", b"1"), (b"x-a", b"2")], body=b"{}"
            )
            assert await whole(client, request) == (200, b"ok")
            assert proxy.asked == [b"POST http://127.0.0.1:%d/v1/x?a=b%%20c HTTP/1.1" % host.port]
            seen = host.requests[0]
            assert (seen.line, seen.body) == (b"POST /v1/x?a=b%20c HTTP/1.1", b"{}")
            assert sorted((name.lower(), value) for name, value in seen.headers) == [
                (b"content-length", b"2"),
                (b"host", b"127.0.0.1:%d" % host.port),
                (b"x-a", b"1"),
                (b"x-a", b"2"),
            ]
            await client.close()

    run(main())


def test_the_proxys_own_credential_goes_to_the_proxy(run: Run) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url.replace("//", "//ada:secret@"))
            assert await whole(client, get()) == (200, b"ok")
            assert proxy.authorizations == [b"Basic YWRhOnNlY3JldA=="]
            assert not [1 for name, _ in host.requests[0].headers if name.lower() == b"proxy-authorization"]
            assert "secret" not in repr(vars(client))
            await client.close()

    run(main())


ANSWERS = {
    # name: (bytes, body, framed)
    "content-length": (HEAD + b"content-length: 5\r\n\r\nhello", b"hello", True),
    "chunked": (HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello", True),
    "until close": (HEAD + b"\r\nhello", b"hello", False),
    "encoded stays encoded": (
        HEAD + b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08",
        b"\x1f\x8b\x08",
        True,
    ),
    "a redirect is an answer": (b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", b"", True),
    "a cookie is nobody's": (HEAD + b"set-cookie: a=b\r\ncontent-length: 0\r\n\r\n", b"", True),
}


@pytest.mark.parametrize(("answer", "body", "framed"), ANSWERS.values(), ids=ANSWERS)
def test_answers(run: Run, answer: bytes, body: bytes, framed: bool) -> None:
    async def main() -> None:
        async with hosting(once(answer)) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            for count in (1, 2):
                reply = await client.send(get(), Waits())
                assert (reply.framed, await rest(reply)) == (framed, body)
                assert (b"transfer-encoding", b"chunked") not in reply.headers
                assert len(host.requests) == count
            assert not [1 for name, _ in host.requests[1].headers if name.lower() == b"cookie"]
            await client.close()

    run(main())


def test_a_kept_connection_that_dies_costs_one_more_try_only_if_the_body_can_be_sent_again(run: Run) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(OK)
        await wire.request()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    async def main() -> None:
        async with hosting(script) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            assert [await whole(client, post()) for _ in range(3)] == [(200, b"ok")] * 3
            assert host.total == 3
            assert (await error_of(client.send(post(pieces()), Waits()))).reason == "disconnect"
            assert host.total == 3
            await client.close()

    run(main())


@pytest.mark.parametrize("value", [b"1\r\nx-b: 2", b"1\n2", b"1\x002"])
def test_nothing_of_ours_can_start_another_line(run: Run, value: bytes) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            with pytest.raises(ValueError, match="line break"):
                await client.send(Request(method="GET", target=b"/", headers=[(b"x-a", value)]), Waits())
            assert not host.requests
            await client.close()

    run(main())


def test_a_streamed_body(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def main() -> None:
        async with hosting(always(OK)) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            assert await whole(client, post(pieces())) == (200, b"ok")
            assert host.requests[0].body == b"onetwo"
            await client.close()

    run(main())


def stalling(*before: bytes, pause: float = 0.0) -> Script:
    async def script(wire: Wire) -> None:
        await wire.request()
        for piece in before:
            wire.write(piece)
            await asyncio.sleep(pause)
        await wire.left()

    return script


STALLS = {
    "no head": (stalling(), {"first_byte": 0.1, "idle": 9}, "timeouts.first_byte"),
    "no body": (stalling(STREAM), {"first_byte": 9, "idle": 0.1}, "timeouts.idle"),
    "drips": (stalling(STREAM, *[b"1\r\nx\r\n"] * 6, pause=0.03), {"total": 0.15}, "timeouts.total"),
    "silence, in all": (stalling(), {"total": 0.1}, "timeouts.total"),
}


@pytest.mark.parametrize(("script", "waits", "said"), STALLS.values(), ids=STALLS)
def test_stalls(run: Run, script: Script, waits: dict[str, float], said: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            begun = loop.time()
            error = await error_of(whole(client, post(), Waits(**waits)))
            assert (error.reason, said in error.message) == ("timeout", True), error
            assert loop.time() - begun > 0.09
            await host.saw_us_leave(loop.time())
            await client.close()

    run(main())


def test_a_proxy_that_never_answers_is_no_connection(run: Run) -> None:
    async def main() -> None:
        async with proxying(deaf=True) as proxy:
            client = Client("https", "127.0.0.1", 9, proxy=proxy.url)
            error = await error_of(client.send(post(), Waits(connect=0.1)))
            assert (error.reason, "timeouts.connect" in error.message) == ("timeout", True)
            await client.close()

    run(main())


def test_a_proxy_that_refuses(run: Run) -> None:
    async def main() -> None:
        async with proxying(refuse=b"407 Who are you") as proxy:
            client = Client("https", "127.0.0.1", 9, proxy=proxy.url.replace("//", "//ada:secret@"))
            error = await error_of(client.send(post(), Waits()))
            assert (error.reason, error.message) == (
                "connect",
                f"127.0.0.1:9 through proxy {proxy.url[7:]}: the proxy refuses to connect (407)",
            )
            await client.close()

    run(main())


def test_no_proxy_there(run: Run) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            client = Client("http", "127.0.0.1", 9, proxy=f"http://ada:secret@127.0.0.1:{taken.getsockname()[1]}")
            error = await error_of(client.send(post(), Waits()))
            assert (error.reason, "secret" in error.message) == ("connect", False)
            await client.close()

    run(main())


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", b"garbage\r\n\r\n", HEAD + b"content-length: 9\r\n\r\nhalf"])
def test_broken_answers(run: Run, answer: bytes) -> None:
    async def main() -> None:
        async with hosting(once(answer)) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            assert (await error_of(whole(client, post()))).reason == "disconnect"
            await client.close()

    run(main())


@pytest.mark.parametrize("phase", ["head", "body", "close"])
def test_gone(run: Run, phase: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        script = stalling() if phase == "head" else stalling(STREAM + b"2\r\nok\r\n")
        async with hosting(script) as host, proxying() as proxy:
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url)
            if phase == "close":
                reply = await client.send(post(), Waits())
                assert await reply.chunk() == b"ok"
                now = loop.time()
                reply.close()
                assert (await error_of(reply.chunk())).reason == "disconnect"
            else:
                asking = asyncio.create_task(whole(client, post()))
                await asyncio.sleep(0.1)
                now = loop.time()
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            await host.saw_us_leave(now)
            await client.close()

    run(main())


@pytest.mark.parametrize("proxy", ["", "127.0.0.1:8080", "socks5://127.0.0.1:1", "ftp://x", "http://", "http://[x"])
def test_what_is_no_http_proxy(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy must be http://host:port"):
        Client("http", "127.0.0.1", 1, proxy=proxy)
