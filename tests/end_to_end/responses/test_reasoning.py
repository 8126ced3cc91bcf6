"""Encrypted reasoning between the turns of clients of other APIs: back to the model that thought it, unmodified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.oracles import request_flaws
from tests.dialects.rules import broken
from tests.end_to_end.responses.house import ADA, EVE, JSON_OR_STREAM, by, good, written
from tests.end_to_end.translation.turns import asking, back, heard, results, tools
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import Answer, post
from tests.support.items import call_item, message_item, response_of, response_stream
from tests.support.loop import Call
from tests.support.script import CUT, Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.end_to_end.responses.house import House
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

Json = dict[str, Any]

MODELS = """
  only: only/gpt-5.5
  only-*: only/*
  deepseek: openai/deepseek-reasoner"""
CLIENTS = pytest.mark.parametrize("api", [CHAT, MESSAGES], ids=lambda api: f"{api.name} client")


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    only = f'  only: {{kind: openai, base_url: "{_openai.url}/v1", apis: [responses]}}\n'
    return start(written(_openai, _anthropic, models=MODELS).replace("defaults:", only + "defaults:"))


def thought(number: int, *summary: str) -> Json:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    return {"type": "reasoning", "id": f"rs_{number}", "summary": parts, "encrypted_content": f"gAAAAB{number}+/-_=="}


def call(number: int) -> Json:
    return call_item(Call("read_file", {"path": f"/{number}"}, str(number)))


TURNS: dict[str, list[Json]] = {
    "summed up": [thought(1, "Look at the file."), call(1)],
    "not summed up": [thought(1), call(1)],
    "in two parts": [thought(1, "Look at the file.", "Then tell."), message_item("Reading."), call(1), call(2)],
    "twice": [thought(1, "One file."), call(1), thought(2, "And the other."), call(2)],
    "twice in a row": [thought(1, "One file."), thought(2), call(1)],
}


def reply(items: list[Json], *, stream: bool) -> Reply:
    whole = response_of(*items)
    return as_stream(response_stream(whole)) if stream else as_json(whole)


def ask(
    house: House, api: Api, *turns: Json, key: str = ADA, model: str = "only", hi: str = "Hi", **fields: Any
) -> Answer:
    body = {**api.body(model), **asking(api, *turns, text=hi), "tools": tools(api, "read_file"), **fields}
    return good(post(house.turnout.url, api.path, body, by(key)))


def sent(house: House) -> list[Json]:
    """Return the items that the upstream was sent last, after the question; the request must be sound."""
    body = house.openai.last.json
    assert request_flaws("responses", body) + broken("responses", body) == []
    items: list[Json] = body["input"][1:]
    return items


def reasoning(house: House) -> list[Json]:
    return [item for item in sent(house) if item["type"] == "reasoning"]


def of(items: list[Json]) -> list[Json]:
    """Return the reasoning of a turn; no other API parts its summary, so it comes back in one part."""
    thoughts = [item for item in items if item["type"] == "reasoning"]
    texts = ["\n\n".join(part["text"] for part in item["summary"]) for item in thoughts]
    return [
        {**one, "summary": thought(0, text)["summary"] if text else []}
        for one, text in zip(thoughts, texts, strict=True)
    ]


@CLIENTS
@JSON_OR_STREAM
@pytest.mark.parametrize("turn", TURNS)
def test_it_comes_back_as_it_was_where_it_stood(house: House, api: Api, stream: bool, turn: str) -> None:
    """The client has no place for it, or was not shown any: Turnout keeps it."""
    items = TURNS[turn]
    house.openai.script(reply(items, stream=stream))
    answer = ask(house, api, hi=turn, stream=stream)
    assert b"gAAAA" not in answer.body
    ask(house, api, *back(api, answer), *results(api, heard(api, answer)), hi=turn)
    assert reasoning(house) == of(items)
    told = [item["type"] for item in sent(house) if not item["type"].endswith("_output")]
    assert told == [item["type"] for item in items]


@JSON_OR_STREAM
@pytest.mark.parametrize("turn", TURNS)
def test_a_client_that_is_shown_it_carries_it_under_our_seal(house: House, stream: bool, turn: str) -> None:
    """Whoever asks with another key gets nothing out of our memory: it stands in what the client brings."""
    items, think = TURNS[turn], {"thinking": {"type": "adaptive", "display": "summarized"}}
    house.openai.script(reply(items, stream=stream))
    answer = ask(house, MESSAGES, stream=stream, **think)
    assert b"turnout1." in answer.body
    turns = [*back(MESSAGES, answer), *results(MESSAGES, heard(MESSAGES, answer))]
    ask(house, MESSAGES, *turns, key=EVE, **think)
    assert reasoning(house) == of(items)


def test_so_does_a_chat_client_that_keeps_what_it_is_given(house: House) -> None:
    house.openai.script(reply(TURNS["summed up"], stream=False))
    answer = ask(house, CHAT)
    message = answer.json["choices"][0]["message"]
    assert message["reasoning_content"] == "Look at the file."
    ask(house, CHAT, message, *results(CHAT, heard(CHAT, answer)), key=EVE)
    assert reasoning(house) == [thought(1, "Look at the file.")]


@CLIENTS
@pytest.mark.parametrize("other", [{"key": EVE}, {"hi": "Something else"}, {"model": "only-gpt-5"}], ids=str)
def test_nobody_else_is_given_it(house: House, api: Api, other: Json) -> None:
    house.openai.script(reply(TURNS["summed up"], stream=False))
    answer = ask(house, api)
    turns = [*back(api, answer), *results(api, heard(api, answer))]
    ask(house, api, *turns, **other)
    assert reasoning(house) == []
    ask(house, api, *turns)
    assert reasoning(house) == [thought(1, "Look at the file.")], "and it is still there"


@CLIENTS
@pytest.mark.parametrize("model", ["claude", "gpt", "deepseek"])
def test_no_other_vendor_ever_gets_it(house: House, api: Api, model: str) -> None:
    house.openai.script(reply(TURNS["summed up"], stream=False))
    think: Json = {"thinking": {"type": "adaptive"}} if api is MESSAGES else {}
    answer = ask(house, api, **think)
    ask(house, api, *back(api, answer), *results(api, heard(api, answer)), model=model, **think)
    seen = house.upstream(model).last
    for secret in (b"gAAAA", b"turnout1.", b"rs_1"):
        assert secret not in seen.body


@CLIENTS
def test_an_answer_that_broke_off_is_not_remembered(house: House, api: Api) -> None:
    events = response_stream(response_of(*TURNS["summed up"]))
    house.openai.script(as_stream([*events[:-1], CUT]), reply([call(1)], stream=False))
    body = {**api.body("only", stream=True), **asking(api, text="Broken"), "tools": tools(api, "read_file")}
    assert post(house.turnout.url, api.path, body, by(ADA)).status == 200
    answer = ask(house, api, hi="Broken")
    ask(house, api, *back(api, answer), *results(api, heard(api, answer)), hi="Broken")
    assert reasoning(house) == []


def test_a_client_of_the_api_itself_brings_it_byte_for_byte(house: House) -> None:
    """Straight: whatever it is, nobody looks at it."""
    items = [thought(1, "Look at the file."), {"type": "reasoning", "id": "rs_2", "summary": [], "novel": [1.0]}]
    items += [call(1), {"type": "function_call_output", "call_id": "call_1", "output": "x"}]
    ask(house, RESPONSES, *items)
    assert house.openai.last.json["input"][1:] == items
