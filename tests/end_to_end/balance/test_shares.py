"""How a live server shares requests out, by counting what each upstream saw."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.balance.house import OK, ask, breaks, counted, entry, file, held, homes, target
from tests.support.apis import CHAT

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

WEIGHTS = "{to: a/m, weight: 6}, {to: b/m, weight: 3}, c/m"
ENTRIES = "\n".join(
    (
        "  files: {targets: [a/m, b/m, c/m]}",
        entry("turns", "round_robin"),
        entry("busy", "least_busy"),
        entry("fast", "latency"),
        entry("shares", "weighted", WEIGHTS),
        entry("drained", "weighted", "{to: a/m, weight: 0}, b/m"),
        entry("sticky", "weighted", WEIGHTS, sticky="session"),
        "  alias: {targets: [shares], balance: round_robin}",
        "  other-*: {targets: ['a/*', 'b/*'], balance: round_robin, sticky: session}",
        "  stays: {targets: [a/m, b/m, c/m], sticky: session}",
    )
)


@pytest.fixture(scope="module")
def server(start: Start, _ups: dict[str, Upstream]) -> Turnout:
    return start(file(_ups, ENTRIES))


@pytest.mark.usefixtures("ups")
def test_the_first_takes_all_unless_the_file_says_otherwise(server: Turnout) -> None:
    assert counted(server, "files", 9) == {"a": 9}


def test_in_turn(server: Turnout, ups: dict[str, Upstream]) -> None:
    assert counted(server, "turns", 30) == {"a": 10, "b": 10, "c": 10}
    assert {name: len(up.requests) for name, up in ups.items()} == {"a": 10, "b": 10, "c": 10}


def test_by_weight(server: Turnout, ups: dict[str, Upstream]) -> None:
    counted(server, "shares", 600)
    seen = {name: len(up.requests) for name, up in ups.items()}
    assert 310 < seen["a"] < 410
    assert 135 < seen["b"] < 225
    assert 30 < seen["c"] < 95


def test_no_weight_stands_by(server: Turnout, ups: dict[str, Upstream]) -> None:
    assert counted(server, "drained", 20) == {"b": 20}
    breaks(ups["b"])
    assert counted(server, "drained", 3) == {"a": 3}


@pytest.mark.usefixtures("ups")
def test_another_name_may_share_otherwise(server: Turnout) -> None:
    assert counted(server, "alias", 9) == {"a": 3, "b": 3, "c": 3}


def test_who_has_the_fewest_under_way(server: Turnout, ups: dict[str, Upstream]) -> None:
    gate = threading.Event()
    for up in ups.values():
        up.answer = lambda _: held(gate)
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(ask, server, "busy") for _ in range(6)]
        for up in ups.values():
            up.wait_for(2)
        gate.set()
        assert sorted(target(one.result()) for one in waiting) == ["a", "a", "b", "b", "c", "c"]


def test_who_is_busy_is_spared(server: Turnout, ups: dict[str, Upstream]) -> None:
    gate = threading.Event()
    for up in ups.values():
        up.script(held(gate))
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(ask, server, "busy") for _ in range(2)]
        while sum(len(up.requests) for up in ups.values()) < 2:
            time.sleep(0.005)
        (idle,) = (name for name, up in ups.items() if not up.requests)
        ups[idle].clear()
        assert counted(server, "busy", 6) == {idle: 6}
        gate.set()
        assert {target(one.result()) for one in waiting} == {*ups} - {idle}
    for up in ups.values():
        up.clear()


def test_who_answers_sooner(server: Turnout, ups: dict[str, Upstream]) -> None:
    for name, pause in (("a", 0.4), ("b", 0.4), ("c", 0.0)):
        ups[name].answer = lambda _, pause=pause: CHAT.stream("Hi", " there").after(pause)  # type: ignore[misc]
    for _ in range(40):
        assert ask(server, "fast", stream=True).status == 200
    others = max(len(ups[name].requests) for name in "ab")
    assert len(ups["c"].requests) > others, "it wins every draw that it is in"


def test_who_fails_is_stood_in_for(server: Turnout, ups: dict[str, Upstream]) -> None:
    breaks(ups["a"])
    answers = [ask(server, "turns") for _ in range(30)]
    assert {answer.status for answer in answers} == {200}
    assert {target(answer) for answer in answers} == {"b", "c"}


# --- sessions -------------------------------------------------------------------------------------------------------

SESSIONS = [f"session-{number}" for number in range(60)]


@pytest.mark.usefixtures("ups")
def test_a_session_stays_and_weights_split_sessions(server: Turnout) -> None:
    first = homes(server, "sticky", SESSIONS)
    assert homes(server, "sticky", SESSIONS) == first
    split = [list(first.values()).count(name) for name in "abc"]
    assert split[0] > split[1] > split[2] > 0


def test_two_processes_agree_without_asking_each_other(server: Turnout, start: Start, ups: dict[str, Upstream]) -> None:
    other = start(file(ups, ENTRIES), env={"PYTHONHASHSEED": "7"})
    assert homes(other, "sticky", SESSIONS) == homes(server, "sticky", SESSIONS)


def test_only_the_sessions_of_who_fails_move_and_they_come_back(server: Turnout, ups: dict[str, Upstream]) -> None:
    before = homes(server, "sticky", SESSIONS)
    breaks(ups["b"])
    during = homes(server, "sticky", SESSIONS)
    assert {name for name in SESSIONS if during[name] != before[name]} == {
        name for name in SESSIONS if before[name] == "b"
    }
    assert {during[name] for name in SESSIONS if before[name] == "b"} == {"a", "c"}
    ups["b"].answer = lambda _: OK
    assert homes(server, "sticky", SESSIONS) == before


@pytest.mark.usefixtures("ups")
def test_without_a_session_the_weights_split_requests(server: Turnout) -> None:
    assert set(counted(server, "sticky", 60)) == {"a", "b", "c"}


@pytest.mark.usefixtures("ups")
def test_what_apis_have_for_it_counts_and_a_user_is_no_session(server: Turnout) -> None:
    def homes_by(field: str) -> list[str]:
        return [target(ask(server, "other-m", **{field: "one-and-the-same"})) for _ in range(8)]

    assert len(set(homes_by("prompt_cache_key"))) == 1
    assert set(homes_by("user")) == {"a", "b"}


@pytest.mark.usefixtures("ups")
def test_sessions_do_not_scatter_where_the_others_stand_by(server: Turnout) -> None:
    assert set(homes(server, "stays", SESSIONS[:20]).values()) == {"a"}


def test_what_a_session_is_called_goes_nowhere(server: Turnout, ups: dict[str, Upstream]) -> None:
    ask(server, "sticky", "canary-session-4711")
    breaks(ups["a"])
    breaks(ups["b"])
    breaks(ups["c"])
    assert ask(server, "sticky", "canary-session-4711").status == 500
    assert "canary-session-4711" not in server.log()
    assert not any("x-turnout-session" in dict(seen.headers) for up in ups.values() for seen in up.requests)


def test_an_edit_changes_the_shares(start: Start, ups: dict[str, Upstream]) -> None:
    text = file(ups, entry("m", "weighted", "{to: a/m, weight: 1}, {to: b/m, weight: 0}"))
    live = start(text)
    assert counted(live, "m", 5) == {"a": 5}
    told = live.taken(
        lambda: live.rewrite(text.replace("a/m, weight: 1", "a/m, weight: 0").replace("b/m, weight: 0", "b/m"))
    )
    assert "~model m" in told
    assert counted(live, "m", 5) == {"b": 5}
