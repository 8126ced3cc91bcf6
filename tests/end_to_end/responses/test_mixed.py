"""Conversations that go from vendor to vendor: whoever is next gets all that was said, and its own thoughts only."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.oracles import request_flaws
from tests.dialects.rules import broken
from tests.end_to_end.responses.house import ADA, JSON_OR_STREAM, by, good, written
from tests.end_to_end.translation.turns import THINK, Turn, asking, back, heard, results, told, tools
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api, payloads
from tests.support.http import Answer, post

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.end_to_end.responses.house import House
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

Json = dict[str, Any]

SERVED: dict[str, Api] = {"claude": MESSAGES, "gpt": CHAT, "only": RESPONSES}
ORDERS = [*permutations(SERVED, 3)]
SEALS = {"claude": "EqQBclaude+/==", "gpt": "", "only": "gAAAAAonly+/=="}
"""Model -> what its vendor puts on its thoughts."""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    only = f'  only: {{kind: openai, base_url: "{_openai.url}/v1", apis: [responses]}}\n'
    text = written(_openai, _anthropic, models="  only: only/gpt-5.5")
    return start(text.replace("defaults:", only + "defaults:"))


def turn(model: str, number: int) -> Turn:
    calls = ((f"call_{model}{number}", "read_file", {"path": f"/{model}/{number}"}),)
    return Turn(f"Thoughts of {model}, {number}.", f"Reading {number}.", calls, SEALS[model])


class Conversation:
    """A client of one API in the middle of a tool loop; `step` lets a model take the next turn."""

    def __init__(self, house: House, api: Api, stream: bool) -> None:
        self.house, self.api, self.stream = house, api, stream
        self.turns: list[Json] = []
        self.taken: list[Turn] = []

    def step(self, model: str) -> Seen:
        """Let `model` think, speak and call; bring it the result. Return what its upstream was sent."""
        mine = turn(model, len(self.taken))
        upstream = self.house.upstream(model)
        upstream.script(told(SERVED[model], mine, stream=self.stream))
        answer = self._ask(model)
        assert heard(self.api, answer) == mine
        self.turns += [*back(self.api, answer), *results(self.api, heard(self.api, answer), f"result {mine.says}")]
        self.taken.append(mine)
        return upstream.last

    def _ask(self, model: str) -> Answer:
        fields = {**THINK[self.api.name], **asking(self.api, *self.turns), "tools": tools(self.api, "read_file")}
        if self.api is RESPONSES:
            fields |= {"store": False, "include": ["reasoning.encrypted_content"]}
        body = {**self.api.body(model, stream=self.stream), **fields}
        return good(post(self.house.turnout.url, self.api.path, body, by(ADA)))


@pytest.mark.parametrize("order", ORDERS, ids=" to ".join)
@pytest.mark.parametrize("api", APIS, ids=lambda api: f"{api.name} client")
@JSON_OR_STREAM
def test_a_loop_that_changes_its_vendor_at_every_step(
    house: House, api: Api, order: tuple[str, ...], stream: bool
) -> None:
    talk = Conversation(house, api, stream)
    for model in (*order, *order):
        seen = talk.step(model)
        served = SERVED[model]
        if served is not api:  # its own API passes as the client wrote it
            assert request_flaws(served.name, seen.json) + broken(served.name, seen.json) == []
        for earlier in talk.taken[:-1]:
            assert earlier.says.encode() in seen.body
            assert f"result {earlier.says}".encode() in seen.body
        for other, seal in SEALS.items():
            assert other == model or not seal or seal.encode() not in seen.body, f"{model} was sent what {other} signed"
        assert b"turnout1." not in seen.body


@pytest.mark.parametrize("model", ["claude", "only"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: f"{api.name} client")
@JSON_OR_STREAM
def test_who_comes_back_finds_its_own_thoughts_again(house: House, api: Api, model: str, stream: bool) -> None:
    """Another vendor has taken a step meanwhile."""
    talk = Conversation(house, api, stream)
    for name in (model, "gpt", model, "claude" if model == "only" else "only"):
        talk.step(name)
    seen = talk.step(model)
    own = [one for one in talk.taken[:-1] if one.sealed == SEALS[model]]
    assert len(own) == 2
    for one in own:
        assert one.thinks.encode() in seen.body
    assert seen.body.count(SEALS[model].encode()) == 2


@pytest.mark.parametrize("models", [*permutations(("claude", "gpt"), 2)], ids=" to ".join)
@JSON_OR_STREAM
def test_a_kept_response_is_gone_on_from_at_another_vendor(house: House, models: tuple[str, str], stream: bool) -> None:
    first, second = models
    house.upstream(first).script(told(SERVED[first], turn(first, 0), stream=stream))
    asked: Json = {"tools": tools(RESPONSES, "read_file"), **THINK["responses"]}
    one = house.ask(first, "Read it", stream=stream, **asked)
    bring = results(RESPONSES, heard(RESPONSES, one), "it says")
    ident = payloads(one.body)[0]["response"]["id"] if stream else one.json["id"]
    good(house.ask(second, bring, stream=stream, previous_response_id=ident, **asked))
    seen = house.upstream(second).last
    api = SERVED[second].name
    assert request_flaws(api, seen.json) + broken(api, seen.json) == []
    assert (b"Reading 0." in seen.body, b"it says" in seen.body) == (True, True)
    assert b"EqQBclaude" not in seen.body
