"""A request that is over leaves nothing that waits for the garbage collector: what holds itself holds its body too."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, Api
from tests.support.http import Line, get
from tests.support.script import STALL, as_stream
from tests.support.served import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="asks the server by a signal")
SAID = re.compile(r"garbage: (\d+) ?(.*)")
COUNT = 20


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    limits = "limits: {one: {requests: 100000 per 1m, tokens: 99999999 per 1m, concurrency: 100, by: [ip]}}\n"
    file = served(_openai, _anthropic, "limits: [one]") + limits + "prices: {gpt-*: {input: 1, output: 1}}\n"
    return start(file, program=("-m", "tests.support.garbage"))


def served_whole(line: Line, api: Api) -> None:
    line.ask("POST", api.path, (("connection", "close"),), api.body())
    assert line.answer().status == 200


def served_as_stream(line: Line, api: Api) -> None:
    line.ask("POST", api.path, (("connection", "close"),), api.body(stream=True))
    assert line.answer().status == 200


def translated(line: Line, api: Api) -> None:
    line.ask("POST", api.path, (("connection", "close"),), api.body("across", stream=True))
    assert line.answer().status == 200


def refused(line: Line, api: Api) -> None:
    line.ask("POST", api.path, (("connection", "close"),), api.body("nobody"))
    assert line.answer().status == 404


def left_in_its_body(line: Line, api: Api) -> None:
    head = f"POST {api.path} HTTP/1.1\r\nhost: {line.host}\r\ncontent-type: application/json\r\n"
    line.write(head.encode() + b'content-length: 999\r\n\r\n{"model":')


def left_in_the_answer(line: Line, api: Api) -> None:
    line.ask("POST", api.path, (), api.body(stream=True))
    line.head()


def reset_in_the_answer(line: Line, api: Api) -> None:
    left_in_the_answer(line, api)
    line.reset()


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
@pytest.mark.parametrize(
    "way",
    [served_whole, served_as_stream, translated, refused, left_in_its_body, left_in_the_answer, reset_in_the_answer],
)
def test_nothing_waits_for_the_collector(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, way: Callable[[Line, Api], None]
) -> None:
    if way in (left_in_the_answer, reset_in_the_answer):
        broken = as_stream([*api.events()[: api.lifecycle + 2], STALL])
        for upstream in (openai, anthropic):
            upstream.answer = lambda _: broken
    garbage(turnout)
    for _ in range(COUNT):
        with Line(turnout.url) as line:
            way(line, api)
    found, kinds = garbage(turnout)
    assert found < COUNT, kinds  # the question itself, at /status, leaves a few


def garbage(turnout: Turnout) -> tuple[int, str]:
    """Return how many objects only the collector can free, and of which types, once no request runs."""
    deadline = time.monotonic() + 30
    while get(turnout.url, "/status").json["requests"]["in_flight"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    since = len(turnout.log())
    turnout.process.send_signal(signal.SIGUSR1)
    said = turnout.wait_for(SAID, since=since)
    return int(said[1]), said[2]
