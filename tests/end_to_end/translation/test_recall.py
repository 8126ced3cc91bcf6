"""Reasoning that a client has no place for comes back to the model that thought it, and to nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import (
    chat_of,
    functions,
    message_of,
    message_stream,
    tool_result,
    tool_use,
    tools,
)
from tests.end_to_end.translation.house import JSON_OR_STREAM, TO_CLAUDE, TO_GPT, House, good, written
from tests.support.answers import DONE, chat_chunk
from tests.support.apis import digest, payloads
from tests.support.script import CUT, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

    Json = dict[str, Any]

ADA, EVE = "tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef"
KEYS = f"""  ada: {{hashes: ["{digest(ADA)}"]}}
  eve: {{hashes: ["{digest(EVE)}"]}}"""
MODELS = "  deepseek-*: openai/deepseek-*"

FIRST: Json = {"type": "thinking", "thinking": "Two files.", "signature": "EqQBfirst=="}
HIDDEN: Json = {"type": "redacted_thinking", "data": "EowzHidden=="}
SECOND: Json = {"type": "thinking", "thinking": "And the other.", "signature": "EqQBsecond=="}
SAYS: Json = {"type": "text", "text": "Reading."}
ONE, TWO = tool_use("toolu_1", "read_file", path="/a"), tool_use("toolu_2", "read_file", path="/b")
SYSTEM: Json = {"role": "system", "content": "Be brief"}
TURN = [FIRST, HIDDEN, SAYS, ONE, SECOND, TWO]


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS, more=KEYS))


def by(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def carried(*calls: Json, content: str | None = None, **more: Any) -> Json:
    """Return the assistant turn as a chat client carries it: without anything it has no place for."""
    made = [
        {
            "id": one["id"],
            "type": "function",
            "function": {"name": one["name"], "arguments": json.dumps(one["input"], indent=1)},
        }
        for one in calls
    ]
    return {"role": "assistant", "content": content, "tool_calls": made, **more}


def results(*calls: Json) -> list[Json]:
    return [{"role": "tool", "tool_call_id": one["id"], "content": "it says"} for one in calls]


def begin(
    house: House, turn: list[Json], *, stream: bool = False, model: str = "claude-sonnet-5", hi: str = "Hi"
) -> Any:
    """Have Claude think and call."""
    reply = as_stream(message_stream(*turn, stop="tool_use")) if stream else as_json(message_of(*turn, stop="tool_use"))
    house.anthropic.script(reply)
    user = [SYSTEM, {"role": "user", "content": hi}]
    return good(house.ask(TO_CLAUDE, by(ADA), model=model, stream=stream, messages=user, tools=functions("read_file")))


def go_on(
    house: House,
    *turns: Json,
    key: str = ADA,
    model: str = "claude-sonnet-5",
    hi: str = "Hi",
    **more: Any,
) -> list[Json]:
    """Bring the results; return the assistant turn that Claude is sent."""
    messages = [SYSTEM, {"role": "user", "content": hi}, *turns]
    good(house.ask(TO_CLAUDE, by(key), model=model, messages=messages, tools=functions("read_file"), **more))
    turn: list[Json] = house.anthropic.last.json["messages"][1]["content"]
    return turn


def kinds(turn: list[Json]) -> list[str]:
    return [block["type"] for block in turn]


BOTH = [carried(ONE, TWO, content="Reading."), *results(ONE, TWO)]


@JSON_OR_STREAM
def test_it_comes_back_where_it_stood(house: House, stream: bool) -> None:
    begin(house, TURN, stream=stream)
    turn = go_on(house, *BOTH)
    assert [block for block in turn if "thinking" in block["type"]] == [FIRST, HIDDEN, SECOND]
    assert kinds(turn) == kinds(TURN)


@JSON_OR_STREAM
def test_it_comes_back_as_long_as_the_conversation_goes_on(house: House, stream: bool) -> None:
    begin(house, [FIRST, ONE], stream=stream)
    later = tool_use("toolu_9", "read_file", path="/c")
    longer = [carried(ONE), *results(ONE), carried(later), *results(later), {"role": "user", "content": "And now?"}]
    assert kinds(go_on(house, *longer)) == ["thinking", "tool_use"]


def test_it_outlives_an_edit_of_the_file(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    own = House(start(written(openai, anthropic, more=KEYS)), openai, anthropic)
    begin(own, [FIRST, ONE])
    own.turnout.taken(lambda: own.turnout.rewrite(written(openai, anthropic, models="  more: openai/m", more=KEYS)))
    assert go_on(own, carried(ONE), *results(ONE))[0] == FIRST


@JSON_OR_STREAM
@pytest.mark.parametrize(
    "other",
    [{"key": EVE}, {"hi": "Another conversation"}, {"model": "claude-opus-5"}],
    ids=lambda other: next(iter(other)),
)
def test_nobody_else_is_given_it(house: House, stream: bool, other: Json) -> None:
    begin(house, [FIRST, ONE], stream=stream)
    turn = [carried(ONE), *results(ONE)]
    assert kinds(go_on(house, *turn, **other)) == ["tool_use"]
    assert kinds(go_on(house, *turn)) == ["thinking", "tool_use"], "and it is still there"


def test_calls_that_all_have_one_id_bring_back_each_its_own(house: House) -> None:
    """Some servers give every call the same id."""
    again = [{**SECOND, "thinking": f"Step {number}", "signature": f"EqQB{number}=="} for number in range(3)]
    alike = tool_use("call_0", "read_file", path="/a")
    turns: list[Json] = []
    for thought in again:
        reply = as_json(message_of(thought, alike, stop="tool_use"))
        house.anthropic.script(reply)
        messages = [SYSTEM, {"role": "user", "content": "Poll"}, *turns]
        good(house.ask(TO_CLAUDE, by(ADA), messages=messages, model="claude-sonnet-5", tools=functions("read_file")))
        turns += [carried(alike), *results(alike)]
    go_on(house, *turns, hi="Poll")
    sent = house.anthropic.last.json["messages"]
    thoughts = [
        block for one in sent if one["role"] == "assistant" for block in one["content"] if block["type"] == "thinking"
    ]
    assert thoughts == again


def test_anonymous_callers_are_told_apart_by_what_they_present(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    """Without keys anybody's credential is taken, and nobody's thoughts are anybody else's."""
    open_house = House(start(written(openai, anthropic)), openai, anthropic)
    begin(open_house, [FIRST, ONE])
    turn = [carried(ONE), *results(ONE)]
    assert kinds(go_on(open_house, *turn, key=EVE)) == ["tool_use"]
    assert kinds(go_on(open_house, *turn)) == ["thinking", "tool_use"]


def test_another_call_brings_nothing_back(house: House) -> None:
    begin(house, [FIRST, ONE], hi="Nothing else")
    assert kinds(go_on(house, carried(TWO), *results(TWO), hi="Nothing else")) == ["tool_use"]


def test_another_vendor_is_never_given_it(house: House) -> None:
    begin(house, [FIRST, ONE])
    messages = [{"role": "user", "content": "Hi"}, carried(ONE), *results(ONE)]
    good(house.ask(TO_CLAUDE, by(ADA), model="gpt-5.5", messages=messages, tools=functions("read_file")))
    assert house.openai.last.json["messages"] == messages


def test_without_calls_nothing_is_kept_and_nothing_is_needed(house: House) -> None:
    house.anthropic.script(as_json(message_of(FIRST, SAYS)))
    good(house.ask(TO_CLAUDE, by(ADA), messages=[SYSTEM, {"role": "user", "content": "Hi"}]))
    assert kinds(go_on(house, {"role": "assistant", "content": "Reading."}, {"role": "user", "content": "Yes"})) == [
        "text"
    ]


def test_an_answer_that_broke_off_is_not_remembered(house: House) -> None:
    house.anthropic.script(as_stream([*message_stream(FIRST, ONE, stop="tool_use")[:-3], CUT]))
    user = [SYSTEM, {"role": "user", "content": "Broken"}]
    house.ask(TO_CLAUDE, by(ADA), stream=True, messages=user, tools=functions("read_file"))
    assert kinds(go_on(house, carried(ONE), *results(ONE), hi="Broken")) == ["tool_use"]


@JSON_OR_STREAM
def test_a_client_that_brings_it_back_itself_is_believed_and_nothing_is_doubled(house: House, stream: bool) -> None:
    answer = begin(house, [FIRST, ONE], stream=stream)
    if stream:
        deltas = [choice["delta"] for value in payloads(answer.body) for choice in value["choices"]]
        details = [detail for delta in deltas for detail in delta.get("reasoning_details", ())]
    else:
        details = answer.json["choices"][0]["message"]["reasoning_details"]
    turn = go_on(house, carried(ONE, reasoning_content="Two files.", reasoning_details=details), *results(ONE))
    assert turn[0] == FIRST
    assert kinds(turn) == ["thinking", "tool_use"]
    assert go_on(house, carried(ONE, reasoning_details=details), *results(ONE), key=EVE)[0] == FIRST


def test_a_client_that_brings_back_only_the_text_is_given_the_seal(house: House) -> None:
    """Reasoning without its seal is nothing to Anthropic."""
    begin(house, [FIRST, ONE])
    for form in ("reasoning_content", "reasoning"):
        turn = go_on(house, carried(ONE, **{form: "Two files."}), *results(ONE))
        assert turn[0] == FIRST
        assert kinds(turn) == ["thinking", "tool_use"]


def test_a_text_that_nobody_signed_is_not_sent_to_anthropic(house: House) -> None:
    begin(house, [ONE], hi="Unsigned")
    turn = go_on(house, carried(ONE, reasoning_content="made up"), *results(ONE), hi="Unsigned")
    assert kinds(turn) == ["tool_use"]
    assert b"made up" not in house.anthropic.last.body


@JSON_OR_STREAM
def test_deepseek_gets_its_reasoning_back_from_a_client_that_was_not_shown_it(house: House, stream: bool) -> None:
    """A messages client that asked for no thinking is shown none; DeepSeek wants it all the same."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
    whole = {"content": None, "reasoning_content": "One file.", "tool_calls": [call]}
    deltas: list[Json] = [{"reasoning_content": "One file."}, {"tool_calls": [call]}]
    house.openai.script(
        as_stream([*map(chat_chunk, deltas), chat_chunk({}, "tool_calls"), DONE])
        if stream
        else as_json(chat_of(whole, "tool_calls"))
    )
    asked: Json = {"model": "deepseek-reasoner", "stream": stream, "tools": tools("read_file")}
    answer = good(house.ask(TO_GPT, by(ADA), **asked))
    assert b"One file." not in answer.body
    conversation = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [tool_use("call_1", "read_file")]},
        {"role": "user", "content": [tool_result("call_1", "it says")]},
    ]
    good(house.ask(TO_GPT, by(ADA), messages=conversation, **asked))
    assert house.openai.last.json["messages"][1]["reasoning_content"] == "One file."
