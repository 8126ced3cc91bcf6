"""Checks: a cheap request now and then that finds out how an upstream is, also when nobody asks it."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.balance.house import BROKEN, OK, ask, file, target
from tests.support.apis import SERVER_ERROR
from tests.support.http import get
from tests.support.script import STALL, Reply, as_json
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen

MODELS = as_json({"object": "list", "data": []})
CHECK = ", check: {path: /v1/models, every: 100ms, timeout: 500ms}"
CIRCUIT = "{failures: 2, cooldown: 10m, longest: 10m}"
GONE = re.compile("upstream `a` does not answer its check")
BACK = re.compile("upstream `a` answers its check again")


@pytest.fixture
def ups() -> Iterator[dict[str, Upstream]]:
    """Upstreams of the test's own: the servers of others go on with their checks."""
    found = {name: Upstream() for name in "ab"}
    yield found
    for up in found.values():
        up.stop()


def answers(up: Upstream, check: Reply, other: Reply = OK) -> None:
    """Let an upstream answer its check with one thing, and requests with another."""
    up.answer = lambda seen: check if is_check(seen) else other


def is_check(seen: Seen) -> bool:
    return seen.path == "/v1/models"


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def server(start: Start, ups: dict[str, Upstream], circuit: str = CIRCUIT, check: str = CHECK) -> Turnout:
    return start(file({"a": ups["a"]}, "  m: a/m\n  n: a/n", circuit, check=check))


def state(live: Turnout) -> tuple[int, str]:
    told = get(live.url, "/ready")
    return told.status, told.json["backends"]["a"]


def test_it_is_known_before_anybody_asks(start: Start, ups: dict[str, Upstream]) -> None:
    answers(ups["a"], MODELS)
    live = server(start, ups)
    until(lambda: state(live) == (200, "ok"))
    seen = ups["a"].requests[0]
    assert (seen.method, seen.target, seen.body) == ("GET", "/v1/models", b"")
    ups["a"].wait_for(4)


@pytest.mark.parametrize(
    "broken", [BROKEN, as_json(SERVER_ERROR, 401), Reply(parts=(STALL,), raw=True)], ids=["500", "401", "silence"]
)
def test_one_that_fails_is_not_asked_until_it_answers_again(
    start: Start, ups: dict[str, Upstream], broken: Reply
) -> None:
    answers(ups["a"], broken)
    live = server(start, ups)
    live.wait_for(GONE)
    assert state(live) == (503, "down")
    refused = ask(live, "m")
    assert (refused.status, refused.json["error"]["code"], refused.header("retry-after")) == (503, "cooling", "1")
    assert all(is_check(seen) for seen in ups["a"].requests)
    answers(ups["a"], MODELS)
    live.wait_for(BACK)
    assert (ask(live, "m").status, state(live)) == (200, (200, "ok"))


def test_one_that_goes_well_takes_a_target_back_long_before_its_time(start: Start, ups: dict[str, Upstream]) -> None:
    gate = threading.Event()
    held = MODELS.after(gate)
    ups["a"].answer = lambda seen: held if is_check(seen) else BROKEN
    live = server(start, ups, check=CHECK.replace("500ms", "10m"))
    ups["a"].wait_for(1)
    assert [ask(live, "m").status for _ in range(3)] == [500, 500, 503]
    ups["a"].answer = lambda _: OK
    gate.set()
    until(lambda: ask(live, "m").status == 200)


def test_without_one_nobody_calls(start: Start, ups: dict[str, Upstream]) -> None:
    live = server(start, ups, check="")
    assert ask(live, "m").status == 200
    assert not any(is_check(seen) for seen in ups["a"].requests)


def test_the_others_take_over(start: Start, ups: dict[str, Upstream]) -> None:
    answers(ups["a"], BROKEN)
    live = start(file(ups, "  m: {targets: [a/m, b/m]}", CIRCUIT, check=CHECK))
    live.wait_for(GONE)
    assert target(ask(live, "m")) == "b"


def test_they_end_with_the_upstream_and_go_on_across_other_edits(start: Start, ups: dict[str, Upstream]) -> None:
    answers(ups["a"], MODELS)
    live = server(start, ups)
    text = live.file.read_text()
    ups["a"].wait_for(1)
    live.taken(lambda: live.rewrite(text.replace("n: a/n", "other: a/n")))
    assert state(live) == (200, "ok")
    ups["a"].wait_for(len(ups["a"].requests) + 2)
    live.taken(lambda: live.rewrite(text.replace(CHECK, "")))
    until(lambda: settled(ups["a"]))
    assert state(live) == (200, "unknown")


def settled(up: Upstream) -> bool:
    """Say whether no check comes any more, by waiting for as long as five take."""
    before = len(up.requests)
    time.sleep(0.5)
    return len(up.requests) == before


def test_it_has_the_credential_and_nothing_of_it_is_told(start: Start, ups: dict[str, Upstream]) -> None:
    answers(ups["a"], as_json({"error": {"message": "bad key sk-upstream-openai-1234567890"}}, 401))
    live = server(start, ups, check=f"{CHECK}, api_key: env:TEST_OPENAI_KEY")
    live.wait_for(GONE)
    assert ups["a"].requests[0].header("authorization") == "Bearer sk-upstream-openai-1234567890"
    assert "sk-upstream" not in live.log()
