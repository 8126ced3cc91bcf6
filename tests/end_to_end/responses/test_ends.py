"""Ends of responses: those that failed by another name, a server that has none, and whose they are afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import event
from tests.support.apis import digest
from tests.support.http import Answer, post
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA, BOB = "tk-ada-0123456789abcdefghij", "tk-bob-0123456789abcdefghij"
PATH = "/v1/responses"

FILE = """
version: 1
upstreams:
  native: {{kind: openai, base_url: "{openai}/v1", apis: [responses, chat], api_key: env:TEST_OPENAI_KEY}}
  other: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  gpt-5.5: native/gpt-5.5
  careful: {{targets: [native/gpt-5.5], fallback: [other/claude-sonnet-5]}}
keys:
  ada: {{hashes: ["{ada}"]}}
  bob: {{hashes: ["{bob}"]}}
"""


@pytest.fixture
def turnout(start: Start, openai: Upstream, anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=openai.url, anthropic=anthropic.url, ada=digest(ADA), bob=digest(BOB)))


def ask(turnout: Turnout, key: str, **fields: Any) -> Answer:
    return post(turnout.url, PATH, {"model": "gpt-5.5", "input": "Hi", **fields}, (("authorization", f"Bearer {key}"),))


def test_a_response_that_an_upstream_keeps_is_nobody_elses(turnout: Turnout, openai: Upstream) -> None:
    mine = ask(turnout, ADA).json["id"]
    assert ask(turnout, ADA, previous_response_id=mine).status == 200
    seen = len(openai.requests)
    refused = ask(turnout, BOB, previous_response_id=mine)
    assert (refused.status, refused.json["error"]["code"]) == (400, "previous_response_not_found")
    assert len(openai.requests) == seen  # nothing was sent


ENDS = {"failed": {"code": "server_error", "message": "it broke"}, "cancelled": None}


def response(status: str) -> dict[str, Any]:
    told = {"id": "resp_up", "object": "response", "created_at": 1, "model": "gpt-5.5", "status": status, "output": []}
    return {**told, "error": ENDS.get(status), "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


@pytest.mark.parametrize("status", ENDS)
def test_a_response_that_failed_is_no_answer_whatever_its_last_event_is_called(
    turnout: Turnout, openai: Upstream, status: str
) -> None:
    begun = event("response.created", response=response("in_progress"), sequence_number=0)
    ended = event("response.completed", response=response(status), sequence_number=1)
    openai.script(as_stream([begun, ended]))
    answer = ask(turnout, ADA, model="careful", stream=True)
    assert (answer.status, answer.header("x-turnout-target")) == (200, "other/claude-sonnet-5")
    assert b"response.completed" in answer.body


def test_a_server_without_the_endpoint_is_said_to_have_none(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_json({"detail": "Not Found"}, 404))
    refused = ask(turnout, ADA)
    assert (refused.status, "`apis`" in refused.json["error"]["message"]) == (502, True)
    openai.script(as_json({"detail": "Not Found"}, 404))
    assert ask(turnout, ADA, model="careful").header("x-turnout-target") == "other/claude-sonnet-5"
