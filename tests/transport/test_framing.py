"""Where an answer ends: every framing of HTTP/1.1, however the bytes are cut on the way."""

from __future__ import annotations

import asyncio

import pytest

from engine.transport.base import TransportError, Waits
from engine.transport.h1 import H1
from tests.transport.conftest import Run
from tests.transport.host import OK, Host, Wire, always, error_of, get, hosting, once, post, whole

HEAD = b"HTTP/1.1 200 OK\r\n"

WHOLE = {
    # name: (bytes, status, body, is the connection used again)
    "content-length": (HEAD + b"Content-Length: 5\r\n\r\nhello", 200, b"hello", True),
    "content-length zero": (HEAD + b"content-length: 0\r\n\r\n", 200, b"", True),
    "chunked": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 200, b"hello", True),
    "chunked, capital": (HEAD + b"transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, b"hello", True),
    "chunked, empty": (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n", 200, b"", True),
    "chunk extension": (HEAD + b"transfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", 200, b"hello", True),
    "a trailer is dropped, with the connection": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
        200,
        b"hello",
        False,
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "304 with the length of what is not sent": (
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
        304,
        b"",
        True,
    ),
    "redirects are answers": (b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", 302, b"", True),
    "no reason phrase": (b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok", 200, b"ok", True),
    "100 comes first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", True),
    "103 with fields of its own": (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK, 200, b"ok", True),
    "connection: close": (HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", False),
    "an offer to upgrade is not one": (
        HEAD + b"upgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok",
        200,
        b"ok",
        True,
    ),
}

SURPLUS = {
    "bytes after the end": b"more",
    "a second answer that nobody asked for": HEAD + b"content-length: 4\r\n\r\nevil",
}


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize(("answer", "status", "body", "again"), WHOLE.values(), ids=WHOLE)
def test_framed_answers(run: Run, answer: bytes, status: int, body: bytes, again: bool, size: int) -> None:
    async def script(wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.trickle(answer, size)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            for _ in range(2):
                reply = await h1.send(post(), Waits())
                assert (reply.status, reply.framed) == (status, True)
                assert not [name for name, _ in reply.headers if name in (b"transfer-encoding", b"x-sum", b"link")]
                pieces = []
                while piece := await reply.chunk():
                    pieces.append(piece)
                assert b"".join(pieces) == body
                assert await reply.chunk() == b""
            assert host.total == (1 if again else 2)
            await h1.close()

    run(main())


@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize("surplus", SURPLUS.values(), ids=SURPLUS)
def test_what_comes_after_the_end_answers_no_other_request(run: Run, surplus: bytes, when: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(OK + surplus if when == "at once" else OK)
        if when == "later":
            await asyncio.sleep(0.02)
            wire.write(surplus)
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            for count in (1, 2):
                assert await whole(h1, post()) == (200, b"ok")
                assert host.total == count
                await asyncio.sleep(0.05)
            assert len(host.left) == 2
            await h1.close()

    run(main())


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_only_the_end_of_the_connection_ends_it(run: Run, size: int) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.trickle(HEAD + b"content-type: text/plain\r\n\r\nhello", size)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            for count in (1, 2):
                reply = await h1.send(post(), Waits())
                assert not reply.framed
                body = b""
                while piece := await reply.chunk():
                    body += piece
                assert (body, host.total) == (b"hello", count)
            await h1.close()

    run(main())


@pytest.mark.parametrize(
    "length",
    [
        b"",
        b"content-length: 5\r\n",
        b"transfer-encoding: chunked\r\n",
        b"content-length: 5\r\n\r\nwrong",
        b"transfer-encoding: chunked\r\n\r\n5\r\nwrong\r\n0\r\n",
    ],
)
def test_head_brings_no_body(run: Run, length: bytes) -> None:
    async def main() -> None:
        async with hosting(always(HEAD + length + b"\r\n")) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(get(method="HEAD"), Waits())
            assert (reply.status, reply.framed, await reply.chunk()) == (200, True, b"")
            assert (await whole(h1, get(method="HEAD")))[0] == 200
            await h1.close()

    run(main())


def test_fields_keep_their_order_their_values_and_their_doubles(run: Run) -> None:
    answer = HEAD + b"X-B: 1\r\nx-a:  two words\r\nX-B: 3\r\nx-raw: caf\xe9\r\ncontent-length: 0\r\n\r\n"

    async def main() -> None:
        async with hosting(always(answer)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(get(), Waits())
            assert reply.headers == [
                (b"x-b", b"1"),
                (b"x-a", b"two words"),
                (b"x-b", b"3"),
                (b"x-raw", b"caf\xe9"),
                (b"content-length", b"0"),
            ]
            reply.close()
            await h1.close()

    run(main())


def test_what_has_arrived_is_read_as_one(run: Run) -> None:
    burst = b"".join(b"8\r\ndata: %d\n\r\n" % (i % 10) for i in range(200)) + b"0\r\n\r\n"

    async def main() -> None:
        async with hosting(always(HEAD + b"transfer-encoding: chunked\r\n\r\n" + burst)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(post(), Waits())
            pieces = []
            while piece := await reply.chunk():
                pieces.append(piece)
            assert b"".join(pieces) == b"".join(b"data: %d\n" % (i % 10) for i in range(200))
            assert len(pieces) <= 3
            await h1.close()

    run(main())


BROKEN = {
    # name: (what the host sends before it closes, what of the body still arrives, what the message says)
    "nothing at all": (b"", None, "without an answer"),
    "half a status line": (b"HTTP/1.", None, "in the middle of its answer"),
    "half a head": (HEAD + b"content-le", None, "in the middle of its answer"),
    "only an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", None, "in the middle of its answer"),
    "half a body": (HEAD + b"content-length: 9\r\n\r\nhalf", b"half", "in the middle of its answer"),
    "half a chunk": (HEAD + b"transfer-encoding: chunked\r\n\r\n9\r\nhalf", b"half", "in the middle of its answer"),
    "no last chunk": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"half",
        "in the middle of its answer",
    ),
    "no end after the last chunk": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        b"half",
        "in the middle of its answer",
    ),
    "garbage": (b"\x16\x03\x01garbage\r\n\r\n", None, "malformed"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None, "malformed"),
    "another protocol": (b"220 mail.example ESMTP\r\n", None, "malformed"),
    "a bare line feed in a field": (HEAD + b"x-a: 1\n2\r\ncontent-length: 0\r\n\r\n", None, "malformed"),
    "garbage between chunks": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        b"half",
        "malformed",
    ),
    "two lengths": (HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok", None, "malformed"),
    "both framings": (HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok", None, "malformed"),
    "a transfer coding we did not ask for": (HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n", None, "malformed"),
    "101 unasked": (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        None,
        "malformed",
    ),
    "an interim answer with a body": (b"HTTP/1.1 104 X\r\ncontent-length: 4\r\n\r\nevil" + OK, None, "malformed"),
    "one huge field": (HEAD + b"x: " + b"a" * 70_000 + b"\r\ncontent-length: 0\r\n\r\n", None, "64 KiB"),
    "many small fields": (HEAD + b"x: aaaa\r\n" * 9_000 + b"content-length: 0\r\n\r\n", None, "64 KiB"),
    "a head without end": (HEAD + b"x: " + b"a" * 300_000, None, "64 KiB"),
    "interim answers without end": (b"HTTP/1.1 100 Continue\r\n\r\n" * 9_000, None, "64 KiB"),
}


@pytest.mark.parametrize("how", ["at once", "in pieces"])
@pytest.mark.parametrize(("answer", "arrives", "said"), BROKEN.values(), ids=BROKEN)
def test_broken_answers(run: Run, answer: bytes, arrives: bytes | None, said: str, how: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        if how == "at once":
            wire.write(answer)
        else:
            await wire.trickle(answer, max(1, len(answer) // 40))

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            if arrives is None:
                error: TransportError | None = await error_of(h1.send(post(), Waits()))
            else:
                reply = await h1.send(post(), Waits())
                got = b""
                error = None
                while error is None:
                    try:
                        got += await reply.chunk()
                    except TransportError as raised:
                        error = raised
                assert got == arrives
                reply.close()
            assert error is not None
            assert (error.reason, said in error.message) == ("disconnect", True), error
            assert f"127.0.0.1:{host.port}" in error.message
            await gone(host)
            await h1.close()

    run(main())


async def gone(host: Host) -> None:
    for _ in range(200):
        if not host.open:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("a broken connection was left open")


def test_reset_in_the_middle(run: Run) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(HEAD + b"\r\nhalf")  # framed by the end of the connection, and this is not its end
        await asyncio.sleep(0.05)
        wire.reset()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(post(), Waits())
            assert await reply.chunk() == b"half"
            error = await error_of(reply.chunk())
            assert (error.reason, "reset" in error.message) == ("disconnect", True)
            await h1.close()

    run(main())


def test_an_early_close_is_the_end_of_what_was_asked(run: Run) -> None:
    async def main() -> None:
        async with hosting(once(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert [await whole(h1, post()) for _ in range(3)] == [(200, b"ok")] * 3
            await h1.close()

    run(main())
