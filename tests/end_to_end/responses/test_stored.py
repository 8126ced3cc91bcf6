"""Responses that Turnout keeps, because their upstream knows no such thing: gone on from, read, listed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.oracles import answer_flaws, request_flaws
from tests.dialects.rules import broken
from tests.end_to_end.responses.house import JSON_OR_STREAM, TRANSLATED, good, message, refused
from tests.end_to_end.translation.turns import PATH, READING, output, told
from tests.support.apis import CHAT, MESSAGES, RESPONSES, payloads
from tests.support.script import as_stream
from tests.support.wire import violations

if TYPE_CHECKING:
    from tests.end_to_end.responses.house import House
    from tests.support.http import Answer

READ = {"type": "function", "name": "read_file", "parameters": PATH, "strict": False}


def response(answer: Answer) -> Any:
    """Return the response that an answer is, or that a stream ended with."""
    body = good(answer).body
    return answer.json if body.startswith(b"{") else payloads(body)[-1]["response"]


def texts(model: str, house: House) -> list[tuple[str, str]]:
    """Return who said what, as the upstream was told."""
    turns = []
    for one in house.sent(model):
        parts = [one["content"]] if isinstance(one["content"], str) else [part["text"] for part in one["content"]]
        turns.append((one["role"], "".join(parts)))
    return turns


@TRANSLATED
@JSON_OR_STREAM
def test_a_conversation_goes_on_from_the_id_of_its_last_response(house: House, model: str, stream: bool) -> None:
    first = response(house.ask(model, "One", stream=stream))
    second = response(house.ask(model, [message("Two")], stream=stream, previous_response_id=first["id"]))
    assert texts(model, house) == [("user", "One"), ("assistant", "Hello there"), ("user", "Two")]
    assert second["previous_response_id"] == first["id"] != second["id"]
    good(house.ask(model, "Three", stream=stream, previous_response_id=second["id"]))
    assert [text for _, text in texts(model, house)] == ["One", "Hello there", "Two", "Hello there", "Three"]
    assert b"previous_response_id" not in house.upstream(model).last.body


@TRANSLATED
def test_two_can_go_on_from_one(house: House, model: str) -> None:
    first = response(house.ask(model, "One"))
    for text in ("this", "that"):
        good(house.ask(model, text, previous_response_id=first["id"]))
        assert texts(model, house)[-1] == ("user", text)
        assert len(texts(model, house)) == 3


@TRANSLATED
def test_instructions_are_those_of_the_request(house: House, model: str) -> None:
    """openai 3.54: with previous_response_id the instructions of the response before are not carried over."""
    first = response(house.ask(model, "One", instructions="Be brief"))
    good(house.ask(model, "Two", previous_response_id=first["id"]))
    assert b"Be brief" not in house.upstream(model).last.body


@TRANSLATED
@JSON_OR_STREAM
def test_a_tool_loop_goes_on_from_the_response_with_the_call(house: House, model: str, stream: bool) -> None:
    api = MESSAGES if model == "claude" else CHAT
    house.upstream(model).script(told(api, READING, stream=stream))
    answer = house.ask(model, "Read it", stream=stream, tools=[READ])
    call = next(item for item in output(answer) if item["type"] == "function_call")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "it says"}
    good(house.ask(model, [result], stream=stream, tools=[READ], previous_response_id=response(answer)["id"]))
    sent = house.upstream(model).last.json
    assert request_flaws(api.name, sent) + broken(api.name, sent) == []
    assert b"it says" in house.upstream(model).last.body
    assert b"Reading." in house.upstream(model).last.body


def test_the_reasoning_of_claude_comes_back_to_it_from_what_is_kept(house: House) -> None:
    """The client sends nothing but the result: the thought and its signature stand in what Turnout keeps."""
    house.anthropic.script(told(MESSAGES, READING, stream=False))
    answer = house.ask("claude", "Read it", tools=[READ], reasoning={"effort": "low"})
    [call] = [item["call_id"] for item in output(answer) if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call, "output": "it says"}
    good(house.ask("claude", [result], tools=[READ], previous_response_id=answer.json["id"]))
    blocks = house.sent("claude")[1]["content"]
    assert blocks[0] == {"type": "thinking", "thinking": READING.thinks, "signature": READING.sealed}


@TRANSLATED
@JSON_OR_STREAM
def test_it_is_read_as_it_was_told(house: House, model: str, stream: bool) -> None:
    first = response(house.ask(model, "One", stream=stream, metadata={"team": "a"}))
    answer = good(house.object(first["id"]))
    assert answer.json == first
    assert (first["store"], first["metadata"], first["model"]) == (True, {"team": "a"}, model)
    assert answer_flaws("responses", answer.json) == []
    assert answer.header("content-type") == "application/json"


@TRANSLATED
def test_it_is_read_as_the_stream_that_it_was(house: House, model: str) -> None:
    told_first = good(house.ask(model, "One", stream=True))
    first = response(told_first)
    again = good(house.object(first["id"], "?stream=true"))
    assert str(again.header("content-type")).startswith("text/event-stream")
    assert RESPONSES.text(again.body) == "Hello there"
    assert payloads(again.body)[-1]["response"] == first
    numbers = [value["sequence_number"] for value in payloads(again.body)]
    assert numbers == list(range(len(numbers)))


@TRANSLATED
@pytest.mark.parametrize("after", [0, 2, 5])
def test_it_is_streamed_from_where_the_client_had_stopped(house: House, model: str, after: int) -> None:
    first = response(house.ask(model, "One"))
    whole = payloads(good(house.object(first["id"], "?stream=true")).body)
    rest = good(house.object(first["id"], f"?stream=true&starting_after={after}"))
    assert payloads(rest.body) == whole[after + 1 :]
    assert violations("responses", rest.body, after=after) == []


def test_one_that_is_not_to_be_kept_is_not(house: House) -> None:
    first = good(house.ask("claude", store=False)).json
    assert first["store"] is False
    refused(house.object(first["id"]), 404, None)
    error = refused(house.ask("claude", previous_response_id=first["id"]), 400, "previous_response_not_found")
    assert (error["param"], first["id"] in error["message"]) == ("previous_response_id", True)


def test_nor_is_one_that_broke_off(house: House) -> None:
    house.anthropic.script(as_stream(MESSAGES.begun("Hello")))
    answer = house.ask("claude", stream=True)
    failed = payloads(answer.body)[-1]
    assert failed["type"] == "response.failed"
    refused(house.object(failed["response"]["id"]), 404, None)


@TRANSLATED
def test_the_items_it_answered_are_listed_in_pages(house: House, model: str) -> None:
    first = response(house.ask(model, [message("One"), message("Be brief", "developer"), message("Two")]))
    last = response(house.ask(model, "Three", previous_response_id=first["id"]))
    items = good(house.object(last["id"], "/input_items?order=asc")).json
    said = [part["text"] for item in items["data"] for part in item["content"]]
    assert said == ["One", "Be brief", "Two", "Hello there", "Three"]
    ids = [item["id"] for item in items["data"]]
    assert (items["first_id"], items["last_id"], items["has_more"]) == (ids[0], ids[-1], False)
    newest = good(house.object(last["id"], "/input_items?limit=2")).json
    assert ([item["id"] for item in newest["data"]], newest["has_more"]) == (ids[:2:-1], True)
    rest = good(house.object(last["id"], f"/input_items?limit=9&after={newest['last_id']}")).json
    assert ([item["id"] for item in rest["data"]], rest["has_more"]) == (ids[2::-1], False)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=up", "after=msg_nobody"])
def test_a_page_that_there_is_not(house: House, query: str) -> None:
    first = response(house.ask("claude"))
    answer = house.object(first["id"], f"/input_items?{query}")
    assert (answer.status, RESPONSES.error(answer)["param"]) == (400, query.partition("=")[0])


@TRANSLATED
def test_an_item_can_be_referred_to(house: House, model: str) -> None:
    first = response(house.ask(model, "One"))
    [item] = first["output"]
    for reference in ({"type": "item_reference", "id": item["id"]}, {"id": item["id"]}):
        good(house.ask(model, [message("One"), reference, message("Two")]))
        assert texts(model, house) == [("user", "One"), ("assistant", "Hello there"), ("user", "Two")]


@TRANSLATED
def test_what_is_deleted_is_gone(house: House, model: str) -> None:
    first = response(house.ask(model))
    gone = good(house.object(first["id"], method="DELETE")).json
    assert (gone["id"], gone["deleted"]) == (first["id"], True)
    for answer in (house.object(first["id"]), house.object(first["id"], method="DELETE")):
        refused(answer, 404, None)
    refused(house.ask(model, previous_response_id=first["id"]), 400, "previous_response_not_found")


def test_what_has_been_answered_cannot_be_cancelled(house: House) -> None:
    """openai 3.54: only responses in the background can; and those are not translated."""
    first = response(house.ask("claude"))
    answer = house.object(first["id"], "/cancel", method="POST")
    assert answer.status == 400
    assert "synchronous" in RESPONSES.error(answer)["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_nothing_else_can_be_done_with_it(house: House, method: str) -> None:
    first = response(house.ask("claude"))
    assert house.object(first["id"], method=method).status in (404, 405)
    assert good(house.object(first["id"])).json == first


def test_head_is_the_head_of_get(house: House) -> None:
    first = response(house.ask("claude"))
    answer = house.object(first["id"], method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
