"""The suite itself: a Turnout passes it, and each of its checks catches the lie that it is there for."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.conformance.check import Pair
from tests.conformance.checks import CHECKS
from tests.conformance.configs import turnout as configured
from tests.conformance.gateway import Gateway
from tests.conformance.lies import LIES
from tests.conformance.proxy import Liar, Lie
from tests.conformance.run import run
from tests.conformance.upstream.stage import Stage
from tests.conformance.words import APIS
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conformance.check import Check
    from tests.conformance.run import Outcome
    from tests.conftest import Start

HONEST = LIES[-1]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage(("127.0.0.1", 0))
    yield stage
    stage.stop()


def judged(stage: Stage, lie: Lie, wanted: Callable[[Check], bool]) -> list[Outcome]:
    """Run the checks that are wanted against a gateway that tells this lie."""
    liar = Liar(("127.0.0.1", int(stage.url.rpartition(":")[2])), lie)
    gateway = Gateway(liar.url, models={api: f"model-{api}" for api in APIS}, timeout=2)
    try:
        return run(gateway, stage, list(filter(wanted, CHECKS)), [Pair(api, api) for api in lie.apis])
    finally:
        gateway.close()
        liar.stop()


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_lies_are_caught(stage: Stage, lie: Lie) -> None:
    outcomes = judged(stage, lie, lambda check: check.name in lie.caught)
    failed = {(one.check, one.pair.client) for one in outcomes if one.state == "fail"}
    applied = {(one.check, one.pair.client) for one in outcomes if one.state != "skip"}
    assert failed == applied
    assert {check for check, _ in applied} == set(lie.caught)
    assert not [one for one in outcomes if "the check itself broke" in one.reason]


def test_the_truth_passes(stage: Stage) -> None:
    outcomes = judged(stage, HONEST, lambda check: check.name not in HONEST.caught)
    assert [one for one in outcomes if one.state != "pass"] == []
    assert {one.check for one in outcomes} == {check.name for check in CHECKS} - set(HONEST.caught)


def test_every_check_catches_a_lie() -> None:
    assert {name for lie in LIES for name in lie.caught} == {check.name for check in CHECKS}


def test_every_check_says_what_it_rests_on() -> None:
    assert [check.name for check in CHECKS if not check.says.endswith(".")] == []
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_turnout_passes(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    server = start(configured(address, {api: f"conformance-{api}" for api in APIS}))
    found = suite("--url", server.url, "--upstream", address, "--format", "json")
    outcomes = json.loads(found)
    assert [one for one in outcomes if one["state"] == "fail"] == []
    assert {(one["client"], one["upstream"]) for one in outcomes if one["state"] == "pass"} == set(product(APIS, APIS))


def suite(*args: str) -> str:
    """Run the suite as its users do; return what it prints."""
    command = [sys.executable, "-m", "tests.conformance", *args]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout
