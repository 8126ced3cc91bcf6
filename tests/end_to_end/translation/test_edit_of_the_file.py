"""An edit of the file while translated answers are under way, and what names they carry."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.translation.house import JSON_OR_STREAM, WAYS, House, Way, good, said, written
from tests.support.apis import CHAT, MESSAGES, payloads
from tests.support.script import as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  asked-gpt: openai/gpt-5.5
  asked-claude: anthropic/claude-sonnet-5
  asked-resp: responses/gpt-5.5
"""


def names(way: Way, body: bytes) -> set[str]:
    """Return every model name that a stream tells."""
    if way.client is CHAT:
        return {value["model"] for value in payloads(body)}
    field = "message" if way.client is MESSAGES else "response"
    return {value[field]["model"] for value in payloads(body) if field in value}


@WAYS
def test_a_stream_goes_on_when_its_model_and_its_upstream_leave_the_file(
    start: Start, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    house = House(start(written(openai, anthropic, models=MODELS)), openai, anthropic)
    begun, rest = way.server.parted()
    gate = threading.Event()
    house.upstream(way).script(as_stream([*begun, gate, *rest]))
    with house.line(way, model=way.named("asked")) as line:
        answer = line.head()
        pieces = line.chunks(answer)
        got = next(pieces).data
        gone = "version: 1\nupstreams: {echo: {kind: echo}}\nmodels: {other: echo/m}\nkeys: {anonymous: {}}\n"
        house.turnout.taken(lambda: house.turnout.rewrite(gone))
        assert house.ask(way, model=way.named("asked")).status == 404
        gate.set()
        got += b"".join(piece.data for piece in pieces)
    assert (answer.whole, way.client.text(got)) == (True, "Hello there")
    assert way.client.terminal in got


@pytest.fixture(scope="module", params=["asked", "upstream"])
def shown(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def showing(start: Start, _openai: Upstream, _anthropic: Upstream, shown: str) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS, more=f"server: {{answer_model: {shown}}}"))


@WAYS
@JSON_OR_STREAM
def test_an_answer_carries_the_name_that_the_file_says(
    showing: Turnout, openai: Upstream, anthropic: Upstream, way: Way, stream: bool, shown: str
) -> None:
    answer = good(House(showing, openai, anthropic).ask(way, model=way.named("asked"), stream=stream))
    told = names(way, answer.body) if stream else {answer.json["model"]}
    assert told == {way.named("asked") if shown == "asked" else way.model}


@WAYS
def test_translation_begins_and_ends_with_an_edit(
    start: Start, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    """The same name leads to the other API, and back, from one request to the next."""
    own = {"chat": "openai/gpt-5.5", "messages": "anthropic/claude-sonnet-5", "responses": "responses/gpt-5.5"}

    def leading(target: str) -> str:
        return written(openai, anthropic, models=f"  it: {target}")

    first, second = own[way.client.name], own[way.server.name]
    house = House(start(leading(first)), openai, anthropic)
    seen = []
    for target in (second, first):
        house.turnout.taken(partial(house.turnout.rewrite, leading(target)))
        answer = house.ask(way, model="it", stream=True)
        assert said(way, answer) == "Hello there"
        seen.append(answer.header("x-turnout-target"))
    assert seen == [second, first]
