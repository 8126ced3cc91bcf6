"""Whose a response is: nobody finds another caller's, and who made one is who is asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.responses.house import (
    ADA,
    EVE,
    EVERY,
    JSON_OR_STREAM,
    TRANSLATED,
    House,
    good,
    message,
    refused,
    written,
)
from tests.support.apis import RESPONSES, payloads
from tests.support.script import as_json
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.http import Answer
    from tests.support.turnout import Turnout

MORE = """
  other: {{kind: openai, base_url: "{other}/v1", apis: [responses], api_key: env:TEST_OPENAI_KEY}}"""
MODELS = """
  either: {targets: [native/gpt-5.5, other/gpt-5.5, anthropic/claude-sonnet-5]}
  turned: {targets: [other/gpt-5.5, native/gpt-5.5]}
  nearest: {targets: [anthropic/claude-sonnet-5, native/gpt-5.5]}
  other: other/gpt-5.5"""
GONE = as_json({"error": {"message": "Previous response with id 'resp_x' not found.", "type": "x", "code": None}}, 400)


@pytest.fixture(scope="module")
def _other() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def other(_other: Upstream) -> Upstream:
    """A second upstream that has the API itself."""
    _other.clear()
    return _other


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream, _other: Upstream) -> Turnout:
    text = written(_openai, _anthropic, models=MODELS)
    return start(text.replace("defaults:", MORE.format(other=_other.url).lstrip("\n") + "\ndefaults:"))


def ident(answer: Answer) -> str:
    body = good(answer).body
    return str(answer.json["id"] if body.startswith(b"{") else payloads(body)[0]["response"]["id"])


# another caller ------------------------------------------------------------------------------------------------------


@EVERY
@JSON_OR_STREAM
def test_another_key_finds_none_of_it(house: House, model: str, stream: bool) -> None:
    first = ident(house.ask(model, stream=stream))
    asked = len(house.openai.requests) + len(house.anthropic.requests)
    for part in ("", "?stream=true", "/input_items"):
        refused(house.object(first, part, key=EVE), 404, None)
    refused(house.object(first, method="DELETE", key=EVE), 404, None)
    refused(house.object(first, "/cancel", method="POST", key=EVE), 404, None)
    for other in ("claude", "gpt", "native"):
        refused(house.ask(other, key=EVE, previous_response_id=first), 400, "previous_response_not_found")
    assert len(house.openai.requests) + len(house.anthropic.requests) == asked
    assert house.object(first).status == 200


@TRANSLATED
def test_nor_can_it_refer_to_an_item(house: House, model: str) -> None:
    first = good(house.ask(model, "A secret")).json
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    answer = house.ask(model, [message("What was it?"), reference], key=EVE)
    assert answer.status in (400, 404)
    RESPONSES.error(answer)
    assert len(house.upstream(model).requests) == 1


def test_anonymous_callers_are_told_apart_by_what_they_present(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    keys = written(openai, anthropic).partition("keys:")[0] + "keys: {anonymous: {}}\n"
    house = House(start(keys), openai, anthropic)
    first = ident(house.ask("claude", key="sk-of-one"))
    refused(house.object(first, key="sk-of-another"), 404, None)
    refused(house.object(first, key=""), 404, None)
    assert house.object(first, key="sk-of-one").status == 200


# who made it ---------------------------------------------------------------------------------------------------------


@JSON_OR_STREAM
def test_what_an_upstream_keeps_is_asked_of_that_upstream(
    house: House, openai: Upstream, other: Upstream, stream: bool
) -> None:
    openai.script(as_json({"error": {"message": "busy", "type": "server_error"}}, 503))
    first = ident(house.ask("either", stream=stream))
    openai.clear()
    for method, part in (("GET", ""), ("GET", "/input_items?limit=2"), ("POST", "/cancel"), ("DELETE", "")):
        answer = good(house.object(first, part, method=method))
        assert answer.json["target"] == f"{RESPONSES.path}/{first}{part}"
    assert [seen.method for seen in other.requests[1:]] == ["GET", "GET", "POST", "DELETE"]
    assert other.last.header("authorization") == "Bearer sk-upstream-openai-1234567890"
    assert openai.requests == []
    refused(house.object(first), 404, None)


@JSON_OR_STREAM
def test_who_goes_on_from_it_stays_with_the_upstream_that_made_it(
    house: House, openai: Upstream, other: Upstream, stream: bool
) -> None:
    first = ident(house.ask("other", stream=stream))
    body = {"stream": stream, "previous_response_id": first}
    for model in ("either", "turned", "other"):
        answer = good(house.ask(model, "And?", **body))
        assert answer.header("x-turnout-target") == "other/gpt-5.5"
        assert (other.last.json["previous_response_id"], other.last.json["input"]) == (first, "And?")
    assert (openai.requests, house.anthropic.requests) == ([], [])


@JSON_OR_STREAM
def test_a_fallback_does_not_leave_it(house: House, openai: Upstream, other: Upstream, stream: bool) -> None:
    """Nobody else knows what the conversation was."""
    first = ident(house.ask("native"))
    openai.clear()
    openai.script(as_json({"error": {"message": "out of order", "type": "server_error"}}, 503))
    answer = house.ask("either", stream=stream, previous_response_id=first)
    assert (answer.status, answer.json["error"]["message"]) == (503, "out of order")
    assert (len(openai.requests), other.requests, house.anthropic.requests) == (1, [], [])


def test_a_model_that_does_not_lead_there_does_not_know_it(house: House, other: Upstream) -> None:
    first = ident(house.ask("native"))
    for model in ("claude", "gpt", "other"):
        error = refused(house.ask(model, previous_response_id=first), 400, "previous_response_not_found")
        assert error["param"] == "previous_response_id"
    assert (other.requests, house.anthropic.requests) == ([], [])


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_what_turnout_keeps_can_be_taken_to_any_upstream(house: House, other: Upstream, model: str) -> None:
    """It is put in its place: a vendor that never saw it is told everything."""
    first = ident(house.ask(model, "One"))
    for name, upstream in (("native", house.openai), ("other", other)):
        good(house.ask(name, "Two", previous_response_id=first))
        sent = upstream.last.json
        assert "previous_response_id" not in sent
        said: list[Any] = [item["content"] for item in sent["input"]]
        texts = [one if isinstance(one, str) else one[0]["text"] for one in said]
        assert texts == ["One", "Hello there", "Two"]


def test_an_unknown_one_is_asked_of_a_vendor_and_told_in_its_own_words(house: House, openai: Upstream) -> None:
    """It may have been made before this Turnout was started."""
    openai.script(GONE)
    answer = house.ask("either", previous_response_id="resp_of_old")
    assert (answer.status, answer.body) == (400, GONE.body)
    assert openai.last.json["previous_response_id"] == "resp_of_old"
    good(house.ask("nearest", previous_response_id="resp_of_old"))
    assert (len(openai.requests), house.anthropic.requests) == (2, [])


@TRANSLATED
def test_where_no_vendor_could_know_it_the_error_is_the_vendors(house: House, model: str) -> None:
    error = refused(house.ask(model, previous_response_id="resp_of_old"), 400, "previous_response_not_found")
    assert error["message"] == "Previous response with id 'resp_of_old' not found."
    assert error["type"] == "invalid_request_error"
    refused(house.object("resp_of_old"), 404, None)
    assert house.upstream(model).requests == []


def test_what_was_not_to_be_kept_is_not_known_to_be_the_upstreams(house: House) -> None:
    first = ident(house.ask("native", store=False))
    refused(house.object(first), 404, None)


def test_a_response_of_an_upstream_is_found_by_its_maker_under_every_name(house: House) -> None:
    """ADA gets what ADA made, whatever entry it was asked for."""
    first = ident(house.ask("native", key=ADA))
    assert good(house.object(first, key=ADA)).json["method"] == "GET"
