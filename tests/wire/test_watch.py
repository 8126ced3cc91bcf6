"""Whoever reads a stream of a Turnout is overheard: the raw client, and both vendors' SDKs through httpx2."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.answers import chat_events, message_events
from tests.support.http import Line, post
from tests.support.script import CUT, as_json, as_stream
from tests.support.wire.recorder import Recorder
from tests.support.wire.watch import WATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.upstream import Upstream

CHAT, MESSAGES = "/v1/chat/completions", "/team-a/v1/messages"
HI = {"model": "m", "messages": []}


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
    for path in (CHAT, CHAT, MESSAGES):
        read(server.url, path)
    found = WATCH.reset()
    assert WATCH.streams >= before + 3
    assert ["role assistant" in found[0], "no message_stop" in found[-1]] == [True, True]


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


def test_servers_that_are_no_turnout_are_not_judged(anthropic: Upstream) -> None:
    anthropic.script(as_stream([b"data: nonsense\n\n"]))
    post(anthropic.url, CHAT, HI)
    assert WATCH.reset() == []
