"""Conversations that one model began and another one cannot take as they are: asked once more so that they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import called, conversation, functions, tool_result, tool_use, tools
from tests.end_to_end.translation.house import (
    JSON_OR_STREAM,
    MESSAGES_TO_RESPONSES,
    TO_CLAUDE,
    TO_GPT,
    House,
    lost,
    said,
    written,
)
from tests.end_to_end.translation.refusals import of_anthropic, of_openai, strict
from tests.end_to_end.translation.turns import READING, THINK, asking, back, heard, results, told

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

    Json = dict[str, Any]

MODELS = """
  kimi-*: openai/kimi-*
  deepseek-*: openai/deepseek-*
"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


# thinking of another model, or under a seal that is dead --------------------------------------------------------------

SEALED = [{"type": "reasoning.text", "text": "Two files.", "signature": "EqQBdead==", "format": "anthropic-claude-v1"}]
CALLED = {**called(("toolu_1", "read_file", '{"path": "/a"}')), "reasoning_details": SEALED}
READ = {"role": "tool", "tool_call_id": "toolu_1", "content": "it says"}
IN_LOOP = conversation(CALLED, READ)
LATER = conversation(CALLED, READ, {"role": "assistant", "content": "It says."}, {"role": "user", "content": "Thanks"})

BROKEN = of_anthropic("messages.1.content.0: Invalid `signature` in `thinking` block")
BEHEADED = of_anthropic(
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is "
    "enabled, a final `assistant` message must start with a thinking block."
)


def thoughts(sent: Json) -> list[Json]:
    blocks = [block for message in sent["messages"] for block in message["content"] if isinstance(block, dict)]
    return [block for block in blocks if block["type"] in ("thinking", "redacted_thinking")]


def thinks(sent: Json) -> bool:
    return sent.get("thinking", {}).get("type") in ("enabled", "adaptive")


@JSON_OR_STREAM
@pytest.mark.parametrize("messages", [IN_LOOP, LATER], ids=["in a tool loop", "later"])
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-8", "claude-sonnet-5", "claude-opus-5-5"])
def test_thinking_under_a_dead_seal_is_left_out(house: House, model: str, messages: list[Json], stream: bool) -> None:
    """And the model whose thoughts must lead a tool loop goes on without any."""

    def refused(sent: Json) -> bool:
        return bool(thoughts(sent)) or ("budget_tokens" in sent.get("thinking", {}) and messages is IN_LOOP)

    house.anthropic.answer = strict(refused, BROKEN)
    fields: Json = {"messages": messages, "tools": functions("read_file"), "reasoning_effort": "low"}
    first = house.ask(TO_CLAUDE, model=model, stream=stream, **fields)
    assert said(TO_CLAUDE, first)
    assert [len(thoughts(seen.json)) for seen in house.anthropic.requests] == [1, 0]
    calls = [block for block in house.anthropic.last.json["messages"][1]["content"] if block["type"] == "tool_use"]
    assert [call["id"] for call in calls] == ["toolu_1"]

    assert said(TO_CLAUDE, house.ask(TO_CLAUDE, model=model, stream=stream, **fields))
    assert [len(thoughts(seen.json)) for seen in house.anthropic.requests] == [1, 0, 1, 0], "true of one history only"


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-8"])
def test_a_turn_whose_thinking_is_missed_goes_on_without_any(house: House, model: str) -> None:
    house.anthropic.answer = strict(thinks, BEHEADED)
    fields: Json = {"messages": IN_LOOP, "tools": functions("read_file"), "reasoning_effort": "low"}
    answer = house.ask(TO_CLAUDE, model=model, **fields)
    assert said(TO_CLAUDE, answer)
    assert [thinks(seen.json) for seen in house.anthropic.requests] == [True, False]
    assert set(lost(answer)) == {"reasoning_effort"}


def test_a_refusal_that_stays_is_passed_on_after_two_requests(house: House) -> None:
    house.anthropic.answer = strict(lambda _: True, BROKEN)
    answer = house.ask(TO_CLAUDE, messages=LATER, tools=functions("read_file"))
    assert (answer.status, len(house.anthropic.requests)) == (400, 2)


UNREADABLE = of_openai(
    "The encrypted content gAAA... could not be verified. Reason: Encrypted content could not be decrypted or parsed.",
    "input",
    "invalid_encrypted_content",
)


def encrypted(sent: Json) -> list[Json]:
    return [item for item in sent["input"] if item.get("type") == "reasoning"]


@JSON_OR_STREAM
def test_reasoning_that_openai_can_no_longer_read_is_left_out(house: House, stream: bool) -> None:
    """A key of the vendor that has changed: the client carries what nobody can decrypt."""
    way = MESSAGES_TO_RESPONSES
    house.openai.script(told(way.server, READING, stream=stream))
    asked: Json = {**THINK["messages"], "tools": tools("read_file")}
    first = house.ask(way, stream=stream, **asked)
    turns = asking(way.client, *back(way.client, first), *results(way.client, heard(way.client, first)))
    house.openai.answer = strict(lambda sent: bool(encrypted(sent)), UNREADABLE)
    assert said(way, house.ask(way, stream=stream, **turns, **asked))
    sent = [seen.json for seen in house.openai.requests[1:]]
    assert [len(encrypted(one)) for one in sent] == [1, 0]
    calls = [[item["type"] for item in one["input"] if "call_id" in item] for one in sent]
    assert calls == [["function_call", "function_call_output"]] * 2


# a model that wants reasoning back where another one called ----------------------------------------------------------

KIMI = of_openai("thinking is enabled but reasoning_content is missing in assistant tool call message at index 1")
DEEPSEEK = of_openai("The `reasoning_content` in the thinking mode must be passed back to the API.")
FOREIGN: Json = {"type": "thinking", "thinking": "Two files.", "signature": "EqQBfirst=="}
USED = [
    {"role": "user", "content": "Read both files"},
    {"role": "assistant", "content": [FOREIGN, tool_use("toolu_1", "read_file", path="/a")]},
    {"role": "user", "content": [tool_result("toolu_1", "it says")]},
    {"role": "assistant", "content": "It says."},
    {"role": "user", "content": "And now?"},
]


@JSON_OR_STREAM
@pytest.mark.parametrize("end", [3, 5], ids=["in a tool loop", "later"])
@pytest.mark.parametrize(("model", "error"), [("kimi-k2", KIMI), ("deepseek-v4", DEEPSEEK)], ids=["kimi", "deepseek"])
def test_reasoning_that_there_never_was_goes_blank_and_at_once_the_next_time(
    house: House, model: str, error: Json, end: int, stream: bool
) -> None:
    def refused(sent: Json) -> bool:
        """Kimi K2.5 takes an empty text for none."""
        return any(not one.get("reasoning_content") for one in sent["messages"] if one["role"] == "assistant")

    house.openai.answer = strict(refused, error)
    fields: Json = {"messages": USED[:end], "tools": tools("read_file")}
    name = f"{model}-{end}-{'stream' if stream else 'json'}"
    assert said(TO_GPT, house.ask(TO_GPT, model=name, stream=stream, **fields))
    assert [refused(seen.json) for seen in house.openai.requests] == [True, False]
    spoken = [one for one in house.openai.last.json["messages"] if one["role"] == "assistant"]
    assert {one["reasoning_content"] for one in spoken} == {" "}, "and never the thoughts of another vendor"

    assert said(TO_GPT, house.ask(TO_GPT, model=name, stream=stream, **fields))
    assert [refused(seen.json) for seen in house.openai.requests] == [True, False, False]


# tools that are not there --------------------------------------------------------------------------------------------


def test_a_second_tool_of_one_name_is_told(house: House) -> None:
    [read] = tools("read_file")
    answer = house.ask(TO_GPT, tools=[read, {**read, "description": "Another"}])
    assert set(lost(answer)) == {"tools[1]"}
    assert [tool["function"]["description"] for tool in house.openai.last.json["tools"]] == ["read_file"]


@pytest.mark.parametrize("names", [("novel",), ("novel", "read_file")], ids=["all of them", "one of them"])
def test_a_choice_that_allows_tools_that_are_not_there_is_told(house: House, names: tuple[str, ...]) -> None:
    allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": name}} for name in names]}
    answer = house.ask(
        TO_CLAUDE,
        tools=functions("read_file", "write_file"),
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
    )
    assert set(lost(answer)) == {"tool_choice"}
    sent = [tool["name"] for tool in house.anthropic.last.json.get("tools", [])]
    assert sent == [name for name in names if name == "read_file"]
