"""What an echo upstream does wrong on purpose: as an option of the file, or as one request asks."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.chat import Api, Failed
from engine.upstreams.base import Call
from engine.upstreams.drivers.echo import EchoDriver
from engine.upstreams.drivers.echo.fault import asked
from engine.upstreams.echo import Echo, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHAT = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}


def call(api: Api | None = "chat", faults: str | None = None, body: Any = None, **fields: Any) -> Call:
    data = body if body is not None else json.dumps({**CHAT, **fields}).encode()
    return Call(api=api, method="POST", path="/x", query=b"a=b", headers=[], body=data, model="m", faults=faults)


async def pieces(driver: EchoDriver, asked: Call) -> list[bytes]:
    """Return every piece up to the proper end."""
    answer = await driver.send(asked)
    return [piece async for piece in iterated(answer)]


async def iterated(answer: Any) -> AsyncIterator[bytes]:
    while piece := await answer.chunk():
        yield piece


async def into(got: list[bytes], answer: Any) -> None:
    """Take piece after piece, for ever."""
    while True:
        got.append(await answer.chunk())


def faulty(**fault: Any) -> EchoDriver:
    return EchoDriver("echo", Echo(fault=Fault(**fault)))


def obedient() -> EchoDriver:
    return EchoDriver("echo", Echo(faults=True))


@pytest.mark.parametrize(
    ("api", "status", "kind", "id_name"),
    [
        ("chat", 429, "requests", b"x-request-id"),
        ("messages", 529, "overloaded_error", b"request-id"),
        ("count_tokens", 500, "api_error", b"request-id"),
        ("embeddings", 404, "invalid_request_error", b"x-request-id"),
    ],
)
def test_it_fails_in_the_form_of_the_api(api: Api, status: int, kind: str, id_name: bytes) -> None:
    async def run() -> None:
        answer = await faulty(fail=status, retry_after="1500ms").send(call(api))
        error = json.loads(await answer.read(10_000))["error"]
        assert (answer.status, error["type"]) == (status, kind)
        assert "as it was told" in error["message"]
        headers = dict(answer.headers)
        assert headers[b"retry-after"] == b"1.5"
        assert headers[id_name].startswith(b"req_")

    asyncio.run(run())


def test_it_refuses() -> None:
    with pytest.raises(Failed) as caught:
        asyncio.run(faulty(refuse=True).send(call()))
    assert caught.value.failure.reason == "connect"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("cut", [0, 1, 3, 10_000])
def test_it_breaks_off_after_so_many_pieces(cut: int, stream: bool) -> None:
    async def run() -> list[bytes]:
        answer = await faulty(cut=cut).send(call(stream=stream))
        got: list[bytes] = []
        with pytest.raises(Failed) as caught:
            await into(got, answer)
        assert caught.value.failure.reason == "disconnect"
        return got

    got = asyncio.run(run())
    whole = asyncio.run(pieces(EchoDriver("echo", Echo()), call(stream=stream)))
    assert b"".join(whole).startswith(b"".join(got))
    assert len(got) == cut if cut < 10_000 else b"".join(got) == b"".join(whole)


def test_it_is_slow() -> None:
    async def run() -> float:
        begun = time.monotonic()
        await faulty(slow="150ms").send(call())
        return time.monotonic() - begun

    assert 0.14 < asyncio.run(run()) < 2


def test_a_stalled_head_waits_until_the_caller_or_the_driver_ends() -> None:
    async def run() -> None:
        driver = faulty(stall="head")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(driver.send(call()), 0.05)
        waiting = asyncio.create_task(driver.send(call()))
        await asyncio.sleep(0.01)
        await driver.close()
        with pytest.raises(Failed, match="was closed"):
            await asyncio.wait_for(waiting, 1)

    asyncio.run(run())


@pytest.mark.parametrize("by", ["answer", "driver"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_stalled_body_says_some_content_and_then_nothing(stream: bool, by: str) -> None:
    async def run() -> None:
        driver = faulty(stall="body")
        answer = await driver.send(call(stream=stream))
        got: list[bytes] = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(into(got, answer), 0.1)
        assert b'"echo:"' in got[-1] if stream else got[0].startswith(b"{")
        assert b"}]}" not in got[-1] or stream
        waiting = asyncio.create_task(answer.chunk())
        await asyncio.sleep(0.01)
        if by == "answer":
            answer.close()
        else:
            await driver.close()
        with pytest.raises(Failed) as caught:
            await asyncio.wait_for(waiting, 1)
        assert caught.value.failure.reason == "disconnect"

    asyncio.run(run())


def test_a_stream_has_its_pace_and_stops_when_it_is_closed() -> None:
    async def run() -> None:
        driver = EchoDriver("echo", Echo(pace="30ms"))
        begun = time.monotonic()
        count = len(await pieces(driver, call(stream=True)))
        assert time.monotonic() - begun > 0.029 * (count - 1)
        answer = await driver.send(call(stream=True))
        await answer.chunk()
        waiting = asyncio.create_task(answer.chunk())
        await asyncio.sleep(0)
        answer.close()
        answer.close()
        with pytest.raises(Failed):
            await waiting

    asyncio.run(run())


def test_an_answer_too_large_is_refused() -> None:
    async def run() -> None:
        answer = await EchoDriver("echo", Echo()).send(call())
        await answer.read(100)

    with pytest.raises(Failed, match="larger than 100 bytes"):
        asyncio.run(run())


# as one request asks

GOOD: list[tuple[str, Fault]] = [
    ("fail=529", Fault(fail=529)),
    ("fail=529; retry_after=2s", Fault(fail=529, retry_after="2s")),
    (" slow = 1s ;cut=3;", Fault(slow="1s", cut=3)),
    ("refuse", Fault(refuse=True)),
    ("refuse=true;stall=body", Fault(refuse=True, stall="body")),
    ("", Fault()),
]


@pytest.mark.parametrize(("text", "fault"), GOOD)
def test_a_request_may_ask_for_a_fault(text: str, fault: Fault) -> None:
    assert asked(text) == fault


BAD = [
    ("explode", "there is no fault `explode`; there are fail, retry_after, stall, cut, refuse, slow"),
    ("fail=teapot", "`fail` must be an integer or null, not a string"),
    ("fail=200", "`fail`"),
    ("stall=tail", "`stall` has an unknown value 'tail'"),
    ("slow=5", "`slow`"),
    ("cut=-1", "`cut`"),
    ("fail=500;fail=501", "`fail` is given twice"),
    ("=3", "there is no fault ``"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_fault_that_does_not_exist_is_a_400(text: str, message: str) -> None:
    async def run() -> tuple[int, str]:
        answer = await obedient().send(call("messages", text))
        return answer.status, json.loads(await answer.read(10_000))["error"]["message"]

    status, said = asyncio.run(run())
    assert status == 400
    assert said.startswith("x-turnout-fault: ")
    assert message in said


def test_the_header_is_obeyed_only_where_the_file_says_so() -> None:
    async def run(driver: EchoDriver) -> int:
        return (await driver.send(call(faults="fail=503"))).status

    assert asyncio.run(run(obedient())) == 503
    assert asyncio.run(run(EchoDriver("echo", Echo()))) == 200
    assert asyncio.run(run(EchoDriver("echo", Echo(faults=True, fault=Fault(fail=500))))) == 503


# requests that echo cannot read

WRONG: list[tuple[Api, Any, str]] = [
    ("chat", {"messages": [{"role": "user", "content": 5}]}, "`messages[0].content`"),
    ("chat", {"messages": [], "n": 1000}, "`n`"),
    ("embeddings", {"input": "a", "dimensions": 0}, "`dimensions`"),
    ("embeddings", {"input": "a", "encoding_format": "int8"}, "`encoding_format` has an unknown value 'int8'"),
    ("messages", {"messages": [], "tools": "all"}, "`tools` must be"),
]


@pytest.mark.parametrize(("api", "body", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_what_echo_cannot_read_is_a_400(api: Api, body: Any, message: str) -> None:
    async def run() -> tuple[int, str]:
        answer = await EchoDriver("echo", Echo()).send(call(api, body=json.dumps(body).encode()))
        return answer.status, json.loads(await answer.read(10_000))["error"]["message"]

    status, said = asyncio.run(run())
    assert (status, message in said) == (400, True), said


def test_a_request_too_deep_is_a_400() -> None:
    async def run() -> int:
        deep = b'{"messages": [{"role": "user", "content": [' + b'{"a":' * 800 + b"1" + b"}" * 800 + b"]}]}"
        return (await EchoDriver("echo", Echo()).send(call("chat", body=deep))).status

    assert asyncio.run(run()) == 400


def test_a_pass_route_is_told_what_it_sent() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"12"
        yield b"345"

    async def run() -> Any:
        answer = await EchoDriver("echo", Echo()).send(call(None, body=body()))
        return json.loads(await answer.read(10_000))

    assert asyncio.run(run()) == {"echo": {"method": "POST", "path": "/x", "query": "a=b", "bytes": 5}}
