"""OpenAI's own Python SDK, sync and async, over Turnout.

Each test runs twice, over an upstream of the same API and over echo; what an SDK parses, it has checked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import openai as openai_sdk
import pytest

from tests.support.loop import sealed_file
from tests.support.sdks import ADA, BACKENDS, CHAT_TOOLS, HI, SDK_FILE, STREAM, Person

if TYPE_CHECKING:
    from pathlib import Path

    from openai import OpenAI

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(SDK_FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture(scope="module")
def gpt(turnout: Turnout) -> Iterator[OpenAI]:
    with openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=0, timeout=10) as client:
        yield client


@BACKENDS
def test_openai_chat(gpt: OpenAI, backend: str) -> None:
    got = gpt.chat.completions.create(model=f"{backend}-chat", messages=HI)
    assert (got.model, got.choices[0].finish_reason) == (f"{backend}-chat", "stop")
    assert got.choices[0].message.content
    assert got.usage
    assert got.usage.total_tokens == got.usage.prompt_tokens + got.usage.completion_tokens > 0


@BACKENDS
def test_openai_chat_stream(gpt: OpenAI, backend: str) -> None:
    stream = gpt.chat.completions.create(
        model=f"{backend}-chat", messages=HI, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    whole = gpt.chat.completions.create(model=f"{backend}-chat", messages=HI)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert {chunk.model for chunk in chunks} == {f"{backend}-chat"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].usage
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


@BACKENDS
@STREAM
def test_openai_tool_loop(gpt: OpenAI, tmp_path: Path, backend: str, stream: bool) -> None:
    _, seal, prompt = sealed_file(tmp_path)
    messages: Any = [{"role": "user", "content": f"{prompt} Use read_file."}]
    asked: dict[str, Any] = {"model": f"{backend}-chat", "messages": messages, "tools": CHAT_TOOLS}

    def turn() -> Any:
        if not stream:
            return gpt.chat.completions.create(**asked).choices[0]
        with gpt.chat.completions.stream(**asked) as events:
            return events.get_final_completion().choices[0]

    first = turn()
    assert first.finish_reason == "tool_calls"
    call = first.message.tool_calls[0]
    arguments = json.loads(call.function.arguments)
    assert (call.function.name, [type(value) for value in arguments.values()], set(arguments)) == (
        "read_file",
        [str],
        {"path"},
    )
    messages += [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call.model_dump(exclude={"function": {"parsed_arguments"}})],
        },
        {"role": "tool", "tool_call_id": call.id, "content": seal},
    ]
    last = turn()
    assert (last.finish_reason, last.message.tool_calls) == ("stop", None)
    if backend == "upstream":
        assert arguments["path"] == str(tmp_path / "seal.txt")
        assert seal in last.message.content


def test_openai_forced_tool_of_echo(gpt: OpenAI) -> None:
    choice: Any = {"type": "function", "function": {"name": "read_file"}}
    got: Any = gpt.chat.completions.create(model="echo-chat", messages=HI, tools=CHAT_TOOLS, tool_choice=choice)
    assert got.choices[0].message.tool_calls[0].function.name == "read_file"


@BACKENDS
def test_openai_parse(gpt: OpenAI, backend: str) -> None:
    got = gpt.chat.completions.parse(model=f"{backend}-chat", messages=HI, response_format=Person)
    assert isinstance(got.choices[0].message.parsed, Person)


@BACKENDS
def test_openai_completions(gpt: OpenAI, backend: str) -> None:
    got = gpt.completions.create(model=f"{backend}-chat", prompt="def add(a, b):", suffix="# end", max_tokens=9)
    assert got.choices[0].text
    streamed = gpt.completions.create(model=f"{backend}-chat", prompt="def add(a, b):", suffix="# end", stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed if chunk.choices) == got.choices[0].text


@BACKENDS
def test_openai_embeddings(gpt: OpenAI, backend: str) -> None:
    got = gpt.embeddings.create(model=f"{backend}-chat", input=["a", "b"])
    plain = gpt.embeddings.create(model=f"{backend}-chat", input=["a", "b"], encoding_format="float")
    assert [one.index for one in got.data] == [0, 1]
    assert got.data[0].embedding == pytest.approx(plain.data[0].embedding)
    assert isinstance(got.data[0].embedding[0], float)


def test_openai_models(gpt: OpenAI) -> None:
    names = ["upstream-chat", "upstream-claude", "echo-chat", "echo-claude", "patient-chat"]
    assert [model.id for model in gpt.models.list()] == names
    assert gpt.models.retrieve("echo-chat").id == "echo-chat"


@BACKENDS
def test_openai_async(turnout: Turnout, backend: str) -> None:
    async def ask() -> tuple[str, str]:
        async with openai_sdk.AsyncOpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, timeout=10) as client:
            whole = await client.chat.completions.create(model=f"{backend}-chat", messages=HI)
            stream = await client.chat.completions.create(model=f"{backend}-chat", messages=HI, stream=True)
            said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
            left = await client.chat.completions.create(model=f"{backend}-chat", messages=HI, stream=True)
            async for _ in left:
                break
            await left.close()
            return whole.choices[0].message.content or "", "".join(said)

    whole, said = asyncio.run(ask())
    assert whole == said != ""
