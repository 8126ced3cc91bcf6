"""The vendors' own Python SDKs over Turnout, at the strictest models of the other vendor: whole tool loops.

Three rounds of two calls at once, then an answer, then one more question. The upstream refuses whatever a model of
its vendor refuses, and any answer without the thoughts it wants back; nothing of that may ever be seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic as anthropic_sdk
import openai as openai_sdk
import pytest
from anthropic import beta_tool

from tests.support.apis import digest
from tests.support.loop import Manner, says, sealed_files
from tests.support.sdks import ADA, CHAT_TOOLS, CLAUDE_TOOLS, HI, STREAM, Person
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
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  claude-*: anthropic/claude-*
  gpt-*: openai/gpt-*
  o3: openai/o3
  deepseek-*: openai/deepseek-*
keys:
  ada: {{{{hashes: ["{digest(ADA)}"]}}}}
"""
MANNER = Manner(parallel=2, before="Let me have a look.", thinks=True)
FILES = 6
REQUESTS = 5
"""Three rounds of calls, the answer, and the answer to one more question."""
AGAIN = "Say it again."
CLAUDES = (
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-opus-4-6",
    "claude-sonnet-4-5",
)
GPTS = ("gpt-6", "gpt-5.5", "gpt-5.2", "gpt-5", "gpt-4o", "o3", "deepseek-reasoner")
THINKING: dict[str, Any] = {
    "untold": {},
    "shown": {"thinking": {"type": "adaptive", "display": "summarized"}},
    "budget": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    "effort": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
}


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
def vendor(openai: Upstream, anthropic: Upstream) -> Iterator[Upstream]:
    """Both upstreams at their strictest; the one that was asked has refused nothing, and the other was not asked."""
    openai.answer = anthropic.answer = strict(MANNER)
    yield openai
    seen = [*openai.requests, *anthropic.requests]
    assert [refused(one, MANNER) for one in seen] == [None] * len(seen)
    assert not openai.requests or not anthropic.requests


@STREAM
@pytest.mark.parametrize("effort", [None, "none", "high"])
@pytest.mark.parametrize("model", CLAUDES)
@pytest.mark.usefixtures("vendor")
def test_openai_on_claude(
    gpt: OpenAI, anthropic: Upstream, tmp_path: Path, model: str, effort: Any, stream: bool
) -> None:
    """A client that sends back what every chat client does: the texts and the calls."""
    seals, prompt = sealed_files(tmp_path, FILES)
    messages: Any = [{"role": "system", "content": "You read files."}, {"role": "user", "content": prompt}]
    asked: dict[str, Any] = {"model": model, "messages": messages, "tools": CHAT_TOOLS}
    if effort:
        asked["reasoning_effort"] = effort
    heard = []
    while True:
        if stream:
            with gpt.chat.completions.stream(**asked) as events:
                choice: Any = events.get_final_completion().choices[0]
        else:
            choice = gpt.chat.completions.create(**asked).choices[0]
        message = choice.message
        assert choice.finish_reason == ("tool_calls" if message.tool_calls else "stop")
        calls = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.function.name, "arguments": one.function.arguments},
            }
            for one in message.tool_calls or ()
        ]
        messages.append({"role": "assistant", "content": message.content, **({"tool_calls": calls} if calls else {})})
        for call in calls:
            text = Path(json.loads(call["function"]["arguments"])["path"]).read_text()
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        if not calls:
            heard.append(message.content)
            if len(heard) == 2:
                break
            messages.append({"role": "user", "content": AGAIN})
    assert heard == [says(*seals)] * 2
    assert len(anthropic.requests) == REQUESTS


@STREAM
@pytest.mark.parametrize("wish", THINKING)
@pytest.mark.parametrize("model", GPTS)
@pytest.mark.usefixtures("vendor")
def test_anthropic_on_gpt(
    claude: Anthropic, openai: Upstream, tmp_path: Path, model: str, wish: str, stream: bool
) -> None:
    """A client that sends back every block, thoughts included."""
    seals, prompt = sealed_files(tmp_path, FILES)
    messages: Any = [{"role": "user", "content": prompt}]
    asked: dict[str, Any] = {
        "model": model, "max_tokens": 4096, "system": "You read files.", "messages": messages, "tools": CLAUDE_TOOLS,
        **THINKING[wish],
    }  # fmt: skip
    heard = []
    while True:
        if stream:
            with claude.messages.stream(**asked) as events:
                got: Any = events.get_final_message()
        else:
            got = claude.messages.create(**asked)
        uses = [block for block in got.content if block.type == "tool_use"]
        assert got.stop_reason == ("tool_use" if uses else "end_turn")
        messages.append({"role": "assistant", "content": got.content})
        results: Any = [
            {"type": "tool_result", "tool_use_id": use.id, "content": Path(use.input["path"]).read_text()}
            for use in uses
        ]
        if not uses:
            heard.append(got.content[-1].text)
            if len(heard) == 2:
                break
            results = AGAIN
        messages.append({"role": "user", "content": results})
    assert heard == [says(*seals)] * 2
    assert len(openai.requests) == REQUESTS


@pytest.mark.usefixtures("vendor")
def test_the_tool_runner_goes_on_without_a_thread(claude: Anthropic, openai: Upstream, tmp_path: Path) -> None:
    """It asks for a conversation kept by the server first, and understands why there is none."""

    @beta_tool
    def read_file(path: str) -> str:
        """Read a file.

        Args:
            path: where it is
        """
        return Path(path).read_text()

    seals, prompt = sealed_files(tmp_path, FILES)
    runner = claude.beta.messages.tool_runner(
        model="gpt-5.5", max_tokens=1024, tools=[read_file], messages=[{"role": "user", "content": prompt}]
    )
    last: Any = runner.until_done()
    assert last.content[-1].text == says(*seals)
    assert len(openai.requests) == REQUESTS - 1


@pytest.mark.usefixtures("vendor")
@pytest.mark.parametrize("model", CLAUDES)
def test_openai_parse_on_claude(gpt: OpenAI, model: str) -> None:
    got = gpt.chat.completions.parse(model=model, messages=HI, response_format=Person)
    assert isinstance(got.choices[0].message.parsed, Person)


@pytest.mark.usefixtures("vendor")
@pytest.mark.parametrize("model", GPTS[:-1])
def test_anthropic_parse_on_gpt(claude: Anthropic, model: str) -> None:
    got = claude.messages.parse(model=model, max_tokens=64, messages=HI, output_format=Person)
    assert isinstance(got.parsed_output, Person)
