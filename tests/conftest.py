"""Fixtures of the whole suite: scripted upstreams and the real server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tests.support.turnout import Turnout
from tests.support.upstream import Upstream
from tests.support.wire.watch import WATCH, listen_to_sdks

# A run that decides whether a change may land asks the same questions of the same code; others look for new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

listen_to_sdks()


def pytest_xdist_auto_num_workers() -> int:
    """Three workers on two cores: half of the time a test waits for a process or a socket."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + (cores + 1) // 2


Start = Callable[..., Turnout]


@pytest.fixture(autouse=True)
def _streams_keep_the_rules(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold every stream that a Turnout emitted during a test against the rules of its API."""
    yield
    found = WATCH.reset()
    if request.node.get_closest_marker("odd_stream") is None:
        assert not found, "\n\n".join(found)
    else:
        assert found, "every stream keeps the rules: take the mark odd_stream off"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start servers: `start(text)`. All are stopped, and their logs judged, after the module."""
    running: list[Turnout] = []

    def begin(text: str, **how: object) -> Turnout:
        server = Turnout(tmp_path_factory.mktemp("turnout"), text, **how)  # type: ignore[arg-type]  # env and args, passed on
        running.append(server)
        return server

    yield begin
    failures = []
    for server in running:
        try:
            server.stop()
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)


@pytest.fixture(scope="module")
def _openai() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def _anthropic() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def openai(_openai: Upstream) -> Upstream:
    """A scripted upstream of kind openai; it remembers only this test."""
    _openai.clear()
    return _openai


@pytest.fixture
def anthropic(_anthropic: Upstream) -> Upstream:
    """A scripted upstream of kind anthropic; it remembers only this test."""
    _anthropic.clear()
    return _anthropic
