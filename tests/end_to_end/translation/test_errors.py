"""Errors of an upstream, as clients of the other API know them: status, type, code, words, and what may be retried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import (
    BROKEN,
    CHAT_TO_RESPONSES,
    JSON_OR_STREAM,
    MESSAGES_TO_RESPONSES,
    RESPONSES_TO_CHAT,
    RESPONSES_TO_CLAUDE,
    TO_CLAUDE,
    TO_GPT,
    WAYS,
    Way,
)
from tests.support.apis import MESSAGES
from tests.support.script import CUT, RESET, Reply, as_json
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.end_to_end.translation.house import House


def failing(
    way: Way, status: int, kind: str, message: str, code: str | None = None, *headers: tuple[str, str]
) -> Reply:
    """Return an error in the form of the upstream of `way`."""
    return as_json(way.server.refusal(kind, message, code), status, *headers)


TO_OPENAI_CLIENTS = [
    # what Anthropic says                            what a client of chat or responses reads
    (400, "invalid_request_error", "x: bad",         400, "invalid_request_error", None, None),
    (400, "invalid_request_error", "prompt is too long: 215000 tokens > 200000 maximum",
                                                     400, "invalid_request_error", "context_length_exceeded", None),
    (402, "billing_error", "no credit",              429, "insufficient_quota", "insufficient_quota", "false"),
    (404, "not_found_error", "model: claude-x",      404, "invalid_request_error", "model_not_found", None),
    (409, "conflict_error", "busy",                  409, "invalid_request_error", None, None),
    (413, "request_too_large", "over 32 MB",         413, "invalid_request_error", None, None),
    (429, "rate_limit_error", "slow down",           429, "requests", "rate_limit_exceeded", None),
    (500, "api_error", "oops",                       502, "server_error", "upstream_error", None),
    (504, "timeout_error", "too slow",               504, "server_error", "upstream_timeout", None),
    (529, "overloaded_error", "Overloaded",          503, "server_error", "overloaded", None),
]  # fmt: skip
TO_MESSAGES_CLIENTS = [
    # what OpenAI says                                                  what a messages client reads
    (400, "invalid_request_error", None, "x: bad",                       400, "invalid_request_error", None),
    (402, "insufficient_quota", None, "no credit",                       402, "billing_error", "false"),
    (404, "invalid_request_error", "model_not_found", "no gpt-x here",   404, "not_found_error", None),
    (408, "timeout", None, "too slow",                                   504, "timeout_error", None),
    (409, "conflict", None, "busy",                                      409, "conflict_error", None),
    (413, "invalid_request_error", None, "too large",                    413, "request_too_large", None),
    (422, "invalid_request_error", None, "x: bad",                       400, "invalid_request_error", None),
    (429, "requests", "rate_limit_exceeded", "slow down",                429, "rate_limit_error", None),
    (429, "insufficient_quota", "insufficient_quota", "no credit",       402, "billing_error", "false"),
    (500, "server_error", None, "oops",                                  500, "api_error", None),
    (502, "server_error", None, "oops",                                  500, "api_error", None),
    (503, "server_error", None, "engine is overloaded",                  529, "overloaded_error", None),
    (504, "server_error", None, "too slow",                              504, "timeout_error", None),
]  # fmt: skip


@JSON_OR_STREAM
@pytest.mark.parametrize("row", TO_OPENAI_CLIENTS, ids=lambda row: f"{row[0]} {row[2][:12]}")
@pytest.mark.parametrize("way", [TO_CLAUDE, RESPONSES_TO_CLAUDE], ids=lambda way: way.name)
def test_an_error_of_anthropic_at_a_client_of_openai(
    house: House, way: Way, stream: bool, row: tuple[Any, ...]
) -> None:
    status, kind, message, *told, again = row
    house.anthropic.script(failing(way, status, kind, message))
    answer = house.ask(way, stream=stream)
    error = way.client.error(answer)
    assert [answer.status, error["type"], error["code"]] == told
    assert error["message"] == message
    assert answer.header("x-should-retry") == again
    assert answer.header("x-turnout-target") == "anthropic/claude-sonnet-5"
    assert len(house.anthropic.requests) == 1


@JSON_OR_STREAM
@pytest.mark.parametrize("row", TO_MESSAGES_CLIENTS, ids=lambda row: f"{row[0]} {row[3][:12]}")
@pytest.mark.parametrize("way", [TO_GPT, MESSAGES_TO_RESPONSES], ids=lambda way: way.name)
def test_an_error_of_openai_at_a_messages_client(house: House, way: Way, stream: bool, row: tuple[Any, ...]) -> None:
    status, kind, code, message, *told, again = row
    house.openai.script(failing(way, status, kind, message, code))
    answer = house.ask(way, stream=stream)
    error = way.client.error(answer)
    assert [answer.status, error["type"]] == told
    assert error["message"] == message
    assert answer.header("x-should-retry") == again
    assert answer.header("x-turnout-target") == f"{way.upstream}/gpt-5.5"
    assert len(house.openai.requests) == 1


@JSON_OR_STREAM
@pytest.mark.parametrize("row", [row for row in TO_MESSAGES_CLIENTS if row[0] in (400, 404, 429)], ids=str)
@pytest.mark.parametrize("way", [CHAT_TO_RESPONSES, RESPONSES_TO_CHAT], ids=lambda way: way.name)
def test_an_error_of_openai_at_a_client_of_its_other_api(
    house: House, way: Way, stream: bool, row: tuple[Any, ...]
) -> None:
    status, kind, code, message, *_ = row
    house.openai.script(failing(way, status, kind, message, code))
    answer = house.ask(way, stream=stream)
    error = way.client.error(answer)
    assert (answer.status, error["type"], error["code"], error["message"]) == (status, kind, code, message)


@JSON_OR_STREAM
@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 140213 tokens. "
            "Please reduce the length of the messages.",
            "prompt is too long: 140213 tokens > 128000 maximum",
        ),
        (
            "This model's maximum context length is 32768 tokens. However, you requested 40096 tokens (36000 in the "
            "messages, 4096 in the completion). Please reduce the length of the messages or completion.",
            "prompt is too long: 36000 tokens > 32768 maximum",
        ),
        (
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "prompt is too long: Your input exceeds the context window of this model. Please adjust your input and try "
            "again.",
        ),
    ],
)
@pytest.mark.parametrize("way", [TO_GPT, MESSAGES_TO_RESPONSES], ids=lambda way: way.name)
def test_claude_code_reads_that_it_should_compact(house: House, way: Way, stream: bool, said: str, told: str) -> None:
    house.openai.script(failing(way, 400, "invalid_request_error", said, "context_length_exceeded"))
    answer = house.ask(way, stream=stream)
    assert (answer.status, way.client.error(answer)["type"]) == (400, "invalid_request_error")
    assert way.client.error(answer)["message"] == told


@WAYS
@JSON_OR_STREAM
@pytest.mark.parametrize("status", [401, 403])
def test_our_own_credential_that_fails_is_not_the_clients_fault_and_never_quoted(
    house: House, way: Way, stream: bool, status: int
) -> None:
    ours = CREDENTIALS[way.credential]
    quoting = failing(way, status, "authentication_error", f"bad {ours}", "invalid_api_key", ("x-debug", ours))
    house.upstream(way).script(quoting)
    answer = house.ask(way, stream=stream)
    error = way.client.error(answer)
    assert (answer.status, error["type"]) == BROKEN[way.client.name]
    assert way.client is MESSAGES or error["code"] == "upstream_auth"
    assert f"upstream `{way.upstream}` refused Turnout's own credential ({status})" in error["message"]
    assert answer.header("x-should-retry") == "false"
    assert ours not in str(answer.headers) + str(answer.body) + house.turnout.log()


@WAYS
@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_credential_in_any_other_error_is_blotted_out(house: House, way: Way, status: int) -> None:
    ours = CREDENTIALS[way.credential]
    house.upstream(way).script(failing(way, status, "x", f"request with {ours} failed", None, ("x-debug", ours)))
    answer = house.ask(way)
    assert way.client.error(answer)["message"] == "request with *** failed"
    assert ours not in str(answer.headers) + house.turnout.log()


@WAYS
@JSON_OR_STREAM
def test_a_wait_passes_with_what_is_known_of_it(house: House, way: Way, stream: bool) -> None:
    waits = (("retry-after", "17"), ("retry-after-ms", "16900"), ("x-should-retry", "true"))
    house.upstream(way).script(failing(way, 429, "rate_limit_error", "slow down", None, *waits))
    answer = house.ask(way, stream=stream)
    assert answer.status == 429
    assert [(name, answer.header(name)) for name, _ in waits] == list(waits)


@WAYS
def test_a_wait_in_milliseconds_alone_is_told_in_seconds_too(house: House, way: Way) -> None:
    house.upstream(way).script(failing(way, 429, "rate_limit_error", "slow", None, ("retry-after-ms", "1200")))
    assert house.ask(way).header("retry-after") == "2"


@WAYS
def test_a_date_to_wait_for_passes_as_it_is(house: House, way: Way) -> None:
    date = "Sun, 22 Nov 2026 12:00:00 GMT"
    house.upstream(way).script(failing(way, 429, "rate_limit_error", "slow", None, ("retry-after", date)))
    assert house.ask(way).header("retry-after") == date


@WAYS
def test_an_error_carries_the_id_by_which_its_vendor_finds_it(house: House, way: Way) -> None:
    name = "request-id" if way.server is MESSAGES else "x-request-id"
    house.upstream(way).script(failing(way, 500, "x", "oops", None, (name, "req_of_theirs")))
    answer = house.ask(way)
    assert (answer.header("x-request-id"), answer.header("request-id")) == ("req_of_theirs", "req_of_theirs")
    assert answer.header("x-turnout-request") != "req_of_theirs"


NONE = {
    "cut": Reply(parts=(CUT,), raw=True),
    "reset": Reply(parts=(RESET,), raw=True),
    "half a body": Reply(headers=(("content-length", "500"), ("content-type", "application/json")), parts=(b"{", CUT)),
    "not JSON": as_json(b"<html>It works!</html>"),
    "another answer": as_json(b'{"hello": "world"}'),
}


@WAYS
@JSON_OR_STREAM
@pytest.mark.parametrize("how", NONE)
def test_an_answer_that_is_none(house: House, way: Way, stream: bool, how: str) -> None:
    house.upstream(way).answer = lambda _: NONE[how]
    answer = house.ask(way, stream=stream)
    error = way.client.error(answer)
    assert (answer.status, error["type"]) == BROKEN[way.client.name]
    assert way.client is MESSAGES or error["code"] == "upstream_disconnect"


@WAYS
@JSON_OR_STREAM
@pytest.mark.parametrize("status", [400, 500])
def test_an_error_page_of_a_gateway_is_an_error_in_the_clients_form(
    house: House, way: Way, stream: bool, status: int
) -> None:
    page = Reply(status=status, headers=(("content-type", "text/html"),), parts=(b"<html>Bad Gateway</html>",))
    house.upstream(way).script(page)
    answer = house.ask(way, stream=stream)
    assert way.client.error(answer)["message"] == f"the upstream answered {status}"
    assert b"html" not in answer.body
