"""Neither a message nor a connection leaves anything that waits for the garbage collector."""

from __future__ import annotations

import json
import signal
import struct
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.sockets.house import ADA, EVERY, WAYS, House, Way, by, written
from tests.end_to_end.sockets.raw import CLOSE, HANDSHAKE, PING, TEXT, Raw, frame
from tests.end_to_end.test_garbage import COUNT, garbage
from tests.support.http import head
from tests.support.script import CUT, STALL, as_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="asks the server by a signal")


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    limits = "limits: {one: {requests: 100000 per 1m, tokens: 99999999 per 1m, concurrency: 100, by: [ip]}}\n"
    text = written(_openai, _anthropic, "limits: [one], websocket: {requests: 2}") + limits
    server = start(text, program=("-m", "tests.support.garbage"))
    with Raw(server.url) as raw:
        raw.open(EVERY[0].client.path)  # what the first of all imports is no garbage of each
    return server


def asked(way: Way, **fields: object) -> bytes:
    return frame(json.dumps(way.body(**fields)).encode())  # type: ignore[arg-type]  # `stream` among them


def until(raw: Raw, *kinds: str) -> None:
    while True:
        kind, data = raw.hear()
        if kind == TEXT and json.loads(data).get("type") in kinds:
            return


def goodbye(raw: Raw) -> None:
    raw.send(frame(struct.pack("!H", 1000), CLOSE))
    assert raw.closed()[0] == 1000


def nothing(raw: Raw, way: Way) -> None:
    goodbye(raw)


def left(raw: Raw, way: Way) -> None:
    pass


def reset(raw: Raw, way: Way) -> None:
    raw.reset()


def streamed(raw: Raw, way: Way) -> None:
    for ident in (1, 2):
        raw.send(asked(way, id=ident))
        until(raw, "done")
    goodbye(raw)


def whole(raw: Raw, way: Way) -> None:
    raw.send(asked(way, stream=False))
    until(raw, "done")
    goodbye(raw)


def refused(raw: Raw, way: Way) -> None:
    for sent in (frame(b"{"), frame(b"x", 2), frame(NOBODY), frame(b"", PING)):
        raw.send(sent)
    for _ in range(3):
        until(raw, "error")
    goodbye(raw)


def crowded(raw: Raw, way: Way) -> None:
    for _ in range(4):
        raw.send(asked(way))
    for _ in range(4):
        until(raw, "error", "done")
    goodbye(raw)


def broken(raw: Raw, way: Way) -> None:
    raw.send(frame(b"hi", masked=False))
    assert raw.closed()[0] == 1002


def left_in_the_answer(raw: Raw, way: Way) -> None:
    raw.send(asked(way, id="a"), asked(way, id="a"))
    raw.text()


def cancelled(raw: Raw, way: Way) -> None:
    raw.send(asked(way, id="a"))
    raw.text()
    raw.send(frame(b'{"type": "cancel", "id": "a"}'))
    until(raw, "done")
    goodbye(raw)


def cancelled_at_once(raw: Raw, way: Way) -> None:
    raw.send(asked(way, id="a"), frame(b'{"type": "cancel", "id": "a"}'))
    until(raw, "done")
    goodbye(raw)


def cut(raw: Raw, way: Way) -> None:
    raw.send(asked(way))
    until(raw, "error")
    goodbye(raw)


NOBODY = b'{"model": "nobody", "messages": []}'
HANGING = (left_in_the_answer, cancelled, cancelled_at_once)
HOW = (nothing, left, reset, streamed, whole, refused, crowded, broken, cut, *HANGING)


@WAYS
@pytest.mark.parametrize(
    "how",
    [nothing, left, reset, streamed, whole, refused, crowded, broken, cut, *HANGING],
    ids=lambda how: how.__name__,
)
def test_nothing_waits_for_the_collector(house: House, way: Way, how: Callable[[Raw, Way], None]) -> None:
    begun = way.server.begun("Hello")
    if how in HANGING or how is cut:
        reply = as_stream([*begun, CUT if how is cut else STALL])
        house.upstream(way).answer = lambda _: reply
    garbage(house.turnout)
    for _ in range(COUNT):
        with Raw(house.turnout.url) as raw:
            raw.open(way.client.path)
            how(raw, way)
    found, kinds = garbage(house.turnout)
    assert found < COUNT, kinds  # the question itself, at /status, leaves a few


@pytest.mark.parametrize("fields", [{"sec-websocket-version": "8"}, {"host": "evil.example"}], ids=str)
def test_nor_does_a_handshake_that_is_refused(house: House, fields: dict[str, str]) -> None:
    garbage(house.turnout)
    for _ in range(COUNT):
        with Raw(house.turnout.url) as raw:
            raw.ask("GET", EVERY[0].client.path, {**HANDSHAKE, **fields})
            assert raw.answer("GET").status >= 400
    found, kinds = garbage(house.turnout)
    assert found < COUNT, kinds


def test_nor_one_that_is_not_waited_for(house: House) -> None:
    garbage(house.turnout)
    for _ in range(COUNT):
        with Raw(house.turnout.url) as raw:
            path = EVERY[0].client.path
            raw.write(head("GET", path, raw.host, {**HANDSHAKE, **by(ADA)}, 0, is_json=False) + frame(b"{}"))
            raw.head()
    found, kinds = garbage(house.turnout)
    assert found < COUNT, kinds
