"""Kind `claude-code` answers requests of the Messages API, whole and streamed, and those of the other APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import post
from tests.upstreams.claude_code.conftest import body, said

if TYPE_CHECKING:
    from tests.upstreams.claude_code.conftest import Begin, Bridge


@pytest.fixture(scope="module")
def bridge(begin: Begin) -> Bridge:
    return begin("warm: 0")


def test_a_message_is_answered(bridge: Bridge) -> None:
    answer = bridge.ask("say hello there")
    assert said(answer) == "hello there"
    message = answer.json
    assert (message["role"], message["stop_reason"], message["model"]) == ("assistant", "end_turn", "claude-sonnet-5")
    assert message["usage"]["input_tokens"] == 11
    assert message["usage"]["output_tokens"] == 7
    assert answer.header("x-turnout-target") == "max/claude-sonnet-5"


def test_a_message_is_streamed_as_it_comes(bridge: Bridge) -> None:
    answer = post(bridge.url, "/v1/messages", body("slowly one two three", stream=True))
    assert MESSAGES.text(answer.body).endswith("slowly one two three")
    assert len({round(chunk.at, 1) for chunk in answer.chunks}) > 2, "it came in one piece"


@pytest.mark.parametrize("api", [CHAT, RESPONSES], ids=lambda api: api.name)
@pytest.mark.parametrize("stream", [False, True])
def test_clients_of_other_apis_are_answered(bridge: Bridge, api: Api, stream: bool) -> None:
    answer = post(bridge.url, api.path, api.body("claude-sonnet-5", stream=stream))
    assert answer.status == 200, answer.body
    assert "1: " in (api.text(answer.body) if stream else answer.body.decode())
