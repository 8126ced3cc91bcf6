"""A client of one API that leaves: the upstream of the other sees the close at once, in every phase."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.translation.house import JSON_OR_STREAM, WAYS, House, Way, said, written
from tests.support.http import Line, head
from tests.support.script import STALL, Reply, as_json, as_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

SOON = 0.5
"""Seconds within which the upstream must see the close."""
MODELS = """
  patient-claude: {targets: [anthropic/claude-sonnet-5], hold: 100ms}
  patient-gpt: {targets: [openai/gpt-5.5], hold: 100ms}
  patient-resp: {targets: [responses/gpt-5.5], hold: 100ms}
  two-claude: {targets: [anthropic/claude-sonnet-5, anthropic/claude-haiku-4-5], retries: 2}
  two-gpt: {targets: [openai/gpt-5.5, openai/gpt-5.5-mini], retries: 2}
  two-resp: {targets: [responses/gpt-5.5, responses/gpt-5.5-mini], retries: 2}
"""
LEAVE: dict[str, Callable[[Line], None]] = {"FIN": Line.close, "RST": Line.reset}
LEAVING = pytest.mark.parametrize("leave", LEAVE.values(), ids=LEAVE)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


def closed_soon(house: House, way: Way, left_at: float, requests: int = 1) -> None:
    seen = house.upstream(way).requests[-1]
    assert seen.left_within(SOON * 4), "the upstream never saw a close"
    assert seen.connection.closed_at is not None
    assert seen.connection.closed_at - left_at < SOON
    time.sleep(0.05)
    assert len(house.upstream(way).requests) == requests, "nobody else is asked for a client that has gone"


def still_serves(house: House, way: Way) -> None:
    house.upstream(way).clear()
    assert said(way, house.ask(way)) == "Hello there"


@WAYS
@LEAVING
def test_during_the_upload_no_upstream_is_asked(house: House, way: Way, leave: Callable[[Line], None]) -> None:
    line = Line(house.turnout.url)
    line.write(head("POST", way.client.path, line.host, (), 1000, is_json=True) + b'{"model": "')
    time.sleep(0.1)
    leave(line)
    time.sleep(0.2)
    assert house.upstream(way).requests == []
    still_serves(house, way)


@WAYS
@JSON_OR_STREAM
@LEAVING
def test_before_the_upstream_answered(house: House, way: Way, stream: bool, leave: Callable[[Line], None]) -> None:
    house.upstream(way).script(Reply(before=(STALL,)))
    line = house.line(way, model=way.named("two"), stream=stream)
    house.upstream(way).wait_for(1)
    time.sleep(0.05)
    leave(line)
    closed_soon(house, way, time.monotonic())
    still_serves(house, way)


@WAYS
@LEAVING
def test_before_the_first_content(house: House, way: Way, leave: Callable[[Line], None]) -> None:
    house.upstream(way).script(as_stream([*way.server.events()[: way.server.lifecycle], STALL]))
    line = house.line(way, model=way.named("two"))
    house.upstream(way).wait_for(1)
    time.sleep(0.1)
    leave(line)
    closed_soon(house, way, time.monotonic())
    still_serves(house, way)


@WAYS
@LEAVING
def test_while_a_silent_stream_is_kept_alive(house: House, way: Way, leave: Callable[[Line], None]) -> None:
    house.upstream(way).script(as_stream([*way.server.events()[: way.server.lifecycle], STALL]))
    line = house.line(way, model=way.named("patient"))
    assert way.client.keepalives(next(line.chunks(line.head())).data) == 1
    leave(line)
    closed_soon(house, way, time.monotonic())
    still_serves(house, way)


@WAYS
@LEAVING
def test_in_the_middle_of_a_stream(house: House, way: Way, leave: Callable[[Line], None]) -> None:
    begun, _ = way.server.parted()
    house.upstream(way).script(as_stream([*begun, STALL]))
    line = house.line(way, model=way.named("two"))
    got = b""
    for chunk in line.chunks(line.head()):
        got += chunk.data
        if b"Hello" in got:
            break
    leave(line)
    closed_soon(house, way, time.monotonic())
    still_serves(house, way)


@WAYS
@LEAVING
def test_in_the_middle_of_a_json_answer(house: House, way: Way, leave: Callable[[Line], None]) -> None:
    whole = way.server.whole().body
    length = ("content-length", str(len(whole)))
    house.upstream(way).script(Reply(headers=(("content-type", "application/json"), length), parts=(whole[:40], STALL)))
    line = house.line(way, model=way.named("two"), stream=False)
    house.upstream(way).wait_for(1)
    time.sleep(0.1)
    leave(line)
    closed_soon(house, way, time.monotonic())
    still_serves(house, way)


@WAYS
def test_while_turnout_waits_before_it_tries_again(house: House, way: Way) -> None:
    failing = as_json({"error": {"message": "busy", "type": "x"}}, 503, ("retry-after", "1"))
    house.upstream(way).script(failing, failing)
    line = house.line(way, model=way.named("two"))
    house.upstream(way).wait_for(2).answered.wait(5)
    time.sleep(0.1)
    line.close()
    time.sleep(1.3)
    assert len(house.upstream(way).requests) == 2
    still_serves(house, way)


@WAYS
def test_every_word_leaves_before_the_upstream_says_the_next(house: House, way: Way) -> None:
    words = [f"word{number} " for number in range(4)]
    gates = [threading.Event() for _ in words]
    events = way.server.events(*words)
    first = next(at for at, one in enumerate(events) if b"word0" in one)
    spoken = [step for at in range(4) for step in (gates[at], events[first + at])]
    house.upstream(way).script(as_stream([*events[:first], *spoken, *events[first + 4 :]]))
    with house.line(way) as line:
        gates[0].set()
        heard, got = 0, b""
        for chunk in line.chunks(line.head()):
            got += chunk.data
            while heard < 4 and words[heard].encode() in got:
                heard += 1
                if heard < 4:
                    gates[heard].set()
    assert (heard, way.client.text(got)) == (4, "".join(words))
