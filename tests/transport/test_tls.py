"""TLS to an upstream: verified, by name, and each refusal with the reason `tls`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import trustme

from engine.transport.base import TransportError, Waits
from engine.transport.client import Client
from engine.transport.dial import trust
from engine.transport.h1 import H1
from tests.transport.conftest import Run
from tests.transport.host import OK, Wire, always, error_of, hosting, once, post, whole
from tests.transport.proxy import proxying


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def client(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def serving(authority: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    def context(name: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.set_alpn_protocols(["h2", "http/1.1"])
        authority.issue_cert(name).configure_cert(made)
        return made

    return context


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_trusted_host(run: Run, serving: Callable[[str], ssl.SSLContext], client: ssl.SSLContext, name: str) -> None:
    spoken: list[object] = []

    async def script(wire: Wire) -> None:
        sock = wire.writer.get_extra_info("ssl_object")
        spoken.append((sock.selected_alpn_protocol(), sock.version()))
        await always(OK)(wire)

    async def main() -> None:
        async with hosting(script, serving(name)) as host:
            h1 = H1("https", name, host.port, ssl=client)
            for _ in range(3):
                assert await whole(h1, post(b"x" * 100_000)) == (200, b"ok")
            assert (host.total, spoken) == (1, [("http/1.1", "TLSv1.3")])
            assert host.requests[0].body == b"x" * 100_000
            await h1.close()

    run(main())


def test_a_streamed_body_over_tls(run: Run, serving: Callable[[str], ssl.SSLContext], client: ssl.SSLContext) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    async def main() -> None:
        async with hosting(always(OK), serving("127.0.0.1")) as host:
            h1 = H1("https", "127.0.0.1", host.port, ssl=client)
            assert await whole(h1, post(pieces())) == (200, b"ok")
            assert len(host.requests[0].body) == 5_000_000
            await h1.close()

    run(main())


def test_a_stale_connection_over_tls_costs_one_more_try(
    run: Run, serving: Callable[[str], ssl.SSLContext], client: ssl.SSLContext
) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(OK)
        await wire.request()
        if wire.host.total > 1:
            wire.write(OK)

    async def main() -> None:
        async with hosting(script, serving("127.0.0.1")) as host:
            h1 = H1("https", "127.0.0.1", host.port, ssl=client)
            for count in (1, 2, 2):
                assert await whole(h1, post()) == (200, b"ok")
                assert host.total == count
            await h1.close()

    run(main())


def test_a_cut_body_over_tls(run: Run, serving: Callable[[str], ssl.SSLContext], client: ssl.SSLContext) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        await wire.writer.drain()
        await asyncio.sleep(0.02)

    async def main() -> None:
        async with hosting(script, serving("127.0.0.1")) as host:
            h1 = H1("https", "127.0.0.1", host.port, ssl=client)
            error = await error_of(whole(h1, post()))
            assert error.reason == "disconnect"
            await h1.close()

    run(main())


REFUSED = {
    # name: (certificate's name, do we trust its authority, what the message says)
    "an unknown authority": ("127.0.0.1", False, "certificate is not trusted: unable to get local issuer certificate"),
    "another host's certificate": ("other.example", True, "certificate is not trusted: IP address mismatch"),
}


@pytest.mark.parametrize(("name", "trusted", "said"), REFUSED.values(), ids=REFUSED)
def test_a_host_that_is_not_who_it_says(
    run: Run,
    serving: Callable[[str], ssl.SSLContext],
    client: ssl.SSLContext,
    name: str,
    trusted: bool,
    said: str,
) -> None:
    async def main() -> None:
        async with hosting(once(OK), serving(name)) as host:
            h1 = H1("https", "127.0.0.1", host.port, ssl=client if trusted else None, limit=1)
            for _ in range(2):
                error = await error_of(h1.send(post(), Waits()))
                assert (error.reason, said in error.message) == ("tls", True), error.message
            assert not host.requests
            await h1.close()

    run(main())


async def talks_plainly(wire: Wire) -> None:
    await wire.reader.read(100)
    wire.write(OK)


async def hangs_up(wire: Wire) -> None:
    await wire.reader.read(100)


@pytest.mark.parametrize("script", [talks_plainly, hangs_up])
def test_a_host_that_speaks_no_tls(run: Run, script: Callable[..., object]) -> None:
    async def main() -> None:
        async with hosting(script) as host:  # type: ignore[arg-type]  # both are scripts
            h1 = H1("https", "127.0.0.1", host.port)
            error = await error_of(h1.send(post(), Waits()))
            assert error.reason == "tls", error
            assert f"127.0.0.1:{host.port}" in error.message
            await h1.close()

    run(main())


def test_a_handshake_without_end(run: Run, client: ssl.SSLContext) -> None:
    async def script(wire: Wire) -> None:
        await wire.left()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script) as host:
            h1 = H1("https", "127.0.0.1", host.port, ssl=client)
            begun = loop.time()
            error = await error_of(h1.send(post(), Waits(connect=0.1)))
            assert (error.reason, "timeouts.connect" in error.message) == ("timeout", True)
            await host.saw_us_leave(begun + 0.1)
            await h1.close()

    run(main())


def test_plain_http_to_a_tls_host_is_no_answer(run: Run, serving: Callable[[str], ssl.SSLContext]) -> None:
    async def main() -> None:
        async with hosting(once(OK), serving("127.0.0.1")) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            assert (await error_of(h1.send(post(), Waits()))).reason == "disconnect"
            await h1.close()

    run(main())


def test_one_context_for_all_which_verifies() -> None:
    context = trust()
    assert context is trust()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_host_behind_a_proxy_is_verified_too(
    run: Run, serving: Callable[[str], ssl.SSLContext], client: ssl.SSLContext
) -> None:
    async def main() -> None:
        async with hosting(always(OK), serving("127.0.0.1")) as host, proxying() as proxy:
            through = Client("https", "127.0.0.1", host.port, proxy=proxy.url, ssl=client)
            reply = await through.send(post(), Waits())
            assert (reply.status, await reply.chunk(), await reply.chunk()) == (200, b"ok", b"")
            assert proxy.asked == [b"CONNECT 127.0.0.1:%d HTTP/1.1" % host.port]
            await through.close()
            untrusting = Client("https", "127.0.0.1", host.port, proxy=proxy.url)
            with pytest.raises(TransportError, match="TLS handshake failed") as caught:
                await untrusting.send(post(), Waits())
            assert caught.value.reason == "tls"
            await untrusting.close()

    run(main())
