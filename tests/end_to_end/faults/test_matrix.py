"""The fault matrix: what goes wrong × API of the client and of the upstream × stream or JSON, against real processes.

`EXPECTED` says the rules; matrix.txt beside this file says of each cell what the client saw, which targets were tried
and what the log recorded (`python -m tests.bless` writes it anew).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.end_to_end.faults.house import CELLS, GOLDEN, HEAD, line_of, run, serving
from tests.support.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.faults.house import Cell, Met


class Expected(NamedTuple):
    """What a fault is called, and what the client is told where no other target answers."""

    reason: str
    problem: str
    statuses: tuple[int, int, int]
    """To clients of chat, messages, responses; where the client has read something already it is 200."""
    begun: bool = False
    """In a stream it comes after the first word: no other target may answer."""


UNREACHABLE = (502, 500, 502)
"""502 is no status that clients of the Messages API know."""
DISCONNECT = Expected("disconnect", "upstream_disconnect", UNREACHABLE)
TIMEOUT = Expected("timeout", "upstream_timeout", (504, 504, 504))
EXPECTED = {
    "refused": Expected("connect", "upstream_unreachable", UNREACHABLE),
    "tls": Expected("tls", "upstream_unreachable", UNREACHABLE),
    "reset-before-headers": DISCONNECT,
    "reset-mid-stream": DISCONNECT._replace(begun=True),
    "stall-before-headers": TIMEOUT,
    "stall-mid-stream": TIMEOUT._replace(begun=True),
    "slow-drip": TIMEOUT._replace(begun=True),
    "429": Expected("rate_limit", "rate_limit", (429, 429, 429)),
    "429-retry-after": Expected("rate_limit", "rate_limit", (429, 429, 429)),
    "401": Expected("auth", "upstream_auth", UNREACHABLE),
    "500": Expected("server_error", "server_error", (500, 500, 500)),
    "503": Expected("overloaded", "overloaded", (503, 503, 503)),
    "529": Expected("overloaded", "overloaded", (529, 529, 529)),
    "malformed-json": DISCONNECT,
    "malformed-sse": DISCONNECT,
    "malformed-sse-mid-stream": DISCONNECT._replace(begun=True),
    "truncated-gzip": DISCONNECT._replace(begun=True),
    "wrong-content-type": DISCONNECT,
    "huge-event": DISCONNECT,
}
ACROSS = {
    "429": Expected("rate_limit", "rate_limited", (429, 429, 429)),
    "429-retry-after": Expected("rate_limit", "rate_limited", (429, 429, 429)),
    "500": Expected("server_error", "upstream_error", UNREACHABLE),
    "503": Expected("overloaded", "overloaded", (503, 529, 503)),
    "529": Expected("overloaded", "overloaded", (503, 529, 503)),
}
"""Where the upstream's own words are of another API, they are said in the client's."""
NAMES = ("chat", "messages", "responses")

Matrix = dict["Cell", tuple["Met", "Met"]]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with serving(tmp_path_factory.mktemp("faults")) as turnout:
        yield run(turnout)


def expected(cell: Cell) -> Expected:
    table = EXPECTED if cell.client is cell.server else {**EXPECTED, **ACROSS}
    return table[cell.fault]


def test_every_fault_is_expected() -> None:
    assert set(EXPECTED) == set(FAULTS)
    assert {cell.fault for cell in CELLS} == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_alone(matrix: Matrix, fault: str) -> None:
    """One try, and the client learns in the form of its API what became of it."""
    for cell in (one for one in CELLS if one.fault == fault):
        met, due = matrix[cell][0], expected(cell)
        in_band = cell.mode == "stream" and due.begun
        assert (cell, met.status) == (cell, 200 if in_band else due.statuses[NAMES.index(cell.client.name)])
        assert (cell, met.in_band, met.text[:5]) == (cell, in_band, "Hello" if in_band else "")
        assert (cell, met.kind is None) == (cell, False)
        assert (cell, met.tries) == (cell, [("it", due.reason)])
        assert (cell, met.headers["x-turnout-attempts"]) == (cell, "1")
        assert (cell, met.connection) == (cell, "open")
        assert (cell, met.record["status"], met.record["problem"].partition(":")[0]) == (cell, met.status, due.problem)


@pytest.mark.parametrize("fault", FAULTS)
def test_with_a_healthy_target_behind_it(matrix: Matrix, fault: str) -> None:
    """It answers as if nothing had been, unless the client has read content already."""
    for cell in (one for one in CELLS if one.fault == fault):
        (alone, met), due = matrix[cell], expected(cell)
        assert (cell, met.connection) == (cell, "open")
        if cell.mode == "stream" and due.begun:
            assert (cell, met.told, met.tries) == (cell, alone.told, alone.tries)
            continue
        assert (cell, met.status, met.text, met.kind) == (cell, 200, "Hello there", None)
        assert (cell, met.tries) == (cell, [("it", due.reason), ("spare", None)])
        assert (cell, met.headers["x-turnout-attempts"]) == (cell, "2")
        assert (cell, met.headers["x-turnout-target"]) == (cell, f"{cell.server.name}-spare/healthy")
        assert (cell, met.record["status"], met.record.get("problem")) == (cell, 200, None)


def test_what_may_be_waited_for_is_told(matrix: Matrix) -> None:
    for cell in CELLS:
        waits = {met.headers.get("retry-after") for met in matrix[cell][:1]}
        assert (cell, waits) == (cell, {"17"} if cell.fault == "429-retry-after" else {None})


@pytest.mark.parametrize("fault", FAULTS)
def test_as_written_down(matrix: Matrix, fault: str) -> None:
    """What `python -m tests.bless` would change."""
    first, *lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert first == HEAD
    assert [line for line in lines if line.split()[0] == fault] == [
        line_of(cell, met) for cell, met in matrix.items() if cell.fault == fault
    ]
