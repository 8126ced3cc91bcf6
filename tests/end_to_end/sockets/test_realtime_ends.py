"""How a connection at /v1/realtime ends: by either side, by what one of them does wrong, or because of a limit."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.conftest import Start
from tests.end_to_end.sockets.voices import ADA, dial, end, event, tell
from tests.support.apis import digest
from tests.support.journal import Row, written
from tests.support.realtime import Realtime
from tests.support.turnout import Turnout

FILE = f"""
version: 1
server:
  hosts: [127.0.0.1]
  body_limit: 1MB
  send_timeout: 1s
  websocket: WEBSOCKET
observe: {{journal: {{path: turnout.db}}}}
upstreams:
  voice: {{kind: openai, base_url: "VOICE/v1", apis: [realtime], circuit: off, timeouts: {{idle: 1s}}}}
models: {{talk: voice/gpt-realtime}}
keys: {{ada: {{hashes: ["{digest(ADA)}"]}}}}
"""
BROKE = "upstream `voice` broke the connection off"


def begin(start: Start, voice: Realtime, websocket: str = "{idle: 10m}") -> Turnout:
    return start(FILE.replace("VOICE", voice.url).replace("WEBSOCKET", websocket))


@pytest.fixture(scope="module")
def _turnout(start: Start, _voice: Realtime) -> Turnout:
    return begin(start, _voice)


@pytest.fixture
def turnout(_turnout: Turnout, voice: Realtime) -> Turnout:
    return _turnout


def last(turnout: Turnout) -> Row:
    """Return the record of the only connection of a server."""
    (row,) = written(Path(turnout.file.parent / "turnout.db"), 1)
    return row


def test_the_upstream_closes(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout) as client:
        tell(client, "test.say", text="the last word")
        tell(client, "test.close", code=4001, reason="session expired")
        assert [client.recv(20) for _ in range(2)][1] == "the last word"
        assert end(client) == (4001, "session expired")
    assert voice.visit().close()[0] == 4001


def test_the_client_closes(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout) as client:
        event(client)
        tell(client, "response.create")
        client.close(4002, "enough")
    assert voice.visit().close() == (4002, "enough")
    assert voice.visit().heard == [{"type": "response.create"}]


def test_a_close_without_a_code_is_one_without_a_code(turnout: Turnout) -> None:
    with dial(turnout) as client:
        event(client)
        tell(client, "test.raw", hex="8800")
        assert end(client) == (1005, "")


@pytest.mark.parametrize(
    ("frame", "code"), [("", 1006), ("ffff", 1002), ("8102c328", 1007), ("88020001", 1002)], ids=str
)
def test_the_upstream_breaks_off(start: Start, voice: Realtime, frame: str, code: int) -> None:
    turnout = begin(start, voice)
    with dial(turnout) as client:
        event(client)
        if frame:
            tell(client, "test.raw", hex=frame)
        else:
            tell(client, "test.cut")
        assert end(client) == (1014, BROKE)
    assert voice.visit().close()[0] == code
    row = last(turnout)
    assert (row["status"], row["reason"], row["target"]) == (101, "upstream_disconnect", "voice/gpt-realtime")
    assert [one[1:3] for one in json.loads(row["tries"])] == [["disconnect", 101]]


def test_the_client_vanishes(turnout: Turnout, voice: Realtime) -> None:
    client = dial(turnout, legacy=True)
    event(client)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()
    assert voice.visit().close() == (1001, "the client is gone")


def test_the_client_closes_its_half(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout) as client:
        event(client)
        client.socket.shutdown(socket.SHUT_WR)
        assert voice.visit().close() == (1001, "the client is gone")


def test_garbage_of_the_client(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout) as client:
        event(client)
        client.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert end(client)[0] == 1002
    assert voice.visit().close() == (1001, "the client is gone")


def test_a_frame_that_is_too_large(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout) as client:
        event(client)
        with contextlib.suppress(ConnectionClosed):
            client.send(b"x" * 1_200_000)
        assert end(client)[0] == 1009
    assert voice.visit().close() == (1001, "the client is gone")
    assert voice.visit().heard == []


def test_a_client_that_reads_nothing_holds_the_upstream_up_and_is_dropped(turnout: Turnout, voice: Realtime) -> None:
    client = dial(turnout, max_queue=1, legacy=True)
    tell(client, "test.flood", count=300, size=1_000_000)
    assert voice.visit().close() == (1001, "the client is gone")
    client.socket.close()
    assert 0 < voice.visit().flooded < 100


def test_an_upstream_that_reads_nothing_holds_the_client_up_and_is_given_up(turnout: Turnout, voice: Realtime) -> None:
    sent = 0
    with dial(turnout) as client:
        event(client)
        tell(client, "test.deaf")
        with contextlib.suppress(ConnectionClosed):
            while sent < 300:
                client.send(b"x" * 1_000_000)
                sent += 1
        assert end(client) == (1014, BROKE)
    assert 0 < sent < 100


def test_a_response_that_falls_silent(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice)
    with dial(turnout) as client:
        tell(client, "response.create", hold=True)
        code, reason = end(client)
        assert (code, "fell silent for 1 s" in reason, "timeouts.idle" in reason) == (1014, True, True)
    assert voice.visit().close()[0] == 1001
    assert last(turnout)["reason"] == "upstream_timeout"


def test_nothing_is_said_for_too_long(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{idle: 1s, total: 10m}")
    with dial(turnout) as client:
        assert end(client) == (1001, "nothing was said for 1 s (server.websocket.idle)")
    assert voice.visit().close()[0] == 1001
    assert (last(turnout)["status"], last(turnout)["reason"]) == (101, None)


def test_a_connection_gets_no_older_than_it_may_but_its_response_ends(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{idle: 500ms, total: 500ms}")
    with dial(turnout) as client:
        event(client)
        tell(client, "response.create", hold=True)
        for _ in range(8):
            tell(client, "test.say", text="{}")
            assert client.recv(20)
            client.ping().wait(0.1)
        tell(client, "test.finish")
        kinds = [json.loads(message).get("type") for message in client]
        assert kinds[-1] == "response.done"
        assert (client.close_code, client.close_reason) == (1001, "open for 0.5 s (server.websocket.total)")
