"""SIGTERM: each connection closes with 1012 and a reason; what runs may end within `server.drain`; nothing begins."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.sockets.house import ADA, FORMS, SAME, WAYS, House, Way, by, done, talking, wait, written
from tests.end_to_end.sockets.raw import HANDSHAKE, Raw
from tests.support.apis import CHAT
from tests.support.http import Line
from tests.support.script import STALL, as_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Start
    from tests.support.upstream import Upstream

CHATS, _ = SAME
STOPS = (1012, "the server stops or restarts")


@pytest.fixture
def begin(start: Start, openai: Upstream, anthropic: Upstream) -> Callable[[str], House]:
    def begin(drain: str) -> House:
        return House(start(written(openai, anthropic, f"drain: {drain}")), openai, anthropic)

    return begin


def tell(house: House) -> None:
    house.turnout.process.send_signal(signal.SIGTERM)


def ended(house: House) -> None:
    """Hold that the process ends by itself."""
    assert house.turnout.process.wait(20) == 0, house.turnout.log()


def test_an_idle_connection_is_closed_at_once(begin: Callable[[str], House]) -> None:
    house = begin("1h")
    with house.talk(CHATS) as talk, talking(house.turnout, "/v1/ws") as other:
        talk.is_well(CHATS)
        tell(house)
        assert talk.closed() == other.closed() == STOPS
    ended(house)


@WAYS
def test_what_runs_is_finished_and_nothing_begins(begin: Callable[[str], House], way: Way) -> None:
    house = begin("1h")
    go_on = threading.Event()
    upto, after = way.server.parted()
    house.upstream(way).script(as_stream([*upto, go_on, *after]))
    with house.talk(way) as talk:
        talk.say(way.body(id="a"))
        talk.say(way.body(id="a"))
        talk.hear()
        tell(house)
        assert talk.until("a")["status"] == 503  # the one that waited
        talk.say(way.body(id="b"))
        assert talk.until("b")["status"] == 503
        go_on.set()
        assert talk.until("a", "done") == done("a")
        assert talk.closed() == STOPS
    ended(house)
    assert len(house.upstream(way).requests) == 1


@WAYS
def test_what_does_not_end_in_time_is_ended_with_an_error(begin: Callable[[str], House], way: Way) -> None:
    house = begin("500ms")
    upto, _ = way.server.parted()
    house.upstream(way).script(as_stream([*upto, STALL]))
    with house.talk(way) as talk:
        talk.say(way.body(id="a"))
        talk.hear()
        tell(house)
        assert talk.until("a")["error"]["message"]
        assert talk.closed() == STOPS
    assert house.upstream(way).last.left_within(10)
    ended(house)


@FORMS
def test_a_second_signal_ends_at_once(begin: Callable[[str], House], way: Way) -> None:
    house = begin("1h")
    upto, _ = way.server.parted()
    house.upstream(way).script(as_stream([*upto, STALL]))
    with house.talk(way) as talk, house.talk(way) as idle:
        talk.say(way.body(id="a"))
        talk.hear()
        tell(house)
        assert idle.closed() == STOPS
        tell(house)
        assert talk.until("a")["error"]["message"]
        assert talk.closed()[0] in (1006, 1012)
    ended(house)


def test_who_does_not_say_goodbye_holds_up_nobody(begin: Callable[[str], House]) -> None:
    house = begin("1s")
    with Raw(house.turnout.url) as raw:
        raw.open(CHAT.path)
        tell(house)
        ended(house)
        assert raw.closed() == STOPS


def test_who_shakes_hands_too_late_is_told_to_come_again(begin: Callable[[str], House]) -> None:
    """On a connection that was there before; a new one is not let in."""
    house = begin("1h")
    go_on = threading.Event()
    upto, after = CHAT.parted()
    house.openai.script(as_stream([*upto, go_on, *after]))
    with house.talk(CHATS) as talk, house.talk(CHATS) as idle, Line(house.turnout.url) as line:
        talk.say(CHATS.body(id="a"))
        talk.hear()
        asked = f"GET {CHAT.path} HTTP/1.1\r\nhost: {line.host}\r\n"
        line.write(asked.encode())
        wait(lambda: house.status()["requests"]["in_flight"] == 1)
        tell(house)
        assert idle.closed() == STOPS
        rest = "\r\n".join(f"{name}: {value}" for name, value in {**HANDSHAKE, **by(ADA)}.items())
        line.write(f"{rest}\r\n\r\n".encode())
        answer = line.answer("GET")
        assert answer.status == 503
        assert answer.header("retry-after")
        go_on.set()
        talk.until("a", "done")
    ended(house)
