"""How much is kept: `state.responses` bounds it in number, size and age, and an edit of the file loses none of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.responses.house import ADA, EVE, House, good, refused, written
from tests.end_to_end.translation.house import lost

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.upstream import Upstream


def text(openai: Upstream, anthropic: Upstream, room: str, models: str = "") -> str:
    return written(openai, anthropic, models=models, more=f"state: {{responses: {{{room}}}}}")


def ask(house: House, said: str = "Hi", key: str = ADA) -> str:
    return str(good(house.ask("claude", said, key=key)).json["id"])


def kept(house: House, *idents: str, key: str = ADA) -> list[bool]:
    return [house.object(ident, key=key).status == 200 for ident in idents]


def test_a_number_of_responses(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(text(openai, anthropic, "entries: 2")), openai, anthropic)
    idents = [ask(house) for _ in range(4)]
    assert kept(house, *idents) == [False, False, True, True]


def test_who_keeps_most_gives_way(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(text(openai, anthropic, "entries: 3")), openai, anthropic)
    hers = ask(house, key=EVE)
    idents = [ask(house) for _ in range(5)]
    assert kept(house, *idents) == [False, False, False, True, True]
    assert kept(house, hers, key=EVE) == [True]


def test_an_amount_of_bytes(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(text(openai, anthropic, "size: 100KB")), openai, anthropic)
    idents = [ask(house, "x" * 40_000) for _ in range(3)]
    assert kept(house, *idents) == [False, True, True]
    large = good(house.ask("claude", "x" * 200_000))
    assert kept(house, large.json["id"], idents[2]) == [False, True], "nothing gives way to it"
    assert "state.responses.size" in lost(large)["store"]


def test_a_time(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(text(openai, anthropic, "ttl: 1s")), openai, anthropic)
    ident = ask(house)
    assert kept(house, ident) == [True]
    deadline = time.monotonic() + 30
    while kept(house, ident) == [True] and time.monotonic() < deadline:
        time.sleep(0.1)
    refused(house.ask("claude", previous_response_id=ident), 400, "previous_response_not_found")


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_nothing_at_all(start: Start, openai: Upstream, anthropic: Upstream, model: str) -> None:
    """Who has no room for responses still answers, and says that nothing is kept."""
    house = House(start(text(openai, anthropic, "entries: 0")), openai, anthropic)
    answer = good(house.ask(model))
    assert answer.json["output"][0]["content"][0]["text"] == "Hello there"
    assert answer.json["store"] is False
    refused(house.object(answer.json["id"]), 404, None)
    refused(house.ask(model, previous_response_id=answer.json["id"]), 400, "previous_response_not_found")


def test_an_edit_of_the_file_loses_none(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(text(openai, anthropic, "entries: 9")), openai, anthropic)
    ident = ask(house, "One")
    edited = text(openai, anthropic, "entries: 9", models="  more: anthropic/claude-opus-5")
    house.turnout.taken(lambda: house.turnout.rewrite(edited))
    assert kept(house, ident) == [True]
    good(house.ask("more", "Two", previous_response_id=ident))
    assert b"One" in house.anthropic.last.body


def test_less_room_counts_at_once(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(text(openai, anthropic, "entries: 9")), openai, anthropic)
    idents = [ask(house) for _ in range(3)]
    house.turnout.taken(lambda: house.turnout.rewrite(text(openai, anthropic, "entries: 1")))
    assert kept(house, *idents) == [False, False, True]


def test_less_room_counts_for_the_next_response_too(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(text(openai, anthropic, "entries: 9")), openai, anthropic)
    idents = [ask(house) for _ in range(3)]
    house.turnout.taken(lambda: house.turnout.rewrite(text(openai, anthropic, "entries: 2")))
    idents.append(ask(house))
    assert kept(house, *idents) == [False, False, True, True]
