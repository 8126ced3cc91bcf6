"""What crosses between two APIs beside the bodies (rule T4): up what every API knows, down ids, waits and limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
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
    good,
    written,
)
from tests.support.apis import MESSAGES, digest
from tests.support.http import post
from tests.support.script import as_json
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA = "tk-ada-0123456789abcdef"
KEYS = f"""  ada: {{hashes: ["{digest(ADA)}"]}}"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, more=KEYS))


CLIENT = {
    "accept": "*/*",
    "accept-encoding": "gzip, br",
    "accept-language": "de",
    "anthropic-beta": "claude-code-20250219,context-1m-2025-08-07",
    "anthropic-dangerous-direct-browser-access": "true",
    "authorization": f"Bearer {ADA}",
    "cookie": "session=1",
    "idempotency-key": "stainless-retry-7",
    "openai-organization": "org-1",
    "openai-project": "proj-1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "user-agent": "claude-cli/2.1.330 (external, cli)",
    "x-api-key": "sk-of-the-client",
    "x-app": "cli",
    "x-claude-code-agent-id": "a",
    "x-claude-code-session-id": "s",
    "x-forwarded-for": "1.2.3.4",
    "x-session-affinity": "s",
    "x-stainless-lang": "python",
    "x-stainless-retry-count": "1",
    "x-turnout-fault": "fail",
}
CROSS = {"idempotency-key", "traceparent", "user-agent"}


@WAYS
@JSON_OR_STREAM
def test_what_goes_up(house: House, way: Way, stream: bool) -> None:
    good(house.ask(way, CLIENT, stream=stream))
    sent = dict(house.upstream(way).last.headers)
    assert {name: sent.get(name) for name in CROSS} == {name: CLIENT[name] for name in CROSS}
    assert sent["content-type"] == "application/json"
    assert sent["accept"] == ("text/event-stream" if stream else "application/json")
    if way.server is not MESSAGES:
        assert sent["authorization"] == f"Bearer {CREDENTIALS['TEST_OPENAI_KEY']}"
        own = {"authorization"}
    else:
        assert sent["x-api-key"] == CREDENTIALS["TEST_ANTHROPIC_KEY"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", sent["anthropic-version"])
        own = {"x-api-key", "anthropic-version"}
    framing = {"host", "content-length", "accept-encoding", "connection"}
    assert set(sent) - framing == CROSS | {"content-type", "accept"} | own
    assert sent.get("accept-encoding", "identity") == "identity"


@WAYS
def test_the_query_of_one_api_is_not_sent_to_another(house: House, way: Way) -> None:
    """Claude Code writes ?beta=true behind every path."""
    answer = post(house.turnout.url, f"{way.client.path}?beta=true", way.client.body(way.asked))
    assert answer.status == 200
    assert house.upstream(way).last.target == way.server.path


@WAYS
@JSON_OR_STREAM
def test_the_id_of_a_request_comes_down_by_both_names(house: House, way: Way, stream: bool) -> None:
    name = "request-id" if way.server is MESSAGES else "x-request-id"
    reply = way.server.stream() if stream else way.server.whole()
    house.upstream(way).script(reply.with_headers((name, "req_of_theirs")), reply)
    theirs, ours = (good(house.ask(way, stream=stream)) for _ in range(2))
    assert (theirs.header("x-request-id"), theirs.header("request-id")) == ("req_of_theirs", "req_of_theirs")
    assert ours.header("x-request-id") == ours.header("request-id") == ours.header("x-turnout-request")


DOWN = {
    "cf-ray": "1",
    "retry-after": "3",
    "retry-after-ms": "2900",
    "x-should-retry": "true",
}
STAYS = {
    "alt-svc": 'h3=":443"',
    "anthropic-organization-id": "o",
    "content-md5": "x",
    "etag": '"1"',
    "openai-processing-ms": "12",
    "server": "cloudflare",
    "set-cookie": "a=b",
    "strict-transport-security": "max-age=1",
    "access-control-allow-origin": "*",
    "x-turnout-target": "forged",
}


@WAYS
@JSON_OR_STREAM
def test_what_comes_down(house: House, way: Way, stream: bool) -> None:
    reply = way.server.stream() if stream else way.server.whole()
    house.upstream(way).script(reply.with_headers(*DOWN.items(), *STAYS.items()))
    answer = good(house.ask(way, stream=stream))
    assert {name: answer.header(name) for name in DOWN} == DOWN
    told = {name: answer.header(name) for name in STAYS}
    assert told.pop("x-turnout-target") == f"{way.upstream}/{way.model}"
    assert set(told.values()) == {None}
    types = [value for name, value in answer.headers if name == "content-type"]
    assert types == ["text/event-stream; charset=utf-8" if stream else "application/json"]


def later(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


@JSON_OR_STREAM
@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("way", [TO_CLAUDE, RESPONSES_TO_CLAUDE], ids=lambda way: way.name)
def test_the_limits_of_anthropic_at_a_client_of_openai(house: House, way: Way, stream: bool, status: int) -> None:
    limits = (
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "49"),
        ("anthropic-ratelimit-requests-reset", later(minutes=6)),
        ("anthropic-ratelimit-input-tokens-limit", "30000"),
        ("anthropic-ratelimit-input-tokens-remaining", "29000"),
        ("anthropic-ratelimit-input-tokens-reset", later(seconds=2)),
        ("anthropic-ratelimit-output-tokens-limit", "8000"),
        ("anthropic-ratelimit-output-tokens-remaining", "7000"),
        ("anthropic-ratelimit-output-tokens-reset", later(seconds=40)),
        ("anthropic-ratelimit-unified-status", "allowed"),
    )
    reply = MESSAGES.stream() if stream else MESSAGES.whole()
    if status == 429:
        reply = as_json({"error": {"message": "slow down", "type": "rate_limit_error"}}, 429)
    house.anthropic.script(reply.with_headers(*limits))
    answer = house.ask(way, stream=stream)
    told = {name: value for name, value in answer.headers if "ratelimit" in name}
    assert answer.status == status
    assert re.fullmatch(r"5m5\ds|6m0s", told.pop("x-ratelimit-reset-requests"))
    assert re.fullmatch(r"3\ds|40s", told.pop("x-ratelimit-reset-tokens"))
    assert told == {
        "x-ratelimit-limit-requests": "50",
        "x-ratelimit-remaining-requests": "49",
        "x-ratelimit-limit-tokens": "38000",
        "x-ratelimit-remaining-tokens": "36000",
    }


@JSON_OR_STREAM
@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("way", [TO_GPT, MESSAGES_TO_RESPONSES], ids=lambda way: way.name)
def test_the_limits_of_openai_at_a_messages_client(house: House, way: Way, stream: bool, status: int) -> None:
    limits = (
        ("x-ratelimit-limit-requests", "5000"),
        ("x-ratelimit-remaining-requests", "4999"),
        ("x-ratelimit-reset-requests", "12ms"),
        ("x-ratelimit-limit-tokens", "160000"),
        ("x-ratelimit-remaining-tokens", "159000"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    )
    reply = way.server.stream() if stream else way.server.whole()
    if status == 429:
        reply = as_json({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, 429)
    house.openai.script(reply.with_headers(*limits))
    before = datetime.now(UTC)
    answer = house.ask(way, stream=stream)
    told = {name: value for name, value in answer.headers if "ratelimit" in name}
    assert answer.status == status
    resets = {kind: told.pop(f"anthropic-ratelimit-{kind}-reset") for kind in ("requests", "tokens")}
    waits = {kind: (datetime.fromisoformat(date) - before).total_seconds() for kind, date in resets.items()}
    assert 0 <= waits["requests"] < 5
    assert 359 < waits["tokens"] < 365
    assert told == {
        "anthropic-ratelimit-requests-limit": "5000",
        "anthropic-ratelimit-requests-remaining": "4999",
        "anthropic-ratelimit-tokens-limit": "160000",
        "anthropic-ratelimit-tokens-remaining": "159000",
    }


@JSON_OR_STREAM
@pytest.mark.parametrize("way", [CHAT_TO_RESPONSES, RESPONSES_TO_CHAT], ids=lambda way: way.name)
def test_the_limits_of_openai_at_a_client_of_its_other_api(house: House, way: Way, stream: bool) -> None:
    limits = {"x-ratelimit-remaining-requests": "4999", "x-ratelimit-reset-requests": "12ms"}
    reply = way.server.stream() if stream else way.server.whole()
    house.openai.script(reply.with_headers(*limits.items()))
    answer = house.ask(way, stream=stream)
    assert {name: value for name, value in answer.headers if "ratelimit" in name} == limits
