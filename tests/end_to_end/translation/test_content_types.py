"""An event stream is one by what it says, whatever the upstream calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.translation.house import EVERY, House, Way, good, written
from tests.support.apis import CHAT, MESSAGES, RESPONSES
from tests.support.script import Reply

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PASSED = (
    Way(CHAT, CHAT, "gpt-5.5"),
    Way(MESSAGES, MESSAGES, "claude-sonnet-5"),
    Way(RESPONSES, RESPONSES, "gpt-5.5"),
)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic))


@pytest.mark.parametrize("way", [*EVERY, *PASSED], ids=lambda way: way.name)
@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/x-ndjson", None])
def test_events_under_another_name_are_events(house: House, way: Way, kind: str | None) -> None:
    """SDKs look at nothing but the bytes, so nobody had noticed."""
    headers = (("content-type", kind),) if kind else ()
    parts = tuple(way.server.events("Hello", " there"))
    house.upstream(way).script(Reply(headers=headers, parts=parts, framing="chunked"))
    answer = good(house.ask(way, stream=True))
    assert way.client.text(answer.body) == "Hello there"
    assert (answer.header("content-type") or "").startswith("text/event-stream")
