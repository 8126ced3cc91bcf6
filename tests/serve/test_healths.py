"""How an upstream does: as its targets do, and as its checks have it."""

from __future__ import annotations

from engine.chat import Failure, Reason
from engine.serve.health import TRIED
from engine.serve.healths import MOST_MODELS, Healths
from engine.upstreams import base
from engine.upstreams.echo import Echo
from engine.upstreams.openai import OpenAI


def failure(reason: Reason = "server_error", retry_after: float | None = None) -> Failure:
    return Failure(reason=reason, message=reason, retry_after=retry_after)


def ask(healths: Healths, model: str, now: float, how: Failure | None = None) -> None:
    one = healths.of(model)
    trial = one.begin()
    one.settle(how, now, trial, ours=True)
    one.end(trial)


def remote(failures: int = 1) -> Healths:
    return Healths(OpenAI(circuit=base.Circuit(failures=failures)), remote=True)


def test_an_upstream_does_as_the_best_of_its_targets() -> None:
    healths = remote()
    assert healths.state(0) == "unknown"
    ask(healths, "bad", 0, failure())
    assert (healths.state(0), healths.state(10)) == ("down", "unknown")
    ask(healths, "good", 0)
    assert healths.state(0) == "ok"
    assert (healths.cools("bad", 4), healths.cools("good", 4), healths.cools("new", 4)) == (
        (6, "server_error"), (0, ""), (0, ""),
    )  # fmt: skip
    assert [healths.load(name, 4, whole=False).ready for name in ("bad", "good", "new")] == [False, True, True]


def test_one_failure_is_told_but_it_is_asked_on() -> None:
    healths = remote(5)
    ask(healths, "m", 0, failure())
    assert healths.state(0) == "failing"
    ask(healths, "m", 0)
    assert healths.state(0) == "ok"


def test_what_runs_inside_needs_no_traffic_to_be_known() -> None:
    assert Healths(Echo(), remote=False).state(0) == "ok"


def test_names_that_clients_make_up_find_no_room_for_ever_and_push_nobody_out_who_cools() -> None:
    healths = remote()
    ask(healths, "broken", 0, failure())
    for number in range(3 * MOST_MODELS):
        ask(healths, f"made-up-{number}", 0, failure("not_found"))
    assert healths.cools("broken", 0)[0] == 10
    for number in range(3 * MOST_MODELS):
        ask(healths, f"gone-{number}", 0, failure())
    assert len(healths._known) == MOST_MODELS  # what it must not outgrow


# --- checks ---------------------------------------------------------------------------------------------------------


def test_so_many_checks_that_fail_shut_it_and_one_that_goes_well_opens_it() -> None:
    healths = remote(2)
    assert [healths.checked(failure("connect")) for _ in range(3)] == [False, True, False]
    healths.pause(30, 100)
    assert (healths.state(100), healths.cools("m", 104), healths.cools("m", 110)) == (
        "down", (6, "connect"), (TRIED, "connect"),
    )  # fmt: skip
    assert not healths.load("m", 100, whole=False).ready
    assert [healths.checked(None), healths.checked(None)] == [True, False]
    assert (healths.state(100), healths.cools("m", 104)) == ("ok", (0, ""))
    assert healths.load("m", 100, whole=False).ready


def test_a_check_that_goes_well_ends_the_cooling_of_who_failed_but_not_of_who_asked_for_it() -> None:
    healths = remote()
    ask(healths, "failed", 0, failure("timeout"))
    ask(healths, "asked", 0, failure("rate_limit", 60))
    healths.checked(None)
    assert (healths.cools("failed", 1)[0], healths.cools("asked", 1)[0]) == (0, 59)
    ask(healths, "failed", 1, failure("timeout"))
    assert healths.cools("failed", 1)[0] == 20


def test_checks_come_sooner_where_something_is_wrong() -> None:
    healths = remote()
    assert healths.pause(30, 0) == 30
    ask(healths, "m", 0, failure())
    assert healths.pause(30, 0) == 10
    assert healths.pause(5, 0) == 5
    healths.checked(None)
    assert healths.pause(30, 0) == 30


def test_without_a_circuit_checks_only_tell() -> None:
    healths = Healths(OpenAI(circuit="off"), remote=True)
    for _ in range(50):
        assert not healths.checked(failure())
    assert (healths.state(0), healths.cools("m", 0)) == ("failing", (0, ""))
    healths.checked(None)
    assert healths.state(0) == "ok"
