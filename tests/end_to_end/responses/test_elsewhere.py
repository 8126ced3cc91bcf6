"""What a model refuses in chat completions and takes in the Responses API of its upstream: it is asked there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.oracles import request_flaws
from tests.dialects.rules import broken
from tests.end_to_end.responses.house import ADA, JSON_OR_STREAM, by, good, written
from tests.end_to_end.translation.turns import Turn, asking, back, heard, results, told, tools
from tests.support.answers import usual
from tests.support.apis import CHAT, RESPONSES
from tests.support.http import Answer, post
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.end_to_end.responses.house import House
    from tests.support.script import Reply
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

Json = dict[str, Any]

MODELS = """
  both-*: both/*
  chat-*: openai/*"""
ABSENT = "This model is only supported in v1/responses and not in v1/chat/completions."
EFFORT = (
    "Function tools with reasoning_effort are not supported for this model in /v1/chat/completions. Please use "
    "/v1/responses instead."
)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    both = f'  both: {{kind: openai, base_url: "{_openai.url}/v1", apis: [chat, responses]}}\n'
    return start(written(_openai, _anthropic, models=MODELS).replace("defaults:", both + "defaults:"))


def never_in_chat(seen: Seen) -> Reply:
    """A model that knows no chat completions, as gpt-5-pro and the codex models."""
    if seen.path == RESPONSES.path:
        return usual(seen)
    return as_json(CHAT.refusal("invalid_request_error", ABSENT, "unsupported_api"), 404)


def no_effort_beside_tools(seen: Seen) -> Reply:
    """A model that reasons beside tools in the other API only, as gpt-5.4 and later."""
    body = seen.json
    if seen.path == RESPONSES.path or not ("tools" in body and "reasoning_effort" in body):
        return usual(seen)
    return as_json(CHAT.refusal("invalid_request_error", EFFORT), 400)


def ask(house: House, model: str, *turns: Json, stream: bool = False, **fields: Any) -> Answer:
    body = {**CHAT.body(model, stream=stream), **asking(CHAT, *turns), **fields}
    return post(house.turnout.url, CHAT.path, body, by(ADA))


def paths(house: House) -> list[str]:
    return [seen.path for seen in house.openai.requests]


@JSON_OR_STREAM
def test_a_model_that_knows_no_chat_is_asked_there_and_at_once_the_next_time(house: House, stream: bool) -> None:
    house.openai.answer = never_in_chat
    model = f"both-gpt-{'5-pro' if stream else '5.3-codex'}"
    first, second = (good(ask(house, model, stream=stream, seed=7)) for _ in range(2))
    assert paths(house) == [CHAT.path, RESPONSES.path, RESPONSES.path]
    for answer in (first, second):
        assert heard(CHAT, answer) == Turn(says="Hello there")
        assert "seed" in str(answer.header("x-turnout-loss"))
    assert (first.header("x-turnout-attempts"), second.header("x-turnout-attempts")) == ("2", "1")
    sent = house.openai.last.json
    assert request_flaws("responses", sent) + broken("responses", sent) == []


HARD: Json = {"tools": tools(CHAT, "read_file"), "reasoning_effort": "high"}


@JSON_OR_STREAM
def test_an_effort_beside_tools_is_asked_there_and_all_else_in_chat(house: House, stream: bool) -> None:
    house.openai.answer = no_effort_beside_tools
    model = f"both-gpt-{'5.6' if stream else '5.5'}"
    for fields in (HARD, HARD, {"tools": HARD["tools"]}, {"reasoning_effort": "high"}):
        good(ask(house, model, stream=stream, **fields))
    assert paths(house) == [CHAT.path, RESPONSES.path, RESPONSES.path, CHAT.path, CHAT.path]
    sent = next(seen.json for seen in house.openai.requests if seen.path == RESPONSES.path)
    assert (sent["reasoning"]["effort"], sent["tools"][0]["name"]) == ("high", "read_file")


@JSON_OR_STREAM
def test_the_loop_goes_on_there_with_its_reasoning(house: House, stream: bool) -> None:
    house.openai.answer = no_effort_beside_tools
    turn = Turn("Look at the file.", "Reading.", (("call_1", "read_file", {"path": "/a"}),), "gAAAAAreal+/==")
    house.openai.script(
        as_json(CHAT.refusal("invalid_request_error", EFFORT), 400), told(RESPONSES, turn, stream=stream)
    )
    model = f"both-gpt-{'6' if stream else '5.4'}"
    answer = ask(house, model, stream=stream, **HARD)
    assert heard(CHAT, answer) == turn
    good(ask(house, model, *back(CHAT, answer), *results(CHAT, turn), stream=stream, **HARD))
    reasoning = [item for item in house.openai.last.json["input"] if item["type"] == "reasoning"]
    assert [item["encrypted_content"] for item in reasoning] == ["gAAAAAreal+/=="]


@pytest.mark.parametrize("refusing", [never_in_chat, no_effort_beside_tools], ids=["no chat", "no effort"])
def test_where_there_is_no_such_api_the_refusal_is_the_clients(house: House, refusing: Any) -> None:
    house.openai.answer = refusing
    answer = ask(house, "chat-gpt-5.5", **HARD)
    assert answer.status == (404 if refusing is never_in_chat else 400)
    assert "v1/responses" in CHAT.error(answer)["message"]
    assert paths(house) == [CHAT.path]


def test_what_that_api_cannot_do_at_all_is_refused_as_before(house: House) -> None:
    house.openai.answer = never_in_chat
    answer = ask(house, "both-o1-pro", n=2)
    assert (answer.status, CHAT.error(answer)["message"]) == (404, ABSENT)
    assert paths(house) == [CHAT.path]
