"""Each reason as it ends a request: what clients of each API are told, in the words that they react to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.balance.house import file, record
from tests.support.apis import CHAT, MESSAGES, Api
from tests.support.events import data
from tests.support.http import Answer, post
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

Error = dict[str, Any]
LONG: Error = {"message": "The input (9 tokens) is longer than the model's context length (8 tokens).", "code": None}
SPENT: Error = {"message": "Check your plan", "type": "insufficient_quota", "code": "insufficient_quota"}
BUSY: Error = {"message": "Try later", "type": "server_error", "code": "overloaded"}
KEY: Error = {"message": "API key not valid. Please pass a valid API key.", "code": None}

ROWS = [
    ("context_length", 400, LONG, "context_length_exceeded", 400, "prompt is too long", "invalid_request_error", 400),
    ("quota", 429, SPENT, "insufficient_quota", 429, "Check your plan", "billing_error", 402),
    ("overloaded", 503, BUSY, "overloaded", 503, "Try later", "overloaded_error", 529),
    ("auth", 400, KEY, "upstream_auth", 502, "refused Turnout's own credential", "api_error", 500),
]
"""Reason; what an upstream of chat completions says; what becomes of it for a client of each API."""


@pytest.fixture(scope="module")
def server(start: Start, _ups: dict[str, Upstream]) -> Turnout:
    return start(file(_ups, "  m: a/m"))


def asked(server: Turnout, api: Api, *, stream: bool) -> Answer:
    return post(server.url, api.path, api.body("m", stream=stream))


@pytest.mark.parametrize(
    ("reason", "status", "said", "code", "told", "words", "kind", "as_messages"), ROWS, ids=lambda row: ""
)
@pytest.mark.parametrize("way", ["whole", "stream", "in the stream"])
def test_what_is_told(
    server: Turnout,
    ups: dict[str, Upstream],
    way: str,
    reason: str,
    status: int,
    said: Error,
    code: str,
    told: int,
    words: str,
    kind: str,
    as_messages: int,
) -> None:
    body = {"error": said}
    ups["a"].answer = lambda _: as_stream([data(body)]) if way == "in the stream" else as_json(body, status)
    heard = asked(server, MESSAGES, stream=way != "whole")
    error = MESSAGES.error(heard)
    assert (heard.status, error["type"]) == (as_messages, kind)
    assert words in error["message"]
    heard = asked(server, CHAT, stream=way != "whole")
    if reason == "auth" or way == "in the stream":
        assert (heard.status, CHAT.error(heard)["code"]) == (told, code)
    else:  # the vendor's own words are the best there are
        assert (heard.status, heard.json) == (status, body)
    assert [one["reason"] for one in record(server, heard)["attempts"]] == [reason]
