"""The vendors' own Python SDKs, sync and async, over Turnout: to an upstream of the same API, and to echo.

Each test runs twice; what an SDK parses, it has checked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import anthropic as anthropic_sdk
import openai as openai_sdk
import pytest
from pydantic import BaseModel

from tests.support.apis import CHAT, MESSAGES, digest
from tests.support.loop import sealed_file
from tests.support.script import CUT, as_json, as_stream

if TYPE_CHECKING:
    from pathlib import Path

    from anthropic import Anthropic
    from openai import OpenAI

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA = "tk-ada-0123456789abcdef"
FILE = f"""
version: 1
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}/v1", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
  echo: {{{{kind: echo}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  upstream-chat: openai/gpt-5.5
  upstream-claude: anthropic/claude-sonnet-5
  echo-chat: echo/gpt-5.5
  echo-claude: echo/claude-sonnet-5
  secret: echo/gpt-5.5
  patient-chat: {{{{targets: [openai/gpt-5.5], retries: 1}}}}
keys:
  ada: {{{{hashes: ["{digest(ADA)}"], models: [upstream-*, echo-*, patient-*]}}}}
"""
HI: Any = [{"role": "user", "content": "Hi"}]
PATH = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": "read_file", "description": "Read", "parameters": PATH}}]
CLAUDE_TOOLS: Any = [{"name": "read_file", "description": "Read", "input_schema": PATH}]
BACKENDS = pytest.mark.parametrize("backend", ["upstream", "echo"])
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


class Person(BaseModel):
    name: str
    age: int


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


# openai --------------------------------------------------------------------------------------------------------------


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


# anthropic -----------------------------------------------------------------------------------------------------------


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


# errors --------------------------------------------------------------------------------------------------------------

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
}


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 500])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_upstreams_error_is_the_sdks_class(
    gpt: OpenAI, claude: Anthropic, openai: Upstream, anthropic: Upstream, sdk: str, status: int
) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "upstream says no", "code": "no"}}
    for upstream in (openai, anthropic):
        upstream.script(as_json(error, status))
    module: Any = openai_sdk if sdk == "openai" else anthropic_sdk
    ask = {
        "openai": lambda: gpt.chat.completions.create(model="upstream-chat", messages=HI),
        "anthropic": lambda: claude.messages.create(model="upstream-claude", max_tokens=9, messages=HI),
    }
    with pytest.raises(getattr(module, CLASSES[status]), match="upstream says no"):
        ask[sdk]()


def test_turnouts_own_errors_are_the_sdks_classes(gpt: OpenAI, claude: Anthropic) -> None:
    with pytest.raises(openai_sdk.NotFoundError) as missing:
        gpt.chat.completions.create(model="echo-chta", messages=HI)
    assert (missing.value.code, "echo-chat" in str(missing.value)) == ("model_not_found", True)
    with pytest.raises(openai_sdk.PermissionDeniedError):
        gpt.chat.completions.create(model="secret", messages=HI)
    with pytest.raises(openai_sdk.AuthenticationError):
        gpt.with_options(api_key="sk-unknown-unknown-unknown").models.list()
    with pytest.raises(openai_sdk.BadRequestError) as bad:
        gpt.chat.completions.create(model="echo-chat", messages="Hi")  # type: ignore[call-overload]  # a mistake
    assert bad.value.param == "messages"
    with pytest.raises(anthropic_sdk.NotFoundError):
        claude.messages.create(model="echo-chta", max_tokens=9, messages=HI)
    with pytest.raises(anthropic_sdk.PermissionDeniedError):
        claude.messages.create(model="secret", max_tokens=9, messages=HI)
    with pytest.raises(anthropic_sdk.AuthenticationError):
        claude.with_options(api_key="sk-unknown-unknown-unknown").messages.create(
            model="echo-claude", max_tokens=9, messages=HI
        )


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_error_in_the_stream_is_raised(
    gpt: OpenAI, claude: Anthropic, openai: Upstream, anthropic: Upstream, sdk: str
) -> None:
    """The connection to the upstream breaks after content: the SDK must not take it for the end."""
    if sdk == "openai":
        openai.script(as_stream([*CHAT.parted()[0], CUT]))
        with pytest.raises(openai_sdk.APIError):
            list(gpt.chat.completions.create(model="upstream-chat", messages=HI, stream=True))
    else:
        anthropic.script(as_stream([*MESSAGES.parted()[0], CUT]))
        with pytest.raises(anthropic_sdk.APIError):
            list(claude.messages.create(model="upstream-claude", max_tokens=9, messages=HI, stream=True))


@pytest.mark.parametrize(("model", "requests"), [("upstream-chat", 3), ("patient-chat", 2)])
def test_the_sdks_do_not_multiply_our_tries(turnout: Turnout, openai: Upstream, model: str, requests: int) -> None:
    """The SDK makes three tries of its own where Turnout made one, and none after Turnout has made two."""
    openai.answer = lambda _: as_json({"error": {"message": "oops", "type": "server_error"}}, 500)
    with (
        openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=2, timeout=10) as client,
        pytest.raises(openai_sdk.InternalServerError),
    ):
        client.chat.completions.create(model=model, messages=HI)
    assert len(openai.requests) == requests
