"""Whoever reads a stream of a Turnout is overheard: the raw client, and both vendors' SDKs through httpx2."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.answers import CREATED, chat_events, event, message_events
from tests.support.http import Line, post
from tests.support.script import CUT, as_json, as_stream
from tests.support.wire.recorder import Recorder
from tests.support.wire.watch import WATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.upstream import Upstream

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/team-a/v1/messages", "/v1/responses"
HI = {"model": "m", "messages": []}


USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}


def response_events() -> list[bytes]:
    """Return the events of a response that says nothing."""
    said: dict[str, Any] = {"id": "resp_1", "object": "response", "created_at": CREATED, "model": "m", "output": []}
    said |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return [
        event("response.created", sequence_number=0, response={**said, "status": "in_progress"}),
        event("response.in_progress", sequence_number=1, response={**said, "status": "in_progress"}),
        event("response.completed", sequence_number=2, response={**said, "status": "completed", "usage": USAGE}),
    ]


def by_line(url: str, path: str) -> None:
    post(url, path, HI)


def by_recorder(url: str, path: str) -> None:
    with Recorder(url) as recorder:
        WATCH.servers.add(urlsplit(recorder.url).netloc)
        assert httpx2.post(recorder.url + path, json=HI, trust_env=False).status_code == 200


def by_httpx(url: str, path: str) -> None:
    with httpx2.Client(trust_env=False) as client, client.stream("POST", url + path, json=HI) as answer:
        list(answer.iter_bytes())


def by_async_httpx(url: str, path: str) -> None:
    async def read() -> None:
        async with httpx2.AsyncClient(trust_env=False) as client, client.stream("POST", url + path, json=HI) as answer:
            _ = [chunk async for chunk in answer.aiter_bytes()]

    asyncio.run(read())


READERS = pytest.mark.parametrize("read", [by_line, by_recorder, by_httpx, by_async_httpx])


@pytest.fixture
def server(openai: Upstream) -> Iterator[Upstream]:
    """A server that passes for a Turnout."""
    host = urlsplit(openai.url).netloc
    WATCH.servers.add(host)
    yield openai
    WATCH.servers.discard(host)


@READERS
def test_every_reader_is_overheard(server: Upstream, read: Callable[[str, str], None]) -> None:
    before = WATCH.streams
    server.script(as_stream(chat_events()), as_stream(chat_events()[1:]), as_stream(message_events()[:-1]))
    server.script(as_stream(response_events()), as_stream(response_events()[:-1]))
    for path in (CHAT, CHAT, MESSAGES, RESPONSES, RESPONSES):
        read(server.url, path)
    found = WATCH.reset()
    rules = ["role assistant", "no message_stop", "no end of the response"]
    assert WATCH.streams >= before + 5
    assert [any(rule in flaw for flaw in found) for rule in rules] == [True, True, True]
    assert f"{RESPONSES}: event 2" in found[-1]


def test_who_leaves_early_is_owed_no_end(server: Upstream) -> None:
    server.script(as_stream([b"".join(chat_events()[:2]), 0.2, b"".join(chat_events()[2:])]))
    with Line(server.url) as line:
        line.ask("POST", CHAT, body=HI)
        next(line.chunks(line.head()))
    assert WATCH.reset() == []


def test_a_stream_read_in_two_goes_is_one(server: Upstream) -> None:
    events = chat_events()
    server.script(as_stream([events[0], 0.05, b"".join(events[1:])]))
    with Line(server.url) as line:
        line.ask("POST", CHAT, body=HI)
        got = line.head()
        next(line.chunks(got))
        list(line.chunks(got))
    assert WATCH.reset() == []


def test_a_broken_connection_and_json_are_no_streams_to_judge(server: Upstream) -> None:
    server.script(as_stream([*chat_events()[:2], CUT]), as_json({"object": "nothing"}))
    before = WATCH.streams
    post(server.url, CHAT, HI)
    post(server.url, CHAT, HI)
    assert (WATCH.reset(), WATCH.streams) == ([], before + 1)


def test_the_usage_chunk_is_judged_by_what_was_asked(server: Upstream) -> None:
    server.script(*[as_stream(chat_events(usage=True))] * 2)
    post(server.url, CHAT, {**HI, "stream_options": {"include_usage": True}})
    assert WATCH.reset() == []
    post(server.url, CHAT, HI)
    assert "nobody asked for" in WATCH.reset()[0]


def test_a_response_that_is_streamed_again_may_be_resumed(server: Upstream) -> None:
    again = f"{RESPONSES}/resp_1?stream=true"
    server.script(*[as_stream(response_events()[1:])] * 3)
    with httpx2.Client(trust_env=False) as client:
        for target in (f"{again}&starting_after=0", again):
            client.get(server.url + target)
    with Line(server.url) as line:
        line.ask("GET", f"{again}&starting_after=1")
        list(line.chunks(line.head()))
    assert [flaw.partition("\n")[0] for flaw in WATCH.reset()] == [
        f"{RESPONSES}/resp_1: event 1: sequence_number 1 where 0 is due",
        f"{RESPONSES}/resp_1: event 1: sequence_number 1 where 2 is due",
    ]


def test_a_stream_whose_request_was_written_by_hand_is_known_by_its_words(server: Upstream) -> None:
    server.script(as_stream(response_events()[1:]))
    with Line(server.url) as line:
        line.write(f"POST {RESPONSES} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        list(line.chunks(line.head()))
    assert "sequence_number 1 where 0 is due" in WATCH.reset()[0]


def test_servers_that_are_no_turnout_are_not_judged(anthropic: Upstream) -> None:
    anthropic.script(as_stream([b"data: nonsense\n\n"]))
    post(anthropic.url, CHAT, HI)
    assert WATCH.reset() == []
