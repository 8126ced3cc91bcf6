"""How a target does: transcripts of its circuit, and its latency, by a clock of the test's own."""

from __future__ import annotations

import pytest

from engine.chat import REASONS, Failure, Reason
from engine.serve.health import LONGEST_ASKED, TRIED, Circuit, Health, circuit
from engine.upstreams import base
from engine.upstreams.echo import Echo
from engine.upstreams.openai import OpenAI

RULES = Circuit(failures=3, cooldown=10.0, longest=60.0)


def failure(reason: Reason = "server_error", retry_after: float | None = None) -> Failure:
    return Failure(reason=reason, message=reason, retry_after=retry_after)


def ask(one: Health, now: float, how: Failure | None = None, *, ours: bool = True) -> str:
    """Ask a target once; return whether that was a trial, or that nobody may ask."""
    if one.cools(now):
        return "cools"
    trial = one.begin()
    one.settle(how, now, trial, ours=ours)
    one.end(trial)
    return "trial" if trial else "asked"


def opened(now: float = 0.0) -> Health:
    one = Health(RULES)
    for _ in range(3):
        ask(one, now, failure())
    return one


def test_so_many_failures_in_a_row_open_it() -> None:
    one = Health(RULES)
    told = [ask(one, 0, how) for how in (failure(), failure(), None, failure(), failure(), failure(), None)]
    assert told == ["asked"] * 6 + ["cools"]
    assert (one.cools(0), one.cools(9.5), one.cools(10), one.why) == (10, 0.5, 0, "server_error")


def test_one_request_at_a_time_tries_it() -> None:
    one = opened()
    trial = one.begin()
    assert trial
    assert (one.cools(10), one.begin()) == (TRIED, 0)
    one.settle(None, 11, trial, ours=True)
    one.end(trial)
    assert [ask(one, 11, failure()), ask(one, 11, failure()), ask(one, 11)] == ["asked"] * 3


def test_it_cools_twice_as_long_each_time_and_no_longer_than_it_may() -> None:
    one, now, waits = opened(), 0.0, []
    for _ in range(5):
        waits.append(one.cools(now))
        now += waits[-1]
        assert ask(one, now, failure()) == "trial"
    assert waits == [10, 20, 40, 60, 60]
    now += 60
    ask(one, now)
    assert [ask(one, now, failure()) for _ in range(3)] == ["asked"] * 3
    assert one.cools(now) == 10


def test_who_leaves_hands_the_trial_on() -> None:
    one = opened()
    trial = one.begin()
    one.end(trial)
    assert ask(one, 10) == "trial"


def test_content_closes_it() -> None:
    one = opened()
    trial = one.begin()
    one.recovered()
    assert ask(one, 10) == "asked"
    one.settle(None, 60, trial, ours=True)
    one.end(trial)
    assert [ask(one, 60, failure()), ask(one, 60, failure()), ask(one, 60)] == ["asked"] * 3


def test_content_that_breaks_off_opens_it_again() -> None:
    one = opened()
    trial = one.begin()
    one.recovered()
    one.settle(failure("disconnect"), 12, trial, ours=True)
    one.end(trial)
    assert one.cools(12) == 20


def test_a_trial_that_goes_on_for_long_hinders_no_other() -> None:
    one = opened()
    first = one.begin()
    one.recovered()
    ask(one, 11, failure())
    assert one.cools(11) == 20
    second = one.begin()
    one.settle(failure(), 32, first, ours=True)
    one.end(first)
    assert (one.cools(32), one.trying) == (TRIED, second)


def test_what_was_under_way_before_says_nothing() -> None:
    one = Health(RULES)
    early = [one.begin() for _ in range(5)]
    for _ in early[:3]:
        one.settle(failure(), 0, 0, ours=True)
    one.settle(failure(), 9, 0, ours=True)
    one.settle(None, 9, 0, ours=True)
    assert one.cools(9) == 1


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "the client's account"])
def test_which_reasons_count(reason: Reason, ours: bool) -> None:
    one = Health(RULES)
    told = [ask(one, 0, failure(reason), ours=ours) for _ in range(4)]
    counts = reason in ("connect", "tls", "timeout", "disconnect", "server_error", "overloaded")
    counts = counts or (ours and reason in ("auth", "quota"))
    assert told[3] == ("cools" if counts else "asked")


@pytest.mark.parametrize(
    ("reason", "asked", "ours", "waits"),
    [
        ("rate_limit", 30.0, True, 30.0),
        ("quota", 120.0, True, 120.0),
        ("overloaded", 45.0, True, 45.0),
        ("rate_limit", 10.0, True, 0.0),
        ("rate_limit", None, True, 0.0),
        ("rate_limit", 1e9, True, LONGEST_ASKED),
        ("rate_limit", 30.0, False, 0.0),
        ("bad_request", 30.0, True, 0.0),
    ],
)
def test_who_asks_for_a_long_wait_gets_it(reason: Reason, asked: float | None, ours: bool, waits: float) -> None:
    one = Health(RULES)
    ask(one, 5, failure(reason, asked), ours=ours)
    assert one.cools(5) == waits
    if waits:
        assert [ask(one, 5 + waits), ask(one, 5 + waits)] == ["trial", "asked"]


def test_without_a_circuit_it_is_always_asked() -> None:
    one = Health(None)
    assert [ask(one, 0, failure("rate_limit", 99)) for _ in range(50)] == ["asked"] * 50


def test_the_circuit_is_as_the_file_says() -> None:
    told = OpenAI(circuit=base.Circuit(failures=2, cooldown="500ms", longest="5m"))
    assert circuit(told) == Circuit(failures=2, cooldown=0.5, longest=300)
    assert circuit(OpenAI()) == Circuit(failures=5, cooldown=10, longest=60)
    assert circuit(OpenAI(circuit="off")) is circuit(Echo()) is None


# --- latency --------------------------------------------------------------------------------------------------------


def test_latency_follows_what_is_met_and_fades() -> None:
    one = Health(None)
    for second in range(50):
        one.took(2.0, second, whole=False)
    assert one.latency(49, whole=False) == pytest.approx(2.0)
    assert one.latency(49 + 30, whole=False) == pytest.approx(2.0 / 2.718, rel=0.01)
    assert one.latency(49, whole=True) == 0
    one.took(1.0, 50, whole=False)
    assert 1.6 < one.latency(50, whole=False) < 1.8
    one.took(1.0, 5000, whole=False)
    assert one.latency(5000, whole=False) == pytest.approx(1.0)
