"""Anthropic's own Python SDK, sync and async, over Turnout.

Each test runs twice, over an upstream of the same API and over echo; what an SDK parses, it has checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import anthropic as anthropic_sdk
import pytest

from tests.support.loop import sealed_file
from tests.support.sdks import ADA, BACKENDS, CLAUDE_TOOLS, HI, SDK_FILE, STREAM, Person

if TYPE_CHECKING:
    from pathlib import Path

    from anthropic import Anthropic

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(SDK_FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture(scope="module")
def claude(turnout: Turnout) -> Iterator[Anthropic]:
    with anthropic_sdk.Anthropic(base_url=turnout.url, api_key=ADA, max_retries=0, timeout=10) as client:
        yield client


@BACKENDS
def test_anthropic_messages(claude: Anthropic, backend: str) -> None:
    got = claude.messages.create(model=f"{backend}-claude", max_tokens=64, messages=HI)
    assert (got.model, got.stop_reason, got.content[0].type) == (f"{backend}-claude", "end_turn", "text")
    assert got.usage.input_tokens > 0
    assert got.usage.output_tokens > 0
    assert got._request_id


@BACKENDS
def test_anthropic_stream(claude: Anthropic, backend: str) -> None:
    whole: Any = claude.messages.create(model=f"{backend}-claude", max_tokens=64, messages=HI)
    with claude.messages.stream(model=f"{backend}-claude", max_tokens=64, messages=HI) as stream:
        said = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert said == whole.content[0].text
    assert (final.model, final.stop_reason) == (f"{backend}-claude", "end_turn")
    assert final.usage.output_tokens > 0


@BACKENDS
@STREAM
def test_anthropic_tool_loop(claude: Anthropic, tmp_path: Path, backend: str, stream: bool) -> None:
    _, seal, prompt = sealed_file(tmp_path)
    messages: Any = [{"role": "user", "content": f"{prompt} Use read_file."}]
    asked: dict[str, Any] = {
        "model": f"{backend}-claude",
        "max_tokens": 64,
        "messages": messages,
        "tools": CLAUDE_TOOLS,
    }

    def turn() -> Any:
        if not stream:
            return claude.messages.create(**asked)
        with claude.messages.stream(**asked) as events:
            return events.get_final_message()

    first = turn()
    assert first.stop_reason == "tool_use"
    use = first.content[-1]
    assert (use.name, set(use.input)) == ("read_file", {"path"})
    result = {"type": "tool_result", "tool_use_id": use.id, "content": seal}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    last = turn()
    assert last.stop_reason == "end_turn"
    if backend == "upstream":
        assert use.input["path"] == str(tmp_path / "seal.txt")
        assert seal in last.content[0].text


@BACKENDS
def test_anthropic_parse(claude: Anthropic, backend: str) -> None:
    got = claude.messages.parse(model=f"{backend}-claude", max_tokens=64, messages=HI, output_format=Person)
    assert isinstance(got.parsed_output, Person)


def test_anthropic_thinking_of_echo(claude: Anthropic) -> None:
    got = claude.messages.create(
        model="echo-claude", max_tokens=4096, messages=HI, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    assert [block.type for block in got.content] == ["thinking", "text"]


@BACKENDS
def test_anthropic_count_tokens(claude: Anthropic, backend: str) -> None:
    assert claude.messages.count_tokens(model=f"{backend}-claude", messages=HI).input_tokens > 0


def test_anthropic_models(claude: Anthropic) -> None:
    names = ["upstream-chat", "upstream-claude", "echo-chat", "echo-claude", "patient-chat"]
    assert [model.id for model in claude.models.list(limit=2)] == names
    assert claude.models.retrieve("echo-claude").display_name


@BACKENDS
def test_anthropic_beta_and_x_api_key(turnout: Turnout, anthropic: Upstream, backend: str) -> None:
    headers: Any = {"X-Api-Key": ADA, "Authorization": anthropic_sdk.omit}
    with anthropic_sdk.Anthropic(base_url=turnout.url, api_key=ADA, default_headers=headers) as client:
        got = client.beta.messages.create(
            model=f"{backend}-claude", max_tokens=64, messages=HI, betas=["interleaved-thinking-2025-05-14"]
        )
    assert got.content
    if backend == "upstream":
        assert "interleaved-thinking-2025-05-14" in (anthropic.last.header("anthropic-beta") or "")


@BACKENDS
def test_anthropic_async(turnout: Turnout, backend: str) -> None:
    async def ask() -> str:
        async with (
            anthropic_sdk.AsyncAnthropic(base_url=turnout.url, api_key=ADA, timeout=10) as client,
            client.messages.stream(model=f"{backend}-claude", max_tokens=64, messages=HI) as stream,
        ):
            return "".join([text async for text in stream.text_stream])

    assert asyncio.run(ask())
