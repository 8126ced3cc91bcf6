"""SIGTERM: nobody new comes in, streams finish within `server.drain`, and what is left then ends in one error."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, Api
from tests.support.http import Line
from tests.support.script import STALL, as_stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.upstream import Upstream

from tests.support.turnout import Turnout

FILE = """
version: 1
server: {{drain: 1s}}
upstreams: {{up: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY}}}}
models: {{"*": up/*}}
keys: {{anonymous: {{}}}}
"""


def stopping(turnout: Turnout) -> None:
    """Tell it to stop, and wait until it takes no new connection."""
    turnout.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            Line(turnout.url).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    raise AssertionError("it still takes connections")


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_a_stream_in_flight_is_finished(tmp_path: Path, openai: Upstream, api: Api) -> None:
    turnout = Turnout(tmp_path, FILE.format(kind=api.options, url=openai.url))
    gate = threading.Event()
    upto, after = api.parted()
    openai.script(as_stream([*upto, gate, *after]))
    with Line(turnout.url) as line:
        line.ask("POST", api.path, body=api.body(stream=True))
        answer = line.head()
        pieces = line.chunks(answer)
        got = next(pieces).data
        stopping(turnout)
        gate.set()
        got += b"".join(chunk.data for chunk in pieces)
    assert answer.whole
    assert api.text(got) == "Hello there"
    assert api.terminal in got
    turnout.stop()


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_a_stream_that_does_not_end_is_ended_with_an_error(tmp_path: Path, openai: Upstream, api: Api) -> None:
    turnout = Turnout(tmp_path, FILE.format(kind=api.options, url=openai.url))
    upto, _ = api.parted()
    openai.script(as_stream([*upto, STALL]))
    with Line(turnout.url) as line:
        line.ask("POST", api.path, body=api.body(stream=True))
        answer = line.head()
        pieces = line.chunks(answer)
        got = next(pieces).data
        told_at = time.monotonic()
        stopping(turnout)
        got += b"".join(chunk.data for chunk in pieces)
    assert 0.8 < time.monotonic() - told_at < 20
    api.in_band(got)
    turnout.stop()
