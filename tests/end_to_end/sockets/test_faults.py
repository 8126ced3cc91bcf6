"""Clients that leave, do not read, or send what is no frame: upstreams are let go, memory stays flat, others go on."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.sockets.house import ADA, FORMS, SAME, WAYS, House, Way, by, talking, wait, written
from tests.end_to_end.sockets.raw import (
    BINARY,
    CLOSE,
    CONT,
    HANDSHAKE,
    PING,
    PONG,
    TEXT,
    Raw,
    frame,
    raw_head,
    shrunk,
)
from tests.support.apis import CHAT, MESSAGES
from tests.support.http import Line, get, head, post
from tests.support.script import STALL, Reply, as_json, as_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MB = 1024 * 1024
CHATS, CLAUDES = SAME
WORD = "x" * 60_000
KERNELS = 24_000_000
"""What the buffers of the kernel may hold between an upstream and a client."""
ASKED = json.dumps(CHAT.body("gpt", stream=True)).encode()


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    more = "limits: {one: {concurrency: 200, by: [all]}}\n"
    text = written(_openai, _anthropic, "limits: [one], body_limit: 4MB, websocket: {requests: 8}")
    return start(text + more)


def rss(house: House) -> int:
    return int(get(house.turnout.url, "/health").json["rss_bytes"])


def at_rest(house: House) -> bool:
    """Say whether nothing runs, and nothing is held."""
    status = house.status()
    return (status["requests"]["in_flight"], status["store"]["leases"]) == (0, 0)


# clients that leave --------------------------------------------------------------------------------------------------


def say_goodbye(raw: Raw) -> None:
    raw.send(frame(struct.pack("!H", 1000), CLOSE))


LEAVE: dict[str, Callable[[Raw], object]] = {
    "close frame": say_goodbye,
    "FIN": Line.close,
    "RST": Line.reset,
    "half-closed": lambda raw: raw.socket.shutdown(socket.SHUT_WR),
    "a frame that breaks the rules": lambda raw: raw.send(frame(b"hi", masked=False)),
}


@WAYS
@pytest.mark.parametrize("leave", LEAVE, ids=str)
def test_who_leaves_takes_the_upstreams_connection_along(house: House, way: Way, leave: str) -> None:
    upto, _ = way.server.parted()
    upstream = house.upstream(way)
    upstream.script(as_stream([*upto, STALL]), Reply(before=(STALL,)))
    since = len(house.turnout.log())
    with Raw(house.turnout.url) as raw:
        raw.open(way.client.path)
        raw.send(frame(json.dumps(way.body(id="a")).encode()))
        raw.text()
        raw.send(frame(json.dumps(way.body(id="b")).encode()), frame(json.dumps(way.body(id="b")).encode()))
        upstream.wait_for(2).complete.wait(5)
        LEAVE[leave](raw)
        for seen in upstream.requests:
            assert seen.left_within(5)
    assert len(upstream.requests) == 2  # what waited was never asked
    wait(lambda: len(re.findall(r"WS \S+ .* 499 ", house.turnout.log()[since:])) == 2)
    wait(lambda: at_rest(house))
    assert house.post(way, way.body()).status == 200


def test_who_leaves_while_nothing_is_read_of_it_is_noticed(house: House) -> None:
    """It has sent more than may wait, and is gone; the upstream says nothing, so nobody would find out by writing."""
    house.openai.answer = lambda _: Reply(before=(STALL,))
    big = json.dumps(CHAT.body("gpt", padding="x" * 2 * MB)).encode()
    raw = Raw(house.turnout.url)
    raw.open(CHAT.path)
    raw.send(frame(big), frame(big), frame(big), frame(b"x" * 50_000))
    house.openai.wait_for(1).complete.wait(5)
    raw.close()
    assert house.openai.requests[0].left_within(10)
    wait(lambda: at_rest(house))


def test_a_hundred_that_leave_leave_nothing_behind(house: House) -> None:
    folder = f"/proc/{house.turnout.process.pid}/fd"
    house.openai.answer = lambda _: Reply(before=(STALL,))
    wait(lambda: at_rest(house))
    get(house.turnout.url, "/health")
    before = len(os.listdir(folder))
    lines = []
    for _ in range(100):
        raw = Raw(house.turnout.url)
        raw.open(CHAT.path)
        raw.send(frame(ASKED))
        lines.append(raw)
    house.openai.wait_for(100, 30)
    for number, raw in enumerate(lines):
        (Raw.close if number % 2 else Raw.reset)(raw)
    wait(lambda: at_rest(house))
    wait(lambda: len(os.listdir(folder)) <= before + 5)


# clients that do not read --------------------------------------------------------------------------------------------


@FORMS
def test_the_upstream_waits_for_a_slow_reader(house: House, way: Way) -> None:
    before, after = way.server.parted((WORD, " end"))
    upstream = house.upstream(way)
    upstream.script(as_stream([*before, *[before[-1]] * 2000, *after]))
    size = rss(house)
    with shrunk(house.turnout.url, way.client.path) as raw:
        raw.send(frame(json.dumps(way.body()).encode()))
        wire = upstream.wait_for(1).connection
        sent = settled(lambda: wire.sent)
        assert 0 < sent < KERNELS
        assert rss(house) - size < 20 * MB
        read = 0
        while read < 2 * KERNELS:
            read += len(raw.text())
        assert wire.sent > KERNELS
    assert upstream.last.left_within(10)


def settled(number: Callable[[], int]) -> int:
    """Wait until `number` grows no more, and return it."""
    last, since = number(), time.monotonic()
    deadline = since + 30
    while time.monotonic() - since < 0.7:
        assert time.monotonic() < deadline, "it goes on growing"
        time.sleep(0.05)
        if (now := number()) != last:
            last, since = now, time.monotonic()
    return last


@WAYS
def test_who_takes_nothing_is_dropped(start: Start, openai: Upstream, anthropic: Upstream, way: Way) -> None:
    more = "limits: {one: {concurrency: 1, by: [all]}}\n"
    server = start(written(openai, anthropic, "limits: [one], send_timeout: 500ms") + more)
    house = House(server, openai, anthropic)
    before, after = way.server.parted((WORD, " end"))
    house.upstream(way).script(as_stream([*before, *[before[-1]] * 2000, *after]))
    with shrunk(server.url, way.client.path) as raw:
        raw.send(frame(json.dumps(way.body()).encode()))
        assert house.upstream(way).wait_for(1).left_within(15)
        said = server.wait_for(re.compile(r".*client_stalled: the client took nothing of its answer for 0.5 s.*"))
        assert " 499 " in said.group()
        wait(lambda: at_rest(house))
        assert house.post(way, way.body()).status == 200
        raw.rest()


PINGED = 40 * MB


def test_pings_that_nobody_reads_the_answers_of_pile_up_nowhere(house: House) -> None:
    size = rss(house)
    flood = frame(b"p" * 125, PING) * 1000
    with shrunk(house.turnout.url, CHAT.path) as raw:
        assert blocked(raw, flood)
        assert rss(house) - size < 20 * MB
    wait(lambda: at_rest(house))


def blocked(raw: Raw, flood: bytes) -> bool:
    """Send `flood` over and over; say whether the server stops to read it before 40 MB."""
    raw.socket.settimeout(1)
    try:
        for _ in range(PINGED // len(flood)):
            raw.send(flood)
    except TimeoutError:
        return True
    return False


def test_errors_that_nobody_reads_pile_up_nowhere(house: House) -> None:
    size = rss(house)
    flood = frame(b"{") * 1000
    with shrunk(house.turnout.url, CHAT.path) as raw:
        assert blocked(raw, flood)
        assert rss(house) - size < 20 * MB
    wait(lambda: at_rest(house))


# what is no frame, or none that is of use ----------------------------------------------------------------------------

HI = b"\x81\x85\0\0\0\0hello"
BROKEN: dict[str, tuple[bytes, int]] = {
    "not masked": (frame(b"{}", masked=False), 1002),
    "a reserved bit": (frame(b"{}", reserved=4), 1002),
    "another": (frame(b"{}", reserved=1), 1002),
    "an opcode that is none": (frame(b"{}", 3), 1002),
    "a control opcode that is none": (frame(b"", 11), 1002),
    "a ping that is too long": (frame(b"x" * 126, PING), 1002),
    "a ping in pieces": (frame(b"x", PING, fin=False), 1002),
    "a continuation of nothing": (frame(b"x", CONT), 1002),
    "a message within another": (frame(b"x", TEXT, fin=False) + frame(b"y", TEXT), 1002),
    "a close code that is none": (frame(struct.pack("!H", 1005), CLOSE), 1002),
    "half a close code": (frame(b"\x03", CLOSE), 1002),
    "a close reason that is no UTF-8": (frame(struct.pack("!H", 1000) + b"\xff", CLOSE), 1007),
    "a text that is no UTF-8": (frame(b'{"model": "\xff"}'), 1007),
    "half a character": (frame(b"\xe2\x82", fin=False) + frame(b"", CONT), 1007),
    "too large": (frame(b"x" * (4 * MB + 1)), 1009),
    "too large to be told": (b"\x81\xff" + struct.pack("!Q", 2**62) + b"\0\0\0\0", 1009),
    "too large in pieces": (frame(b"x" * 3 * MB, fin=False) + frame(b"x" * 2 * MB, CONT), 1009),
}


@FORMS
@pytest.mark.parametrize("how", BROKEN, ids=str)
def test_what_breaks_the_rules_closes_the_connection_and_says_why(house: House, way: Way, how: str) -> None:
    sent, code = BROKEN[how]
    with Raw(house.turnout.url) as raw:
        raw.open(way.client.path)
        raw.send(sent)
        assert raw.closed()[0] == code
    wait(lambda: at_rest(house))


def test_a_message_as_large_as_may_be_is_taken(house: House) -> None:
    shell = json.dumps(CHAT.body("gpt", padding="")).encode()
    with Raw(house.turnout.url) as raw:
        raw.open(CHAT.path)
        whole = json.dumps(CHAT.body("gpt", padding="x" * (4 * MB - len(shell)))).encode()
        assert len(whole) == 4 * MB
        raw.send(frame(whole))
        assert b"Hello there" in raw.text()


def test_a_message_in_pieces_with_pings_between_them(house: House) -> None:
    half = len(ASKED) // 2
    with Raw(house.turnout.url) as raw:
        raw.open(CHAT.path)
        raw.send(frame(ASKED[:half], fin=False), frame(b"one", PING), frame(b"", CONT, fin=False), frame(b"", PONG))
        assert raw.hear() == (PONG, b"one")
        raw.send(frame(ASKED[half:], CONT, fin=False), frame(b"two", PING), frame(b"", CONT))
        assert raw.hear() == (PONG, b"two")
        assert b"chat.completion.chunk" in raw.text()


def test_a_message_byte_by_byte(house: House) -> None:
    sent = frame(ASKED)
    with Raw(house.turnout.url) as raw:
        raw.open(CHAT.path)
        for at in range(len(sent)):
            raw.write(sent[at : at + 1])
        assert b"chat.completion.chunk" in raw.text()


def test_ten_thousand_pieces_are_one_message(house: House) -> None:
    padded = json.dumps(CHAT.body("gpt", stream=True, padding="x" * 10_000)).encode()
    size = rss(house)
    with Raw(house.turnout.url) as raw:
        raw.open(CHAT.path)
        pieces = [frame(padded[:1], fin=False)]
        pieces += [frame(padded[at : at + 1], CONT, fin=False) for at in range(1, len(padded))]
        raw.send(*pieces, frame(b"", CONT))
        assert b"chat.completion.chunk" in raw.text()
    assert house.openai.last.json["padding"] == "x" * 10_000
    assert rss(house) - size < 10 * MB


def test_empty_pieces_cost_nothing(house: House) -> None:
    empty = frame(b"", CONT, fin=False) * 10_000
    with Raw(house.turnout.url) as raw:
        raw.open(CHAT.path)
        raw.send(frame(b"", fin=False), empty)
        size = rss(house)
        for _ in range(20):
            raw.send(empty)
        raw.send(frame(b"", PING))
        assert raw.hear() == (PONG, b"")
        assert rss(house) - size < 5 * MB


# what comes at the wrong time ----------------------------------------------------------------------------------------


def test_frames_before_the_101_wait_for_it(house: House) -> None:
    """In one piece with the handshake, and right behind it; where it is refused they are no request either."""
    for pause in (0.0, 0.002):
        with Raw(house.turnout.url) as raw:
            raw.write(head("GET", CHAT.path, raw.host, {**HANDSHAKE, **by(ADA)}, 0, is_json=False))
            time.sleep(pause)
            raw.write(frame(ASKED))
            assert raw.head().status == 101
            assert b"chat.completion.chunk" in raw.text()
    with Raw(house.turnout.url) as raw:
        raw.write(head("GET", CHAT.path, raw.host, {**HANDSHAKE, **by("tk-nobody-00000000")}, 0, is_json=False))
        raw.write(frame(ASKED))
        assert raw.answer().status == 401
    wait(lambda: at_rest(house))
    assert len(house.openai.requests) == 2


def test_a_handshake_in_a_pipeline_is_refused(house: House) -> None:
    """Its answer would come behind another that is still being sent."""
    asked = head("POST", CHAT.path, "x", (), len(ASKED), is_json=True)
    with Raw(house.turnout.url) as raw:
        first = head("POST", CHAT.path, raw.host, by(ADA), len(ASKED), is_json=True) + ASKED
        raw.write(first + head("GET", CHAT.path, raw.host, {**HANDSHAKE, **by(ADA)}, 0, is_json=False))
        assert raw.answer().status == 200
        assert raw.head().status == 426
    assert asked


def test_http_1_0_knows_no_upgrade(house: House) -> None:
    with Raw(house.turnout.url) as raw:
        lines = [f"{name}: {value}" for name, value in {**HANDSHAKE, **by(ADA)}.items()]
        raw.write(raw_head(raw.host, CHAT.path, *lines, version="1.0"))
        assert raw.answer("GET").status == 426


@pytest.mark.parametrize("field", ["content-length: 2", "transfer-encoding: chunked"])
def test_a_handshake_with_a_body_is_refused(house: House, field: str) -> None:
    with Raw(house.turnout.url) as raw:
        lines = [f"{name}: {value}" for name, value in {**HANDSHAKE, **by(ADA)}.items()]
        raw.write(raw_head(raw.host, CHAT.path, *lines, field))
        answer = raw.answer("GET")
        assert answer.status == 400
        assert "no body" in CHAT.error(answer)["message"]


def test_another_protocol_is_not_taken(house: House) -> None:
    with Raw(house.turnout.url) as raw:
        raw.handshake(CHAT.path, {"upgrade": "h2c, websocket"})
        assert raw.answer("GET").status == 426


# too much of it ------------------------------------------------------------------------------------------------------


@FORMS
def test_a_connection_may_ask_so_much_at_once(house: House, way: Way) -> None:
    go_on = threading.Event()
    house.upstream(way).answer = lambda _: way.server.stream("Hello").after(go_on)
    with house.talk(way) as talk:
        for number in range(12):
            talk.say(way.body(id=number))
        refused = [talk.hear() for _ in range(4)]
        assert [(frame["status"], frame["id"]) for frame in refused] == [(429, number) for number in range(8, 12)]
        assert "server.websocket.requests" in refused[0]["error"]["message"]
        talk.say(way.body())
        assert talk.refusal(429)
        go_on.set()
        over = set()
        while len(over) < 8:
            frame = talk.hear()
            if frame.get("type") == "done":
                over.add(frame["id"])
        assert over == set(range(8))
        talk.is_well(way)


def test_a_flood_of_requests_is_answered_each(house: House) -> None:
    with talking(house.turnout, CHAT.path) as talk:
        seen: list[Any] = []

        def listen() -> None:
            while len(seen) < 500:
                frame = talk.hear()
                if frame.get("type") in ("done", "error"):
                    seen.append(frame)

        listener = threading.Thread(target=listen)
        listener.start()
        for number in range(500):
            talk.say(CHAT.body("gpt", id=number, stream=bool(number % 2)))
        listener.join(60)
        assert sorted(frame["id"] for frame in seen) == list(range(500))
        assert {frame.get("status", 200) for frame in seen} <= {200, 429}
        talk.is_well(CHATS)
    wait(lambda: at_rest(house))


def test_one_connection_does_not_hold_up_another(house: House) -> None:
    with shrunk(house.turnout.url, CHAT.path) as raw, talking(house.turnout, CHAT.path) as talk:
        house.openai.script(as_json(CHAT.answer("x" * 6_000_000)))
        raw.send(frame(json.dumps(CHAT.body("gpt")).encode()))
        house.openai.wait_for(1)
        for _ in range(20):
            talk.ask(CHAT.body("gpt", stream=True))
        assert post(house.turnout.url, CHAT.path, CHAT.body("gpt"), by(ADA)).status == 200


def test_a_flood_of_frames_lets_others_have_their_turn(house: House) -> None:
    """Tens of thousands of frames in one read are not all taken before anybody else is heard."""
    flood = frame(b"", PING) * 40_000
    with Raw(house.turnout.url) as raw, Raw(house.turnout.url) as well:
        raw.open(CHAT.path)
        well.open(CHAT.path)
        writer = threading.Thread(target=raw.send, args=(flood,), daemon=True)
        writer.start()
        for _ in range(20):
            well.send(frame(b"one", PING))
            assert well.hear() == (PONG, b"one")
        heard = 0
        while heard < 40_000:
            heard += raw.hear() == (PONG, b"")
        writer.join(10)
        raw.send(frame(ASKED))
        assert b"chat.completion.chunk" in raw.text()


def test_a_cancel_of_what_a_limit_is_about_to_refuse_is_its_only_end(start: Start, openai: Upstream) -> None:
    """It has not begun when it is taken back, and has a record all the same."""
    more = "limits: {one: {requests: 1 per 1h, by: [all]}}\n"
    server = start(written(openai, openai, "limits: [one]") + more)
    both = frame(json.dumps(CHAT.body("gpt", id="a")).encode()) + frame(b'{"type": "cancel", "id": "a"}')
    with Raw(server.url) as raw:
        raw.open(CHAT.path)
        for _ in range(3):
            raw.send(both)
            assert json.loads(raw.text()) == {"stream_id": "a", "id": "a", "type": "done", "cancelled": True}
        raw.send(frame(b"", PING))
        assert raw.hear() == (PONG, b"")
        wait(lambda: len(re.findall(r"WS \S+ .*(499|429) ", server.log())) == 3)
        raw.send(frame(b"", PING))
        assert raw.hear() == (PONG, b"")


def test_what_is_not_read_of_one_answer_still_lets_it_be_cancelled(house: House) -> None:
    before, _ = CHAT.parted((WORD, " end"))
    house.openai.script(as_stream([*before, *[before[-1]] * 2000, STALL]))
    with shrunk(house.turnout.url, CHAT.path) as raw:
        raw.send(frame(json.dumps(CHAT.body("gpt", stream=True, id="a")).encode()))
        wire = house.openai.wait_for(1).connection
        settled(lambda: wire.sent)
        raw.send(frame(b'{"type": "cancel", "id": "a"}'))
        assert house.openai.requests[0].left_within(10)
        while b'"cancelled":true' not in (said := raw.text()):
            assert b"chat.completion.chunk" in said


def test_binary_frames_are_told_so_and_bytes_of_every_kind_do_no_harm(house: House) -> None:
    with Raw(house.turnout.url) as raw:
        raw.open(MESSAGES.path)
        raw.send(frame(bytes(range(256)), BINARY))
        told = json.loads(raw.text())
        assert (told["type"], told["status"], told["error"]["type"]) == ("error", 400, "invalid_request_error")
        raw.send(frame(json.dumps(CLAUDES.body()).encode()))
        assert b"message_start" in raw.text()
