"""Waits that never ended, silences that looked like death, and requests that went on for nobody."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import ACROSS, EVERY_WAY, JSON_OR_STREAM, House, Way, file
from tests.support.apis import CHAT, payloads
from tests.support.http import Line
from tests.support.nowhere import nowhere
from tests.support.script import STALL, Reply, as_stream, paced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

LIMITS = ("connect", "first_byte", "idle", "total")
WAIT = 0.25
"""Seconds of each limit in `LIMITS`."""
LATE = 20.0
"""Seconds after which even a busy machine should have noticed."""
SILENCE = 1.3
"""Seconds that the `silent-*` upstreams have for the first byte; their streams are opened after 100 ms."""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Iterator[Turnout]:
    with nowhere() as closed:
        upstreams, models = [], []
        hold = {"silent": "100ms"}
        for way in ACROSS:
            kind, model = way.server.kind, way.server.upstream_model
            url = (_openai if way.server is CHAT else _anthropic).url
            waits = {limit: f"{{{limit}: {WAIT}s}}" for limit in LIMITS} | {"silent": f"{{first_byte: {SILENCE}s}}"}
            for name, timeouts in waits.items():
                place = closed if name == "connect" else url
                entry = f"{name}-{kind}"
                at = f'kind: {kind}, circuit: off, base_url: "{place}"'
                upstreams.append(f"  {entry}: {{{at}, timeouts: {timeouts}}}")
                models.append(f"  {entry}: {{targets: [{entry}/{model}], hold: {hold.get(name, '10s')}}}")
            models.append(f"  spare-{kind}: {{targets: [{kind}/{model}], fallback: [{kind}/other]}}")
        yield start(file(_openai, _anthropic, upstreams="\n".join(upstreams), models="\n".join(models)))


# 31 and 35: every wait has an end ------------------------------------------------------------------------------------


@EVERY_WAY
def test_31_a_stream_that_only_trickles_has_an_end(house: House, way: Way) -> None:
    """A stream of a token a second was never idle, and never over: `total` ends it, and the client is told.

    https://github.com/maximhq/bifrost/issues/6472
    """
    upto, after = way.server.parted()
    way.upstream(house).script(as_stream([*upto, *paced(after[:1] * 100, 0.05)]))
    began = time.monotonic()
    answer = house.ask(way.client, f"total-{way.server.kind}", stream=True)
    assert WAIT * 0.8 < time.monotonic() - began < LATE
    assert "timeouts.total" in way.client.in_band(answer.body)["message"]
    assert way.client.text(answer.body).startswith("Hello there")
    assert way.upstream(house).last.left_within(10)


def stalled(way: Way, limit: str, *, stream: bool) -> Reply:
    """Return how an upstream hangs in the phase that `limit` is for."""
    if limit != "idle":
        return Reply(before=(STALL,))
    if stream:
        return as_stream([*way.server.events()[: way.server.lifecycle], STALL])
    whole = way.server.whole()
    return Reply(headers=(*whole.headers, ("content-length", str(len(whole.body)))), parts=(whole.body[:20], STALL))


@JSON_OR_STREAM
@EVERY_WAY
@pytest.mark.parametrize("limit", LIMITS)
def test_35_each_wait_has_its_own_limit(house: House, way: Way, limit: str, stream: bool) -> None:
    """/v1/messages knew no timeouts: a request hung for ten minutes.

    https://github.com/BerriAI/litellm/issues/30836
    """
    upstream = way.upstream(house)
    upstream.script(stalled(way, limit, stream=stream))
    began = time.monotonic()
    answer = house.ask(way.client, f"{limit}-{way.server.kind}", stream=stream)
    assert WAIT * 0.8 < time.monotonic() - began < LATE
    assert answer.status == 504
    assert f"timeouts.{limit}" in way.client.error(answer)["message"]
    if limit != "connect":
        assert upstream.last.left_within(10)


@EVERY_WAY
def test_35_a_silence_between_two_words_has_one_too(house: House, way: Way) -> None:
    """The same in the middle of a stream, where the gap between two chunks was capped at 600 s.

    https://github.com/BerriAI/litellm/issues/30836
    """
    upto, _ = way.server.parted()
    way.upstream(house).script(as_stream([*upto, STALL]))
    answer = house.ask(way.client, f"idle-{way.server.kind}", stream=True)
    assert (answer.status, way.client.text(answer.body)) == (200, "Hello")
    assert "timeouts.idle" in way.client.in_band(answer.body)["message"]
    assert way.upstream(house).last.left_within(10)


# 34: signs of life ---------------------------------------------------------------------------------------------------


@EVERY_WAY
def test_34_a_silent_stream_shows_signs_of_life_until_its_upstream_is_given_up(house: House, way: Way) -> None:
    """Claude Code showed a stall banner, for comments do not count; and pings went on for an upstream that was dead.

    https://github.com/BerriAI/litellm/pull/36024, https://github.com/MadSkittles/Router-Maestro/pull/61 and
    https://github.com/Wei-Shaw/sub2api/pull/1707
    """
    way.upstream(house).script(Reply(before=(STALL,)))
    began = time.monotonic()
    answer = house.ask(way.client, f"silent-{way.server.kind}", stream=True)
    assert SILENCE * 0.9 < time.monotonic() - began < SILENCE + LATE
    assert (answer.status, answer.whole) == (200, True)
    first, second, error = [event for event in answer.body.split(b"\n\n") if event]
    sign = b": keep-alive" if way.client is CHAT else b'event: ping\ndata: {"type": "ping"}'
    assert (first, second) == (sign, sign)
    assert "timeouts.first_byte" in way.client.in_band(answer.body)["message"]
    assert b"timeout" in error
    assert way.upstream(house).last.left_within(10)


@pytest.mark.parametrize("way", ACROSS, ids=lambda way: way.name)
def test_34_also_between_two_words(house: House, way: Way) -> None:
    """The same once content has come: the signs stand between whole events, and the text is whole.

    https://github.com/BerriAI/litellm/pull/36024
    """
    gate = threading.Event()
    upto, after = way.server.parted()
    way.upstream(house).script(as_stream([*upto, gate, *after]))
    with Line(house.turnout.url) as line:
        line.ask("POST", way.client.path, body=way.client.body(f"silent-{way.server.kind}", stream=True))
        got = line.head()
        for _ in line.chunks(got):
            if way.client.keepalives(got.read):
                gate.set()
    assert way.client.text(got.read) == "Hello there"
    assert way.client.terminal in got.read
    assert way.client is CHAT or payloads(got.read)[0]["type"] == "message_start"


# 36: nobody is left --------------------------------------------------------------------------------------------------

PHASES: dict[str, Any] = {
    "a whole answer": lambda api: Reply(before=(STALL,)),
    "the head of a stream": lambda api: Reply(before=(STALL,)),
    "the first token": lambda api: as_stream([*api.events()[: api.lifecycle], STALL]),
    "the next token": lambda api: as_stream([*api.parted()[0], STALL]),
}


@EVERY_WAY
@pytest.mark.parametrize("phase", PHASES)
def test_36_who_leaves_is_not_worked_for(house: House, way: Way, phase: str) -> None:
    """A client had left, and its request went on upstream and was paid for: in every phase.

    https://github.com/BerriAI/litellm/issues/37140 and https://github.com/litestar-org/litestar/issues/3607
    """
    upstream = way.upstream(house)
    upstream.script(PHASES[phase](way.server))
    line = Line(house.turnout.url)
    body = way.client.body(f"spare-{way.server.kind}", stream=phase != "a whole answer")
    line.ask("POST", way.client.path, body=body)
    if phase == "the next token":
        assert "Hello" in way.client.text(next(line.chunks(line.head())).data)
    seen = upstream.wait_for(1)
    seen.complete.wait(5)
    time.sleep(0.05)
    left_at = time.monotonic()
    line.close()
    assert seen.left_within(10), "the upstream never saw a close"
    assert seen.connection.closed_at is not None
    assert seen.connection.closed_at - left_at < 0.5
    assert len(upstream.requests) == 1
