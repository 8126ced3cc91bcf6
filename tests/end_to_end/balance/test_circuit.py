"""A target that fails is left alone, tried by one request, and taken back: by counting what the upstream saw."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.balance.house import OK, ask, breaks, entry, file, held, record, target
from tests.support.apis import CHAT, MESSAGES, SERVER_ERROR
from tests.support.http import Line, get, post
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

LONG = "{failures: 3, cooldown: 10m, longest: 10m}"
BRIEF = "{failures: 3, cooldown: 600ms, longest: 5m}"
COOLDOWN = 0.6
"""Seconds of BRIEF, after which a target may be tried."""
ENTRIES = "\n".join(
    ("  alone-*: a/*", "  both-*: {targets: ['a/*', 'b/*']}", entry("turns", "round_robin", "a/t, b/t"))
)


@pytest.fixture(scope="module")
def server(start: Start, _ups: dict[str, Upstream]) -> Turnout:
    """Here nothing recovers."""
    return start(file(_ups, ENTRIES, LONG))


@pytest.fixture(scope="module")
def brief(start: Start, _ups: dict[str, Upstream]) -> Turnout:
    return start(file(_ups, ENTRIES, BRIEF))


def failed(server: Turnout, up: Upstream, model: str, count: int = 3) -> None:
    """Let a target fail so often, then answer again."""
    breaks(up)
    for _ in range(count):
        ask(server, model)
    up.clear()


def test_so_many_failures_in_a_row_and_nobody_asks_it(server: Turnout, ups: dict[str, Upstream]) -> None:
    breaks(ups["a"])
    statuses = [ask(server, "alone-open").status for _ in range(9)]
    assert statuses == [500] * 3 + [503] * 6
    assert len(ups["a"].requests) == 3


def test_one_request_that_fails_again_and_again_counts_once(start: Start, ups: dict[str, Upstream]) -> None:
    """What nobody can answer, a client's own doing perhaps, must not close a target to everybody."""
    server = start(file(ups, ENTRIES, LONG, retries=1))
    breaks(ups["a"])
    statuses = [ask(server, "alone-retried").status for _ in range(4)]
    assert statuses == [500, 500, 500, 503]
    assert len(ups["a"].requests) == 5, "the third opens it, so that its retry is not made"


def test_a_success_in_between_counts(server: Turnout, ups: dict[str, Upstream]) -> None:
    broken = as_json(SERVER_ERROR, 500)
    ups["a"].script(broken, broken, OK, broken, broken, OK)
    assert [ask(server, "alone-now-and-then").status for _ in range(6)] == [500, 500, 200, 500, 500, 200]


def test_the_other_takes_over_at_once_and_the_record_says_why(server: Turnout, ups: dict[str, Upstream]) -> None:
    failed(server, ups["a"], "both-over")
    answer = ask(server, "both-over")
    assert (target(answer), answer.header("x-turnout-attempts")) == ("b", "1")
    assert not ups["a"].requests
    told = record(server, answer)
    assert [(one["target"], one["reason"]) for one in told["attempts"]] == [("b/over", None)]
    assert [(one["target"], one["reason"]) for one in told["skipped"]] == [("a/over", "cooling")]


def test_each_target_has_its_own(server: Turnout, ups: dict[str, Upstream]) -> None:
    failed(server, ups["a"], "alone-one")
    assert [ask(server, name).status for name in ("alone-one", "alone-two")] == [503, 200]


def test_shares_go_to_the_others(server: Turnout, ups: dict[str, Upstream]) -> None:
    breaks(ups["a"])
    for _ in range(6):
        ask(server, "turns")
    ups["a"].clear()
    assert {target(ask(server, "turns")) for _ in range(6)} == {"b"}
    assert not ups["a"].requests


def test_everybody_is_told_when_to_come_back(server: Turnout, ups: dict[str, Upstream]) -> None:
    failed(server, ups["a"], "alone-wait")
    answer = ask(server, "alone-wait")
    assert (answer.status, answer.header("retry-after"), answer.header("x-turnout-attempts")) == (503, "600", "0")
    error = CHAT.error(answer)
    assert error["code"] == "cooling"
    assert "a/wait cools down after it failed (server_error)" in error["message"]
    answer = post(server.url, MESSAGES.path, MESSAGES.body("alone-wait"))
    assert (answer.status, answer.header("retry-after")) == (529, "600")
    assert MESSAGES.error(answer)["type"] == "overloaded_error"


def test_of_several_the_soonest_counts(start: Start, ups: dict[str, Upstream]) -> None:
    server = start(file(ups, "  m: {targets: [a/m, b/m]}", "{failures: 1, cooldown: 30s}"))
    ups["a"].script(as_json(SERVER_ERROR, 429, ("retry-after", "300")))
    breaks(ups["b"])
    assert ask(server, "m").status == 500
    answer = ask(server, "m")
    assert answer.status == 503
    assert 25 <= int(answer.header("retry-after") or 0) <= 30
    assert (len(ups["a"].requests), len(ups["b"].requests)) == (1, 1)


def test_one_request_tries_it_and_the_others_wait(brief: Turnout, ups: dict[str, Upstream]) -> None:
    failed(brief, ups["a"], "alone-trial")
    time.sleep(COOLDOWN)
    gate = threading.Event()
    ups["a"].script(held(gate))
    with ThreadPoolExecutor(1) as pool:
        trial = pool.submit(ask, brief, "alone-trial")
        ups["a"].wait_for(1)
        assert [ask(brief, "alone-trial").status for _ in range(5)] == [503] * 5
        assert len(ups["a"].requests) == 1
        gate.set()
        assert trial.result().status == 200
    assert [ask(brief, "alone-trial").status for _ in range(3)] == [200] * 3


def test_a_trial_that_fails_makes_it_wait_twice_as_long(brief: Turnout, ups: dict[str, Upstream]) -> None:
    failed(brief, ups["a"], "alone-twice")
    time.sleep(COOLDOWN)
    breaks(ups["a"])
    assert ask(brief, "alone-twice").status == 500
    assert ask(brief, "alone-twice").header("retry-after") == "2"
    assert len(ups["a"].requests) == 1
    ups["a"].clear()
    time.sleep(2 * COOLDOWN)
    assert ask(brief, "alone-twice").status == 200


def test_a_client_that_leaves_hands_the_trial_on(brief: Turnout, ups: dict[str, Upstream]) -> None:
    failed(brief, ups["a"], "alone-left")
    time.sleep(COOLDOWN)
    ups["a"].script(held(threading.Event()))
    with Line(brief.url) as line:
        line.ask("POST", CHAT.path, body=CHAT.body("alone-left"))
        seen = ups["a"].wait_for(1)
        assert ask(brief, "alone-left").status == 503
    assert seen.left_within(5)
    assert ask(brief, "alone-left").status == 200


def test_the_first_content_of_a_trial_is_enough(brief: Turnout, ups: dict[str, Upstream]) -> None:
    failed(brief, ups["a"], "alone-content")
    time.sleep(COOLDOWN)
    gate = threading.Event()
    upto, after = CHAT.parted()
    ups["a"].script(as_stream([*upto, gate, *after]))
    with ThreadPoolExecutor(1) as pool, Line(brief.url) as line:
        line.ask("POST", CHAT.path, body=CHAT.body("alone-content", stream=True))
        got = line.head()
        next(line.chunks(got))
        assert pool.submit(ask, brief, "alone-content").result().status == 200
        gate.set()
        for _ in line.chunks(got):
            pass


def test_an_error_in_the_stream_before_content_counts(server: Turnout, ups: dict[str, Upstream]) -> None:
    error = b'data: {"error": {"message": "overloaded", "type": "overloaded_error"}}\n\n'
    ups["a"].answer = lambda _: as_stream([error])
    assert [ask(server, "alone-in-band", stream=True).status for _ in range(4)] == [503, 503, 503, 503]
    assert len(ups["a"].requests) == 3


def test_streams_that_break_off_count(server: Turnout, ups: dict[str, Upstream]) -> None:
    upto, _ = CHAT.parted()
    ups["a"].answer = lambda _: as_stream(upto)
    statuses = [ask(server, "alone-broken", stream=True).status for _ in range(4)]
    assert statuses == [200, 200, 200, 503]


@pytest.mark.parametrize(("status", "opens"), [(400, False), (401, True), (404, False), (429, False), (503, True)])
def test_what_counts(server: Turnout, ups: dict[str, Upstream], status: int, opens: bool) -> None:
    ups["a"].answer = lambda _: as_json(SERVER_ERROR, status)
    for _ in range(5):
        ask(server, f"alone-{status}")
    assert len(ups["a"].requests) == (3 if opens else 5)


def test_who_asks_for_a_long_wait_is_left_alone(server: Turnout, ups: dict[str, Upstream]) -> None:
    ups["a"].script(as_json(SERVER_ERROR, 429, ("retry-after", "60")))
    assert [ask(server, "both-asked").header("x-turnout-target") for _ in range(3)] == ["b/asked"] * 3
    assert len(ups["a"].requests) == 1


def test_a_client_with_a_bad_key_of_its_own_harms_nobody_else(start: Start, ups: dict[str, Upstream]) -> None:
    server = start(
        "version: 1\nkeys: {anonymous: {any_key: true}}\nmodels: {m: a/m}\n"
        f'upstreams: {{a: {{kind: openai, base_url: "{ups["a"].url}/v1", auth: forward, circuit: {{failures: 1}}}}}}\n'
    )
    refused = as_json(SERVER_ERROR, 401)
    ups["a"].script(refused, as_json(SERVER_ERROR, 429, ("retry-after", "60")), OK)
    statuses = [post(server.url, CHAT.path, CHAT.body("m"), {"authorization": "Bearer x"}).status for _ in range(3)]
    assert statuses == [401, 429, 200]


def test_it_outlives_an_edit_that_leaves_the_upstream_alone(start: Start, ups: dict[str, Upstream]) -> None:
    text = file(ups, "  m: {targets: [a/m]}", "{failures: 2, cooldown: 10m, longest: 10m}")
    server = start(text)
    failed(server, ups["a"], "m", 2)
    assert ask(server, "m").status == 503
    server.taken(
        lambda: server.rewrite(
            text.replace("targets: [a/m]", "targets: [{to: a/m, weight: 3}, b/m], balance: weighted")
        )
    )
    assert {target(ask(server, "m")) for _ in range(4)} == {"b"}
    assert not ups["a"].requests
    server.taken(lambda: server.rewrite(text.replace("failures: 2", "failures: 4")))
    assert ask(server, "m").status == 200


def test_ready_says_so(start: Start, ups: dict[str, Upstream]) -> None:
    server = start(file({"a": ups["a"]}, "  m: a/m", "{failures: 2, cooldown: 2s}"))
    states = []
    breaks(ups["a"])
    for _ in range(2):
        ask(server, "m")
        told = get(server.url, "/ready")
        states.append((told.status, told.json["backends"]["a"]))
    assert states == [(200, "failing"), (503, "down")]
    ups["a"].clear()
    time.sleep(2)
    assert get(server.url, "/ready").json == {"ready": True, "backends": {"a": "unknown"}}
    assert ask(server, "m").status == 200
    assert get(server.url, "/ready").json["backends"] == {"a": "ok"}
