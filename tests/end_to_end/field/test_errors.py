"""Failures that were hidden, reworded, told in the wrong form, or not acted on."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import ACROSS, EVERY_WAY, JSON_OR_STREAM, House, Way, file
from tests.support.answers import data, event
from tests.support.apis import APIS, CHAT, MESSAGES, OVERLOADED, SERVER_ERROR, Api
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.http import Answer
    from tests.support.script import Reply
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  alone-openai: openai/gpt-5.5
  alone-anthropic: anthropic/claude-sonnet-5
  again-openai: {targets: [openai/gpt-5.5], retries: 1}
  again-anthropic: {targets: [anthropic/claude-sonnet-5], retries: 1}
  spare-openai: {targets: [openai/gpt-5.5], fallback: [openai/gpt-5.5-mini]}
  spare-anthropic: {targets: [anthropic/claude-sonnet-5], fallback: [anthropic/claude-haiku-4-5]}
  other-openai: {targets: [openai/gpt-5.5], fallback: [anthropic/claude-sonnet-5]}
  other-anthropic: {targets: [anthropic/claude-sonnet-5], fallback: [openai/gpt-5.5]}
"""
SPARE = {"openai": "openai/gpt-5.5-mini", "anthropic": "anthropic/claude-haiku-4-5"}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(file(_openai, _anthropic, models=MODELS))


BROKE = {"type": "error", "error": {"type": "api_error", "message": "upstream broke"}, "request_id": "req_up"}
CHAT_OVERLOADED = {"error": {"message": "Overloaded", "type": "server_error", "param": None, "code": "overloaded"}}
OVERLOADED_EVENT: dict[str, Any] = {"kind": "error", "error": OVERLOADED["error"], "request_id": "req_up"}


def in_band(api: Api) -> bytes:
    """Return the event with which an upstream of `api` says that it is overloaded."""
    return data(CHAT_OVERLOADED) if api is CHAT else event(**OVERLOADED_EVENT)


def refused(api: Api, status: int) -> Reply:
    return as_json(SERVER_ERROR if api is CHAT else BROKE, status)


def tries(house: House, answer: Answer) -> list[tuple[str, str | None]]:
    """Return target and reason of every try, as the log tells them."""
    id_ = answer.header("x-turnout-request")
    line = json.loads(house.turnout.wait_for(re.compile(rf".*{id_}.*")).group())
    return [(one["target"], one["reason"]) for one in line["attempts"]]


# 28 and 29: errors in a stream ---------------------------------------------------------------------------------------


@EVERY_WAY
def test_28_an_error_before_content_is_a_reason_to_go_elsewhere(house: House, way: Way) -> None:
    """200, lifecycle frames, then `event: error`: it was logged as a success, and no fallback was tried.

    https://github.com/BerriAI/litellm/issues/24004 and https://github.com/maximhq/bifrost/issues/5395
    """
    server = way.server
    way.upstream(house).script(as_stream([*server.events()[: server.lifecycle], in_band(server)]))
    answer = house.ask(way.client, f"spare-{server.kind}", stream=True)
    assert (answer.status, way.client.text(answer.body)) == (200, "Hello there")
    assert answer.body.count(way.client.terminal) == 1
    assert len(way.upstream(house).requests) == 2
    assert answer.header("x-turnout-target") == SPARE[server.kind]
    assert [reason for _, reason in tries(house, answer)] == ["overloaded", None]


@EVERY_WAY
def test_28_and_a_status_where_there_is_nowhere_to_go(house: House, way: Way) -> None:
    """The same without a fallback: the client got 200 and an empty answer.

    https://github.com/BerriAI/litellm/issues/38610
    """
    server = way.server
    way.upstream(house).script(as_stream([*server.events()[: server.lifecycle], in_band(server)]))
    answer = house.ask(way.client, f"alone-{server.kind}", stream=True)
    assert answer.status == (503 if way.client is CHAT else 529)
    assert way.client.error(answer)["message"] == "Overloaded"
    assert [reason for _, reason in tries(house, answer)] == ["overloaded"]


@EVERY_WAY
def test_28_the_other_vendor_may_be_elsewhere(house: House, way: Way) -> None:
    """The same where the fallback is a model of the other API: the client cannot tell.

    https://github.com/BerriAI/litellm/issues/24004
    """
    server = way.server
    way.upstream(house).script(as_stream([*server.events()[: server.lifecycle], in_band(server)]))
    answer = house.ask(way.client, f"other-{server.kind}", stream=True)
    assert (answer.status, way.client.text(answer.body)) == (200, "Hello there")
    assert (len(house.openai.requests), len(house.anthropic.requests)) == (1, 1)


@EVERY_WAY
def test_29_an_error_after_content_ends_the_stream(house: House, way: Way) -> None:
    """An overload in the middle of a message became a good end: the client took half an answer for a whole one.

    https://github.com/envoyproxy/ai-gateway/pull/2698
    """
    upto, _ = way.server.parted()
    way.upstream(house).script(as_stream([*upto, in_band(way.server)]))
    answer = house.ask(way.client, f"spare-{way.server.kind}", stream=True)
    assert (answer.status, answer.whole, way.client.text(answer.body)) == (200, True, "Hello")
    error = way.client.in_band(answer.body)
    assert error["message"] == "Overloaded"
    assert error["code" if way.client is CHAT else "type"] == (
        "overloaded" if way.client is CHAT else "overloaded_error"
    )
    assert b'"finish_reason":"' not in answer.body.replace(b" ", b"")
    assert len(way.upstream(house).requests) == 1
    assert [reason for _, reason in tries(house, answer)] == ["overloaded"]


# 30: one engine for both ---------------------------------------------------------------------------------------------

COURSES = {
    "again after 500": ("again", 500, 2),
    "elsewhere after 500": ("spare", 500, 2),
    "elsewhere after 429": ("spare", 429, 2),
    "nowhere after 500": ("alone", 500, 1),
    "no fallback after 400": ("spare", 400, 1),
    "no further try after 400": ("again", 400, 1),
}


@EVERY_WAY
@pytest.mark.parametrize("course", COURSES)
def test_30_streams_are_tried_like_any_other_request(house: House, way: Way, course: str) -> None:
    """Retries were not wired for streams, and fallbacks went another way or could not be switched off.

    https://github.com/BerriAI/litellm/issues/29808, https://github.com/BerriAI/litellm/issues/19077 and
    https://github.com/BerriAI/litellm/issues/25843
    """
    entry, status, requests = COURSES[course]
    seen = []
    for stream in (False, True):
        upstream = way.upstream(house)
        upstream.clear()
        upstream.script(refused(way.server, status))
        answer = house.ask(way.client, f"{entry}-{way.server.kind}", stream=stream)
        assert len(upstream.requests) == requests
        if requests == 2:
            text = way.client.text(answer.body) if stream else answer.body.decode()
            assert (answer.status, "Hello there" in text) == (200, True)
        else:
            assert answer.status >= 400
        models = [one.json["model"] for one in upstream.requests]
        seen.append((answer.status, models, answer.header("x-turnout-target"), tries(house, answer)))
    assert seen[0] == seen[1]
    if requests == 2:
        assert (len(set(seen[0][1])) == 1) == (entry == "again")


# 32: the form and the status of errors -------------------------------------------------------------------------------

TO_MESSAGES = [
    (503, "server_error", None, 529, "overloaded_error"),
    (429, "requests", "rate_limit_exceeded", 429, "rate_limit_error"),
    (429, "insufficient_quota", "insufficient_quota", 402, "billing_error"),
    (500, "server_error", None, 500, "api_error"),
    (502, "server_error", None, 500, "api_error"),
    (504, "server_error", None, 504, "timeout_error"),
    (400, "invalid_request_error", None, 400, "invalid_request_error"),
    (422, "invalid_request_error", None, 400, "invalid_request_error"),
    (404, "invalid_request_error", "model_not_found", 404, "not_found_error"),
    (413, "invalid_request_error", None, 413, "request_too_large"),
]
TO_CHAT = [
    (529, "overloaded_error", 503, "server_error", "overloaded"),
    (503, "api_error", 503, "server_error", "overloaded"),
    (429, "rate_limit_error", 429, "requests", "rate_limit_exceeded"),
    (402, "billing_error", 429, "insufficient_quota", "insufficient_quota"),
    (500, "api_error", 502, "server_error", "upstream_error"),
    (504, "timeout_error", 504, "server_error", "upstream_timeout"),
    (400, "invalid_request_error", 400, "invalid_request_error", None),
    (404, "not_found_error", 404, "invalid_request_error", "model_not_found"),
    (413, "request_too_large", 413, "invalid_request_error", None),
]
WAIT = ("retry-after", "17")


@JSON_OR_STREAM
@pytest.mark.parametrize(("status", "kind", "code", "told", "told_kind"), TO_MESSAGES)
def test_32_errors_of_chat_have_the_form_of_messages(
    house: House, status: int, kind: str, code: str | None, told: int, told_kind: str, stream: bool
) -> None:
    """On /v1/messages errors looked like OpenAI's, and an overload was 503: clients neither waited nor tried again.

    https://github.com/BerriAI/litellm/issues/36655
    """
    error = {"message": "It did not work out", "type": kind, "param": None, "code": code}
    house.openai.script(as_json({"error": error}, status, WAIT))
    answer = house.ask(MESSAGES, "alone-openai", stream=stream)
    said = MESSAGES.error(answer)
    assert (answer.status, said["type"], said["message"]) == (told, told_kind, "It did not work out")
    assert answer.header("retry-after") == "17"


@JSON_OR_STREAM
@pytest.mark.parametrize(("status", "kind", "told", "told_kind", "code"), TO_CHAT)
def test_32_errors_of_messages_have_the_form_of_chat(
    house: House, status: int, kind: str, told: int, told_kind: str, code: str | None, stream: bool
) -> None:
    """The same the other way.

    https://github.com/BerriAI/litellm/issues/36655
    """
    error = {"type": "error", "error": {"type": kind, "message": "It did not work out"}, "request_id": "req_up"}
    house.anthropic.script(as_json(error, status, WAIT))
    answer = house.ask(CHAT, "alone-anthropic", stream=stream)
    said = CHAT.error(answer)
    assert (answer.status, said["type"], said["code"]) == (told, told_kind, code)
    assert said["message"] == "It did not work out"
    assert answer.header("retry-after") == "17"


@pytest.mark.parametrize("way", ACROSS, ids=lambda way: way.name)
def test_32_a_refusal_of_our_credential_is_not_the_clients(house: House, way: Way) -> None:
    """A 401 for the gateway's own key made clients ask their users to sign in again.

    https://github.com/BerriAI/litellm/issues/36655
    """
    way.upstream(house).script(
        as_json({"error": {"type": "authentication_error", "message": "invalid x-api-key"}}, 401)
    )
    answer = house.ask(way.client, f"alone-{way.server.kind}")
    said = way.client.error(answer)
    assert answer.status == (502 if way.client is CHAT else 500)
    assert f"`{way.server.kind}`" in said["message"]
    assert answer.header("x-should-retry") == "false"


def test_32_no_money_is_not_worth_another_try(house: House) -> None:
    """SDKs of OpenAI try every 429 again, unless they are told not to.

    https://github.com/BerriAI/litellm/issues/36655
    """
    broke = {"type": "error", "error": {"type": "billing_error", "message": "credit balance is too low"}}
    house.anthropic.script(as_json(broke, 402))
    answer = house.ask(CHAT, "alone-anthropic")
    assert (answer.status, CHAT.error(answer)["code"]) == (429, "insufficient_quota")
    assert answer.header("x-should-retry") == "false"


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_32_our_own_errors_have_the_form_of_the_client(house: House, api: Api) -> None:
    """So do the errors that no upstream has made.

    https://github.com/BerriAI/litellm/issues/36655
    """
    answer = house.ask(api, "no-such-model")
    assert (answer.status, "no-such-model" in api.error(answer)["message"]) == (404, True)
