"""A client that leaves, in every phase: the upstream's connection is closed at once, and nothing leaks."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, SERVER_ERROR, Api
from tests.support.http import Line, head, post
from tests.support.script import STALL, Reply, as_json, as_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

SOON = 0.5
"""Seconds within which the upstream must see the close."""

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{hold: {hold}}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
keys: {{anonymous: {{}}}}
"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url, hold="10s"))


@pytest.fixture(scope="module")
def opening(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    """A server that opens a silent stream after 200 ms."""
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url, hold="200ms"))


@dataclass
class Case:
    turnout: Turnout
    upstream: Upstream
    api: Api
    stream: bool

    @property
    def body(self) -> bytes:
        return json.dumps(self.api.body(stream=self.stream)).encode()


@pytest.fixture(params=APIS, ids=lambda api: api.name)
def api(request: pytest.FixtureRequest) -> Api:
    made: Api = request.param
    return made


@pytest.fixture(params=[False, True], ids=["json", "stream"])
def case(request: pytest.FixtureRequest, turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> Case:
    return Case(turnout, openai if api.kind == "openai" else anthropic, api, request.param)


LEAVE: dict[str, Callable[[Line], None]] = {"FIN": Line.close, "RST": Line.reset}
WAYS = pytest.mark.parametrize("leave", LEAVE.values(), ids=LEAVE)


def closed_soon(upstream: Upstream, left_at: float, requests: int = 1) -> None:
    """Hold the upstream's own clock against the moment the client left."""
    seen = upstream.requests[-1]
    assert seen.left_within(SOON * 4), "the upstream never saw a close"
    assert seen.connection.closed_at is not None
    assert seen.connection.closed_at - left_at < SOON
    assert len(upstream.requests) == requests


def still_serves(case: Case) -> None:
    answer = post(case.turnout.url, case.api.path, case.api.body())
    assert answer.status == 200


@WAYS
def test_during_the_upload_no_upstream_is_asked(case: Case, leave: Callable[[Line], None]) -> None:
    line = Line(case.turnout.url)
    sent = head("POST", case.api.path, line.host, (), len(case.body), is_json=True) + case.body[:-5]
    line.write(sent)
    time.sleep(0.1)
    leave(line)
    time.sleep(0.2)
    assert case.upstream.requests == []
    still_serves(case)


@WAYS
def test_while_waiting_for_the_head(case: Case, leave: Callable[[Line], None]) -> None:
    case.upstream.script(Reply(before=(STALL,)))
    line = Line(case.turnout.url)
    line.ask("POST", case.api.path, body=case.body)
    case.upstream.wait_for(1).complete.wait(5)
    time.sleep(0.05)
    leave(line)
    closed_soon(case.upstream, time.monotonic())
    still_serves(case)


@WAYS
def test_with_a_long_request(case: Case, leave: Callable[[Line], None]) -> None:
    """An agent's request is larger than what a server buffers; it must still notice that nobody is left."""
    case.upstream.script(Reply(before=(STALL,)))
    line = Line(case.turnout.url)
    line.ask("POST", case.api.path, body=case.api.body(stream=case.stream, padding="x" * 2_000_000))
    case.upstream.wait_for(1).complete.wait(5)
    time.sleep(0.05)
    leave(line)
    closed_soon(case.upstream, time.monotonic())


@WAYS
def test_while_waiting_for_the_first_token(case: Case, leave: Callable[[Line], None]) -> None:
    """The upstream's head is there, and lifecycle frames (or the start of the JSON), but no content."""
    if case.stream:
        case.upstream.script(as_stream([*case.api.events()[: case.api.lifecycle], STALL]))
    else:
        body = case.api.whole().body
        headers = (("content-type", "application/json"), ("content-length", str(len(body))))
        case.upstream.script(Reply(headers=headers, parts=(body[:1], STALL)))
    line = Line(case.turnout.url)
    line.ask("POST", case.api.path, body=case.body)
    case.upstream.wait_for(1).complete.wait(5)
    time.sleep(0.1)
    leave(line)
    closed_soon(case.upstream, time.monotonic())
    still_serves(case)


@WAYS
def test_mid_stream(case: Case, leave: Callable[[Line], None]) -> None:
    if case.stream:
        upto, _ = case.api.parted()
        case.upstream.script(as_stream([*upto, STALL]))
    else:
        body = case.api.whole().body
        case.upstream.script(
            Reply(headers=(("content-type", "application/json"),), parts=(body[:40], STALL), framing="chunked")
        )
    line = Line(case.turnout.url)
    line.ask("POST", case.api.path, body=case.body)
    if case.stream:
        assert b"Hello" in next(line.chunks(line.head())).data
    else:
        case.upstream.wait_for(1).complete.wait(5)
        time.sleep(0.1)
    leave(line)
    closed_soon(case.upstream, time.monotonic())
    still_serves(case)


@WAYS
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_after_a_silent_stream_was_opened(
    opening: Turnout, openai: Upstream, anthropic: Upstream, api: Api, leave: Callable[[Line], None]
) -> None:
    upstream = openai if api.kind == "openai" else anthropic
    upstream.script(Reply(before=(STALL,)))
    line = Line(opening.url)
    line.ask("POST", api.path, body=api.body(stream=True))
    assert line.head().status == 200
    leave(line)
    closed_soon(upstream, time.monotonic())


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_while_the_client_does_not_read(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    """A client that stops reading and then dies: the upstream is not drained into memory, and is let go."""
    upstream = openai if api.kind == "openai" else anthropic
    begun = api.begun("Hello", "x" * 100_000)
    upstream.script(as_stream([*begun, *api.more(begun, 400)]))
    line = Line(turnout.url)
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.ask("POST", api.path, body=api.body(stream=True))
    line.head()
    time.sleep(0.7)
    assert not upstream.requests[-1].answered.is_set(), "40 MB were taken in for a client that does not read"
    line.reset()
    closed_soon(upstream, time.monotonic())


def test_while_turnout_waits_before_it_tries_again(case: Case) -> None:
    """The only target has failed and asked for two seconds: a client that leaves meanwhile is the end of it."""
    case.upstream.script(as_json(SERVER_ERROR, 503, ("retry-after", "1")))
    line = Line(case.turnout.url)
    line.ask("POST", case.api.path, body=case.body)
    case.upstream.wait_for(1).answered.wait(5)
    time.sleep(0.1)
    line.close()
    time.sleep(1.3)
    assert len(case.upstream.requests) == 1


def test_a_half_closed_client_counts_as_gone_or_is_served(case: Case) -> None:
    """Some clients shut down their sending side; either answer is right, hanging is not."""
    with Line(case.turnout.url) as line:
        line.ask("POST", case.api.path, body=case.body)
        line.socket.shutdown(socket.SHUT_WR)
        line.socket.settimeout(5)
        while line.socket.recv(65536):
            pass
    still_serves(case)


@pytest.mark.skipif(sys.platform != "linux", reason="counts the descriptors of the process in /proc")
def test_a_hundred_clients_that_leave_leave_nothing_behind(turnout: Turnout, openai: Upstream) -> None:
    api = APIS[0]
    folder = f"/proc/{turnout.process.pid}/fd"
    post(turnout.url, api.path, api.body())
    before = len(os.listdir(folder))
    openai.clear()
    openai.answer = lambda _: Reply(before=(STALL,))
    lines = []
    for number in range(100):
        line = Line(turnout.url)
        line.ask("POST", api.path, body=api.body(stream=bool(number % 2)))
        lines.append(line)
    openai.wait_for(100, 10)
    assert len(os.listdir(folder)) >= before + 190
    for number, line in enumerate(lines):
        (Line.close if number % 3 else Line.reset)(line)
    deadline = time.monotonic() + 30
    while len(os.listdir(folder)) > before + 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(os.listdir(folder)) <= before + 5
    openai.clear()
    assert post(turnout.url, api.path, api.body()).status == 200
