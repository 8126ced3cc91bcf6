"""What is never connected to, in every spelling; what a machine or a private network serves is."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from engine.transport.addresses import forbidden
from engine.transport.base import Request, Waits
from engine.transport.client import Client
from engine.transport.h1 import H1
from tests.transport.conftest import Run
from tests.transport.host import OK, always, error_of, get, hosting, whole
from tests.transport.proxy import proxying

WAITS = Waits(connect=5.0)

FORBIDDEN = [
    "169.254.169.254", "169.254.0.1", "169.254.170.2", "fe80::1", "fe80::1%eth0", "febf::1",
    "fd00:ec2::254", "fd00:ec2::23",
    "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "239.255.255.250", "ff02::1",
    "255.255.255.255", "0.0.0.1", "0.1.2.3",
    # other spellings, as the system's resolver reads them
    "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "0xA9.0xFE.0xA9.0xFE", "169.16689662",
    # inside of IPv6: mapped, compatible, translated, NAT64 (both prefixes), 6to4, Teredo
    "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254", "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::169.254.169.254", "64:ff9b:1:a9fe:a9:fe00::", "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1", "2001:0:102:304:0:0:5601:5601", "::ffff:168.63.129.16", "::ffff:224.0.0.1",
]  # fmt: skip
ALLOWED = [
    "127.0.0.1", "127.1", "::1", "10.0.0.7", "172.16.0.1", "192.168.1.10", "100.64.0.1", "100.100.100.201",
    "192.0.0.191",
    "168.63.129.17", "fd12::1", "fd00:ec3::254", "8.8.8.8", "2606:4700::1111", "::ffff:127.0.0.1", "64:ff9b::808:808",
    "2002:808:808::1", "0.0.0.0", "::", "localhost", "api.openai.com", "169.254.169.254.example.com", "a9fea9fe",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden(address: str) -> None:
    assert forbidden(address) is not None


@pytest.mark.parametrize("address", ALLOWED)
def test_allowed(address: str) -> None:
    assert forbidden(address) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::ffff:0.0.0.0"])
def test_this_machine_is_meant_only_where_it_is_written(address: str) -> None:
    assert forbidden(address) is None
    assert "DNS filter" in str(forbidden(address, resolved=True))


def test_a_literal_is_refused_before_a_socket_is_made(run: Run) -> None:
    async def main() -> None:
        for host in ("169.254.169.254", "::ffff:169.254.169.254", "2852039166"):
            error = await error_of(H1("http", host, 80).send(get(), WAITS))
            assert error.reason == "connect"
            assert "refused to connect: " in error.message
            assert "credentials" in error.message

    run(main())


def test_of_several_addresses_only_the_allowed_are_tried(run: Run) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            resolving("mixed.example", "169.254.169.254", "fe80::1", "127.0.0.1")
            h1 = H1("http", "mixed.example", host.port)
            assert await whole(h1, get()) == (200, b"ok")
            assert host.total == 1
            await h1.close()

    run(main())


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (("169.254.169.254",), "169.254.169.254 is a link-local address"),
        (("::ffff:100.100.100.200", "fe80::1"), "::ffff:100.100.100.200 is where a cloud"),
        (("0.0.0.0", "::"), "0.0.0.0 is what a DNS filter answers"),
    ],
)
def test_a_name_that_leads_there(run: Run, found: tuple[str, ...], said: str) -> None:
    async def main() -> None:
        resolving("there.example", *found)
        error = await error_of(H1("https", "there.example", 443).send(get(), WAITS))
        assert error.reason == "connect"
        assert error.message.startswith(f"there.example:443: refused to connect: {said}")

    run(main())


def test_a_proxy_is_held_to_the_same(run: Run) -> None:
    async def main() -> None:
        resolving("proxy.example", "169.254.169.254")
        for proxy in ("http://proxy.example:3128", "https://ada:secret@proxy.example", "http://169.254.169.254"):
            client = Client("http", "127.0.0.1", 1, proxy=proxy)
            error = await error_of(client.send(get(), WAITS))
            assert (error.reason, "169.254.169.254 is a link-local" in error.message) == ("connect", True)
            assert "secret" not in error.message
            await client.close()

    run(main())


def test_a_proxy_with_one_allowed_address(run: Run) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host, proxying() as proxy:
            resolving("proxy.example", "fe80::1", "127.0.0.1")
            client = Client("http", "127.0.0.1", host.port, proxy=proxy.url.replace("127.0.0.1", "proxy.example"))
            reply = await client.send(Request(method="GET", target=b"/", headers=[]), WAITS)
            assert (reply.status, await reply.chunk(), len(proxy.asked)) == (200, b"ok", 1)
            reply.close()
            await client.close()

    run(main())


def resolving(name: str, *addresses: str) -> None:
    """Have the running loop find `addresses` where it is asked for `name`: what a DNS server would say."""
    loop = asyncio.get_running_loop()
    asked = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **how: Any) -> Any:
        if host != name:
            return await asked(host, port, **how)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in addresses
        ]

    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
