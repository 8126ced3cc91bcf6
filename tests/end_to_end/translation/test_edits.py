"""`set`, `unset`, `strip` and `like` as upstreams see them: bytes that pass, translated ones, and after an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import JSON_OR_STREAM, TO_CLAUDE, House, Way, good, lost, said
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import post
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY, strip: [x-stainless-*, traceparent]}}
  anthropic:
    kind: anthropic
    base_url: "{anthropic}"
    api_key: env:TEST_ANTHROPIC_KEY
    strip: [context-1m-*, thinking-binding-controls-*, traceparent]
  responses: {{kind: openai, base_url: "{openai}/v1", apis: [responses], api_key: env:TEST_OPENAI_KEY}}
defaults: {{model: {{retries: 0, set: {{temperature: 0.25, metadata.team: low}}, unset: [user]}}}}
models:
  gpt: {{targets: [openai/gpt-4o], set: {{temperature: {temperature}, metadata.app: mid}}, unset: [seed, logit_bias.7]}}
  claude:
    targets: [anthropic/claude-sonnet-4-5]
    set: {{temperature: {temperature}, metadata.app: mid}}
    unset: [top_k, metadata.user_id]
    strip: [fine-grained-*, x-app]
  resp:
    targets: [responses/gpt-4o]
    set: {{temperature: {temperature}, metadata.app: mid, max_completion_tokens: 300, text.verbosity: low}}
    unset: [truncation]
  plain: {{targets: [openai/gpt-4o]}}
  house-like: {{targets: [anthropic/house-1], like: claude-sonnet-4-5}}
  house: {{targets: [anthropic/house-1]}}
routes:
  - name: wide-gpt
    when: {{model: wide-gpt}}
    to: gpt
    set: {{metadata.app: high, top_p: 0.5}}
    unset: [metadata.user]
  - {{name: wide-claude, when: {{model: wide-claude}}, to: claude, set: {{metadata.app: high}}, strip: [x-other]}}
  - name: by-header
    when: {{model: gpt, header: {{x-tier: batch}}}}
    to: gpt
    set: {{service_tier: flex, response_format: {{type: text}}}}
keys: {{anonymous: {{}}}}
"""


def text(openai: Upstream, anthropic: Upstream, temperature: float = 0.75) -> str:
    return FILE.format(openai=openai.url, anthropic=anthropic.url, temperature=temperature)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(text(_openai, _anthropic))


PASSED_CHAT, PASSED_MESSAGES = Way(CHAT, CHAT, "gpt"), Way(MESSAGES, MESSAGES, "claude")
TO_OPENAI = pytest.mark.parametrize(
    "way", [PASSED_CHAT, Way(MESSAGES, CHAT, "gpt"), Way(RESPONSES, CHAT, "gpt")], ids=lambda way: way.name
)
TO_ANTHROPIC = pytest.mark.parametrize(
    "way",
    [PASSED_MESSAGES, Way(CHAT, MESSAGES, "claude"), Way(RESPONSES, MESSAGES, "claude")],
    ids=lambda way: way.name,
)


@TO_OPENAI
@JSON_OR_STREAM
def test_an_entry_wins_over_the_defaults_and_maps_merge(house: House, way: Way, stream: bool) -> None:
    """Paths are those of the upstream's API, whatever the client's."""
    good(house.ask(way, stream=stream, temperature=1))
    sent = house.openai.last.json
    assert sent["temperature"] == 0.75
    assert sent["metadata"] == {"team": "low", "app": "mid"}
    assert (sent["model"], bool(sent.get("stream"))) == ("gpt-4o", stream)


@TO_OPENAI
def test_a_route_wins_over_the_entry(house: House, way: Way) -> None:
    good(house.ask(way, model="wide-gpt"))
    sent = house.openai.last.json
    assert sent["metadata"] == {"team": "low", "app": "high"}
    assert (sent["temperature"], sent["top_p"]) == (0.75, 0.5)


@TO_OPENAI
def test_a_route_can_ask_for_more_than_a_name(house: House, way: Way) -> None:
    good(house.ask(way, {"x-tier": "batch"}))
    assert house.openai.last.json["service_tier"] == "flex"
    assert house.openai.last.json["response_format"] == {"type": "text"}
    good(house.ask(way))
    assert "service_tier" not in house.openai.last.json


def test_lists_of_a_stronger_place_replace(house: House) -> None:
    """The entry's `unset` stands for the default's, the route's for the entry's."""
    fields: dict[str, Any] = {"user": "ada", "seed": 7, "metadata": {"user": "ada"}}
    seen = {}
    for model in ("plain", "gpt", "wide-gpt"):
        good(house.ask(PASSED_CHAT, model=model, **fields))
        sent = house.openai.last.json
        seen[model] = [name for name in ("user", "seed") if name in sent] + sorted(sent["metadata"])
    assert seen == {
        "plain": ["seed", "team", "user"],
        "gpt": ["user", "app", "team", "user"],
        "wide-gpt": ["user", "seed", "app", "team"],
    }


def test_unset_reaches_into_objects_and_leaves_the_rest_as_it_was_written(house: House) -> None:
    body = (
        b'{"model": "gpt", "messages": [{"role":"user",  "content":"Hi"}], "logit_bias": {"7": 1.50, "8": 2.50},'
        b' "unheard_of":{"a" : 1.10}}'
    )
    good(post(house.turnout.url, CHAT.path, body))
    raw = house.openai.last.body
    assert b'[{"role":"user",  "content":"Hi"}]' in raw
    assert b'{"a" : 1.10}' in raw
    assert house.openai.last.json["logit_bias"] == {"8": 2.5}
    assert b"2.50" in raw


@TO_ANTHROPIC
@JSON_OR_STREAM
def test_the_same_at_the_messages_api(house: House, way: Way, stream: bool) -> None:
    fields: dict[str, Any] = {"user": "ada"}
    if way.client is MESSAGES:
        fields = {"metadata": {"user_id": "ada"}, "top_k": 5}
    good(house.ask(way, stream=stream, **fields))
    sent = house.anthropic.last.json
    assert sent["metadata"] == {"team": "low", "app": "mid"}
    assert (sent["temperature"], "top_k" in sent) == (0.75, False)


@pytest.mark.parametrize("client", [RESPONSES, CHAT, MESSAGES], ids=lambda api: f"{api.name} client")
@JSON_OR_STREAM
def test_and_at_the_responses_api(house: House, client: Api, stream: bool) -> None:
    """What both of OpenAI's APIs have is forced in both, whichever name the file gives it."""
    way = Way(client, RESPONSES, "gpt-4o")
    fields: dict[str, Any] = {"truncation": "auto"} if client is RESPONSES else {}
    good(house.ask(way, model="resp", stream=stream, **fields))
    sent = house.openai.last.json
    assert house.openai.last.path == RESPONSES.path
    assert sent["metadata"] == {"team": "low", "app": "mid"}
    assert (sent["temperature"], sent["max_output_tokens"], sent["text"]["verbosity"]) == (0.75, 300, "low")
    assert "truncation" not in sent


def test_what_is_set_is_no_loss_and_what_is_unset_neither(house: House) -> None:
    answer = good(house.ask(Way(CHAT, MESSAGES, "claude"), user="ada", seed=7))
    assert set(lost(answer)) == {"seed"}


HEADERS = {
    "anthropic-beta": "context-1m-2025-08-07, fine-grained-tool-streaming-2025-05-14,interleaved-thinking-2025-05-14",
    "traceparent": "00-1-2-3",
    "x-app": "cli",
    "x-other": "1",
}


def test_the_entry_and_the_upstream_strip_headers_and_flags(house: House) -> None:
    good(house.ask(PASSED_MESSAGES, HEADERS))
    seen = house.anthropic.last
    assert seen.header("anthropic-beta") == "interleaved-thinking-2025-05-14"
    assert [seen.header(name) for name in ("x-app", "x-other", "traceparent")] == [None, "1", None]


def test_the_list_of_a_route_stands_for_the_entrys(house: House) -> None:
    good(house.ask(PASSED_MESSAGES, HEADERS, model="wide-claude"))
    seen = house.anthropic.last
    assert seen.header("anthropic-beta") == "fine-grained-tool-streaming-2025-05-14,interleaved-thinking-2025-05-14"
    assert [seen.header(name) for name in ("x-app", "x-other")] == ["cli", None]


def test_a_list_of_flags_that_is_empty_is_not_sent(house: House) -> None:
    good(house.ask(PASSED_MESSAGES, {"anthropic-beta": "context-1m-2025-08-07"}))
    assert house.anthropic.last.header("anthropic-beta") is None


@TO_OPENAI
def test_an_upstream_is_never_sent_what_it_strips(house: House, way: Way) -> None:
    good(house.ask(way, {"traceparent": "00-1-2-3", "x-stainless-lang": "python", "user-agent": "me/1"}))
    seen = house.openai.last
    assert [seen.header(name) for name in ("traceparent", "x-stainless-lang", "user-agent")] == [None, None, "me/1"]


def test_like_decides_what_an_unknown_model_is_sent(house: House) -> None:
    """An unknown family counts as the newest, which takes no temperature; Sonnet 4.5 takes one."""
    fields: dict[str, Any] = {"top_p": 0.5, "reasoning_effort": "high"}
    good(house.ask(TO_CLAUDE, model="house", **fields))
    newest = house.anthropic.last.json
    good(house.ask(TO_CLAUDE, model="house-like", **fields))
    older = house.anthropic.last.json
    assert (newest["thinking"]["type"], older["thinking"]["type"]) == ("adaptive", "enabled")
    assert older["thinking"]["budget_tokens"] < older["max_tokens"]
    assert newest["model"] == older["model"] == "house-1"


def test_what_the_file_forces_and_the_upstream_refuses_is_not_retried_for_ever(house: House) -> None:
    refusal = {
        "error": {"message": "Unsupported parameter: 'temperature'", "param": "temperature", "code": "unsupported"}
    }
    house.openai.answer = lambda _: as_json(refusal, 400)
    way = Way(MESSAGES, CHAT, "gpt")
    assert [house.ask(way).status for _ in range(3)] == [400] * 3
    assert len(house.openai.requests) <= 4, "once more the first time, never again"


@pytest.mark.parametrize("way", [PASSED_CHAT, Way(MESSAGES, CHAT, "gpt")], ids=lambda way: way.name)
def test_an_edit_of_the_file_counts_from_the_next_request_on(
    start: Start, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    house = House(start(text(openai, anthropic)), openai, anthropic)
    assert said(way, house.ask(way)) == "Hello there"
    house.turnout.taken(lambda: house.turnout.rewrite(text(openai, anthropic, temperature=0.5)))
    good(house.ask(way))
    assert [seen.json["temperature"] for seen in openai.requests] == [0.75, 0.5]
