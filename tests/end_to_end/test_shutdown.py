"""Stopping: what runs may finish for as long as server.drain says, then it is ended in good form."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES, Api
from tests.support.http import Line, get, head
from tests.support.script import STALL, as_stream
from tests.support.served import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.http import Answer
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture
def begin(start: Start, openai: Upstream, anthropic: Upstream) -> Callable[[str], Turnout]:
    def begin(drain: str) -> Turnout:
        return start(served(openai, anthropic, f"drain: {drain}"))

    return begin


@pytest.fixture
def upstream(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return openai if api.kind == "openai" else anthropic


def first_word(line: Line, upstream: Upstream, api: Api, *then: threading.Event) -> Answer:
    """Open a stream that says one word; then it waits for `then`, or without one for ever."""
    before, after = api.parted()
    upstream.script(as_stream([b"".join(before), *then, *(after if then else [STALL])]))
    line.ask("POST", api.path, (), api.body(stream=True))
    got = line.head()
    got.chunks.append(next(line.chunks(got)))
    assert b"Hello" in got.body
    return got


def ends(turnout: Turnout, within: float) -> float:
    """Wait for the process to end by itself; return how long it took."""
    began = time.monotonic()
    assert turnout.process.wait(within + 20) == 0, turnout.log()
    took = time.monotonic() - began
    assert took < within, f"{took:.1f} s:\n{turnout.log()}"
    return took


@pytest.mark.parametrize(("how", "api"), [(signal.SIGTERM, CHAT), (signal.SIGINT, MESSAGES)], ids=["SIGTERM", "SIGINT"])
def test_a_stream_finishes(begin: Callable[[str], Turnout], upstream: Upstream, api: Api, how: signal.Signals) -> None:
    server = begin("30s")
    gate = threading.Event()
    with Line(server.url) as line, Line(server.url) as idle, Line(server.url):
        idle.ask("GET", "/v1/models")
        assert idle.answer().status == 200
        got = first_word(line, upstream, api, gate)
        server.process.send_signal(how)
        time.sleep(0.4)
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset: nobody listens any more
            get(server.url, "/health", timeout=1)
        assert server.process.poll() is None
        gate.set()
        got.chunks += line.chunks(got)
    assert got.whole
    assert api.text(got.body) == "Hello there"
    assert api.terminal in got.body
    ends(server, 10)
    assert "turnout has stopped" in server.log()
    assert "error" not in server.log()


def test_without_requests_it_stops_at_once(begin: Callable[[str], Turnout]) -> None:
    server = begin("30s")
    with Line(server.url), Line(server.url) as used:
        used.ask("GET", "/health")
        used.answer()
        server.process.terminate()
        ends(server, 10)


def test_streams_that_outlive_drain_end_in_band(
    begin: Callable[[str], Turnout], openai: Upstream, anthropic: Upstream
) -> None:
    server = begin("400ms")
    with Line(server.url) as chat, Line(server.url) as messages:
        streams = [
            (CHAT, chat, first_word(chat, openai, CHAT)),
            (MESSAGES, messages, first_word(messages, anthropic, MESSAGES)),
        ]
        server.process.terminate()
        began = time.monotonic()
        for api, line, got in streams:
            got.chunks += line.chunks(got)
            assert time.monotonic() - began > 0.3
            assert got.whole
            assert "shutting down" in api.in_band(got.body)["message"]
    ends(server, 10)
    assert openai.last.left_within(10)
    assert anthropic.last.left_within(10)


def test_what_has_no_answer_yet_gets_a_status(
    begin: Callable[[str], Turnout], openai: Upstream, anthropic: Upstream
) -> None:
    server = begin("400ms")
    with ExitStack() as open_lines:
        waiting = []
        for api, upstream in ((CHAT, openai), (MESSAGES, anthropic)):
            upstream.answer = lambda _: CHAT.whole().after(STALL)
            for stream in (False, True):
                line = open_lines.enter_context(Line(server.url))
                line.ask("POST", api.path, (), api.body(stream=stream))
                waiting.append((api, line))
            upstream.wait_for(2)
        server.process.terminate()
        for api, line in waiting:
            answer = line.answer()
            assert answer.status == 503
            assert "shutting down" in api.error(answer)["message"]
    ends(server, 10)


def test_an_upload_that_stalls_does_not_hold_it(begin: Callable[[str], Turnout]) -> None:
    server = begin("400ms")
    with Line(server.url) as line:
        line.write(head("POST", CHAT.path, line.host, (), 1000, is_json=True) + b"{")
        time.sleep(0.1)
        server.process.terminate()
        assert line.answer().status == 503
        ends(server, 10)


def test_a_pass_route_is_cut(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    """Nothing can be said in band there, so the answer must not look whole."""
    server = begin("400ms")
    openai.script(as_stream([b"one", STALL]))
    with Line(server.url) as line:
        line.ask("GET", "/v1/files/1")
        got = line.head()
        got.chunks.append(next(line.chunks(got)))
        server.process.terminate()
        got.chunks += line.chunks(got)
    assert (got.body, got.whole) == (b"one", False)
    ends(server, 10)


def test_a_second_signal_forces(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("30s")
    with Line(server.url) as line:
        got = first_word(line, openai, CHAT)
        server.process.terminate()
        time.sleep(0.4)
        assert server.process.poll() is None
        server.process.terminate()
        began = time.monotonic()
        got.chunks += line.chunks(got)
        assert CHAT.terminal not in got.body
        ends(server, 10)
        assert time.monotonic() - began < 20


def test_a_second_signal_forces_whatever_hangs(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    """A stream, an upload, a `pass` request, and a client that takes nothing."""
    server = begin("30s")
    with ExitStack() as lines:
        stream = lines.enter_context(Line(server.url))
        got = first_word(stream, openai, CHAT)
        upload = lines.enter_context(Line(server.url))
        upload.write(head("POST", CHAT.path, upload.host, (), 1000, is_json=True) + b"{")
        passed = lines.enter_context(Line(server.url))
        openai.script(as_stream([b"one", STALL]))
        passed.ask("GET", "/v1/files/1")
        assert next(passed.chunks(passed.head())).data
        stalled(server, openai, lines)
        server.process.terminate()
        time.sleep(0.3)
        assert server.process.poll() is None
        server.process.terminate()
        ends(server, 10)
        got.chunks += stream.chunks(got)
        CHAT.in_band(got.body)


def test_who_takes_nothing_does_not_hold_it_beyond_drain(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("400ms")
    with ExitStack() as lines:
        stalled(server, openai, lines)
        server.process.terminate()
        ends(server, 10)
    assert openai.last.left_within(10)


def stalled(server: Turnout, openai: Upstream, lines: ExitStack) -> None:
    """Open a stream that nobody reads, until all buffers are full."""
    before, _ = CHAT.parted(("x" * 60_000, "y"))
    openai.script(as_stream([*before, *before[-1:] * 1000, STALL]))
    line = lines.enter_context(Line(server.url))
    line.ask("POST", CHAT.path, (), CHAT.body(stream=True))
    wire = openai.wait_for(len(openai.requests) + 1).connection
    sent = -1
    while wire.sent != sent:
        sent = wire.sent
        time.sleep(0.3)
    assert sent < 60_000_000


def test_a_head_that_is_on_its_way_is_let_come_and_readiness_is_over(
    begin: Callable[[str], Turnout], openai: Upstream
) -> None:
    server = begin("30s")
    with Line(server.url) as busy, Line(server.url) as probe, Line(server.url) as asking:
        gate = threading.Event()
        got = first_word(busy, openai, CHAT, gate)
        whole = head("GET", "/ready", probe.host, (), 0, is_json=False)
        probe.write(whole[:-3])
        request = head("POST", CHAT.path, asking.host, (), 2, is_json=True)
        asking.write(request[:20])
        time.sleep(0.2)
        server.process.terminate()
        time.sleep(0.4)
        probe.write(whole[-3:])
        answer = probe.answer("GET")
        assert (answer.status, answer.json["ready"]) == (503, False)
        assert answer.header("connection") == "close"
        asking.write(request[20:] + b"{}")
        assert asking.answer().status == 400
        gate.set()
        got.chunks += busy.chunks(got)
    assert got.whole
    ends(server, 10)


def test_a_kept_connection_is_told_that_it_ends(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("30s")
    gate = threading.Event()
    openai.script(CHAT.whole().after(gate))
    with Line(server.url) as line:
        line.ask("POST", CHAT.path, (), CHAT.body())
        openai.wait_for(1)
        server.process.terminate()
        time.sleep(0.3)
        gate.set()
        answer = line.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert line.socket.recv(1) == b""
    ends(server, 10)


def test_an_old_generation_drains_as_well(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("30s")
    gate = threading.Event()
    with Line(server.url) as line:
        got = first_word(line, openai, CHAT, gate)
        server.taken(lambda: server.rewrite(server.file.read_text().replace("openai/gpt-5.5", "openai/gpt-5.6")))
        server.process.terminate()
        time.sleep(0.3)
        gate.set()
        got.chunks += line.chunks(got)
    assert CHAT.text(got.body) == "Hello there"
    ends(server, 10)


def test_drain_is_what_the_file_says_at_the_end(begin: Callable[[str], Turnout], openai: Upstream) -> None:
    server = begin("30s")
    with Line(server.url) as line:
        got = first_word(line, openai, CHAT)
        server.taken(lambda: server.rewrite(server.file.read_text().replace("30s", "250ms")))
        server.process.terminate()
        began = time.monotonic()
        got.chunks += line.chunks(got)
        assert time.monotonic() - began < 20
        CHAT.in_band(got.body)
        ends(server, 10)
