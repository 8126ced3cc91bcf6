"""OpenAI's own SDK on the Responses API over WebSocket, sync and async, over each kind of upstream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import openai as openai_sdk
import pytest

from tests.end_to_end.responses.house import ADA, EVERY, written

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

# how the SDK (3.57) opens a connection, websockets 17 finds out of date
pytestmark = pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic))


def said(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


@EVERY
def test_sync(turnout: Turnout, openai: Upstream, anthropic: Upstream, model: str) -> None:
    client = openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=0)
    with client, client.responses.connect() as connection:
        connection.response.create(model=model, input="Hi", store=False)
        events = until_done(connection)
        connection.response.create(model=model, input="More", store=False, previous_response_id=events[-1].response.id)
        more = until_done(connection)
    assert said(events) == said(more) == "Hello there"
    assert events[-1].response.usage.output_tokens > 0
    upstream = anthropic if model == "claude" else openai
    body = upstream.last.json
    assert len(body.get("messages") or body["input"]) == 3


def until_done(connection: Any) -> list[Any]:
    events = []
    for event in connection:
        events.append(event)
        if event.type in ("response.completed", "response.failed", "error"):
            break
    assert events[-1].type == "response.completed", events[-1]
    return events


@EVERY
def test_async(turnout: Turnout, openai: Upstream, anthropic: Upstream, model: str) -> None:
    async def main() -> list[Any]:
        client = openai_sdk.AsyncOpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=0)
        events = []
        async with client, client.responses.connect() as connection:
            await connection.response.create(model=model, input="Hi")
            async for event in connection:
                events.append(event)
                if event.type in ("response.completed", "response.failed", "error"):
                    break
        return events

    events = asyncio.run(main())
    assert said(events) == "Hello there"


def test_an_error_is_an_event(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    client = openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=0)
    with client, client.responses.connect() as connection:
        connection.response.create(model="nobody", input="Hi")
        event: Any = next(iter(connection))
        assert event.type == "error"
        assert event.error.code == "model_not_found"
