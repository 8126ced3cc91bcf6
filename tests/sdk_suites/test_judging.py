"""What a run comes to, by the ends of its tests and by what is excluded."""

from __future__ import annotations

import msgspec
import pytest

from tests.sdk_suites.exclusions import Exclusion, excluded, exclusions
from tests.sdk_suites.runs import MOST, End, Outcome
from tests.sdk_suites.suites import MODES, OWN, SUITES

CREATE = [
    f"{OWN}/test_a.py::{one}::test_create[{how}]" for one in ("TestA", "TestAsyncA") for how in ("loose", "strict")
]
LIST = [f"{OWN}/test_a.py::TestA::test_create_list[loose]", f"{OWN}/test_a.py::TestA::test_plain"]
TESTS = [*CREATE, *LIST]


def exclusion(**fields: object) -> Exclusion:
    whole = {"why": "because", "file": "test_a.py", "classes": ["TestA"], "functions": ["test_create"], **fields}
    return msgspec.convert(whole, Exclusion)


def outcome(out: dict[str, str], **ends: str) -> Outcome:
    """`ends` are the outcomes of `a` to `z`."""
    return Outcome("openai", "echo", {name: End(name, how, False, "said") for name, how in ends.items()}, out, [])


@pytest.mark.parametrize(
    ("fields", "tests"),
    [
        ({}, CREATE[:2]),
        ({"classes": ["TestA", "TestAsyncA"]}, CREATE),
        ({"only": ["strict"]}, CREATE[1:2]),
        ({"functions": ["test_plain"]}, LIST[1:]),
        ({"modes": ["echo"]}, []),
    ],
)
def test_an_exclusion_is_of_whole_functions_or_of_parametrizations(fields: dict[str, object], tests: list[str]) -> None:
    assert excluded([exclusion(**fields)], "across", TESTS) == (dict.fromkeys(tests, "because"), [])


def test_an_exclusion_that_names_nothing_is_told() -> None:
    name = f"{OWN}/test_a.py::TestA::test_cre"
    assert excluded([exclusion(functions=["test_cre"])], "echo", TESTS) == ({}, [name])


def test_an_exclusion_of_what_is_excluded_is_told() -> None:
    again = exclusion(only=["loose"], why="again")
    assert excluded([exclusion(), again], "echo", TESTS)[1] == [f"{OWN}/test_a.py::TestA::test_create"]


def test_all_is_well_where_only_the_excluded_fails() -> None:
    well = outcome({"c": "because"}, a="passed", b="passed", c="failed")
    assert (well.passed, well.failed, well.complaints) == (["a", "b"], [], [])


@pytest.mark.parametrize("how", ["failed", "skipped"])
def test_whatever_else_does_not_pass_is_told(how: str) -> None:
    assert outcome({}, a="passed", b=how).complaints == [f"{how} b: said"]


def test_an_excluded_test_that_passes_is_told() -> None:
    assert outcome({"a": "because"}, a="passed", b="passed", c="passed").complaints == ["passes, and is excluded: a"]


def test_no_more_is_excluded_than_may_be() -> None:
    ends = {f"t{number}": "failed" if number < MOST else "passed" for number in range(100)}
    out = dict.fromkeys(list(ends)[:MOST], "because")
    assert outcome(out, **ends).complaints == []
    assert outcome({**out, "t99": "because"}, **{**ends, "t99": "failed"}).complaints == [
        "36.0 % are excluded, and 35 % may be"
    ]


def test_nothing_collected_is_no_success() -> None:
    assert outcome({}).complaints != []


@pytest.mark.parametrize("suite", SUITES)
def test_every_exclusion_of_the_files_has_its_reason(suite: str) -> None:
    found = exclusions(suite)
    assert found
    assert all(one.why and set(one.modes) <= set(MODES) for one in found)
    assert {one.file.split("/")[0] for one in found} <= {file.split("/")[0] for file in SUITES[suite].files}
