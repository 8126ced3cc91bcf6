"""What an upstream refuses of what Turnout wrote: asked once more without it, remembered, and never learned wrongly."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import (
    JSON_OR_STREAM,
    TO_GPT,
    WAYS,
    House,
    Way,
    good,
    lost,
    said,
    written,
)
from tests.end_to_end.translation.refusals import REFUSALS, asked_for, of_anthropic, of_openai, strict
from tests.support.answers import usual
from tests.support.apis import CHAT, MESSAGES, RESPONSES
from tests.support.script import Reply, as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

MODELS = """
  house-*: openai/house-*
  claude-house-*: anthropic/claude-house-*
  again: {targets: [openai/again-model], retries: 2}
  either: {targets: [openai/either-model, anthropic/claude-sonnet-5]}
"""
LOG = "observe: {log: {level: info, format: json}}"


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS, more=LOG))


@pytest.mark.parametrize("name", REFUSALS)
def test_it_is_asked_exactly_once_more_without_it_and_the_next_request_at_once(house: House, name: str) -> None:
    way, model, other, fields = asked_for(name)
    _, _, refused, error, status = REFUSALS[name]
    upstream = house.upstream(way)
    upstream.answer = strict(refused, error, status)
    first = house.ask(way, model=model, **fields)
    assert said(way, first)
    assert [bool(refused(seen.json)) for seen in upstream.requests] == [True, False]
    assert first.header("x-turnout-attempts") == "2"
    second = house.ask(way, model=model, **fields)
    assert said(way, second)
    assert len(upstream.requests) == 3, "remembered"
    assert second.header("x-turnout-attempts") == "1"
    told = "input" if way.server is RESPONSES else "messages"
    assert [seen.json[told] for seen in upstream.requests[1:]] == [upstream.last.json[told]] * 2

    upstream.answer = usual
    good(house.ask(way, model=other, **fields))
    assert refused(upstream.last.json), "another model is not affected"


def test_what_is_left_out_is_a_loss_that_is_told(house: House) -> None:
    _, _, refused, error, status = REFUSALS["temperature"]
    house.openai.answer = strict(refused, error, status)
    first = house.ask(TO_GPT, model="house-told", temperature=0.5)
    second = house.ask(TO_GPT, model="house-told", temperature=0.5)
    assert set(lost(first)) == set(lost(second)) == {"temperature"}


def test_the_log_says_what_was_left_out(house: House) -> None:
    _, _, refused, error, status = REFUSALS["temperature"]
    house.openai.answer = strict(refused, error, status)
    answer = good(house.ask(TO_GPT, model="house-logged", temperature=0.5))
    request = str(answer.header("x-turnout-request"))
    record = json.loads(house.turnout.wait_for(re.compile(rf'^\{{.*"{request}".*\}}$', re.MULTILINE)).group())
    assert record["corrected"] == ["temperature"]
    assert [one.get("reason") for one in record["attempts"]] == ["bad_request", None]
    assert record["attempts"][0]["status"] == 400


def test_several_refusals_one_after_the_other(house: House) -> None:
    def picky(seen: Seen) -> Reply:
        for name in ("temperature", "top_p"):
            if name in seen.json:
                return as_json(of_openai(f"Unsupported parameter: '{name}'", name, "unsupported_parameter"), 400)
        return usual(seen)

    house.openai.answer = picky
    good(house.ask(TO_GPT, model="house-picky", temperature=0.5, top_p=0.5))
    assert len(house.openai.requests) == 3


@JSON_OR_STREAM
@WAYS
def test_a_refusal_that_names_nothing_is_passed_on_after_one_request(house: House, way: Way, stream: bool) -> None:
    words = "messages: at least one message is required to have a point"
    error = way.server.refusal("invalid_request_error", words)
    house.upstream(way).answer = lambda _: as_json(error, 400)
    answer = house.ask(way, stream=stream)
    assert answer.status == 400
    assert way.client.error(answer)["message"] == words
    assert len(house.upstream(way).requests) == 1
    assert answer.header("x-should-retry") is None


VALUES: dict[str, tuple[str, str | None, dict[str, dict[str, Any]]]] = {
    # model, what it says of a value, its param; what each client sends
    "chat": ("house-values", "temperature", {"messages": {"temperature": 1}, "responses": {"temperature": 1}}),
    "messages": ("claude-house-values", None, {"chat": {}, "responses": {}}),
    "responses": ("resp-gpt-4.1", "temperature", {"chat": {"temperature": 1}, "messages": {"temperature": 1}}),
}


@WAYS
def test_a_value_that_is_wrong_is_the_clients_and_nothing_is_learned(house: House, way: Way) -> None:
    """A refusal of 5.0 says nothing against 0.5."""
    model, param, sent = VALUES[way.server.name]
    words = "temperature: expected a number between 0 and 2, got 5" if param else "max_tokens: 0 is too low"
    error = of_openai(words, param) if param else of_anthropic(words)
    house.upstream(way).script(as_json(error, 400))
    fields = sent[way.client.name]
    assert house.ask(way, model=model, **fields).status == 400
    good(house.ask(way, model=model, **fields))
    assert len(house.upstream(way).requests) == 2
    assert set(fields) <= set(house.upstream(way).last.json)


def test_a_refusal_is_remembered_only_if_it_helped_to_do_without(house: House) -> None:
    """Whatever this server means by it, it is not the parameter."""
    _, _, refused, error, _ = REFUSALS["temperature"]
    house.openai.script(as_json(error, 400), as_json(error, 400))
    assert house.ask(TO_GPT, model="house-unsure", temperature=0.5).status == 400
    assert len(house.openai.requests) == 2
    good(house.ask(TO_GPT, model="house-unsure", temperature=0.5))
    assert refused(house.openai.last.json), "asked with it again"


def too_much(way: Way, tokens: int) -> Reply:
    """Return how the upstream says that an input of so many tokens and an answer of 4000 do not fit in 200000."""
    if way.server is MESSAGES:
        words = f"input length and `max_tokens` exceed context limit: {tokens} + 4000 > 200000"
        return as_json(of_anthropic(words), 400)
    words = (
        f"This model's maximum context length is 200000 tokens. However, you requested {tokens + 4000} tokens "
        f"({tokens} in the messages, 4000 in the completion)."
    )
    return as_json(of_openai(words, code="context_length_exceeded"), 400)


LIMITS = {"max_tokens": "messages", "max_completion_tokens": "chat", "max_output_tokens": "responses"}


def wanting(way: Way, tokens: int) -> dict[str, int]:
    """Return how a client asks for an answer of at most so many tokens."""
    return {next(name for name, api in LIMITS.items() if api == way.client.name): tokens}


def room(seen: Seen) -> int:
    """Return how many tokens the upstream may answer with."""
    return int(next(seen.json[name] for name in LIMITS if name in seen.json))


@WAYS
def test_an_answer_that_the_window_has_no_room_for_is_asked_shorter_this_once(house: House, way: Way) -> None:
    """The input fits: only the room for the answer, which often nobody asked for, is too large beside it."""
    upstream = house.upstream(way)
    upstream.answer = lambda seen: too_much(way, 199_000) if room(seen) > 1000 else usual(seen)
    good(house.ask(way, **wanting(way, 4000)))
    assert [room(seen) for seen in upstream.requests] == [4000, 1000]
    upstream.answer = usual
    good(house.ask(way, **wanting(way, 4000)))
    assert room(upstream.last) == 4000, "another input leaves more"


@WAYS
def test_an_input_that_is_too_long_is_not_asked_again(house: House, way: Way) -> None:
    house.upstream(way).answer = lambda _: too_much(way, 201_000)
    answer = house.ask(way, **wanting(way, 4000))
    error = way.client.error(answer)
    assert (answer.status, len(house.upstream(way).requests)) == (400, 1)
    assert way.client is MESSAGES or error["code"] == "context_length_exceeded"
    assert way.client is not MESSAGES or error["message"] == "prompt is too long: 201000 tokens > 200000 maximum"


def test_what_was_never_sent_cannot_be_left_out(house: House) -> None:
    house.openai.answer = lambda _: as_json(of_openai("Unsupported parameter: 'top_k'", "top_k", "unsupported"), 400)
    answer = house.ask(TO_GPT, model="house-never")
    assert (answer.status, len(house.openai.requests)) == (400, 1)


def test_a_correction_is_no_retry_and_costs_none(house: House) -> None:
    """The entry has two retries; a 400 is final all the same."""
    _, _, refused, error, status = REFUSALS["temperature"]
    house.openai.answer = strict(refused, error, status)
    good(house.ask(TO_GPT, model="again", temperature=0.5))
    assert len(house.openai.requests) == 2
    house.openai.answer = lambda _: as_json(of_openai("no"), 400)
    assert house.ask(TO_GPT, model="again").status == 400
    assert len(house.openai.requests) == 3


def test_after_the_correction_the_target_may_still_fail_and_the_next_one_answers(house: House) -> None:
    _, _, refused, error, _ = REFUSALS["temperature"]
    house.openai.answer = lambda seen: as_json(error, 400) if refused(seen.json) else as_json({"error": "busy"}, 503)
    answer = house.ask(TO_GPT, model="either", temperature=0.5)
    assert answer.header("x-turnout-target") == "anthropic/claude-sonnet-5"
    assert (len(house.openai.requests), len(house.anthropic.requests)) == (2, 1)
    assert said(TO_GPT, answer)
    assert answer.header("x-turnout-loss") is None, "nothing was left out for the target that answered"


@JSON_OR_STREAM
def test_a_client_of_the_same_api_is_told_what_its_own_request_was_refused_for(house: House, stream: bool) -> None:
    error = of_openai("Unsupported parameter: 'temperature'", "temperature", "unsupported_parameter")
    house.openai.script(as_json(error, 400))
    answer = house.ask(Way(CHAT, CHAT, "house-own"), stream=stream, temperature=0.5)
    assert (answer.status, answer.json, len(house.openai.requests)) == (400, error, 1)


def test_what_was_learned_outlives_an_edit_of_another_part_of_the_file(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    own = House(start(written(openai, anthropic, models=MODELS)), openai, anthropic)
    _, _, refused, error, status = REFUSALS["temperature"]
    openai.answer = strict(refused, error, status)
    good(own.ask(TO_GPT, model="house-edited", temperature=0.5))
    edited = written(openai, anthropic, models=MODELS + "  more: openai/more\n")
    own.turnout.taken(lambda: own.turnout.rewrite(edited))
    good(own.ask(TO_GPT, model="house-edited", temperature=0.5))
    assert len(openai.requests) == 3


def test_requests_that_meet_the_same_refusal_at_the_same_time_are_all_answered(house: House) -> None:
    """Whoever hears of it second was sent before anybody knew: it is asked once more as well."""
    _, _, refused, error, _ = REFUSALS["temperature"]
    gate = threading.Event()
    house.openai.answer = lambda seen: as_json(error, 400).after(gate) if refused(seen.json) else usual(seen)
    lines = [house.line(TO_GPT, model="house-at-once", stream=False, temperature=0.5) for _ in range(4)]
    house.openai.wait_for(4)
    gate.set()
    answers = [line.answer() for line in lines]
    assert [said(TO_GPT, answer) for answer in answers] == ["Hello there"] * 4
    assert len(house.openai.requests) == 8
