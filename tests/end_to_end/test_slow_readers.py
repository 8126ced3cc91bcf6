"""Clients that read slowly, or not at all: no memory and no upstream is spent on them, and who stalls is dropped."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import Line, get, post
from tests.support.script import Reply, as_json, as_stream
from tests.support.served import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

WORD = "x" * 60_000
WORDS = 2000
"""120 MB in all."""
CLIENT_STALLED = re.compile(r".*client_stalled: the client took nothing of its answer for 0.5 s.*")
KERNELS = 24_000_000
"""What the buffers of the kernel may hold between an upstream and a client, on both sides of Turnout, and what an
upstream of tests has written but not sent."""


@pytest.fixture(scope="module")
def patient(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(served(_openai, _anthropic, "send_timeout: 1h"))


@pytest.fixture
def strict(start: Start, openai: Upstream, anthropic: Upstream) -> Turnout:
    """It drops who takes nothing for half a second, and lets one request run at a time, by its limits too."""
    server = "send_timeout: 500ms, max_concurrency: 1, queue: 0, limits: [one]"
    return start("limits: {one: {concurrency: 1, by: [all]}}\n" + served(openai, anthropic, server))


class Sluggard(Line):
    """A client with next to no buffer of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.socket.close()
        parts = urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.settimeout(20)
        self.socket.connect((parts.hostname, parts.port))


def huge(api: Api) -> Reply:
    """A stream of 120 MB, made of one piece that is said over and over."""
    before, after = api.parted((WORD, " end"))
    return as_stream([*before, *[before[-1]] * WORDS, *after])


def at_rest(number: Callable[[], int]) -> int:
    """Wait until `number` grows no more, and return it."""
    last, since = number(), time.monotonic()
    deadline = since + 30
    while time.monotonic() - since < 0.7:
        assert time.monotonic() < deadline, "it goes on growing"
        time.sleep(0.05)
        if (now := number()) != last:
            last, since = now, time.monotonic()
    return last


CASES = {
    "chat": (CHAT, CHAT.body(stream=True), "openai"),
    "messages": (MESSAGES, MESSAGES.body(stream=True), "anthropic"),
    "responses": (RESPONSES, RESPONSES.body(stream=True), "openai"),
    "chat from messages": (CHAT, CHAT.body("across", stream=True), "anthropic"),
}


@pytest.mark.odd_stream("one delta is said many times, so a Responses stream does not add up")
@pytest.mark.parametrize("case", ["responses"])
def test_the_upstream_waits_for_a_slow_reader_of_responses(
    patient: Turnout, openai: Upstream, anthropic: Upstream, case: str
) -> None:
    held_back(patient, openai, anthropic, case)


@pytest.mark.parametrize("case", [case for case in CASES if case != "responses"])
def test_the_upstream_waits_for_a_slow_reader(
    patient: Turnout, openai: Upstream, anthropic: Upstream, case: str
) -> None:
    held_back(patient, openai, anthropic, case)


def held_back(server: Turnout, openai: Upstream, anthropic: Upstream, case: str) -> None:
    api, body, kind = CASES[case]
    upstream, spoken = (openai, api) if kind == "openai" else (anthropic, MESSAGES)
    upstream.script(huge(spoken))
    before = get(server.url, "/health").json["rss_bytes"]
    with Sluggard(server.url) as line:
        line.ask("POST", api.path, (), body)
        wire = upstream.wait_for(1).connection
        sent = at_rest(lambda: wire.sent)
        assert 0 < sent < KERNELS
        assert get(server.url, "/health").json["rss_bytes"] - before < 20_000_000
        assert wire.closed_at is None
        got = line.head()
        read = 0
        for chunk in line.chunks(got):
            read += len(chunk.data)
            if read > 2 * KERNELS:
                break
        assert got.whole
        assert wire.sent > KERNELS
    assert upstream.last.left_within(10)


def test_a_pass_route_waits_too(patient: Turnout, openai: Upstream) -> None:
    openai.script(Reply(200, (("content-length", str(64_000 * WORDS)),), parts=(b"x" * 64_000,) * WORDS))
    before = get(patient.url, "/health").json["rss_bytes"]
    with Sluggard(patient.url) as line:
        line.ask("GET", "/v1/files/1")
        wire = openai.wait_for(1).connection
        assert 0 < at_rest(lambda: wire.sent) < KERNELS
        assert get(patient.url, "/health").json["rss_bytes"] - before < 20_000_000
    assert openai.last.left_within(10)


@pytest.mark.parametrize("api", [CHAT, MESSAGES], ids=lambda api: api.name)
def test_who_stalls_is_dropped_and_all_it_held_is_given_back(
    strict: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    upstream = openai if api is CHAT else anthropic
    upstream.script(huge(api))
    with Sluggard(strict.url) as line:
        line.ask("POST", api.path, (), api.body(stream=True))
        assert upstream.wait_for(1).left_within(15)
        said = strict.wait_for(CLIENT_STALLED)
        assert " 499 " in said.group()
        assert post(strict.url, api.path, api.body()).status == 200  # its place is free
        got = line.head()
        for _ in line.chunks(got):
            pass
        assert not got.whole
        assert api.terminal not in got.read


def test_a_trickle_is_no_stall(strict: Turnout, openai: Upstream) -> None:
    openai.script(huge(CHAT))
    with Sluggard(strict.url) as line:
        line.ask("POST", CHAT.path, (), CHAT.body(stream=True))
        wire = openai.wait_for(1).connection
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert line.socket.recv(4096)
            time.sleep(0.05)
        assert wire.closed_at is None
        assert "client_stalled" not in strict.log()


def test_a_whole_answer_that_nobody_takes_is_dropped_as_well(strict: Turnout, openai: Upstream) -> None:
    openai.script(as_json(CHAT.answer("x" * 30_000_000)))
    with Sluggard(strict.url) as line:
        line.ask("POST", CHAT.path, (), CHAT.body())
        openai.wait_for(1)
        gone(strict, line)
        got = line.head()
        for _ in line.chunks(got):
            pass
        assert not got.whole


def test_nor_does_one_stay_whose_connection_is_to_be_closed(strict: Turnout, openai: Upstream) -> None:
    """Below the mark at which anybody is told to wait, and the server only waits for it to be taken."""
    openai.script(as_json(CHAT.answer("x" * 6_000_000)))
    with Sluggard(strict.url) as line:
        line.ask("POST", CHAT.path, (("connection", "close"),), CHAT.body())
        openai.wait_for(1)
        gone(strict, line)


def gone(server: Turnout, line: Line) -> None:
    """Wait until the server has no connection to `line` any more."""
    port = f"{line.socket.getsockname()[1]:04X}"
    deadline = time.monotonic() + 30
    while True:
        with open(f"/proc/{server.process.pid}/net/tcp", encoding="ascii") as table:
            rows = [row.split() for row in table.readlines()[1:]]
        inodes = {row[9] for row in rows if row[2].endswith(f":{port}") and row[9] != "0"}
        if not inodes:
            return
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)
