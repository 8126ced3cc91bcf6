"""server.max_concurrency: so many run, so many wait in line, the rest is told at once; nobody is forgotten."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, MESSAGES, Api
from tests.support.http import Line, get, head, post
from tests.support.script import STALL, as_json, as_stream
from tests.support.served import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture
def begin(start: Start, openai: Upstream, anthropic: Upstream) -> Callable[[str], Turnout]:
    def begin(server: str) -> Turnout:
        return start(served(openai, anthropic, server))

    return begin


class Held:
    """A request that runs at an upstream until it is let go."""

    def __init__(self, server: Turnout, upstream: Upstream) -> None:
        self.gate = threading.Event()
        asked = len(upstream.requests)
        upstream.script(CHAT.whole().after(self.gate))
        self.line = Line(server.url)
        self.line.ask("POST", CHAT.path, (), CHAT.body())
        upstream.wait_for(asked + 1)

    def end(self) -> None:
        self.gate.set()
        assert self.line.answer().status == 200
        self.line.close()


def waiting(server: Turnout, api: Api = CHAT, **body: object) -> Line:
    """Send a request that has to wait in line."""
    line = Line(server.url)
    line.ask("POST", api.path, (), api.body(**body))
    return line


def settled() -> None:
    """Give what was sent the time to arrive: what is waited for here is that nothing happens."""
    time.sleep(0.15)


def test_one_runs_the_next_waits_and_has_its_turn(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("max_concurrency: 1")
    held = Held(server, openai)
    with waiting(server) as line:
        settled()
        assert len(openai.requests) == 1
        held.end()
        assert line.answer().status == 200
    server.wait_for(re.compile(r"queued=0\.\d+s"))


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_beyond_the_line_it_is_said_at_once_in_the_clients_form(
    begin: Callable[[str], Turnout], openai: Upstream, api: Api, stream: bool
) -> None:
    server = begin("max_concurrency: 1, queue: 0, queue_timeout: 7s")
    held = Held(server, openai)
    answer = post(server.url, api.path, api.body(stream=stream))
    assert answer.status == (529 if api is MESSAGES else 503)
    assert answer.header("retry-after") == "7"
    error = api.error(answer)
    assert error["message"].startswith("Turnout is overloaded: 1 requests run and 0 more wait")
    if api is MESSAGES:
        assert error["type"] == "overloaded_error"
    for path in ("/health", "/ready", "/v1/models"):
        assert get(server.url, path).status == 200
    held.end()


def test_who_waits_too_long_is_told(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("max_concurrency: 1, queue_timeout: 200ms")
    held = Held(server, openai)
    answer = post(server.url, CHAT.path, CHAT.body())
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert "no place came free within 0.2 s" in CHAT.error(answer)["message"]
    held.end()
    assert post(server.url, CHAT.path, CHAT.body()).status == 200


def test_pass_routes_take_places_too(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("max_concurrency: 1, queue: 0")
    held = Held(server, openai)
    assert get(server.url, "/v1/files/1").status == 503
    held.end()
    openai.script(as_stream([b"one", STALL]))
    with Line(server.url) as line:
        line.ask("GET", "/v1/files/1")
        assert next(line.chunks(line.head())).data == b"one"
        assert post(server.url, CHAT.path, CHAT.body()).status == 503
    until(lambda: post(server.url, CHAT.path, CHAT.body()).status == 200)


LEAVING = {
    "FIN, small body": (Line.close, 10),
    "RST, small body": (Line.reset, 10),
    "FIN behind a body": (Line.close, 100_000),
    "RST behind a body": (Line.reset, 3_000_000),
}


@pytest.mark.parametrize(("leave", "size"), LEAVING.values(), ids=LEAVING)
def test_who_leaves_the_line_makes_room_in_it_at_once(
    begin: Callable[[str], Turnout], openai: Upstream, leave: Callable[[Line], None], size: int
) -> None:
    """Also behind a body that nobody reads yet."""
    server = begin("max_concurrency: 1, queue: 1, queue_timeout: 1h")
    held = Held(server, openai)
    line = Line(server.url)
    body = b'{"model": "smart-chat", "messages": [{"role": "user", "content": "%s"}]}' % (b"x" * size)
    line.socket.setblocking(False)
    raw = head("POST", CHAT.path, line.host, (), len(body), is_json=True) + body
    line.socket.send(raw)
    settled()
    assert post(server.url, CHAT.path, CHAT.body()).status == 503
    leave(line)
    with ExitStack() as lines:
        until(lambda: joins(server, lines))
        assert len(openai.requests) == 1
        held.end()
    assert "queued=" in server.log()


def joins(server: Turnout, lines: ExitStack) -> bool:
    """Try to join the line; say whether there was room."""
    line = lines.enter_context(waiting(server, MESSAGES))
    line.socket.settimeout(0.2)
    try:
        return not line.socket.recv(1)
    except TimeoutError:
        return True


def test_a_line_of_large_bodies_is_no_memory(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("max_concurrency: 1, queue_timeout: 1h")
    held = Held(server, openai)
    before = get(server.url, "/health").json["rss_bytes"]
    size = 8_000_000
    with ExitStack() as lines:
        for _ in range(30):
            line = lines.enter_context(Line(server.url))
            line.socket.setblocking(False)
            line.socket.send(head("POST", CHAT.path, line.host, (), size, is_json=True) + b"{" + b" " * (size - 1))
        settled()
        assert get(server.url, "/health").json["rss_bytes"] - before < 60_000_000
    held.end()


def test_nothing_of_a_body_is_asked_for_before_there_is_a_place(
    begin: Callable[[str], Turnout], openai: Upstream
) -> None:
    server = begin("max_concurrency: 1")
    held = Held(server, openai)
    with Line(server.url) as line:
        expect = (("expect", "100-continue"),)
        line.write(head("POST", CHAT.path, line.host, expect, 2, is_json=True))
        line.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.socket.recv(1)
        line.socket.settimeout(10)
        held.end()
        assert line.head().status == 100


def test_who_waits_in_line_is_not_late_with_its_body(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    """It has not been asked for it, or nobody reads it yet: server.body_timeout is for clients that keep us waiting."""
    server = begin("max_concurrency: 1, body_timeout: 200ms")
    held = Held(server, openai)
    body = b" " * 300_000 + json.dumps(CHAT.body()).encode()
    with Line(server.url) as large, Line(server.url) as expecting:
        large.socket.setblocking(False)
        raw = head("POST", CHAT.path, large.host, (), len(body), is_json=True) + body
        sent = large.socket.send(raw)
        large.socket.settimeout(10)
        expecting.write(head("POST", CHAT.path, expecting.host, {"expect": "100-continue"}, len(body), is_json=True))
        time.sleep(1)
        held.end()
        large.write(raw[sent:])
        assert large.answer().status == 200
        assert expecting.head().status == 100
        expecting.write(body)
        assert expecting.answer().status == 200


def test_an_edit_of_the_cap_counts_at_once(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("max_concurrency: 1")
    held = Held(server, openai)
    with waiting(server) as line:
        settled()
        assert len(openai.requests) == 1
        edited(server, "max_concurrency: 1", "max_concurrency: 2")
        assert line.answer().status == 200
        edited(server, "max_concurrency: 2", "max_concurrency: 1, queue: 0")
        assert post(server.url, CHAT.path, CHAT.body()).status == 503
        edited(server, "max_concurrency: 1, queue: 0", "drain: 30s")
        assert post(server.url, CHAT.path, CHAT.body()).status == 200
        edited(server, "drain: 30s", "max_concurrency: 1, queue: 0")
        assert post(server.url, CHAT.path, CHAT.body()).status == 503
    held.end()
    until(lambda: post(server.url, CHAT.path, CHAT.body()).status == 200)


def edited(server: Turnout, old: str, new: str) -> None:
    server.taken(lambda: server.rewrite(server.file.read_text().replace(old, new)))


ENDS = {
    "an answer": CHAT.whole,
    "an error": lambda: as_json({"error": {"message": "no"}}, 400),
    "a broken stream": lambda: as_stream([b"data: nonsense\n\n"]),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_place_comes_back_however_it_ends(
    begin: Callable[[str], Turnout], openai: Upstream, end: str, stream: bool
) -> None:
    server = begin("max_concurrency: 1, queue: 0")
    for _ in range(3):
        openai.script(ENDS[end]())
        assert post(server.url, CHAT.path, CHAT.body(stream=stream)).status != 503
    for body in (b"{", b"[]", b'{"model": "nobody", "messages": []}'):
        assert post(server.url, CHAT.path, body).status in (400, 404)
    openai.script(as_stream([*CHAT.parted()[0], STALL]))
    with waiting(server, stream=True) as line:
        next(line.chunks(line.head()))
    until(lambda: post(server.url, CHAT.path, CHAT.body()).status == 200)


def until(holds: Callable[[], bool]) -> None:
    """Wait until `holds`."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_stopping_server_sends_the_line_away_at_once(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("max_concurrency: 1, queue_timeout: 1h, drain: 30s")
    held = Held(server, openai)
    with waiting(server) as line, waiting(server, MESSAGES) as other:
        settled()
        server.process.terminate()
        for api, one in ((CHAT, line), (MESSAGES, other)):
            answer = one.answer()
            assert answer.status == 503
            assert "shutting down" in api.error(answer)["message"]
    held.end()
    assert server.process.wait(5) == 0
