"""What the items of a Responses request say, who says it, and which of them cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.chat import Call, Message, Opaque, Problem, Result, Text, Thinking
from engine.dialects.codec import Losses
from engine.dialects.seal import seal
from engine.dialects.turns import settled
from tests.dialects.responses.asking import asked, lost

AT = "input[0]"


def text(said: str, at: str = f"{AT}.content") -> Text:
    return Text(text=said, at=at)


MESSAGES = {
    "a bare text": (
        {"role": "user", "content": "Hi"},
        Message(role="user", blocks=(text("Hi"),), at=AT),
    ),
    "parts": (
        {"type": "message", "id": "msg_1", "status": "completed", "role": "user",
         "content": [{"type": "input_text", "text": "Hi"}]},
        Message(role="user", blocks=(text("Hi", f"{AT}.content[0]"),), at=AT),
    ),
    "a developer": (
        {"role": "developer", "content": "Be kind."},
        Message(role="system", blocks=(text("Be kind."),), at=AT),
    ),
    "a system": (
        {"role": "system", "content": "Be kind."},
        Message(role="system", blocks=(text("Be kind."),), at=AT),
    ),
    "an assistant": (
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "incomplete",
         "content": [{"type": "output_text", "text": "Yes.", "annotations": [], "logprobs": []}]},
        Message(role="assistant", blocks=(text("Yes.", f"{AT}.content[0]"),), at=AT),
    ),
    "nulls": (
        {"type": None, "role": "assistant", "content": "Yes.", "phase": None},
        Message(role="assistant", blocks=(text("Yes."),), at=AT),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("item", "message"), MESSAGES.values(), ids=MESSAGES)
def test_messages(item: dict[str, Any], message: Message) -> None:
    request = asked(item)
    assert request.messages == (message,)
    assert request.losses == ()


def test_a_text_is_what_the_user_says_behind_the_instructions() -> None:
    request = asked(input="Hi", instructions="Be kind.")
    assert [(one.role, one.blocks, one.at) for one in request.messages] == [
        ("system", (text("Be kind.", "instructions"),), "instructions"),
        ("user", (text("Hi", "input"),), "input"),
    ]


@pytest.mark.parametrize("fields", [{"input": None}, {"input": ""}, {"input": []}, {"input": "", "instructions": ""}])
def test_nothing_is_said(fields: dict[str, Any]) -> None:
    assert asked(**fields).messages == ()


def test_a_phase_is_lost() -> None:
    request = asked({"role": "assistant", "content": "Hm.", "phase": "commentary"}, {"role": "user", "content": "?"})
    assert lost(request) == {f"{AT}.phase": "approximated"}


CALLS: dict[str, tuple[dict[str, Any], Call, dict[str, str]]] = {
    "a function": (
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Paris"}',
         "status": "completed", "caller": {"type": "direct"}},
        Call(id="call_1", name="weather", arguments='{"city":"Paris"}', at=AT),
        {},
    ),
    "free text": (
        {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": "*** Begin"},
        Call(id="call_1", name="patch", arguments="*** Begin", kind="custom", at=AT),
        {},
    ),
    "in a namespace": (
        {"type": "function_call", "call_id": "call_1", "name": "sleep", "namespace": "clock", "arguments": "{}"},
        Call(id="call_1", name="clock__sleep", arguments="{}", at=AT),
        {},
    ),
    "in the namespace of plain functions": (
        {"type": "custom_tool_call", "call_id": "call_1", "name": "exec", "namespace": "functions", "input": "1"},
        Call(id="call_1", name="exec", arguments="1", kind="custom", at=AT),
        {},
    ),
    "with nothing but an id": (
        {"type": "function_call", "id": "fc_1", "name": "now", "arguments": ""},
        Call(id="fc_1", name="now", arguments="", at=AT),
        {},
    ),
    "not to be waited for": (
        {"type": "function_call", "call_id": "call_1", "name": "now", "arguments": "{}", "async": True},
        Call(id="call_1", name="now", arguments="{}", at=AT),
        {f"{AT}.async": "approximated"},
    ),
    "by a program": (
        {"type": "custom_tool_call", "call_id": "call_1", "name": "now", "input": "",
         "caller": {"type": "program", "caller_id": "prog_1"}},
        Call(id="call_1", name="now", arguments="", kind="custom", at=AT),
        {f"{AT}.caller": "approximated"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("item", "call", "losses"), CALLS.values(), ids=CALLS)
def test_calls(item: dict[str, Any], call: Call, losses: dict[str, str]) -> None:
    request = asked(item)
    assert request.messages == (Message(role="assistant", blocks=(call,), at=AT),)
    assert lost(request) == losses


OUTPUTS: dict[str, tuple[dict[str, Any], Result, dict[str, str]]] = {
    "a text": (
        {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "sunny", "status": "completed"},
        Result(id="call_1", parts=(text("sunny", f"{AT}.output"),), at=AT),
        {},
    ),
    "nothing": (
        {"type": "function_call_output", "call_id": "call_1", "output": ""},
        Result(id="call_1", at=AT),
        {},
    ),
    "parts": (
        {"type": "custom_tool_call_output", "call_id": "call_1",
         "output": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": ""},
                    {"type": "input_file", "file_id": "file-1"}]},
        Result(
            id="call_1",
            parts=(
                text("a", f"{AT}.output[0]"),
                Opaque(
                    vendor="openai",
                    kind="file",
                    raw={"type": "input_file", "file_id": "file-1"},
                    at=f"{AT}.output[2].file_id",
                ),
            ),
            at=AT,
        ),
        {},
    ),
    "behind a cache breakpoint": (
        {"type": "function_call_output", "call_id": "call_1",
         "output": [{"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
        Result(id="call_1", parts=(Text(text="a", at=f"{AT}.output[0]", cache=""),), at=AT),
        {},
    ),
    "that nobody called": (
        {"type": "function_call_output", "name": "alarm", "output": "ring"},
        Result(id="alarm", parts=(text("ring", f"{AT}.output"),), at=AT),
        {},
    ),
    "cut off": (
        {"type": "function_call_output", "call_id": "call_1", "output": "sun", "status": "incomplete"},
        Result(id="call_1", parts=(text("sun", f"{AT}.output"),), at=AT),
        {f"{AT}.status": "approximated"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("item", "result", "losses"), OUTPUTS.values(), ids=OUTPUTS)
def test_outputs(item: dict[str, Any], result: Result, losses: dict[str, str]) -> None:
    request = asked(item)
    assert request.messages == (Message(role="user", blocks=(result,), at=AT),)
    assert lost(request) == losses


SUMMARY = [{"type": "summary_text", "text": "So."}]
FOREIGN = json.dumps({"id": "rs_1", "encrypted_content": "gAAA"}, separators=(",", ":"))
REASONING: dict[str, tuple[dict[str, Any], Thinking]] = {
    "unsealed": ({"summary": SUMMARY, "content": None}, Thinking(text="So.", at=AT)),
    "raw": ({"summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}, Thinking(text="Hm.", at=AT)),
    "in pieces": (
        {"summary": [*SUMMARY, {"type": "summary_text", "text": "And so."}]},
        Thinking(text="So.\n\nAnd so.", at=AT),
    ),
    "sealed by OpenAI": (
        {"summary": SUMMARY, "encrypted_content": "gAAA", "status": "completed"},
        Thinking(text="So.", signature=FOREIGN, form="responses", at=AT),
    ),
    "that only OpenAI can read": (
        {"summary": [], "encrypted_content": "gAAA"},
        Thinking(sealed=FOREIGN, form="responses", at=AT),
    ),
    "sealed by us, signed by Anthropic": (
        {"summary": SUMMARY, "encrypted_content": seal("claude/opus", signature="EqQB")},
        Thinking(text="So.", signature="EqQB", model="claude/opus", at=AT),
    ),
    "sealed by us, that only Anthropic can read": (
        {"summary": [], "encrypted_content": seal("claude/opus", sealed="EqQB")},
        Thinking(sealed="EqQB", model="claude/opus", at=AT),
    ),
    "sealed by us, given in this API": (
        {"summary": SUMMARY, "encrypted_content": seal("openai/gpt-6", "responses", signature=FOREIGN)},
        Thinking(text="So.", signature=FOREIGN, form="responses", model="openai/gpt-6", at=AT),
    ),
    "that nobody signed": (
        {"summary": SUMMARY, "encrypted_content": seal("local/qwen")},
        Thinking(text="So.", model="local/qwen", at=AT),
    ),
    "under a damaged seal": (
        {"summary": SUMMARY, "encrypted_content": "turnout1.%"},
        Thinking(text="So.", model="", at=AT),
    ),
}


@pytest.mark.parametrize(("fields", "block"), REASONING.values(), ids=REASONING)
def test_reasoning(fields: dict[str, Any], block: Thinking) -> None:
    request = asked({"type": "reasoning", "id": "rs_1", **fields})
    assert request.messages == (Message(role="assistant", blocks=(block,), at=AT),)
    assert request.losses == ()


def test_reasoning_of_which_nothing_came_along_is_a_loss() -> None:
    request = asked({"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "user", "content": "Hi"})
    assert lost(request) == {AT: "approximated"}


KNOWN_TO_OPENAI = {
    "web_search_call": "assistant",
    "file_search_call": "assistant",
    "computer_call": "assistant",
    "computer_call_output": "user",
    "image_generation_call": "assistant",
    "code_interpreter_call": "assistant",
    "local_shell_call": "assistant",
    "local_shell_call_output": "user",
    "shell_call": "assistant",
    "shell_call_output": "user",
    "apply_patch_call": "assistant",
    "apply_patch_call_output": "user",
    "mcp_list_tools": "assistant",
    "mcp_approval_request": "assistant",
    "mcp_approval_response": "user",
    "mcp_call": "assistant",
    "program": "assistant",
    "program_output": "user",
    "something_new": "assistant",
    "something_new_output": "user",
}


@pytest.mark.parametrize(("kind", "role"), KNOWN_TO_OPENAI.items())
def test_what_only_openai_knows_stays_as_it_is(kind: str, role: str) -> None:
    item = {"type": kind, "id": "x_1", "anything": [1]}
    assert asked(item).messages == (
        Message(role=role, blocks=(Opaque(vendor="openai", kind=kind, raw=item, at=AT),), at=AT),  # type: ignore[arg-type]
    )


SEARCH = [
    {"type": "tool_search_call", "arguments": {"query": "sleep"}, "call_id": "call_1", "execution": "client"},
    {"type": "tool_search_output", "call_id": "call_1", "tools": [{"type": "function", "name": "sleep"}]},
]


def test_what_changes_the_request_says_nothing() -> None:
    request = asked(
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "exec"}]},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        *SEARCH,
        {"role": "user", "content": "Hi"},
    )
    assert [message.at for message in request.messages] == ["input[4]"]
    assert [tool.name for tool in request.tools] == ["exec", "sleep"]
    assert lost(request) == {
        "input[1].reasoning.effort": "approximated",
        "input[2]": "approximated",
        "input[3].tools": "approximated",
    }


def test_a_turn_with_its_calls_and_their_outputs() -> None:
    request = asked(
        {"role": "user", "content": "Look."},
        {"type": "reasoning", "id": "rs_1", "summary": SUMMARY, "encrypted_content": seal("claude/opus")},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Looking."}],
        },
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "b", "output": "2"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"role": "user", "content": "Go on."},
    )
    losses = Losses()
    user, assistant, answers = settled(request.messages, losses)
    assert user.blocks == (text("Look."),)
    assert [type(block) for block in assistant.blocks] == [Thinking, Text, Call, Call]
    assert [block.id for block in answers.blocks if isinstance(block, Result)] == ["a", "b"]
    assert answers.blocks[-1] == text("Go on.", "input[7].content")
    assert losses.found == []


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "item_reference", "id": "msg_1"}, "invalid_request", AT),
    ({"id": "msg_1"}, "invalid_request", AT),
    ({"type": "compaction", "encrypted_content": "gAAA"}, "unsupported_parameter", AT),
    ({"type": "compaction_trigger"}, "unsupported_parameter", AT),
    ({}, "invalid_request", f"{AT}.type"),
    ({"type": "message", "content": "Hi"}, "invalid_request", f"{AT}.role"),
    ({"role": "bot", "content": "Hi"}, "invalid_request", f"{AT}.role"),
    ({"role": "user"}, "invalid_request", f"{AT}.content"),
    ({"role": "user", "content": 5}, "invalid_request", f"{AT}.content"),
    ({"role": "user", "content": ["Hi"]}, "invalid_request", f"{AT}.content[0]"),
    ({"type": "function_call", "call_id": "a", "arguments": "{}"}, "invalid_request", f"{AT}.name"),
    ({"type": "function_call", "call_id": "a", "name": "f", "arguments": {}}, "invalid_request", f"{AT}.arguments"),
    ({"type": "custom_tool_call", "call_id": "a", "name": "f", "input": 1}, "invalid_request", f"{AT}.input"),
    ({"type": "function_call_output", "call_id": "a"}, "invalid_request", f"{AT}.output"),
    ({"type": "function_call_output", "call_id": "a", "output": {}}, "invalid_request", f"{AT}.output"),
    ({"type": "function_call_output", "call_id": 1, "output": ""}, "invalid_request", f"{AT}.call_id"),
    (
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "refusal", "refusal": "No."}]},
        "invalid_request",
        f"{AT}.output[0]",
    ),
    ({"type": "reasoning", "id": "rs_1", "summary": "So."}, "invalid_request", f"{AT}.summary"),
    ({"type": "reasoning", "id": "rs_1", "summary": ["So."]}, "invalid_request", f"{AT}.summary[0]"),
    ({"type": "reasoning", "id": "rs_1", "encrypted_content": 1}, "invalid_request", f"{AT}.encrypted_content"),
    ({"type": 5}, "invalid_request", f"{AT}.type"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "code", "param"), REFUSED)
def test_what_cannot_be_read_is_named(item: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(Problem) as raised:
        asked(item)
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, code, param)
    assert f"`{param}`" in raised.value.message
