"""OpenAI's own Python SDK at its Responses API: over an upstream that has it, over two that have not, and over echo."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import openai as openai_sdk
import pytest

from tests.end_to_end.responses.house import ADA, EVE, written
from tests.support.apis import CHAT, MESSAGES, RESPONSES
from tests.support.items import message_item, response, response_of
from tests.support.script import CUT, as_json, as_stream
from tests.support.sdks import PATH, STREAM, Person

if TYPE_CHECKING:
    from openai import OpenAI

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  echo: echo/gpt-5.5
  patient: {targets: [native/gpt-5.5], retries: 1}"""
BACKENDS = pytest.mark.parametrize("model", ["native", "claude", "gpt", "echo"])
KEPT = pytest.mark.parametrize("model", ["claude", "gpt", "echo"])
"""The models whose responses Turnout keeps itself."""
TOOLS: Any = [{"type": "function", "name": "read_file", "description": "Read", "parameters": PATH, "strict": True}]


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    text = written(_openai, _anthropic, models=MODELS)
    return start(text.replace("defaults:", "  echo: {kind: echo}\ndefaults:"))


@pytest.fixture(scope="module")
def gpt(turnout: Turnout) -> Iterator[OpenAI]:
    with openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture(autouse=True)
def _fresh(openai: Upstream, anthropic: Upstream) -> None:
    """No test leaves anything behind."""


@BACKENDS
def test_create(gpt: OpenAI, model: str) -> None:
    got = gpt.responses.create(model=model, input="Hi", instructions="Be brief", metadata={"team": "a"})
    assert (got.object, got.status, got.model, got.error) == ("response", "completed", model, None)
    assert got.output_text
    assert got.id.startswith("resp_")
    assert got.usage
    assert got.usage.total_tokens == got.usage.input_tokens + got.usage.output_tokens > 0
    assert (got.instructions, got.metadata) == ("Be brief", {"team": "a"}) or model == "native"


@BACKENDS
def test_create_as_a_stream(gpt: OpenAI, model: str) -> None:
    events = list(gpt.responses.create(model=model, input="Hi", stream=True))
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert said == last.response.output_text == gpt.responses.create(model=model, input="Hi").output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    told = [event.response for event in events if hasattr(event, "response")]
    assert {(one.model, one.id) for one in told} == {(model, last.response.id)}


@BACKENDS
def test_the_stream_helper(gpt: OpenAI, model: str) -> None:
    with gpt.responses.stream(model=model, input="Hi") as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert snapshots[-1] == final.output_text != ""


@BACKENDS
@STREAM
def test_parse(gpt: OpenAI, model: str, stream: bool) -> None:
    if stream:
        with gpt.responses.stream(model=model, input="Hi", text_format=Person) as events:
            got: Any = events.get_final_response()
    else:
        got = gpt.responses.parse(model=model, input="Hi", text_format=Person)
    assert isinstance(got.output_parsed, Person)


@BACKENDS
@STREAM
def test_a_forced_tool(gpt: OpenAI, model: str, stream: bool) -> None:
    asked: dict[str, Any] = {
        "model": model,
        "input": "Read /tmp/x/seal.txt",
        "tools": TOOLS,
        "tool_choice": {"type": "function", "name": "read_file"},
    }
    if stream:
        with gpt.responses.stream(**asked) as events:
            got: Any = events.get_final_response()
    else:
        got = gpt.responses.create(**asked)
    [call] = [item for item in got.output if item.type == "function_call"]
    assert (call.name, call.status) == ("read_file", "completed")


@KEPT
def test_retrieve_list_and_delete(gpt: OpenAI, model: str) -> None:
    first = gpt.responses.create(model=model, input="One")
    last = gpt.responses.create(model=model, input="Two", previous_response_id=first.id)
    assert gpt.responses.retrieve(last.id) == last
    items: list[Any] = list(gpt.responses.input_items.list(last.id, order="asc", limit=2))
    texts = [item.content[0].text for item in items]
    assert texts == ["One", first.output_text, "Two"], "the SDK turns the pages"
    gpt.responses.delete(last.id)
    for gone in (
        lambda: gpt.responses.retrieve(last.id),
        lambda: gpt.responses.input_items.list(last.id),
        lambda: gpt.responses.delete(last.id),
    ):
        with pytest.raises(openai_sdk.NotFoundError):
            gone()
    assert gpt.responses.retrieve(first.id).output_text == first.output_text


@KEPT
def test_retrieve_as_a_stream(gpt: OpenAI, model: str) -> None:
    first = gpt.responses.create(model=model, input="One")
    events = list(gpt.responses.retrieve(first.id, stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response == first
    rest = list(gpt.responses.retrieve(first.id, stream=True, starting_after=3))
    assert rest == events[4:]


def test_retrieve_list_and_delete_where_the_upstream_keeps_it(gpt: OpenAI, openai: Upstream) -> None:
    first = gpt.responses.create(model="native", input="One")
    whole = {**response(turn="x"), "id": first.id}
    page = {"object": "list", "data": [message_item("One")], "first_id": "a", "last_id": "a", "has_more": False}
    openai.script(as_json(whole), as_json(page), as_json({"id": first.id, "object": "response", "deleted": True}))
    assert gpt.responses.retrieve(first.id).id == first.id
    assert len(list(gpt.responses.input_items.list(first.id))) == 1
    gpt.responses.delete(first.id)
    assert [(seen.method, seen.path) for seen in openai.requests[1:]] == [
        ("GET", f"/v1/responses/{first.id}"),
        ("GET", f"/v1/responses/{first.id}/input_items"),
        ("DELETE", f"/v1/responses/{first.id}"),
    ]
    with pytest.raises(openai_sdk.NotFoundError):
        gpt.responses.retrieve(first.id)


@BACKENDS
def test_nobody_elses(turnout: Turnout, gpt: OpenAI, model: str) -> None:
    first = gpt.responses.create(model=model, input="One")
    with openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=EVE, max_retries=0, timeout=10) as other:
        with pytest.raises(openai_sdk.NotFoundError):
            other.responses.retrieve(first.id)
        with pytest.raises(openai_sdk.BadRequestError) as refused:
            other.responses.create(model=model, input="And?", previous_response_id=first.id)
    assert refused.value.code == "previous_response_not_found"


@BACKENDS
def test_counting(gpt: OpenAI, model: str) -> None:
    got = gpt.responses.input_tokens.count(model=model, input="word " * 400)
    assert got.input_tokens > 100
    assert got.object == "response.input_tokens"


@BACKENDS
def test_errors_are_its_classes(gpt: OpenAI, openai: Upstream, anthropic: Upstream, model: str) -> None:
    with pytest.raises(openai_sdk.NotFoundError) as missing:
        gpt.responses.create(model=f"nobodys-{model}", input="Hi")
    assert missing.value.code == "model_not_found"
    if model == "echo":
        return
    slow = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down", "code": None}}
    for upstream in (openai, anthropic):
        upstream.script(as_json(slow, 429, ("retry-after", "1")))
    with pytest.raises(openai_sdk.RateLimitError, match="slow down"):
        gpt.responses.create(model=model, input="Hi")


@pytest.mark.parametrize("model", ["native", "claude", "gpt"])
def test_a_stream_that_breaks_off_is_a_failed_response(
    gpt: OpenAI, openai: Upstream, anthropic: Upstream, model: str
) -> None:
    api = {"native": RESPONSES, "claude": MESSAGES, "gpt": CHAT}[model]
    (anthropic if model == "claude" else openai).script(as_stream([*api.begun("Hello"), CUT]))
    events = list(gpt.responses.create(model=model, input="Hi", stream=True))
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error
    assert (last.response.status, last.response.error.code) == ("failed", "server_error")
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello"


def test_our_tries_are_not_multiplied(turnout: Turnout, openai: Upstream) -> None:
    openai.answer = lambda _: as_json({"error": {"message": "oops", "type": "server_error"}}, 500)
    with (
        openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=2, timeout=10) as client,
        pytest.raises(openai_sdk.InternalServerError),
    ):
        client.responses.create(model="patient", input="Hi")
    assert len(openai.requests) == 2


@BACKENDS
def test_async(turnout: Turnout, model: str) -> None:
    async def ask() -> tuple[str, str, str]:
        async with openai_sdk.AsyncOpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, timeout=10) as client:
            whole = await client.responses.create(model=model, input="Hi")
            said = ""
            async for event in await client.responses.create(model=model, input="Hi", stream=True):
                said += event.delta if event.type == "response.output_text.delta" else ""
            left = await client.responses.create(model=model, input="Hi", stream=True)
            async for _ in left:
                break
            await left.close()
            again = await client.responses.create(model=model, input="Hi")
            return whole.output_text, said, again.output_text

    assert len(set(asyncio.run(ask()))) == 1


def test_a_response_with_what_the_sdk_does_not_know_is_parsed(gpt: OpenAI, openai: Upstream) -> None:
    odd = {**response_of(message_item("Hello there"), {"type": "novel", "id": "nv_1", "what": [1]}), "novel": 1}
    openai.script(as_json(odd))
    assert gpt.responses.create(model="native", input="Hi").output_text == "Hello there"
