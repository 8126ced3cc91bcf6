"""Upstreams over HTTP: what goes up, with whose credential, and how each failure is called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from engine.chat import Failed, Headers
from engine.secret import Secret
from engine.units import seconds
from engine.upstreams.anthropic import Anthropic
from engine.upstreams.base import Call, Driver, Timeouts
from engine.upstreams.openai import OpenAI
from tests.transport.host import OK, STREAM, Host, Received, Wire, always, hosting, once
from tests.transport.proxy import proxying

KEY = Secret("sk-upstream-1234567890", "env:UPSTREAM_KEY")


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 10))


def call(path: str = "/v1/chat/completions", headers: Headers | None = None, **fields: Any) -> Call:
    ready: dict[str, Any] = {"api": "chat", "method": "POST", "query": b"", "body": b"{}"} | fields
    return Call(path=path, headers=headers or [], **ready)


async def sent(driver: Driver, host: Host, asked: Call) -> Received:
    """Send a call through `driver`; return what arrived at `host`."""
    answer = await driver.send(asked)
    assert await answer.read(100) == b"ok"
    await driver.close()
    return host.requests[-1]


def fields(received: Received) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in received.headers:
        found.setdefault(name, []).append(value)
    return found


def at(host: Host, path: str = "") -> str:
    return f"http://127.0.0.1:{host.port}{path}"


ADDRESSES = {
    # base_url's path, canonical path, query -> what the upstream is asked for
    "without /v1": ("", "/v1/chat/completions", b"", b"/v1/chat/completions"),
    "with /v1": ("/v1", "/v1/chat/completions", b"", b"/v1/chat/completions"),
    "with a slash": ("/v1/", "/v1/chat/completions", b"", b"/v1/chat/completions"),
    "behind a prefix": ("/openai/v1", "/v1/embeddings", b"", b"/openai/v1/embeddings"),
    "a version of its own": ("/api/paas/v4", "/v1/chat/completions", b"", b"/api/paas/v4/chat/completions"),
    "the client's query": ("", "/v1/messages", b"beta=true", b"/v1/messages?beta=true"),
    "both queries": ("/v1?api-version=1", "/v1/chat/completions", b"a=b", b"/v1/chat/completions?api-version=1&a=b"),
    "characters that a path may not hold": ("", "/v1/files/a b\r\n\xe9", b"", b"/v1/files/a%20b%0D%0A%C3%A9"),
}


@pytest.mark.parametrize(("base", "path", "query", "target"), ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("api", ["chat", None])
def test_where_it_goes(base: str, path: str, query: bytes, target: bytes, api: str | None) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            driver = OpenAI(base_url=at(host, base)).build("up", None)
            for _ in range(2):
                answer = await driver.send(call(path, query=query, api=api))
                assert await answer.read(2) == b"ok"
            await driver.close()
            assert [request.line for request in host.requests] == [b"POST %b HTTP/1.1" % target] * 2

    run(main())


CLIENT: Headers = [
    (b"user-agent", b"claude-cli/2"),
    (b"anthropic-beta", b"a,b"),
    (b"authorization", b"Bearer client"),
    (b"x-api-key", b"client"),
    (b"api-key", b"client"),
    (b"x-turnout-key", b"client"),
    (b"cookie", b"a=client"),
    (b"host", b"client"),
    (b"accept-encoding", b"br-client"),
    (b"content-length", b"9client"),
]
"""With much that the caller has already taken out (rule T4); here it must not matter."""


STRIPPED: dict[str, tuple[list[str], dict[bytes, list[bytes]]]] = {
    "nothing": (
        [], {b"user-agent": [b"claude-cli/2"], b"anthropic-beta": [b"a,b"], b"anthropic-version": [b"2023-06-01"]},
    ),
    "a header": (["User-Agent"], {b"anthropic-beta": [b"a,b"], b"anthropic-version": [b"2023-06-01"]}),
    "a beta flag": (
        ["a", "anthropic-version"], {b"user-agent": [b"claude-cli/2"], b"anthropic-beta": [b"b"]},
    ),
    "never what the file adds": (
        ["x-*", "a", "b", "anthropic-*", "user-agent"], {b"anthropic-version": [b"2023-06-01"]},
    ),
    "everything": (["*"], {b"anthropic-version": [b"2023-06-01"]}),
}  # fmt: skip


@pytest.mark.parametrize("case", STRIPPED)
def test_what_is_stripped_does_not_go_up(case: str) -> None:
    strip, expected = STRIPPED[case]

    async def main() -> None:
        async with hosting(always(OK)) as host:
            options = Anthropic(base_url=at(host), strip=strip, headers={"x-team": "blue"})
            seen = fields(await sent(options.build("up", KEY), host, call(headers=CLIENT)))
            for name in (b"host", b"accept-encoding", b"content-length"):
                seen.pop(name)
            assert seen == {b"x-api-key": [b"sk-upstream-1234567890"], b"x-team": [b"blue"], **expected}

    run(main())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (OpenAI, {b"authorization": [b"Bearer sk-upstream-1234567890"]}),
        (Anthropic, {b"x-api-key": [b"sk-upstream-1234567890"], b"anthropic-version": [b"2023-06-01"]}),
    ],
)
def test_our_credential_and_none_of_the_clients(kind: Any, expected: dict[bytes, list[bytes]]) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            driver = kind(base_url=at(host)).build("up", KEY)
            seen = fields(await sent(driver, host, call(headers=CLIENT, credential=[(b"x-api-key", b"client")])))
            assert seen == {
                b"host": [b"127.0.0.1:%d" % host.port],
                b"user-agent": [b"claude-cli/2"],
                b"anthropic-beta": [b"a,b"],
                b"accept-encoding": [b"identity"],
                b"content-length": [b"2"],
                **expected,
            }

    run(main())


def test_no_key_no_credential() -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            seen = fields(await sent(OpenAI(base_url=at(host)).build("up", None), host, call(headers=CLIENT)))
            assert not seen.keys() & {b"authorization", b"x-api-key", b"api-key", b"cookie"}

    run(main())


@pytest.mark.parametrize("version", [b"2023-06-01", b"2026-10-21"])
def test_the_clients_version_wins(version: bytes) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            driver = Anthropic(base_url=at(host)).build("up", KEY)
            seen = fields(await sent(driver, host, call(headers=[(b"anthropic-version", version)])))
            assert seen[b"anthropic-version"] == [version]

    run(main())


def test_the_files_headers_win_over_the_clients_and_ours() -> None:
    headers = {"Anthropic-Version": "2030-01-01", "User-Agent": "turnout", "X-Team": " a "}

    async def main() -> None:
        async with hosting(always(OK)) as host:
            driver = Anthropic(base_url=at(host), headers=headers).build("up", KEY)
            seen = fields(await sent(driver, host, call(headers=CLIENT)))
            assert (seen[b"anthropic-version"], seen[b"user-agent"], seen[b"x-team"]) == (
                [b"2030-01-01"],
                [b"turnout"],
                [b"a"],
            )

    run(main())


def test_forward_sends_the_clients_own_credential_and_not_ours() -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            driver = Anthropic(base_url=at(host), auth="forward").build("up", KEY)
            seen = fields(await sent(driver, host, call(credential=[(b"authorization", b"Bearer oat-client")])))
            assert seen[b"authorization"] == [b"Bearer oat-client"]
            assert b"x-api-key" not in seen

    run(main())


def test_forward_without_a_credential_is_not_sent() -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            driver = Anthropic(base_url=at(host), auth="forward").build("up", KEY)
            with pytest.raises(Failed, match="no credential") as caught:
                await driver.send(call())
            assert (caught.value.failure.reason, caught.value.failure.status, host.total) == ("auth", 401, 0)
            await driver.close()

    run(main())


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pass_routes_bring_any_method_and_a_streamed_body(method: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def main() -> None:
        async with hosting(always(OK)) as host:
            driver = OpenAI(base_url=at(host, "/v1")).build("up", KEY)
            asked = call("/v1/images/generations", api=None, method=method, body=pieces() if method == "PUT" else b"")
            seen = await sent(driver, host, asked)
            assert seen.line == b"%b /v1/images/generations HTTP/1.1" % method.encode()
            assert seen.body == (b"onetwo" if method == "PUT" else b"")
            assert fields(seen)[b"authorization"] == [b"Bearer sk-upstream-1234567890"]

    run(main())


def test_no_tunnels() -> None:
    async def main() -> None:
        driver = OpenAI(base_url="http://127.0.0.1:1").build("up", KEY)
        with pytest.raises(Failed) as caught:
            await driver.send(call("/", api=None, method="CONNECT"))
        assert caught.value.failure.reason == "bad_request"
        await driver.close()

    run(main())


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 429, 500, 529])
def test_every_status_is_an_answer(status: int) -> None:
    raw = b"HTTP/1.1 %d X\r\nretry-after: 3\r\ncontent-length: 4\r\n\r\nbody" % status

    async def main() -> None:
        async with hosting(once(raw)) as host:
            driver = OpenAI(base_url=at(host)).build("up", KEY)
            answer = await driver.send(call())
            assert (answer.status, answer.framed, await answer.read(4)) == (status, True, b"body")
            assert (b"retry-after", b"3") in answer.headers
            assert await answer.chunk() == b""
            await driver.close()

    run(main())


async def no_answer(wire: Wire) -> None:
    await wire.request()
    await wire.left()


async def half_an_answer(wire: Wire) -> None:
    await wire.request()
    wire.write(STREAM + b"4\r\nhalf\r\n")
    await wire.left()


async def cut(wire: Wire) -> None:
    await wire.request()
    wire.write(STREAM + b"4\r\nhalf\r\n")


TIMEOUTS = Timeouts(first_byte="100ms", idle="0.1s")

FAILURES = {
    "no answer": (no_answer, "timeout", "timeouts.first_byte"),
    "half an answer": (half_an_answer, "timeout", "timeouts.idle"),
    "cut": (cut, "disconnect", "in the middle of its answer"),
    "nothing": (once(b""), "disconnect", "without an answer"),
    "garbage": (once(b"garbage\r\n\r\n"), "disconnect", "malformed"),
}


@pytest.mark.parametrize(("script", "reason", "said"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxied"])
def test_how_failures_are_called(script: Any, reason: str, said: str, proxied: bool) -> None:
    async def main() -> None:
        async with hosting(script) as host, proxying() as proxy:
            options = OpenAI(base_url=at(host), timeouts=TIMEOUTS, proxy=proxy.url if proxied else None)
            driver = options.build("up", KEY)
            with pytest.raises(Failed) as caught:
                await (await driver.send(call())).read(100)
            failure = caught.value.failure
            assert failure.reason == reason
            assert failure.message.startswith(f"upstream `up`: 127.0.0.1:{host.port}")
            if not proxied or reason == "timeout":
                assert said in failure.message
            assert (failure.status, failure.body) == (None, None)
            assert bool(proxy.asked) == proxied
            await driver.close()

    run(main())


def test_nobody_listens() -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            driver = OpenAI(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}").build("up", KEY)
            with pytest.raises(Failed, match="Connection refused") as caught:
                await driver.send(call())
            assert caught.value.failure.reason == "connect"
            await driver.close()

    run(main())


def test_no_tls_there() -> None:
    async def script(wire: Wire) -> None:
        await wire.reader.read(100)
        wire.write(OK)

    async def main() -> None:
        async with hosting(script) as host:
            driver = OpenAI(base_url=at(host).replace("http:", "https:")).build("up", KEY)
            with pytest.raises(Failed) as caught:
                await driver.send(call())
            assert caught.value.failure.reason == "tls"
            await driver.close()

    run(main())


def test_total_counts_what_earlier_tries_have_used() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(no_answer) as host:
            driver = OpenAI(base_url=at(host), timeouts=Timeouts(total="10s")).build("up", KEY)
            begun = loop.time()
            with pytest.raises(Failed) as caught:
                await driver.send(call(spent=9.9))
            assert (caught.value.failure.reason, loop.time() - begun < 5) == ("timeout", True)
            with pytest.raises(Failed, match=r"10 s \(timeouts.total\)") as caught:
                await driver.send(call(spent=11.0))
            assert (caught.value.failure.reason, host.total) == ("timeout", 1)
            await driver.close()

    run(main())


def test_an_answer_too_large_to_take() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def script(wire: Wire) -> None:
            await wire.request()
            wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n" + b"x" * 200_000)
            await wire.left()

        async with hosting(script) as host:
            driver = OpenAI(base_url=at(host)).build("up", KEY)
            answer = await driver.send(call())
            with pytest.raises(Failed, match="larger than 1000 bytes"):
                await answer.read(1000)
            await host.saw_us_leave(loop.time())
            answer.close()
            await driver.close()

    run(main())


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a password in base_url": (
        lambda: OpenAI(base_url="https://ada:hunter2hunter2@h/v1"),
        "base_url holds a user or password",
    ),
    "a user in base_url": (lambda: OpenAI(base_url="https://hunter2hunter2@h/v1"), "base_url holds a user or password"),
    "another scheme": (lambda: OpenAI(base_url="ftp://h"), "base_url must be http://host or https://host"),
    "no host": (lambda: OpenAI(base_url="https:///v1"), "base_url must be http://host or https://host"),
    "a port that cannot be": (lambda: OpenAI(base_url="https://h:99999"), "base_url has a host or port that cannot be"),
    "a path that cannot be": (lambda: OpenAI(base_url="https://h/a b"), "base_url has a path with spaces"),
    "letters that URLs cannot hold": (lambda: OpenAI(base_url="https://h/é"), "base_url has a path with spaces"),
    "a fragment": (lambda: OpenAI(base_url="https://h/v1#x"), "base_url has a #fragment"),
    "a proxy that is none": (
        lambda: OpenAI(base_url="https://h", proxy="socks5://ada:hunter2hunter2@h"),
        "proxy must be http://host:port",
    ),
    "a line break in a header": (
        lambda: OpenAI(base_url="https://h", headers={"x-a": "hunter2hunter2\r\nx-b: 1"}),
        "headers: x-a holds a line break",
    ),
    "a character no header carries": (
        lambda: OpenAI(base_url="https://h", headers={"x-a": "hunter2hunter2 ✓"}),
        "headers: x-a holds a character that HTTP headers cannot carry",
    ),
    "a header name that is none": (
        lambda: OpenAI(base_url="https://h", headers={"x a": "hunter2hunter2"}),
        "headers: x a is not a header name",
    ),
    "a header that frames": (
        lambda: OpenAI(base_url="https://h", headers={"Transfer-Encoding": "chunked"}),
        "headers: Transfer-Encoding cannot be set",
    ),
}


@pytest.mark.parametrize(("options", "said"), WRONG.values(), ids=WRONG)
def test_options_that_cannot_work(options: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match="^" + said) as caught:
        options().build("up", None)
    assert "hunter2" not in str(caught.value)


def test_a_key_that_would_start_another_header() -> None:
    with pytest.raises(ValueError, match=r"^api_key holds a line break") as caught:
        OpenAI(base_url="https://h").build("up", Secret("hunter2hunter2\nx-b: 1", "file:/key"))
    assert "hunter2" not in str(caught.value)


def test_a_driver_does_not_show_its_key() -> None:
    driver = OpenAI(base_url="https://h:1/v1", headers={"x-a": "hunter2hunter2"}).build("up", KEY)
    assert repr(driver) == "<OpenAIDriver up https://h:1>"
    assert str(driver) == repr(driver)


@pytest.mark.parametrize(
    ("text", "expected"), [("250ms", 0.25), ("5s", 5), ("1.5m", 90), ("20m", 1200), ("1h", 3600), ("2d", 172800)]
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected
