"""What the answers of both APIs have in common; how each uses it is in its own tests."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Stop
from engine.dialects.codec import Asked
from engine.dialects.openai.answers import Ids, explanation, guessed, note_stop

ASKED = Asked(model="asked", id="x", created=0, input_tokens=33)
FIT = re.compile(r"[a-z0-9_]{1,40}")

wishes = st.lists(
    st.text(st.characters(), max_size=50) | st.sampled_from(["", "a", "call_x_0", "call_x_1"]), max_size=6
)


@given(wishes, st.sampled_from([None, FIT]))
def test_ids_are_never_given_twice(wishes: list[str], fit: re.Pattern[str] | None) -> None:
    ids = Ids(ASKED, fit)
    given = [ids.give(wish) for wish in wishes]
    assert len(set(given)) == len(given)
    assert all(given)
    assert fit is None or all(fit.fullmatch(one) for one in given)


@given(wishes)
def test_they_are_the_same_every_time(wishes: list[str]) -> None:
    one, other = Ids(ASKED, FIT), Ids(ASKED, FIT)
    assert [one.give(wish) for wish in wishes] == [other.give(wish) for wish in wishes]


def test_an_id_that_does_not_fit_is_the_same_in_every_answer() -> None:
    assert Ids(ASKED, FIT).give("A b") == Ids(Asked(model="m", id="y", created=1), FIT).give("A b")
    assert Ids(ASKED).give("A b") == "A b"


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        (Stop(reason="refusal", details={"explanation": "No."}), "No."),
        (Stop(reason="refusal", details={"explanation": ""}), None),
        (Stop(reason="refusal", details={"explanation": 7}), None),
        (Stop(reason="refusal"), None),
        (Stop(reason="end", details={"explanation": "No."}), None),
    ],
)
def test_what_the_vendor_says_of_a_refusal(stop: Stop, said: str | None) -> None:
    assert explanation(stop) == said


@pytest.mark.parametrize(
    ("stop", "noted"),
    [
        (Stop(reason="end"), []),
        (Stop(reason="pause"), [("stop_reason", "dropped")]),
        (Stop(reason="context"), [("stop_reason", "approximated")]),
        (Stop(reason="refusal", details={"category": "bio"}), [("stop_details.category", "dropped")]),
        (Stop(reason="refusal", details={"category": None}), []),
    ],
)
def test_what_is_noted_of_a_stop(stop: Stop, noted: list[tuple[str, str]]) -> None:
    asked = Asked(model="asked", id="x", created=0)
    note_stop(stop, asked)
    assert [(loss.path, loss.grade) for loss in asked.lost.found] == noted


def test_a_guess_says_that_it_is_one() -> None:
    usage = guessed(ASKED, 100)
    assert (usage.input, usage.output, usage.estimated) == (33, 29, True)
