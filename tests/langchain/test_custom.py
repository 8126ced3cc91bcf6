"""A chat model of the operator's own behind every API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import post

if TYPE_CHECKING:
    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout

FILE = """
upstreams:
  team:
    kind: langchain
    object: my_team.models:Parrot
    options: {voice: env:PARROT_VOICE}
models: {parrot: team/polly, "parrot-*": team/*}
"""
APIS = pytest.mark.parametrize("api", [CHAT, MESSAGES, RESPONSES], ids=lambda api: api.name)


@pytest.fixture(scope="module")
def turnout(beside: Beside) -> Turnout:
    return beside(FILE, env={"PARROT_VOICE": "hoarse-and-loud"})


@APIS
def test_a_custom_model_answers(turnout: Turnout, api: Api) -> None:
    answer = post(turnout.url, api.path, {**api.conversation("Who is there?"), "model": "parrot", "temperature": 0.5})
    assert answer.status == 200, answer.body
    assert api.said(answer.json) == "polly in a hoarse-and-loud voice at 0.5: Who is there?"
    assert answer.json["model"] == "parrot"


@APIS
def test_a_custom_model_streams(turnout: Turnout, api: Api) -> None:
    answer = post(turnout.url, api.path, {**api.conversation("Who is there?"), "model": "parrot-7", "stream": True})
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert api.text(answer.body).strip() == "7 in a hoarse-and-loud voice at None: Who is there?"


def test_usage_and_why_it_stopped(turnout: Turnout) -> None:
    told = post(turnout.url, "/v1/messages", {**MESSAGES.conversation("Hi"), "model": "parrot"}).json
    assert told["stop_reason"] == "max_tokens"
    assert told["usage"] == {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 10,
        "output_tokens": 5,
    }
