"""How long a connection may be silent, ask nothing, and last; none of it ends an answer that runs."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.sockets.house import FORMS, SAME, House, Way, done, talking, wait, written
from tests.end_to_end.sockets.raw import CLOSE, PING, PONG, Raw, frame
from tests.support.apis import CHAT
from tests.support.script import as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

CHATS, _ = SAME


def house_of(start: Start, openai: Upstream, anthropic: Upstream, clocks: str) -> House:
    return House(start(written(openai, anthropic, f"websocket: {{{clocks}}}")), openai, anthropic)


@FORMS
def test_who_asks_nothing_is_closed_and_told_why(start: Start, openai: Upstream, anthropic: Upstream, way: Way) -> None:
    house = house_of(start, openai, anthropic, "idle: 500ms")
    go_on = threading.Event()
    house.upstream(way).script(way.server.stream("Hello").after(0.8, go_on))
    with house.talk(way) as talk:
        talk.say(way.body(id="a"))  # while this runs, it is not idle
        house.upstream(way).wait_for(1)
        with house.talk(way) as other:
            assert other.closed() == (1001, "nothing was asked for 0.5 s (server.websocket.idle)")
        go_on.set()
        assert talk.rest("a")[-1] == done("a")
        assert talk.closed()[0] == 1001


def test_pings_are_no_questions(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = house_of(start, openai, anthropic, "idle: 700ms")
    with Raw(house.turnout.url) as raw:
        raw.open(CHAT.path)
        raw.socket.settimeout(0.1)
        ended = False
        deadline = time.monotonic() + 20
        while not ended:
            assert time.monotonic() < deadline
            raw.send(frame(b"", PING))
            with contextlib.suppress(TimeoutError):
                ended = raw.hear()[0] == CLOSE


@FORMS
def test_who_is_too_old_is_closed_once_nothing_runs(
    start: Start, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    house = house_of(start, openai, anthropic, "idle: 900ms, total: 1s")
    go_on = threading.Event()
    upto, after = way.server.parted()
    house.upstream(way).script(as_stream([*upto, go_on, *after]))
    with house.talk(way) as talk:
        talk.say(way.body(id="a"))
        talk.say(way.body(id="a"))  # waits for the other, and is told when its turn does not come any more
        assert talk.until("a")["status"] == 503
        talk.say(way.body(id="b"))
        assert talk.until("b")["status"] == 503
        go_on.set()
        assert talk.until("a", "done") == done("a")
        assert talk.closed() == (1001, "open for 1 s (server.websocket.total)")
    assert len(house.upstream(way).requests) == 1


def test_an_edit_of_the_clocks_holds_for_those_who_are_in(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = house_of(start, openai, anthropic, "idle: 1h, total: 1h")
    text = house.turnout.file.read_text()
    with house.talk(CHATS) as talk:
        talk.is_well(CHATS)
        house.turnout.taken(lambda: house.turnout.rewrite(text.replace("idle: 1h", "idle: 300ms")))
        assert talk.closed()[0] == 1001


# keep-alives ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hasty(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic), program=("-m", "tests.support.hasty"))


def test_who_is_silent_is_pinged_and_stays_as_long_as_it_answers(hasty: Turnout) -> None:
    with Raw(hasty.url) as raw:
        raw.open(CHAT.path)
        for _ in range(8):  # longer than anybody may be silent
            kind, data = raw.hear()
            assert kind == PING
            raw.send(frame(data, PONG))
        raw.send(frame(struct.pack("!H", 1000), CLOSE))
        assert raw.closed()[0] == 1000


def test_who_answers_no_ping_is_gone_and_so_is_what_it_asked(
    hasty: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    house = House(hasty, openai, anthropic)
    go_on = threading.Event()
    openai.script(as_stream([*CHAT.parted()[0], go_on]))
    with Raw(hasty.url) as raw:
        raw.open(CHAT.path)
        raw.send(frame(b'{"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], "stream": true}'))
        assert openai.wait_for(1).left_within(20)
        assert raw.rest()
    wait(lambda: house.status()["requests"]["in_flight"] == 0)


def test_a_stream_that_says_nothing_for_long_is_kept_alive(hasty: Turnout, openai: Upstream) -> None:
    upto, after = CHAT.parted()
    openai.script(as_stream([*upto, 2.5, *after]))
    with talking(hasty, CHAT.path) as talk:
        assert len(talk.ask(CHAT.body("gpt", stream=True))) > 2


def test_who_does_not_close_back_is_dropped(hasty: Turnout) -> None:
    """Its connection goes although it says nothing more, and reads nothing."""
    with Raw(hasty.url) as raw:
        raw.open(CHAT.path)
        raw.send(frame(b"x", masked=False))
        assert raw.closed()[0] == 1002
        wait(lambda: refuses(raw))


def refuses(raw: Raw) -> bool:
    """Say whether the other side has no connection any more to what is written."""
    try:
        raw.write(b"x" * 1000)
    except OSError:
        return True
    return False


@pytest.mark.parametrize("half", ["a frame", "a fragment", "drips"])
def test_a_message_that_does_not_come_is_given_up(
    start: Start, openai: Upstream, anthropic: Upstream, half: str
) -> None:
    """As a body over HTTP (`server.body_timeout`): a byte now and then is not enough."""
    server = start(written(openai, anthropic, "body_timeout: 1s"))
    with Raw(server.url, 30) as raw:
        raw.open(CHAT.path)
        whole = frame(b"x" * 1000)
        raw.write(whole[:500] if half != "a fragment" else frame(b"{", fin=False))
        if half == "drips":
            for _ in range(5):
                time.sleep(0.3)
                try:
                    raw.write(b"x")
                except OSError:
                    break
        assert raw.closed() == (1008, "a message brought less than 16 KB in 1 s (server.body_timeout)")
