"""`auth: forward` to an upstream of the other API: the client's own key, in the header that its vendor reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.translation.house import (
    CHAT_TO_RESPONSES,
    JSON_OR_STREAM,
    MESSAGES_TO_RESPONSES,
    RESPONSES_TO_CHAT,
    RESPONSES_TO_CLAUDE,
    TO_CLAUDE,
    TO_GPT,
    WAYS,
    House,
    Way,
    said,
)
from tests.support.apis import MESSAGES, digest
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA = "tk-ada-0123456789abcdef"
FILE = f"""
version: 1
upstreams:
  openai: {{{{kind: openai, circuit: off, base_url: "{{openai}}/v1", auth: forward}}}}
  responses: {{{{kind: openai, circuit: off, base_url: "{{openai}}/v1", apis: [responses], auth: forward}}}}
  anthropic: {{{{kind: anthropic, circuit: off, base_url: "{{anthropic}}", auth: forward}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  gpt-*: openai/gpt-*
  claude-*: anthropic/claude-*
  resp-*: responses/*
keys:
  ada: {{{{hashes: ["{digest(ADA)}"]}}}}
  anonymous: {{{{any_key: true}}}}
"""
BEARER, X_API_KEY = {"authorization": "Bearer sk-theirs-12345678"}, {"x-api-key": "sk-theirs-12345678"}
SIGNED_IN = {"authorization": "Bearer sk-ant-oat01-theirs"}
SENT = [
    (TO_GPT, BEARER, BEARER),
    (TO_GPT, X_API_KEY, BEARER),
    (TO_GPT, {**X_API_KEY, "x-turnout-key": ADA}, BEARER),
    (TO_GPT, {**X_API_KEY, "authorization": f"Bearer {ADA}"}, BEARER),
    (MESSAGES_TO_RESPONSES, X_API_KEY, BEARER),
    (CHAT_TO_RESPONSES, BEARER, BEARER),
    (RESPONSES_TO_CHAT, BEARER, BEARER),
    (RESPONSES_TO_CLAUDE, BEARER, X_API_KEY),
    (TO_CLAUDE, BEARER, X_API_KEY),
    (TO_CLAUDE, SIGNED_IN, SIGNED_IN),
    (TO_CLAUDE, {**BEARER, "x-turnout-key": ADA}, X_API_KEY),
]


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.mark.parametrize(("way", "headers", "arrives"), SENT)
def test_it_arrives_in_the_form_of_its_vendor(
    house: House, way: Way, headers: dict[str, str], arrives: dict[str, str]
) -> None:
    assert said(way, house.ask(way, headers)) == "Hello there"
    seen = house.upstream(way).last
    names = ("authorization", "x-api-key", "api-key", "x-turnout-key")
    assert {name: seen.header(name) for name in names if seen.header(name)} == arrives


@WAYS
@JSON_OR_STREAM
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_it_is_told_with_its_status_in_the_clients_form(
    house: House, way: Way, stream: bool, status: int
) -> None:
    body = {"error": {"message": "no such key", "type": "authentication_error", "code": "invalid_api_key"}}
    house.upstream(way).script(as_json(body, status))
    answer = house.ask(way, BEARER, stream=stream)
    error = way.client.error(answer)
    kind = {401: "authentication_error", 403: "permission_error"}[status]
    assert (answer.status, error["message"]) == (status, "no such key")
    assert error["type"] == (kind if way.client is MESSAGES else "invalid_request_error")


@WAYS
def test_without_one_it_is_401(house: House, way: Way) -> None:
    answer = house.ask(way, {"x-turnout-key": ADA})
    assert (answer.status, house.upstream(way).requests) == (401, [])
    way.client.error(answer)
