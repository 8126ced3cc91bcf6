"""The seam between two texts, by value: what is said again, blanks, stop sequences, usage; any split alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Event, Finished, Stop, Stopped, Usage, Used, Wrote
from engine.dialects.joint import Joint
from engine.dialects.overlap import LONGEST, Overlap

END = [Stopped(Stop(reason="end")), Finished()]


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Wrote))


def new(said: str, *parts: str) -> str:
    overlap = Overlap(said)
    return "".join(map(overlap.feed, parts)) + overlap.end()


CASES = [
    # said so far, what comes, what of it is new
    ("", "anything", "anything"),
    ("The quick brown fox", " jumps", " jumps"),
    ("The quick brown fox", "brown fox jumps", " jumps"),
    ("The quick brown fox ", "brown fox jumps", "jumps"),
    ("The quick brown fox ", "fox and", "fox and"),
    ("The quick brown fox ", "quick brown fox and", "and"),
    ("quick bro", "brown fox", "wn fox"),
    ("quick bro", " brown", " brown"),
    ("quick br", "brown", "brown"),
    ("so much for", "for ever", " ever"),
    ("ha ha ha ", "ha ha ha ha", "ha ha ha ha"),
    ("| 0 | 0 |\n", "| 0 | 0 |\n", "| 0 | 0 |\n"),
    ("}\n    }\n", "}\n}\n", "}\n}\n"),
    ("x = 1000", "1000", "1000"),
    ("the end of it", "the end of it", ""),
]


@pytest.mark.parametrize(("said", "comes", "left"), CASES)
def test_what_is_said_again_is_taken_off(said: str, comes: str, left: str) -> None:
    assert new(said, comes) == left
    assert new(said, *comes) == left


@given(said=st.text(), comes=st.text(), data=st.data())
def test_any_split_is_read_alike(said: str, comes: str, data: st.DataObject) -> None:
    whole = new(said, comes)
    assert comes.endswith(whole)
    assert said.endswith(comes.removesuffix(whole))
    size = data.draw(st.integers(1, 5))
    assert new(said, *(comes[at : at + size] for at in range(0, len(comes), size))) == whole


def test_no_more_is_held_than_might_be_said_again() -> None:
    overlap = Overlap("ab" * LONGEST)
    assert len(overlap.feed("ab" * LONGEST)) == 2 * LONGEST


def joined(said: str, comes: list[Event], *, prefilled: bool = False, stops: tuple[str, ...] = ()) -> list[Event]:
    joint = Joint(said, prefilled=prefilled, stops=stops, before=Usage(input=10, output=5, estimated=True), reads=7)
    return [one for event in comes for one in joint.events([event])]


def test_blanks_that_a_model_was_not_shown_are_told_once() -> None:
    for comes in (" \n next", "next"):
        assert text(joined("said \n ", [Wrote(comes), *END], prefilled=True)) == "next"
    assert text(joined("said \n ", [Wrote(" "), Wrote("\nx"), *END], prefilled=True)) == "x"


@pytest.mark.parametrize("comes", [["D. no"], ["D", ".", " no"], ["D. EN", "D."]])
def test_a_stop_sequence_across_the_seam_ends_it(comes: list[str]) -> None:
    events = joined("well EN", [*map(Wrote, comes), *END], stops=("END.", "x"))
    assert text(events) == ""
    assert events[-3] == Stopped(Stop(reason="sequence", sequence="END."))
    assert isinstance(events[-1], Finished)


def test_what_only_looked_like_a_stop_sequence_is_told() -> None:
    assert text(joined("well EN", [Wrote("T"), Wrote("ER"), *END], stops=("END.",))) == "TER"
    assert text(joined("well EN", [*END], stops=("END.",))) == ""


def test_the_usage_of_all_is_told_once_known_and_guessed_where_not() -> None:
    told = joined("x", [Wrote("yy"), Used(Usage(input=3, output=4)), *END])
    assert [event.usage for event in told if isinstance(event, Used)] == [Usage(input=13, output=9, estimated=True)]
    guessed = joined("x", [Wrote("y" * 40), *END])
    assert [event.usage for event in guessed if isinstance(event, Used)] == [
        Usage(input=17, output=5 + 12, estimated=True)
    ]
