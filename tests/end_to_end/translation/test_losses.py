"""What a translation loses: said in a header and in the log, or refused before anything is sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.end_to_end.translation.house import (
    CHAT_TO_RESPONSES,
    JSON_OR_STREAM,
    MESSAGES_TO_RESPONSES,
    RESPONSES_TO_CHAT,
    RESPONSES_TO_CLAUDE,
    TO_CLAUDE,
    TO_GPT,
    WAYS,
    House,
    Way,
    good,
    lost,
    written,
)
from tests.support.answers import message
from tests.support.apis import MESSAGES
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  lenient-claude: {targets: [anthropic/claude-sonnet-5], translation: lenient}
  strict-claude: {targets: [anthropic/claude-sonnet-5], translation: strict}
  strict-gpt: {targets: [openai/gpt-5.5], translation: strict}
  strict-resp: {targets: [responses/gpt-5.5], translation: strict}
  exact-resp: {targets: [responses/gpt-5.5], translation: exact}
  exact-claude: {targets: [anthropic/claude-sonnet-5], translation: exact}
  exact-gpt: {targets: [openai/gpt-5.5], translation: exact}
"""
LOG = "observe: {log: {level: info, format: json}}"


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS, more=LOG))


OF_MESSAGES: dict[str, Any] = {
    "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
    "speed": "fast",
}
OF_RESPONSES: dict[str, Any] = {"truncation": "auto", "background_options": {"completion_window": "soonest"}}
DROPPED: dict[str, dict[str, Any]] = {
    TO_CLAUDE.name: {"frequency_penalty": 0.5, "seed": 7},
    TO_GPT.name: OF_MESSAGES,
    CHAT_TO_RESPONSES.name: {"frequency_penalty": 0.5, "seed": 7},
    MESSAGES_TO_RESPONSES.name: OF_MESSAGES,
    RESPONSES_TO_CHAT.name: OF_RESPONSES,
    RESPONSES_TO_CLAUDE.name: OF_RESPONSES,
}
ROUGH: dict[str, dict[str, Any]] = {
    TO_CLAUDE.name: {"user": "ada@example.com"},
    TO_GPT.name: {"metadata": {"user_id": "ada"}},
    CHAT_TO_RESPONSES.name: {"user": "ada@example.com"},
    MESSAGES_TO_RESPONSES.name: {"metadata": {"user_id": "ada"}},
    RESPONSES_TO_CHAT.name: {"reasoning": {"summary": "detailed"}},
    RESPONSES_TO_CLAUDE.name: {"user": "ada@example.com"},
}
"""Fields that the other API has something like."""


@WAYS
@JSON_OR_STREAM
def test_what_was_dropped_is_named_in_a_header(house: House, way: Way, stream: bool) -> None:
    fields = DROPPED[way.name]
    answer = good(house.ask(way, stream=stream, **fields))
    assert set(lost(answer)) == set(fields)
    assert all(lost(answer).values()), "a reason for each"
    assert not set(fields) & set(house.upstream(way).last.json)


@WAYS
@JSON_OR_STREAM
def test_what_is_only_rough_is_not_in_the_header(house: House, way: Way, stream: bool) -> None:
    answer = good(house.ask(way, stream=stream, **ROUGH[way.name]))
    assert answer.header("x-turnout-loss") is None


@WAYS
@JSON_OR_STREAM
def test_without_a_loss_there_is_no_header(house: House, way: Way, stream: bool) -> None:
    assert good(house.ask(way, stream=stream)).header("x-turnout-loss") is None


def test_a_request_that_is_not_translated_loses_nothing(house: House) -> None:
    answer = good(house.ask(TO_CLAUDE, model="gpt-5.5", **DROPPED[TO_CLAUDE.name]))
    assert answer.header("x-turnout-loss") is None
    assert house.openai.last.json["seed"] == 7


def test_the_header_names_eight_at_most(house: House) -> None:
    many: dict[str, Any] = {
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "seed": 7,
        "logit_bias": {"1": 1},
        "verbosity": "low",
        "store": True,
        "prediction": {"type": "content", "content": "x"},
        "moderation": {},
        "first_unheard_of": 1,
        "second_unheard_of": 1,
    }
    answer = good(house.ask(TO_CLAUDE, **many))
    told = lost(answer)
    assert len(told) == 8
    assert set(told) < set(many)
    assert (answer.header("x-turnout-loss") or "").endswith(", +2"), "and says how many more there are"


def test_parameters_come_before_what_is_inside_of_messages(house: House) -> None:
    turns = [{"role": ("user", "assistant")[at % 2], "content": "Hi", "name": f"n{at}"} for at in range(21)]
    told = lost(good(house.ask(TO_CLAUDE, messages=turns, seed=7, store=True)))
    assert list(told)[:2] == ["seed", "store"]


def test_the_header_is_safe_and_no_longer_than_1_kb(house: House) -> None:
    """Paths are the client's own words: they may hold anything."""
    names = [f"füld, {number}=\r\n{'ü' * 180}" for number in range(8)]
    fields: dict[str, Any] = dict.fromkeys(names, 1)
    answer = good(house.ask(TO_CLAUDE, **fields))
    told = str(answer.header("x-turnout-loss"))
    assert told.isascii()
    assert len(told) <= 1024
    assert 1 <= len(lost(answer)) < 8
    shown = [unquote(path).removesuffix("...") for path in lost(answer)]
    assert all(any(name.startswith(path) for name in names) for path in shown)


def log_line(house: House, answer: Any) -> dict[str, Any]:
    """Return the record of a request out of the log."""
    request = str(answer.header("x-turnout-request"))
    found = house.turnout.wait_for(re.compile(rf'^\{{.*"{request}".*\}}$', re.MULTILINE))
    record: dict[str, Any] = json.loads(found.group())
    return record


@WAYS
@JSON_OR_STREAM
def test_the_log_names_every_loss_with_its_grade(house: House, way: Way, stream: bool) -> None:
    fields = {**DROPPED[way.name], **ROUGH[way.name]}
    record = log_line(house, good(house.ask(way, stream=stream, **fields)))
    grades = {path: rest.partition(" ")[0] for path, _, rest in (one.partition(": ") for one in record["losses"])}
    assert {path for path, grade in grades.items() if grade == "dropped"} == set(DROPPED[way.name])
    rough = {path.partition(".")[0] for path, grade in grades.items() if grade == "approximated"}
    assert set(ROUGH[way.name]) <= rough


def test_a_line_for_people_names_what_was_dropped(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(written(openai, anthropic, more="observe: {log: {level: info, format: text}}"))
    house = House(turnout, openai, anthropic)
    fields: dict[str, Any] = {
        "seed": 7,
        "logit_bias": {"1": 1},
        "verbosity": "low",
        "frequency_penalty": 1,
        "presence_penalty": 1,
    }
    answer = good(house.ask(TO_CLAUDE, **fields))
    line = turnout.wait_for(re.compile(rf"^.*{answer.header('x-turnout-request')}.*$", re.MULTILINE)).group()
    told = re.search(r" lost=(\S+) ", line)
    assert told, line
    assert told[1].endswith(",...")
    assert set(told[1].removesuffix(",...").split(",")) < set(fields)


def test_headers_can_be_switched_off(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    house = House(start(written(openai, anthropic, more="observe: {headers: false}")), openai, anthropic)
    answer = good(house.ask(TO_CLAUDE, seed=7))
    assert [name for name, _ in answer.headers if name.startswith("x-turnout-")] == []


# refused instead -----------------------------------------------------------------------------------------------------


@WAYS
@JSON_OR_STREAM
@pytest.mark.parametrize("mode", ["strict", "exact"])
def test_what_would_be_dropped_is_refused(house: House, way: Way, stream: bool, mode: str) -> None:
    answer = house.ask(way, model=way.named(mode), stream=stream, **DROPPED[way.name])
    first = next(iter(DROPPED[way.name]))
    error = way.client.error(answer)
    assert (answer.status, error["type"]) == (400, "invalid_request_error")
    assert f"`{first}` would be lost" in error["message"]
    assert f"translation: {mode}" in error["message"]
    assert way.client is MESSAGES or error["param"] == first
    assert house.upstream(way).requests == []


@WAYS
@JSON_OR_STREAM
def test_exact_refuses_what_would_only_be_rough(house: House, way: Way, stream: bool) -> None:
    fields = ROUGH[way.name]
    good(house.ask(way, model=way.named("strict"), stream=stream, **fields))
    answer = house.ask(way, model=way.named("exact"), stream=stream, **fields)
    error = way.client.error(answer)
    assert (answer.status, error["type"]) == (400, "invalid_request_error")
    assert f"`{next(iter(fields))}" in error["message"]
    assert "would not be carried over exactly" in error["message"]
    assert len(house.upstream(way).requests) == 1


EXACT: dict[str, dict[str, Any]] = {
    TO_CLAUDE.name: {"stop": ["END"], "max_completion_tokens": 64},
    TO_GPT.name: {"stop_sequences": [], "max_tokens": 64},
    CHAT_TO_RESPONSES.name: {"max_completion_tokens": 64, "verbosity": "low"},
    MESSAGES_TO_RESPONSES.name: {"stop_sequences": [], "max_tokens": 64},
    RESPONSES_TO_CHAT.name: {"max_output_tokens": 64, "text": {"verbosity": "low"}},
    RESPONSES_TO_CLAUDE.name: {"max_output_tokens": 64, "instructions": "Be brief"},
}


@WAYS
@JSON_OR_STREAM
@pytest.mark.parametrize("mode", ["strict", "exact"])
def test_what_is_carried_over_exactly_passes(house: House, way: Way, stream: bool, mode: str) -> None:
    good(house.ask(way, model=way.named(mode), stream=stream, **EXACT[way.name]))
    assert len(house.upstream(way).requests) == 1


def test_a_response_that_is_to_be_kept_is_kept_here_and_nothing_is_lost(house: House) -> None:
    """By default the API keeps every response: no target is left out for that."""
    for way in (RESPONSES_TO_CHAT, RESPONSES_TO_CLAUDE):
        good(house.ask(way, model=way.named("exact"), store=True))
        assert "store" not in house.upstream(way).last.json


def saying(**part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


SOUND = {"data": "AA==", "format": "wav"}
STORED = {"type": "input_image", "file_id": "file-1", "detail": "auto"}
CANNOT: list[tuple[Way, str, dict[str, Any]]] = [
    (TO_CLAUDE, "n", {"n": 2}),
    (TO_CLAUDE, "logprobs", {"logprobs": True}),
    (TO_CLAUDE, "modalities", {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}),
    (TO_CLAUDE, "messages[0].content[0]", saying(type="input_audio", input_audio={"data": "AA==", "format": "wav"})),
    (TO_CLAUDE, "messages[0].content[0]", saying(type="image_url", image_url={"url": "data:image/tiff;base64,AA=="})),
    (TO_GPT, "mcp_servers", {"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}),
    (TO_GPT, "thread", {"thread": {"id": "thread_1"}}),
    (CHAT_TO_RESPONSES, "n", {"n": 2}),
    (CHAT_TO_RESPONSES, "messages[0].content[0]", saying(type="input_audio", input_audio=SOUND)),
    (MESSAGES_TO_RESPONSES, "mcp_servers", {"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}),
    (RESPONSES_TO_CHAT, "background", {"background": True}),
    (RESPONSES_TO_CHAT, "conversation", {"conversation": "conv_1"}),
    (RESPONSES_TO_CHAT, "prompt", {"prompt": {"id": "pmpt_1"}}),
    (RESPONSES_TO_CLAUDE, "background", {"background": True}),
    (RESPONSES_TO_CLAUDE, "prompt", {"prompt": {"id": "pmpt_1"}}),
    (RESPONSES_TO_CLAUDE, "input[0]", {"input": [{"type": "compaction", "encrypted_content": "x"}]}),
    (RESPONSES_TO_CLAUDE, "input[0].content[0]", {"input": [{"role": "user", "content": [STORED]}]}),
]


@JSON_OR_STREAM
@pytest.mark.parametrize(("way", "path", "fields"), CANNOT)
def test_what_the_other_api_cannot_do_at_all_is_refused_by_name(
    house: House, way: Way, path: str, fields: dict[str, Any], stream: bool
) -> None:
    answer = house.ask(way, stream=stream, **fields)
    error = way.client.error(answer)
    assert (answer.status, error["type"]) == (400, "invalid_request_error")
    assert path in error["message"]
    assert way.client is MESSAGES or str(error["param"]).startswith(path)
    assert house.upstream(way).requests == []


def test_a_thread_is_refused_in_the_way_that_lets_the_sdk_go_on_without(house: House) -> None:
    error = TO_GPT.client.error(house.ask(TO_GPT, thread={"id": "thread_1"}))
    assert error["details"]["error_code"] == "thread_unsupported_request"
    assert error["details"]["unsupported"]


PAUSED = {**message(), "stop_reason": "pause_turn"}


def test_what_an_answer_lost_is_in_the_header_too(house: House) -> None:
    house.anthropic.script(as_json(PAUSED))
    answer = good(house.ask(TO_CLAUDE, seed=7))
    assert list(lost(answer)) == ["seed", "stop_reason"]


def test_what_a_streamed_answer_lost_is_in_the_log(house: House) -> None:
    events = [event.replace(b'"end_turn"', b'"pause_turn"') for event in MESSAGES.events("Hello")]
    house.anthropic.script(as_stream(events))
    answer = good(house.ask(TO_CLAUDE, stream=True))
    assert "x-turnout-loss" not in dict(answer.headers)
    assert any(one.startswith("stop_reason: dropped") for one in log_line(house, answer)["losses"])
