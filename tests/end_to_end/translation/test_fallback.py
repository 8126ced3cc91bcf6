"""Targets of both APIs behind one name: whichever answers, the client reads its own API."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import JSON_OR_STREAM, House, Way, good, lost, said, written
from tests.support.answers import event
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api
from tests.support.script import CUT, Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  claude-gpt: {targets: [anthropic/claude-sonnet-5, openai/gpt-5.5], hold: 300ms}
  gpt-claude: {targets: [openai/gpt-5.5, anthropic/claude-sonnet-5], hold: 300ms}
  claude-resp: {targets: [anthropic/claude-sonnet-5, responses/gpt-5.5], hold: 300ms}
  resp-claude: {targets: [responses/gpt-5.5, anthropic/claude-sonnet-5], hold: 300ms}
  resp-gpt: {targets: [responses/gpt-5.5, openai/gpt-5.5], hold: 300ms}
  gpt-resp: {targets: [openai/gpt-5.5, responses/gpt-5.5], hold: 300ms}
  claude-then: {targets: [anthropic/claude-sonnet-5], fallback: [gpt-then]}
  gpt-then: {targets: [openai/gpt-5.5]}
  strict: {targets: [openai/gpt-5.5, anthropic/claude-sonnet-5], translation: strict}
"""
FIRST = pytest.mark.parametrize(
    "model", ["claude-gpt", "gpt-claude", "claude-resp", "resp-claude", "resp-gpt", "gpt-resp"]
)
CLIENTS = pytest.mark.parametrize("client", APIS, ids=lambda api: f"{api.name} client")
ERROR = {"error": {"message": "out of order", "type": "api_error"}}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


def order(house: House, model: str) -> list[tuple[Api, Answerer, str]]:
    """Return both targets in the order of the file: API, who answers there, name."""
    known: dict[str, tuple[Api, Answerer, str]] = {
        "claude": (MESSAGES, Answerer(house.anthropic, MESSAGES.path), "anthropic/claude-sonnet-5"),
        "gpt": (CHAT, Answerer(house.openai, CHAT.path), "openai/gpt-5.5"),
        "resp": (RESPONSES, Answerer(house.openai, RESPONSES.path), "responses/gpt-5.5"),
    }
    return [known[word] for word in model.split("-")]


@dataclass
class Answerer:
    """One endpoint of a scripted upstream."""

    upstream: Upstream
    path: str

    def always(self, reply: Reply) -> None:
        """Answer every request so; those of other endpoints as usual."""
        others = self.upstream.answer
        self.upstream.answer = lambda seen: reply if seen.path == self.path else others(seen)

    @property
    def asked(self) -> int:
        return sum(seen.path == self.path for seen in self.upstream.requests)


def through(client: Api, server: Api) -> Way:
    return Way(client, server, "")


FAULTS: dict[str, Any] = {
    "status": lambda _: as_json(ERROR, 503),
    "rate limit": lambda _: as_json(ERROR, 429),
    "cut": lambda _: Reply(parts=(CUT,), raw=True),
    "stream cut before content": lambda api: as_stream([*api.events()[: api.lifecycle], CUT]),
    "not JSON": lambda _: as_json(b"<html>"),
}


@CLIENTS
@FIRST
@JSON_OR_STREAM
@pytest.mark.parametrize("fault", FAULTS)
def test_the_second_answers_in_the_clients_form(
    house: House, client: Api, model: str, stream: bool, fault: str
) -> None:
    (api, first, _), (server, second, target) = order(house, model)
    first.always(FAULTS[fault](api))
    second.always(server.stream("from", " second") if stream else server.whole("from second"))
    answer = house.ask(through(client, server), model=model, stream=stream)
    assert said(through(client, server), answer) == "from second"
    assert answer.header("x-turnout-target") == target
    assert answer.header("x-turnout-attempts") == "2"
    assert second.asked == 1


@CLIENTS
def test_so_does_a_fallback_entry(house: House, client: Api) -> None:
    house.anthropic.script(as_json(ERROR, 500))
    answer = good(house.ask(through(client, CHAT), model="claude-then", stream=True))
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"


@CLIENTS
@FIRST
def test_a_stream_that_was_opened_can_still_go_to_the_other_api(house: House, client: Api, model: str) -> None:
    gate = threading.Event()
    (api, first, _), (server, second, _) = order(house, model)
    first.always(as_stream([*api.events()[: api.lifecycle], gate, CUT]))
    second.always(server.stream("from", " second"))
    way = through(client, server)
    with house.line(way, model=model) as line:
        answer = line.head()
        pieces = line.chunks(answer)
        begun = next(pieces).data
        gate.set()
        got = begun + b"".join(piece.data for piece in pieces)
    assert client.keepalives(begun) == 1
    assert client.text(got) == "from second"
    assert client is CHAT or got.count(client.opening + b"\n") == 1


@CLIENTS
@FIRST
@JSON_OR_STREAM
def test_when_the_second_fails_too_its_error_is_the_clients(
    house: House, client: Api, model: str, stream: bool
) -> None:
    (_, first, _), (server, second, target) = order(house, model)
    first.always(as_json(ERROR, 503))
    second.always(as_json({"type": "error", "error": {"message": "the second's", "type": "x"}}, 500))
    answer = house.ask(through(client, CHAT), model=model, stream=stream)
    assert answer.json["error"]["message"] == "the second's"
    assert answer.header("x-turnout-target") == target
    assert (answer.status >= 500, answer.header("x-should-retry")) == (True, "false")
    if server is client:
        assert answer.status == 500, "its own words in its own API"
    else:
        client.error(answer)


def test_what_is_lost_is_what_the_target_lost_that_answered(house: House) -> None:
    for model in ("claude-gpt", "gpt-claude", "resp-gpt", "gpt-resp"):
        house.openai.clear()
        house.anthropic.clear()
        (_, first, _), (api, _, _) = order(house, model)
        first.always(as_json(ERROR, 503))
        answer = good(house.ask(through(CHAT, api), model=model, seed=7))
        assert set(lost(answer)) == (set() if api is CHAT else {"seed"})


@JSON_OR_STREAM
@pytest.mark.parametrize(("model", "fields"), [("gpt-claude", {"n": 2}), ("strict", {"seed": 7})])
def test_a_second_target_that_cannot_be_asked_this_does_not_hide_why_the_first_failed(
    house: House, stream: bool, model: str, fields: dict[str, Any]
) -> None:
    """A client that is told 400 does not come back; one that is told 503 does, when the first target is up again."""
    house.openai.script(as_json(ERROR, 503, ("retry-after", "3")))
    answer = house.ask(through(CHAT, CHAT), model=model, stream=stream, **fields)
    assert (answer.status, answer.json, answer.header("retry-after")) == (503, ERROR, "3")
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"
    assert answer.header("x-turnout-loss") is None
    assert house.anthropic.requests == []


@JSON_OR_STREAM
def test_a_first_target_that_cannot_be_asked_this_is_passed_over(house: House, stream: bool) -> None:
    """Two answers at once: Claude gives one, the other target does what was asked."""
    answer = good(house.ask(through(CHAT, CHAT), model="claude-gpt", stream=stream, n=2))
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"
    assert (house.anthropic.requests, house.openai.last.json["n"]) == ([], 2)


@JSON_OR_STREAM
def test_when_none_can_be_asked_this_the_client_learns_what_it_is(house: House, stream: bool) -> None:
    answer = house.ask(through(CHAT, MESSAGES), model="claude-sonnet-5", stream=stream, n=2)
    assert (answer.status, CHAT.error(answer)["param"]) == (400, "n")
    assert house.anthropic.requests == []


def test_an_error_after_content_is_final_whatever_the_other_api_could_do(house: House) -> None:
    begun = [one for one in MESSAGES.events("Hello") if b"message_" not in one and b"content_block_stop" not in one]
    opened = MESSAGES.events("Hello")[:1]
    failing = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    house.anthropic.script(as_stream([*opened, *begun, failing]))
    answer = house.ask(through(CHAT, MESSAGES), model="claude-gpt", stream=True)
    assert CHAT.in_band(answer.body)["code"] == "overloaded"
    assert house.openai.requests == []
