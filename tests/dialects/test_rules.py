"""The vendors' rules, each broken once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.recorded import RECORDED, Recorded
from tests.dialects.rules import broken

HI = {"role": "user", "content": "Hi"}
PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}


def use(name: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "f", "input": {}}


def result(name: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name}


def said(role: str, *blocks: Any) -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


TEXT = {"type": "text", "text": "x"}
EMPTY = {"type": "text", "text": ""}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
MARKED = {**TEXT, "cache_control": {"type": "ephemeral"}}

MESSAGES: dict[str, dict[str, Any]] = {
    "messages[0] is of role assistant": {"messages": [said("assistant", TEXT), HI]},
    "messages[0] is of role system": {"messages": [said("system", TEXT), HI]},
    "follows no user message": {"messages": [HI, said("assistant", TEXT), said("system", TEXT)]},
    "before a user message": {"messages": [HI, said("system", TEXT), HI]},
    "['toolu_1'] were called": {"messages": [HI, said("assistant", use()), HI]},
    "calls without results": {"messages": [HI, said("assistant", use())]},
    "were called before it": {"messages": [said("user", result())]},
    "does not begin with its results": {"messages": [HI, said("assistant", use()), said("user", TEXT, result())]},
    "repeat or do not fit": {"messages": [HI, said("assistant", use("a.b")), said("user", result("a.b"))]},
    "only an assistant says": {"messages": [said("user", {"type": "thinking"})]},
    "only a user says": {"messages": [HI, said("assistant", {"type": "image", "source": PNG})]},
    "has an empty text": {"messages": [said("user", EMPTY)]},
    "system has an empty text": {"messages": [HI], "system": [EMPTY]},
    "a result) has an empty text": {
        "messages": [HI, said("assistant", use()), said("user", {**result(), "content": [EMPTY]})]
    },
    "an image of type image/bmp": {
        "messages": [said("user", {"type": "image", "source": {**PNG, "media_type": "image/bmp"}})]
    },
    "no base64": {"messages": [said("user", {"type": "image", "source": {**PNG, "data": "a b"}})]},
    "a tool is called": {"messages": [HI], "tools": [{**TOOL, "name": "a.b"}]},
    "tools of one name": {"messages": [HI], "tools": [TOOL, TOOL]},
    "no object's": {"messages": [HI], "tools": [{**TOOL, "input_schema": {}}]},
    "tool_choice without tools": {"messages": [HI], "tool_choice": {"type": "auto"}},
    "which is no tool": {"messages": [HI], "tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}},
    "is blank": {"messages": [HI], "stop_sequences": ["\n"]},
    "budget_tokens 9 ": {"messages": [HI], "thinking": {"type": "enabled", "budget_tokens": 9}, "max_tokens": 99},
    "temperature or top_k": {"messages": [HI], "thinking": {"type": "adaptive"}, "temperature": 1},
    "a forced tool_choice": {
        "messages": [HI], "thinking": {"type": "adaptive"}, "tools": [TOOL], "tool_choice": {"type": "any"},
    },
    "temperature and top_p": {"messages": [HI], "temperature": 1, "top_p": 1},
    "four cache breakpoints": {"messages": [said("user", *[MARKED] * 5)]},
}  # fmt: skip


def calls(*ids: str, arguments: str = "{}") -> dict[str, Any]:
    function = {"name": "f", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": one, "type": "function", "function": function} for one in ids]}


DONE = {"role": "tool", "tool_call_id": "a", "content": "x"}
FUNCTION = {"type": "function", "function": {"name": "f"}}
CHOICE = {"type": "function", "function": {"name": "g"}}
CHAT: dict[str, dict[str, Any]] = {
    "not called just before": {"messages": [HI, DONE]},
    "a, which was not called": {"messages": [HI, calls("a"), DONE, DONE]},
    "comes before the results": {"messages": [HI, calls("a"), HI, DONE]},
    "are missing": {"messages": [HI, calls("a")]},
    "ids that repeat": {"messages": [HI, calls("a", "a"), DONE, DONE]},
    "says nothing": {"messages": [HI, {"role": "assistant", "content": None}]},
    "is empty": {"messages": [{"role": "user", "content": ""}]},
    "empty list of calls": {"messages": [{"role": "assistant", "content": "x", "tool_calls": []}]},
    "no JSON object: '[]'": {"messages": [HI, calls("a", arguments="[]"), DONE]},
    "no JSON object: ''": {"messages": [HI, calls("a", arguments=""), DONE]},
    "tools is empty": {"messages": [HI], "tools": []},
    "without tools": {"messages": [HI], "parallel_tool_calls": False},
    "a tool is called": {"messages": [HI], "tools": [{"type": "custom", "custom": {"name": "x" * 65}}]},
    "tools of one name": {"messages": [HI], "tools": [FUNCTION, FUNCTION]},
    "which is no tool": {"messages": [HI], "tools": [FUNCTION], "tool_choice": CHOICE},
    "without stream": {"messages": [HI], "stream_options": {}},
    "5 stop sequences": {"messages": [HI], "stop": list("abcde")},
    "max_tokens and max_completion_tokens": {"messages": [HI], "max_tokens": 1, "max_completion_tokens": 1},
    "is too long": {"messages": [HI], "safety_identifier": "x" * 129},
    "response_format is called": {
        "messages": [HI], "response_format": {"type": "json_schema", "json_schema": {"name": "a b"}},
    },
}  # fmt: skip


@pytest.mark.parametrize("rule", MESSAGES)
def test_each_rule_of_messages(rule: str) -> None:
    assert any(rule in flaw for flaw in broken("messages", MESSAGES[rule]))


@pytest.mark.parametrize("rule", CHAT)
def test_each_rule_of_chat(rule: str) -> None:
    assert any(rule in flaw for flaw in broken("chat", CHAT[rule]))


@pytest.mark.parametrize("request_", RECORDED, ids=[one.name for one in RECORDED])
def test_what_real_clients_send_keeps_the_rules(request_: Recorded) -> None:
    continues = request_.json.get("thread", {}).get("type") == "continue"
    if request_.api in ("chat", "messages") and not continues:
        assert broken(request_.api, request_.json) == []
