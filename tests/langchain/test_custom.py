"""A chat model of the operator's own behind every API."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api, payloads
from tests.support.http import post

if TYPE_CHECKING:
    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout

FILE = """
observe: {log: {format: text, usage: true}}
prices: {team/*: {input: 1, cached: 0.1, output: 10}}
upstreams:
  team:
    kind: langchain
    object: my_team.models:Parrot
    options: {voice: env:PARROT_VOICE}
  worker: {kind: langchain, object: my_team.models.Worker}
models:
  parrot: team/polly
  "parrot-*": team/*
  worker: worker/w
  forced:
    targets: [worker/w]
    set: {max_completion_tokens: 7, reasoning.mode: adaptive, seed: 1}
    unset: [stop_sequences]
"""
APIS = pytest.mark.parametrize("api", [CHAT, MESSAGES, RESPONSES], ids=lambda api: api.name)
PNG = "iVBORw0KGgo="


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


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_custom_model_completes(turnout: Turnout, stream: bool) -> None:
    body = {"model": "parrot", "prompt": "Who is there?", "suffix": None, "temperature": 0.5, "stream": stream}
    answer = post(turnout.url, "/v1/completions", body)
    assert answer.status == 200, answer.body
    said = payloads(answer.body) if stream else [answer.json]
    assert "".join(one["choices"][0]["text"] for one in said).strip() == (
        "polly in a hoarse-and-loud voice at 0.5: Who is there?"
    )
    assert (said[-1]["model"], said[-1]["choices"][0]["finish_reason"]) == ("parrot", "length")
    refused = post(turnout.url, "/v1/completions", {**body, "prompt": [1, 2]})
    assert (refused.status, CHAT.error(refused)["param"]) == (400, "prompt")


def test_over_websocket(turnout: Turnout) -> None:
    body = {**CHAT.conversation("Who is there?"), "model": "parrot", "stream": True}
    text = ""
    with connect(turnout.url.replace("http", "ws", 1) + CHAT.path) as line:
        line.send(json.dumps(body))
        while "[DONE]" not in (frame := str(line.recv(timeout=20))):
            said = json.loads(frame)
            text += "".join(one["delta"].get("content") or "" for one in said.get("choices", ()))
            if any(one.get("finish_reason") for one in said.get("choices", ())):
                break
    assert text.strip() == "polly in a hoarse-and-loud voice at None: Who is there?"


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_usage_and_why_it_stopped(turnout: Turnout, stream: bool) -> None:
    answer = post(turnout.url, "/v1/messages", {**MESSAGES.conversation("Hi"), "model": "parrot", "stream": stream})
    usage = {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 10,
        "output_tokens": 5,
    }
    if not stream:
        assert (answer.json["stop_reason"], answer.json["usage"]) == ("max_tokens", usage)
        return
    told = next(event for event in events(answer.body) if event["type"] == "message_delta")
    assert (told["delta"]["stop_reason"], told["usage"]) == ("max_tokens", usage)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_what_it_costs(turnout: Turnout, stream: bool) -> None:
    since = len(turnout.log())
    post(turnout.url, CHAT.path, {**CHAT.conversation("Hi"), "model": "parrot", "stream": stream})
    turnout.wait_for(re.compile(r"tokens=30\+5 cost=\$0\.000071 "), since=since)


def test_a_stop_sequence_that_the_model_ignores_still_ends_its_answer(turnout: Turnout) -> None:
    body = {**CHAT.conversation("one two three"), "model": "parrot", "stop": ["two"]}
    assert post(turnout.url, CHAT.path, body).json["choices"][0]["message"]["content"].endswith("one ")


def test_what_has_no_field_is_told(turnout: Turnout) -> None:
    body = {**CHAT.conversation("Hi"), "model": "parrot", "top_p": 0.5, "seed": 3, "temperature": 0}
    loss = post(turnout.url, CHAT.path, body).header("x-turnout-loss") or ""
    assert "top_p=" in loss
    assert "seed=" in loss
    assert "temperature" not in loss


def test_what_the_model_is_given(turnout: Turnout) -> None:
    body = {
        "model": "worker",
        "max_tokens": 77,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "stop_sequences": ["never"],
        "system": "Be brief.",
        "tools": [{"name": "look", "description": "Looks", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image(PNG)]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="},
                    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [image(PNG)], "is_error": True},
                    {"type": "text", "text": "see what you got"},
                ],
            },
        ],
    }
    told = json.loads(MESSAGES.said(post(turnout.url, "/v1/messages", body).json))
    system, user, assistant, result, last = told["messages"]
    shown = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    assert (system["type"], system["content"]) == ("system", "Be brief.")
    assert user["content"] == [{"type": "text", "text": "What is it?"}, shown]
    assert assistant["calls"] == [{"type": "tool_call", "id": "toolu_1", "name": "look", "args": {"at": "it"}}]
    assert assistant["content"][0] == {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "c2VhbA=="}}
    assert (result["type"], result["content"]) == ("tool", [shown])
    assert (last["type"], last["content"]) == ("human", "see what you got")
    assert told["max_tokens"] == 77
    assert told["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    given = told["given"]
    assert given["stop"] == ["reven"]
    assert (given["tool_choice"], given["parallel_tool_calls"]) == ("any", False)
    assert given["tools"][0]["function"] == {
        "name": "look",
        "description": "Looks",
        "parameters": {"type": "object", "properties": {}},
    }


def test_what_the_file_forces(turnout: Turnout) -> None:
    body = {**CHAT.conversation("see"), "model": "forced", "max_tokens": 99, "stop": ["never"]}
    told = json.loads(CHAT.said(post(turnout.url, CHAT.path, body).json))
    assert (told["max_tokens"], told["thinking"], told["given"]["stop"]) == (7, {"type": "adaptive"}, [])


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_reasoning(turnout: Turnout, stream: bool) -> None:
    body = {**MESSAGES.conversation("think and speak"), "model": "worker", "stream": stream}
    answer = post(turnout.url, "/v1/messages", {**body, "thinking": {"type": "adaptive"}})
    if not stream:
        assert answer.json["content"] == [
            {"type": "thinking", "thinking": "Let me think.", "signature": "c2VhbA=="},
            {"type": "text", "text": "and speak"},
        ]
        return
    deltas = [event["delta"] for event in events(answer.body) if event["type"] == "content_block_delta"]
    assert deltas == [
        {"type": "thinking_delta", "thinking": "Let me "},
        {"type": "thinking_delta", "thinking": "think."},
        {"type": "signature_delta", "signature": "c2VhbA=="},
        {"type": "text_delta", "text": "and speak"},
    ]


def image(data: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def events(stream: bytes) -> list[dict[str, Any]]:
    lines = stream.decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
