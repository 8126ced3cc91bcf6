"""What is kept for clients: for each owner apart, bounded in number, size and age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan.nodes import Room
from engine.serve.shelves import Shelves

WIDE = Room(entries=100, bytes=10_000, seconds=60.0)


def test_it_is_found_by_who_kept_it_and_by_nobody_else() -> None:
    shelves: Shelves[str, str] = Shelves()
    shelves.keep("ada", "a", "hers", 10, WIDE, 0.0)
    assert shelves.find("ada", "a", 1.0) == "hers"
    assert shelves.find("eve", "a", 1.0) is None
    assert list(shelves.all("eve", 1.0)) == []
    assert not shelves.drop("eve", "a")
    assert shelves.find("ada", "a", 1.0) == "hers"


def test_it_expires_to_the_second() -> None:
    shelves: Shelves[str, str] = Shelves()
    shelves.keep("ada", "a", "hers", 10, WIDE, 0.0)
    assert shelves.find("ada", "a", 60.0) == "hers"
    assert shelves.find("ada", "a", 60.1) is None
    assert list(shelves.all("ada", 60.1)) == []


def test_what_is_dropped_is_gone_once() -> None:
    shelves: Shelves[str, str] = Shelves()
    shelves.keep("ada", "a", "hers", 10, WIDE, 0.0)
    assert shelves.drop("ada", "a")
    assert not shelves.drop("ada", "a")
    assert shelves.find("ada", "a", 0.0) is None


@pytest.mark.parametrize(
    "room",
    [Room(entries=2, bytes=10_000, seconds=60.0), Room(entries=100, bytes=25, seconds=60.0)],
    ids=["entries", "bytes"],
)
def test_the_oldest_of_who_keeps_most_gives_way(room: Room) -> None:
    shelves: Shelves[str, int] = Shelves()
    shelves.keep("eve", "e", 0, 10, room, 0.0)
    for number in range(3):
        shelves.keep("ada", str(number), number, 10, room, 1.0 + number)
    assert shelves.find("eve", "e", 5.0) == 0
    assert [shelves.find("ada", str(number), 5.0) for number in range(3)] == [None, None, 2]


def test_no_room_keeps_nothing() -> None:
    shelves: Shelves[str, int] = Shelves()
    shelves.keep("ada", "a", 1, 10, Room(entries=0, bytes=100, seconds=60.0), 0.0)
    shelves.keep("ada", "b", 1, 10, Room(entries=10, bytes=9, seconds=60.0), 0.0)
    assert list(shelves.all("ada", 0.0)) == []


def test_what_has_no_room_drives_nothing_out() -> None:
    shelves: Shelves[str, int] = Shelves()
    room = Room(entries=10, bytes=25, seconds=60.0)
    assert shelves.keep("ada", "a", 1, 10, room, 0.0)
    assert not shelves.keep("ada", "b", 2, 26, room, 0.0)
    assert list(shelves.all("ada", 0.0)) == [1]


def test_what_has_expired_goes_though_its_owner_is_silent() -> None:
    shelves: Shelves[str, int] = Shelves()
    shelves.keep("ada", "a", 1, 10, WIDE, 0.0)
    assert shelves.is_foreign("eve", "a", 60.0)
    shelves.keep("eve", "e", 1, 10, WIDE, 61.0)
    assert shelves.find("ada", "a", 0.0) is None


def test_room_that_became_smaller_holds_no_more_than_it_can() -> None:
    shelves: Shelves[str, int] = Shelves()
    for number in range(4):
        shelves.keep("ada", str(number), number, 10, WIDE, float(number))
    shelves.fit(Room(entries=3, bytes=10_000, seconds=60.0), 4.0)
    assert list(shelves.all("ada", 4.0)) == [3, 2, 1]
    shelves.fit(Room(entries=3, bytes=10_000, seconds=2.0), 4.0)
    assert list(shelves.all("ada", 4.0)) == [3, 2]
    shelves.fit(Room(entries=3, bytes=15, seconds=60.0), 4.0)
    assert list(shelves.all("ada", 4.0)) == [3]
    shelves.fit(Room(entries=0, bytes=15, seconds=60.0), 4.0)
    assert list(shelves.all("ada", 4.0)) == []


@pytest.mark.parametrize("room", [Room(entries=1, bytes=100, seconds=60.0), Room(entries=9, bytes=10, seconds=60.0)])
def test_what_was_just_kept_is_not_what_gives_way(room: Room) -> None:
    shelves: Shelves[str, int] = Shelves()
    shelves.keep("ada", "a", 1, 10, room, 0.0)
    shelves.keep("eve", "e", 2, 10, room, 0.0)
    shelves.keep("ada", "b", 3, 10, room, 0.0)
    assert shelves.find("ada", "b", 0.0) == 3
    assert shelves.find("eve", "e", 0.0) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 40)), max_size=40))
def test_there_is_never_more_than_there_is_room_for(kept: list[tuple[str, int, int]]) -> None:
    room = Room(entries=5, bytes=100, seconds=60.0)
    shelves: Shelves[int, int] = Shelves()
    for owner, place, size in kept:
        shelves.keep(owner, place, size, size, room, 0.0)
        left = [size for owner in "abc" for size in shelves.all(owner, 0.0)]
        assert len(left) <= room.entries
        assert sum(left) <= room.bytes
