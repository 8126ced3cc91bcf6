"""What of a session's past a request does not say itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.dialects.history import unsaid


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def model(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


PAST = [user("One"), model("A"), user("Two"), model("B")]
BLOCKS = {"role": "assistant", "content": [{"type": "text", "text": "B\n"}]}
THOUGHT = {"type": "reasoning", "summary": []}


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ([user("Three")], PAST),
        ([*PAST, user("Three")], []),
        ([*PAST], []),
        ([user("Zero"), model("Z"), *PAST, user("Three")], []),
        ([*PAST[2:], user("Three")], PAST[:2]),
        ([PAST[3], user("Three")], PAST[:3]),
        ([PAST[2], BLOCKS, user("Three")], PAST[:2]),
        ([PAST[2], THOUGHT, BLOCKS, user("Three")], PAST[:2]),
        ([user("Else"), model("B"), user("Three")], PAST),
        ([user("Two")], PAST),
        ([], PAST),
    ],
)
def test_only_what_ends_with_the_last_answer_is_said_again(now: list[Any], left: list[Any]) -> None:
    past, said = ([msgspec.Raw(msgspec.json.encode(one)) for one in turns] for turns in (PAST, now))
    assert [msgspec.json.decode(one) for one in unsaid(past, said)] == left


def test_without_a_past_there_is_nothing_to_say() -> None:
    assert not unsaid([], [msgspec.Raw(msgspec.json.encode(user("One")))])
