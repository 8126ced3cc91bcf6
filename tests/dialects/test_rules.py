"""The vendors' rules, each broken once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.recorded import EVERY, Recorded
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

FC = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
FCO = {"type": "function_call_output", "call_id": "a", "output": "x"}
CTC = {"type": "custom_tool_call", "call_id": "a", "name": "f", "input": "x"}
CTCO = {"type": "custom_tool_call_output", "call_id": "a", "output": "x"}
RS = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
SAID = {"role": "assistant", "content": "x"}
F = {"type": "function", "name": "f", "parameters": None, "strict": False}
NS = {"type": "namespace", "name": "ns", "description": "", "tools": [F]}
IMAGE = {"type": "input_image", "detail": "auto"}


def asked(*items: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items) or "Hi", **fields}


def loaded(*tools: Any) -> dict[str, Any]:
    return {"type": "additional_tools", "role": "developer", "tools": list(tools)}


def shown(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def formed(name: str) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "name": name, "schema": {}}}


RESPONSES: dict[str, dict[str, Any]] = {
    "model is missing": {"input": "Hi"},
    "input is missing": {"model": "m"},
    "input is missing or empty": {"model": "m", "input": []},
    "previous_response_id and conversation": asked(previous_response_id="resp_1", conversation="conv_1"),
    "input[1] answers a, which was not called before it": asked(HI, FCO),
    "input[0] answers a, which was not called": asked(FCO, FC),
    "input[1] answers a, ": asked(FC, CTCO, FCO),
    "input[1] answers b, ": asked({**FC, "call_id": "b"}, {**CTCO, "call_id": "b"}, previous_response_id="resp_1"),
    "input[1] has the call_id of another call: a": asked(FC, CTC, FCO),
    "the results of ['a'] are missing": asked(HI, FC),
    "the id of input[0] begins with no fc": asked({**FC, "id": "call_1"}, FCO),
    "the id of input[0] begins with no msg": asked({**SAID, "type": "message", "id": "chatcmpl-1"}),
    "the id of input[0] begins with no rs": asked({**RS, "id": "item_1"}, SAID),
    "the id of input[0] begins with no ctc": asked({**CTC, "id": "fc_1"}, CTCO),
    "ids that repeat: ['rs_1', 'rs_1']": asked(RS, RS, SAID),
    "input[0] calls 'a.b'": asked({**FC, "name": "a.b"}, FCO),
    "the call_id of input[1] is too long": asked(FC, {**FCO, "call_id": "a" * 65}),
    "input[0] says nothing": asked({"role": "user", "content": ""}),
    "input[1] says nothing": asked(HI, {"role": "assistant", "content": []}),
    "input[0] has an empty part": asked(shown({"type": "input_text", "text": ""})),
    "input[1] has an empty part": asked(FC, {**FCO, "output": [{"type": "input_text", "text": ""}]}),
    "an image without image_url": asked(shown(IMAGE)),
    "an image at 'iVBORw0KGgo='": asked(shown({**IMAGE, "image_url": "iVBORw0KGgo="})),
    "an image at 'data:image/bmp;": asked(shown({**IMAGE, "image_url": "data:image/bmp;base64,aGk="})),
    "without encrypted_content": asked({**RS, "encrypted_content": None}, SAID, store=False),
    "reasoning without the item": asked(HI, RS, HI),
    "input[0] is reasoning without the item": asked(RS),
    "input[1] is reasoning without the item": asked(FC, RS, FCO),
    "a tool is called 'a.b'": asked(tools=[{**F, "name": "a.b"}]),
    "a tool is called 'xxx": asked(tools=[{"type": "custom", "name": "x" * 65}]),
    "a tool is called 'n.s'": asked(tools=[{**NS, "name": "n.s"}]),
    "a tool is called ' '": asked(HI, loaded({**NS, "tools": [{**F, "name": " "}]})),
    "tools of one name": asked(tools=[F, {"type": "custom", "name": "f"}]),
    "tools of one name: [('', 'f'), ('', 'f')]": asked(HI, loaded(F), tools=[F]),
    "tool_choice without tools": asked(tool_choice="required"),
    "tool_choice names g, which is no tool": asked(tools=[F], tool_choice={"type": "function", "name": "g"}),
    "tool_choice names h, which is no tool": asked(
        tools=[F], tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "h"}]},
    ),
    "max_output_tokens 15 is below 16": asked(max_output_tokens=15),
    "stream_options without stream": asked(stream_options={}),
    "top_logprobs 21": asked(top_logprobs=21),
    "safety_identifier is too long": asked(safety_identifier="x" * 129),
    "text.format is called 'a b'": asked(text=formed("a b")),
}  # fmt: skip
ALLOWED: dict[str, dict[str, Any]] = {
    "no tools": asked(tools=[], tool_choice="auto", parallel_tool_calls=True),
    "as little output as may be": asked(max_output_tokens=16),
    "a call and its output": asked(HI, RS, FC, {"role": "user", "content": "x"}, FCO),
    "two calls and their outputs": asked(HI, RS, FC, {**CTC, "call_id": "b"}, {**CTCO, "call_id": "b"}, FCO),
    "the output of a stored call": asked(FCO, previous_response_id="resp_1"),
    "the output of a call of a conversation": asked(CTCO, conversation={"id": "conv_1"}),
    "the output of a call by reference": asked({"id": "fc_1"}, FCO),
    "a call that runs on": asked(HI, {**FC, "async": True}),
    "an empty output": asked(FC, {**FCO, "output": ""}),
    "stored reasoning": asked({**RS, "encrypted_content": None}, RS | {"id": "rs_2"}, SAID),
    "a text": asked(shown({"type": "input_text", "text": "x"})),
    "an image by address": asked(shown({**IMAGE, "image_url": "https://example.com/a.png"})),
    "an image by value": asked(shown({**IMAGE, "image_url": "data:image/png;base64,aGk="})),
    "an image by id": asked(shown({**IMAGE, "file_id": "file-1"})),
    "one name in two namespaces": asked(tools=[F, NS, {"type": "web_search"}], tool_choice="required"),
    "a choice of a tool that the input brings": asked(HI, loaded(F), tool_choice={"type": "function", "name": "f"}),
    "a choice of the vendor's tool": asked(tools=[{"type": "web_search"}], tool_choice={"type": "web_search_preview"}),
    "a form": asked(text=formed("answer")),
    "a prompt": {"prompt": {"id": "pmpt_1"}},
}


@pytest.mark.parametrize("rule", MESSAGES)
def test_each_rule_of_messages(rule: str) -> None:
    assert any(rule in flaw for flaw in broken("messages", MESSAGES[rule]))


@pytest.mark.parametrize("rule", CHAT)
def test_each_rule_of_chat(rule: str) -> None:
    assert any(rule in flaw for flaw in broken("chat", CHAT[rule]))


@pytest.mark.parametrize("rule", RESPONSES)
def test_each_rule_of_responses(rule: str) -> None:
    assert any(rule in flaw for flaw in broken("responses", RESPONSES[rule]))


@pytest.mark.parametrize("name", ALLOWED)
def test_what_responses_allows(name: str) -> None:
    assert broken("responses", ALLOWED[name]) == []


@pytest.mark.parametrize("request_", EVERY, ids=[one.name for one in EVERY])
def test_what_real_clients_send_keeps_the_rules(request_: Recorded) -> None:
    continues = request_.json.get("thread", {}).get("type") == "continue"
    if request_.api in ("chat", "messages", "responses") and not continues:
        assert broken(request_.api, request_.json) == []
