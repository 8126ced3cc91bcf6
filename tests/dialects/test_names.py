"""Tool names that an API does not take."""

import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.names import Names

CLASS = "[a-zA-Z0-9_-]"
LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LONG = "mcp__a_server_with_a_very_long_name__and_a_tool_with_a_name_that_is_longer_still"


def names(*declared: str) -> Names:
    return Names(64, CLASS, declared)


@pytest.mark.parametrize("name", ["Bash", "mcp__files__read-it", "a" * 64])
def test_a_legal_name_is_sent_as_it_is(name: str) -> None:
    table = names(name)
    assert table.send(name) == name
    assert table.changed == {}


def test_illegal_characters_become_underscores() -> None:
    table = names("files.read")
    assert table.send("files.read") == "files_read"
    assert table.changed == {"files_read": "files.read"}


def test_a_long_name_keeps_its_start_and_gets_a_mark() -> None:
    table = names(LONG)
    sent = table.send(LONG)
    assert len(sent) == 64
    assert sent[:55] == LONG[:55]
    assert table.changed == {sent: LONG}


def test_two_long_names_with_the_same_start_stay_apart() -> None:
    table = names(LONG + "_one", LONG + "_two")
    assert len({table.send(LONG + "_one"), table.send(LONG + "_two")}) == 2


def test_a_legal_declared_name_keeps_its_place_even_when_the_illegal_one_is_sent_first() -> None:
    table = names("files.read", "files_read")
    assert table.send("files.read") != "files_read"
    assert table.send("files_read") == "files_read"


def test_the_order_of_tools_and_of_sending_changes_nothing() -> None:
    declared = ["a.b", "a/b", "a_b", LONG, LONG + ".", "a b"]
    seen = set()
    for order in permutations(declared):
        table = names(*order)
        seen.add(tuple(table.send(name) for name in declared))
    assert len(seen) == 1


def test_a_name_that_only_the_history_knows_is_kept_apart_from_the_declared_ones() -> None:
    table = names("a.b")
    assert table.send("a.b") == "a_b"
    forgotten = table.send("a_b")
    assert forgotten != "a_b"
    assert table.changed == {"a_b": "a.b", forgotten: "a_b"}


def test_a_mark_that_is_taken_is_drawn_again() -> None:
    wanted = names("a.b", "a_b").send("a.b")
    table = names("a.b", "a_b", wanted)
    assert len({table.send("a.b"), table.send("a_b"), table.send(wanted)}) == 3
    assert table.send(wanted) == wanted


@given(st.lists(st.text(max_size=80), max_size=12), st.lists(st.text(max_size=80), max_size=12))
def test_every_name_is_legal_and_comes_back(declared: list[str], others: list[str]) -> None:
    table = names(*declared)
    sent = {name: table.send(name) for name in [*declared, *others]}
    assert all(LEGAL.fullmatch(one) for one in sent.values())
    assert len(set(sent.values())) == len(sent)
    assert {table.changed.get(one, one) for one in sent.values()} == set(sent)
    assert all(table.send(name) == one for name, one in sent.items())
