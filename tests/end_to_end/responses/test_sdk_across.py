"""The vendors' own SDKs in whole tool loops, from and to the Responses API, at the strictest models there are.

As in test_sdk_across.py of the other two APIs: three rounds of two calls at once, the answer, one more question. The
upstream refuses whatever a model of its vendor refuses, and any answer without the thoughts it wants back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic as anthropic_sdk
import openai as openai_sdk
import pytest

from tests.support.apis import digest
from tests.support.loop import Manner, says, sealed_files
from tests.support.sdks import ADA, CHAT_TOOLS, CLAUDE_TOOLS, HI, PATH, STREAM, Person
from tests.support.vendor import refused, strict

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import OpenAI

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = f"""
version: 1
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}/v1", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
  responses: {{{{kind: openai, base_url: "{{openai}}/v1", apis: [responses], api_key: env:TEST_OPENAI_KEY}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  claude-*: anthropic/claude-*
  gpt-*: openai/gpt-*
  o3: openai/o3
  deepseek-*: openai/deepseek-*
  resp-*: responses/*
keys:
  ada: {{{{hashes: ["{digest(ADA)}"]}}}}
"""
MANNER = Manner(parallel=2, before="Let me have a look.", thinks=True, interleaves=True)
CLAUDES = ("claude-opus-5-5", "claude-sonnet-5", "claude-opus-4-8", "claude-opus-4-6", "claude-sonnet-4-5")
GPTS = ("gpt-6", "gpt-5.5", "gpt-5", "gpt-4o", "o3", "deepseek-reasoner")
NATIVES = ("resp-gpt-6", "resp-gpt-5.5", "resp-gpt-5", "resp-gpt-4o", "resp-o3")
FILES = 6
REQUESTS = 5
AGAIN = "Say it again."
TOOLS: Any = [{"type": "function", "name": "read_file", "description": "Read", "parameters": PATH, "strict": True}]
ENCRYPTED: Any = ["reasoning.encrypted_content"]


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture(scope="module")
def gpt(turnout: Turnout) -> Iterator[OpenAI]:
    with openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def claude(turnout: Turnout) -> Iterator[Anthropic]:
    with anthropic_sdk.Anthropic(base_url=turnout.url, api_key=ADA, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def vendor(openai: Upstream, anthropic: Upstream) -> Iterator[None]:
    """Both upstreams at their strictest; the one that was asked has refused nothing, and the other was not asked."""
    openai.answer = anthropic.answer = strict(MANNER)
    yield
    seen = [*openai.requests, *anthropic.requests]
    assert [refused(one, MANNER) for one in seen] == [None] * len(seen)
    assert not openai.requests or not anthropic.requests


def respond(gpt: OpenAI, stream: bool, **asked: Any) -> Any:
    if not stream:
        return gpt.responses.create(**asked)
    with gpt.responses.stream(**asked) as events:
        return events.get_final_response()


def results(response: Any) -> list[Any]:
    """Return what the calls of a response find out."""
    calls = [item for item in response.output if item.type == "function_call"]
    texts = [Path(json.loads(call.arguments)["path"]).read_text() for call in calls]
    return [
        {"type": "function_call_output", "call_id": call.call_id, "output": text}
        for call, text in zip(calls, texts, strict=True)
    ]


Step = Callable[[list[Any], Any], dict[str, Any]]


def carrying(items: list[Any], response: Any) -> dict[str, Any]:
    """Go on as Codex and the Agents SDK do: everything is sent again, the reasoning as it was told."""
    return {"input": items, "store": False, "include": ENCRYPTED}


def remembered(items: list[Any], response: Any) -> dict[str, Any]:
    """Go on from the last response, as most who use the SDK: only what is new is sent."""
    if response is None:
        return {"input": items}
    last = max(place for place, item in enumerate(items) if not isinstance(item, dict))
    return {"input": items[last + 1 :], "previous_response_id": response.id}


GOES_ON = pytest.mark.parametrize("step", [carrying, remembered], ids=["carrying", "remembered"])


def loop(gpt: OpenAI, step: Step, stream: bool, prompt: str, **asked: Any) -> list[str]:
    """Let a model work, and return what it says at the end, and when it is asked again."""
    items: list[Any] = [{"role": "user", "content": prompt}]
    response: Any = None
    heard: list[str] = []
    while len(heard) < 2:
        response = respond(gpt, stream, tools=TOOLS, instructions="You read files.", **asked, **step(items, response))
        assert response.status == "completed"
        items += response.output
        found = results(response)
        if not found:
            heard.append(response.output_text)
        items += found or [{"role": "user", "content": AGAIN}]
    return heard


@STREAM
@GOES_ON
@pytest.mark.parametrize("effort", [None, "none", "high"])
@pytest.mark.parametrize("model", CLAUDES)
@pytest.mark.usefixtures("vendor")
def test_responses_on_claude(
    gpt: OpenAI, anthropic: Upstream, tmp_path: Path, model: str, effort: Any, step: Step, stream: bool
) -> None:
    seals, prompt = sealed_files(tmp_path, FILES)
    wish = {"reasoning": {"effort": effort, "summary": "auto"}} if effort else {}
    assert loop(gpt, step, stream, prompt, model=model, **wish) == [says(*seals)] * 2
    assert len(anthropic.requests) == REQUESTS


@STREAM
@GOES_ON
@pytest.mark.parametrize("model", GPTS)
@pytest.mark.usefixtures("vendor")
def test_responses_on_chat(gpt: OpenAI, openai: Upstream, tmp_path: Path, model: str, step: Step, stream: bool) -> None:
    seals, prompt = sealed_files(tmp_path, FILES)
    assert loop(gpt, step, stream, prompt, model=model) == [says(*seals)] * 2
    assert {seen.path for seen in openai.requests} == {"/v1/chat/completions"}
    assert len(openai.requests) == REQUESTS


@pytest.mark.odd_stream("the calls of this upstream interleave, and its bytes pass")
@pytest.mark.parametrize("model", NATIVES[:2])
@pytest.mark.usefixtures("vendor")
def test_responses_on_its_own_api(gpt: OpenAI, openai: Upstream, tmp_path: Path, model: str) -> None:
    seals, prompt = sealed_files(tmp_path, FILES)
    assert loop(gpt, carrying, True, prompt, model=model) == [says(*seals)] * 2
    assert len(openai.requests) == REQUESTS


@STREAM
@pytest.mark.parametrize("effort", [None, "high"])
@pytest.mark.parametrize("model", NATIVES)
@pytest.mark.usefixtures("vendor")
def test_chat_on_responses(
    gpt: OpenAI, openai: Upstream, tmp_path: Path, model: str, effort: Any, stream: bool
) -> None:
    """A client that has no place for encrypted reasoning: Turnout brings it back."""
    seals, prompt = sealed_files(tmp_path, FILES)
    messages: Any = [{"role": "system", "content": "You read files."}, {"role": "user", "content": prompt}]
    asked: dict[str, Any] = {"model": model, "messages": messages, "tools": CHAT_TOOLS}
    if effort:
        asked["reasoning_effort"] = effort
    heard = []
    while len(heard) < 2:
        if stream:
            with gpt.chat.completions.stream(**asked) as events:
                choice: Any = events.get_final_completion().choices[0]
        else:
            choice = gpt.chat.completions.create(**asked).choices[0]
        calls = choice.message.tool_calls or []
        assert choice.finish_reason == ("tool_calls" if calls else "stop")
        told = [call.model_dump(exclude={"function": {"parsed_arguments"}}) for call in calls]
        messages.append(
            {"role": "assistant", "content": choice.message.content, **({"tool_calls": told} if told else {})}
        )
        for call in calls:
            text = Path(json.loads(call.function.arguments)["path"]).read_text()
            messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
        if not calls:
            heard.append(choice.message.content)
            messages.append({"role": "user", "content": AGAIN})
    assert heard == [says(*seals)] * 2
    assert {seen.path for seen in openai.requests} == {"/v1/responses"}
    assert len(openai.requests) == REQUESTS


THINKING: dict[str, Any] = {
    "untold": {},
    "shown": {"thinking": {"type": "adaptive", "display": "summarized"}},
    "budget": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
}


@STREAM
@pytest.mark.parametrize("wish", THINKING)
@pytest.mark.parametrize("model", NATIVES)
@pytest.mark.usefixtures("vendor")
def test_messages_on_responses(
    claude: Anthropic, openai: Upstream, tmp_path: Path, model: str, wish: str, stream: bool
) -> None:
    """A client that sends back every block, thoughts included, or was told none."""
    seals, prompt = sealed_files(tmp_path, FILES)
    messages: Any = [{"role": "user", "content": prompt}]
    asked: dict[str, Any] = {
        "model": model, "max_tokens": 4096, "system": "You read files.", "messages": messages, "tools": CLAUDE_TOOLS,
        **THINKING[wish],
    }  # fmt: skip
    heard = []
    while len(heard) < 2:
        if stream:
            with claude.messages.stream(**asked) as events:
                got: Any = events.get_final_message()
        else:
            got = claude.messages.create(**asked)
        uses = [block for block in got.content if block.type == "tool_use"]
        assert got.stop_reason == ("tool_use" if uses else "end_turn")
        messages.append({"role": "assistant", "content": got.content})
        found: Any = [
            {"type": "tool_result", "tool_use_id": use.id, "content": Path(use.input["path"]).read_text()}
            for use in uses
        ]
        if not uses:
            heard.append(got.content[-1].text)
        messages.append({"role": "user", "content": found or AGAIN})
    assert heard == [says(*seals)] * 2
    assert {seen.path for seen in openai.requests} == {"/v1/responses"}
    assert len(openai.requests) == REQUESTS


@pytest.mark.usefixtures("vendor")
@pytest.mark.parametrize("model", [*CLAUDES, *GPTS[:-1], *NATIVES])
def test_parse_of_responses(gpt: OpenAI, model: str) -> None:
    got = gpt.responses.parse(model=model, input=HI, text_format=Person)
    assert isinstance(got.output_parsed, Person)


@pytest.mark.usefixtures("vendor")
@pytest.mark.parametrize("model", NATIVES)
def test_parse_of_others_on_responses(gpt: OpenAI, claude: Anthropic, model: str) -> None:
    chat = gpt.chat.completions.parse(model=model, messages=HI, response_format=Person)
    assert isinstance(chat.choices[0].message.parsed, Person)
    message = claude.messages.parse(model=model, max_tokens=64, messages=HI, output_format=Person)
    assert isinstance(message.parsed_output, Person)
