"""A connection at /v1/realtime and the file: it goes along with every edit that leaves it its way, and no other."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.conftest import Start
from tests.end_to_end.sockets.voices import ADA, BOB, dial, end, event, tell
from tests.support.apis import digest
from tests.support.http import get
from tests.support.realtime import Realtime
from tests.support.turnout import Turnout

FILE = f"""
version: 1
server: {{hosts: [127.0.0.1], drain: DRAIN}}
upstreams:
  voice: {{kind: openai, base_url: "VOICE/v1", apis: [realtime]}}
  other: {{kind: openai, base_url: "VOICE/v1", apis: [realtime]}}
models: {{talk: voice/gpt-realtime, more: other/gpt-realtime}}
keys:
  ada: {{hashes: ["{digest(ADA)}"]}}
  bob: {{hashes: ["{digest(BOB)}"]}}
"""


def text(voice: Realtime, drain: str = "300ms") -> str:
    return FILE.replace("VOICE", voice.url).replace("DRAIN", drain)


@pytest.fixture
def turnout(start: Start, voice: Realtime) -> Iterator[Turnout]:
    running = start(text(voice))
    yield running
    running.stop()


def edit(turnout: Turnout, told: str) -> None:
    turnout.taken(lambda: turnout.rewrite(told))


def draining(turnout: Turnout) -> int:
    return json.loads(get(turnout.url, "/status", {"accept": "application/json"}).body)["draining"]


GONE = {
    "its key": ((f'ada: {{hashes: ["{digest(ADA)}"]}}', "eve: {}"), "the key of this connection is not valid"),
    "its key's permission": (('"]}\n  bob', '"], models: [more]}\n  bob'), "answered by others"),
    "its model": (("talk: voice", "talk: other"), "answered by others"),
    "its upstream": (("voice: {kind: openai", "voice: {headers: {x-a: b}, kind: openai"), "has changed"),
    "websockets": (("drain", "websocket: off, drain"), "`server.websocket` is off"),
}


@pytest.mark.parametrize("name", GONE)
def test_an_edit_that_takes_its_way_ends_it(turnout: Turnout, voice: Realtime, name: str) -> None:
    (before, after), why = GONE[name]
    with dial(turnout) as client, dial(turnout, "model=more", key=BOB) as other:
        event(client), event(other)
        told = text(voice).replace(before, after)
        assert told != text(voice)
        edit(turnout, told)
        code, reason = end(client)
        assert (code, why in reason) == (1012, True), reason
        if name != "websockets":
            tell(other, "test.say", text="still here")
            assert other.recv(20) == "still here"
    while draining(turnout):
        time.sleep(0.01)


def test_other_edits_leave_it_and_no_old_generation_stays_because_of_it(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout) as client:
        event(client)
        for number in range(12):
            edit(turnout, text(voice).replace("more:", f"more-{number}:"))
            while draining(turnout):
                time.sleep(0.01)
            tell(client, "test.say", text="still here")
            assert client.recv(20) == "still here"
        assert get(turnout.url, "/ready").status == 200
    assert voice.visit().close()[0] == 1000


def test_an_edit_that_is_taken_back_in_time_ends_nothing(start: Start, voice: Realtime) -> None:
    turnout = start(text(voice, "1h"))
    with dial(turnout) as client:
        event(client)
        edit(turnout, text(voice, "1h").replace("talk: voice", "talk: other"))
        assert draining(turnout) == 1
        edit(turnout, text(voice, "1h"))
        while draining(turnout):
            time.sleep(0.01)
        edit(turnout, text(voice, "10ms").replace("more:", "other:"))
        tell(client, "test.say", text="still here")
        assert client.recv(20) == "still here"


# --- the end of the server --------------------------------------------------------------------------------------------


def stopping(turnout: Turnout) -> None:
    turnout.process.send_signal(signal.SIGTERM)


def test_a_stop_closes_at_once_what_is_idle(start: Start, voice: Realtime) -> None:
    turnout = start(text(voice, "1h"))
    with dial(turnout) as client:
        event(client)
        stopping(turnout)
        assert end(client) == (1012, "the server stops or restarts")
    assert voice.visit().close()[0] == 1001
    assert turnout.process.wait(20) is not None


def test_a_stop_lets_a_response_end(start: Start, voice: Realtime) -> None:
    turnout = start(text(voice, "1h"))
    with dial(turnout) as client:
        event(client)
        tell(client, "response.create", hold=True)
        assert [event(client)["type"] for _ in range(2)][1] == "response.output_text.delta"
        stopping(turnout)
        waiting = threading.Thread(target=turnout.process.wait, daemon=True)
        waiting.start()
        waiting.join(0.5)
        tell(client, "test.finish")
        assert event(client)["type"] == "response.done"
        assert end(client) == (1012, "the server stops or restarts")
    assert turnout.process.wait(20) is not None


def test_a_stop_waits_no_longer_than_the_drain(start: Start, voice: Realtime) -> None:
    turnout = start(text(voice, "300ms"))
    with dial(turnout) as client:
        event(client)
        tell(client, "response.create", hold=True)
        assert [event(client)["type"] for _ in range(2)]
        stopping(turnout)
        assert end(client) == (1012, "the server stops or restarts")
    assert turnout.process.wait(20) is not None
