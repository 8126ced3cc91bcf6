"""When a stream's first byte leaves, what keeps a silent one alive, and what can still be done after it was opened."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, SERVER_ERROR, Api, payloads
from tests.support.http import Answer, Line, post
from tests.support.script import CUT, RESET, Reply, as_json, as_stream
from tests.support.turnout import CREDENTIALS
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.script import Step
    from tests.support.turnout import Turnout

HOLD = 0.4
FILE = """
version: 1
upstreams:
  first: {{kind: {kind}, circuit: off, base_url: "{first}", api_key: env:TEST_OPENAI_KEY}}
  second: {{kind: {kind}, circuit: off, base_url: "{second}", api_key: env:TEST_OPENAI_KEY}}
defaults: {{model: {{retries: 0, hold: 400ms}}}}
models:
  one: {{targets: [first/m]}}
  two: {{targets: [first/m, second/m]}}
  patient: {{targets: [first/m], hold: 10s}}
keys: {{anonymous: {{}}}}
"""


class House:
    """A server for one API, with two upstreams."""

    def __init__(self, api: Api, start: Start) -> None:
        self.api = api
        self.first, self.second = Upstream(), Upstream()
        self.turnout: Turnout = start(FILE.format(kind=api.options, first=self.first.url, second=self.second.url))

    def line(self, model: str) -> Line:
        """Ask for a stream, on a connection of its own."""
        line = Line(self.turnout.url)
        line.ask("POST", self.api.path, body=self.api.body(model, stream=True))
        return line

    def renamed(self, event: bytes, model: str = "two") -> bytes:
        """Return an event as a client gets it that has asked for `model`."""
        return event.replace(f'"{self.api.upstream_model}"'.encode(), f'"{model}"'.encode())

    def ask(self, model: str, *, stream: bool = True) -> Answer:
        return post(self.turnout.url, self.api.path, self.api.body(model, stream=stream))


@pytest.fixture(scope="module", params=APIS, ids=lambda api: api.name)
def built(request: pytest.FixtureRequest, start: Start) -> Iterator[House]:
    house = House(request.param, start)
    yield house
    house.first.stop()
    house.second.stop()


@pytest.fixture
def house(built: House) -> House:
    built.first.clear()
    built.second.clear()
    return built


def test_every_word_leaves_before_the_upstream_says_the_next(house: House) -> None:
    words = [f"word{number} " for number in range(5)]
    gates = [threading.Event() for _ in words]
    events = house.api.events(*words)
    first = next(at for at, one in enumerate(events) if b"word0" in one)
    spoken = [step for at in range(5) for step in (gates[at], events[first + at])]
    house.first.script(as_stream([*events[:first], *spoken, *events[first + 5 :]]))

    with house.line("patient") as line:
        gates[0].set()
        answer = line.head()
        got = b""
        heard = 0
        for chunk in line.chunks(answer):
            got += chunk.data
            while heard < 5 and words[heard].encode() in got:
                heard += 1
                if heard < 5:
                    assert words[heard].encode() not in got  # it was not even said yet
                    gates[heard].set()
    assert (heard, answer.status) == (5, 200)
    assert house.api.text(got) == "".join(words)


def test_nothing_leaves_before_the_first_content(house: House) -> None:
    gate = threading.Event()
    events = house.api.events()
    held = house.api.lifecycle
    house.first.script(as_stream([*events[:held], gate, *events[held:]]))
    with house.line("patient") as line:
        house.first.wait_for(1)
        line.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.head()
        line.socket.settimeout(10)
        gate.set()
        answer = line.answer()
    assert answer.status == 200
    assert answer.body.count(events[0].split(b'"id"')[0]) >= 1
    assert house.api.text(answer.body) == "Hello there"


def test_after_hold_a_silent_stream_is_opened_and_kept_alive(house: House) -> None:
    gate = threading.Event()
    house.first.script(house.api.stream().after(gate))
    asked_at = time.monotonic()
    with house.line("one") as line:
        answer = line.head()
        opened_after = time.monotonic() - asked_at
        pieces = line.chunks(answer)
        first = next(pieces).data
        assert house.api.keepalives(first) == 1
        assert house.api.text(first) == ""
        gate.set()
        rest = b"".join(chunk.data for chunk in pieces)
    assert (
        answer.status,
        answer.header(
            "content-type",
        ).split(";")[0],
    ) == (200, "text/event-stream")  # type: ignore[union-attr]
    assert HOLD * 0.9 < opened_after < HOLD + 1
    assert house.api.text(rest) == "Hello there"
    assert house.api.terminal in rest
    assert (first + rest).count(house.api.opening) == 1
    assert len(house.first.requests) == 1


def test_lifecycle_frames_do_not_count_as_content(house: House) -> None:
    """They are held while only keep-alives go out, so another target can still answer; they come once."""
    gate = threading.Event()
    events = house.api.events()
    held = house.api.lifecycle
    house.first.script(as_stream([*events[:held], gate, CUT]))
    house.second.script(house.api.stream("from", " second"))
    with house.line("two") as line:
        answer = line.head()
        pieces = line.chunks(answer)
        first = next(pieces).data
        gate.set()
        got = first + b"".join(chunk.data for chunk in pieces)
    assert house.api.keepalives(first) >= 1
    assert house.api.text(got) == "from second"
    assert got.count(house.api.opening) == 1
    assert (len(house.first.requests), len(house.second.requests)) == (1, 1)


@pytest.mark.parametrize("fault", ["status", "cut", "in-band error"])
def test_another_target_can_answer_after_the_stream_was_opened(house: House, fault: str) -> None:
    gate = threading.Event()
    failing = {
        "status": as_json(SERVER_ERROR, 500),
        "cut": Reply(parts=(CUT,), raw=True),
        "in-band error": as_stream([house.api.fails([], "overloaded_error", "Overloaded")]),
    }
    house.first.script(failing[fault].after(gate))
    with house.line("two") as line:
        answer = line.head()
        gate.set()
        got = b"".join(chunk.data for chunk in line.chunks(answer))
    assert answer.status == 200
    assert house.api.text(got) == "Hello there"
    assert got.count(house.api.terminal) == 1
    assert not any(house.api.is_error(value) for value in payloads(got))


def test_if_all_fail_after_the_stream_was_opened_one_error_ends_it(house: House) -> None:
    gate = threading.Event()
    house.first.script(as_json(SERVER_ERROR, 500).after(gate))
    house.second.script(as_json(SERVER_ERROR, 500))
    with house.line("two") as line:
        answer = line.head()
        gate.set()
        got = b"".join(chunk.data for chunk in line.chunks(answer))
    assert (answer.status, answer.whole) == (200, True)
    house.api.in_band(got)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_if_all_fail_before_it_was_opened_the_status_is_true(house: House, stream: bool) -> None:
    house.first.script(as_json(SERVER_ERROR, 503))
    house.second.script(as_json(SERVER_ERROR, 500))
    answer = house.ask("two", stream=stream)
    assert answer.status == 500
    assert answer.header("x-turnout-attempts") == "2"
    assert answer.header("content-type") == "application/json"


def test_before_content_a_stream_that_breaks_is_tried_elsewhere(house: House) -> None:
    events = house.api.events()
    house.first.script(as_stream([*events[: house.api.lifecycle], CUT]))
    answer = house.ask("two")
    assert (answer.status, answer.header("x-turnout-target")) == (200, "second/m")
    assert house.api.text(answer.body) == "Hello there"


def test_after_content_a_stream_that_breaks_ends_in_one_error(house: House) -> None:
    upto, _ = house.api.parted()
    house.first.script(as_stream([*upto, CUT]))
    answer = house.ask("two")
    assert (answer.status, answer.header("x-turnout-target")) == (200, "first/m")
    assert house.api.text(answer.body) == "Hello"
    house.api.in_band(answer.body)
    assert house.second.requests == []


def test_an_error_that_the_upstream_reports_itself_passes_once(house: House) -> None:
    upto, _ = house.api.parted()
    said = house.api.fails(upto, "overloaded_error", "Overloaded")
    house.first.script(as_stream([*upto, said]))
    answer = house.ask("two")
    assert house.api.in_band(answer.body)["message"] == "Overloaded"
    assert answer.body.endswith(house.renamed(said))
    assert house.second.requests == []


def test_nothing_of_the_upstreams_comes_after_its_error(house: House) -> None:
    upto, _ = house.api.parted()
    said = house.api.fails(upto, "overloaded_error", "Overloaded")
    house.first.script(as_stream([*upto, said + house.api.events()[-1], 0.05, house.api.events()[-1]]))
    answer = house.ask("two")
    assert answer.body.endswith(house.renamed(said))
    assert house.api.terminal not in answer.body


@pytest.mark.parametrize("ending", [CUT, RESET], ids=["cut", "reset"])
def test_what_has_been_said_to_its_end_is_no_error_however_the_connection_ends(house: House, ending: Step) -> None:
    events = house.api.events()
    house.first.script(as_stream([*events, 0.05, ending]))
    answer = house.ask("two")
    assert (answer.status, house.api.text(answer.body)) == (200, "Hello there")
    assert answer.body.endswith(house.renamed(events[-1]))


@pytest.mark.parametrize("left", [b"", b'data: {"half'], ids=["between events", "within one"])
def test_a_stream_that_stops_without_its_end_is_an_error_even_if_well_framed(house: House, left: bytes) -> None:
    upto, _ = house.api.parted()
    house.first.script(as_stream([*upto, *([left] if left else [])]))
    answer = house.ask("two")
    assert house.api.text(answer.body) == "Hello"
    assert house.api.in_band(answer.body)
    assert left == b"" or left not in answer.body


def test_an_error_after_content_that_quotes_our_credential_shows_it_nowhere(house: House) -> None:
    own = CREDENTIALS["TEST_OPENAI_KEY"]
    upto, _ = house.api.parted()
    said = house.api.fails(upto, "overloaded_error", f"bad key {own}")
    house.first.script(as_stream([*upto, said]))
    answer = house.ask("two")
    assert "bad key" in house.api.in_band(answer.body)["message"]
    assert own.encode() not in answer.body
    house.turnout.wait_for(re.compile(r"bad key"))
    assert own not in house.turnout.log()
