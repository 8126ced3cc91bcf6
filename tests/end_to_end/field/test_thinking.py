"""Reasoning that was lost, forged, given to the wrong model, or changed on its way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import (
    JSON_OR_STREAM,
    House,
    blocks,
    called,
    conversation,
    file,
    functions,
    good,
    message_of,
    message_stream,
    tool_result,
    tool_use,
    tools,
)
from tests.support.answers import DONE, chat_chunk
from tests.support.apis import APIS, CHAT, MESSAGES, Api, digest, payloads
from tests.support.http import post
from tests.support.passing import fields
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA, BOB, NOBODY = "tk-ada-0123456789abcdef", "tk-bob-0123456789abcdef", ""
MODELS = "  two-minds: {targets: [openai/gpt-5.5], fallback: [openai/gpt-5.5-mini]}"
KEYS = f"""
  ada: {{hashes: ["{digest(ADA)}"]}}
  bob: {{hashes: ["{digest(BOB)}"]}}
"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(file(_openai, _anthropic, models=MODELS, keys=KEYS))


# 17 and 19: a chat client brings no thinking back ------------------------------------------------------------------

CALL = tool_use("toolu_a", "read_file", path="/a")
THOUGHTS = {
    "thinking": {"type": "thinking", "thinking": "I need the file", "signature": "EqQBsigned"},
    "signature only": {"type": "thinking", "thinking": "", "signature": "EqQBonly"},
    "redacted": {"type": "redacted_thinking", "data": "EmwKAsealed"},
}


def first_turn(house: House, thought: dict[str, Any], key: str, *, stream: bool, question: str = "Read /a") -> str:
    """Let a chat client with `key` have a turn with a thought and a call; return the id of the call."""
    content = (thought, CALL)
    house.anthropic.script(
        as_stream(message_stream(*content, stop="tool_use"))
        if stream
        else as_json(message_of(*content, stop="tool_use"))
    )
    answer = good(ask(house, key, [{"role": "user", "content": question}], stream=stream))
    if stream:
        calls = [call for chunk in payloads(answer.body) for one in chunk["choices"] for call in given(one["delta"])]
    else:
        calls = given(answer.json["choices"][0]["message"])
    return str(calls[0]["id"])


def given(message: dict[str, Any]) -> list[dict[str, Any]]:
    return message.get("tool_calls") or []


def ask(house: House, key: str, messages: list[dict[str, Any]], *, stream: bool) -> Any:
    headers = (("authorization", f"Bearer {key}"),) if key else ()
    return house.ask(CHAT, "claude-sonnet-5", headers, stream=stream, messages=messages, tools=functions("read_file"))


def next_turn(house: House, key: str, id_: str, *, stream: bool, question: str = "Read /a") -> list[dict[str, Any]]:
    """Let a client come back with the result, and no thinking; return what Anthropic gets as the assistant's turn."""
    messages = [
        {"role": "user", "content": question},
        called((id_, "read_file", '{"path": "/a"}')),
        {"role": "tool", "tool_call_id": id_, "content": "A"},
    ]
    good(ask(house, key, messages, stream=stream))
    assistant: list[dict[str, Any]] = house.anthropic.last.json["messages"][1]["content"]
    return assistant


@JSON_OR_STREAM
@pytest.mark.parametrize("kind", ["thinking", "redacted"])
def test_17_thinking_comes_back_with_its_signature(house: House, kind: str, stream: bool) -> None:
    """A chat client lost the thinking between two turns of a tool loop: 400 `Expected thinking`.

    https://github.com/router-for-me/CLIProxyAPI/issues/420
    """
    thought = THOUGHTS[kind]
    id_ = first_turn(house, thought, ADA, stream=stream)
    assert next_turn(house, ADA, id_, stream=stream) == [thought, CALL]


def test_17_it_comes_back_to_nobody_else(house: House) -> None:
    """What is kept of one client, or of one conversation, is never given to another; ids of calls repeat.

    https://github.com/router-for-me/CLIProxyAPI/issues/420
    """
    question = "Read /a for me alone"
    id_ = first_turn(house, THOUGHTS["thinking"], ADA, stream=True, question=question)
    assert next_turn(house, BOB, id_, stream=True, question=question) == [CALL]
    assert next_turn(house, NOBODY, id_, stream=True, question=question) == [CALL]
    assert next_turn(house, ADA, id_, stream=True, question="Another conversation") == [CALL]
    assert next_turn(house, ADA, id_, stream=True, question=question) == [THOUGHTS["thinking"], CALL]


def test_17_nor_does_it_go_to_another_model(house: House) -> None:
    """The thinking of one model is not what another one has thought.

    https://github.com/router-for-me/CLIProxyAPI/issues/420
    """
    id_ = first_turn(house, THOUGHTS["thinking"], ADA, stream=False, question="Read /a and change horses")
    messages = [
        {"role": "user", "content": "Read /a and change horses"},
        called((id_, "read_file", '{"path": "/a"}')),
        {"role": "tool", "tool_call_id": id_, "content": "A"},
    ]
    headers = (("authorization", f"Bearer {ADA}"),)
    good(house.ask(CHAT, "claude-opus-4-8", headers, messages=messages, tools=functions("read_file")))
    assert house.anthropic.last.json["messages"][1]["content"] == [CALL]


@JSON_OR_STREAM
def test_19_a_signature_without_a_text_is_kept(house: House, stream: bool) -> None:
    """Thinking that is nothing but a signature was dropped as empty.

    https://github.com/BerriAI/litellm/pull/38809
    """
    thought = THOUGHTS["signature only"]
    id_ = first_turn(house, thought, ADA, stream=stream, question="Read /a without a word")
    assert next_turn(house, ADA, id_, stream=stream, question="Read /a without a word") == [thought, CALL]


def test_19_also_where_the_client_carries_it(house: House) -> None:
    """The same in reasoning_details, which some chat clients send back as they got them.

    https://github.com/earendil-works/pi/issues/6376
    """
    detail = {
        "type": "reasoning.text",
        "text": "",
        "signature": "EqQBonly",
        "format": "anthropic-claude-v1",
        "index": 0,
    }
    assistant = {**called(("toolu_a", "read_file", '{"path": "/a"}')), "reasoning_details": [detail]}
    result = {"role": "tool", "tool_call_id": "toolu_a", "content": "A"}
    house.chat("claude-sonnet-5", stream=False, messages=conversation(assistant, result), tools=functions("read_file"))
    assert house.anthropic.last.json["messages"][1]["content"] == [THOUGHTS["signature only"], CALL]


# 18: foreign thinking ------------------------------------------------------------------------------------------------

HISTORY = conversation(
    {"role": "assistant", "content": [THOUGHTS["thinking"], THOUGHTS["redacted"], CALL]},
    {"role": "user", "content": [tool_result("toolu_a", "A")]},
)


def test_18_thinking_of_another_vendor_stays_out(house: House) -> None:
    """Thinking blocks of the history went to an upstream of another API: 400.

    https://github.com/musistudio/claude-code-router/issues/1686
    """
    house.messages("gpt-5.5", stream=False, messages=HISTORY, tools=tools("read_file"))
    sent = house.openai.last
    assert [message["role"] for message in sent.json["messages"]] == ["user", "assistant", "tool"]
    for private in (b"EqQBsigned", b"EmwKAsealed", b"I need the file", b"thinking"):
        assert private not in sent.body


def test_18_a_fallback_is_no_secret(house: House) -> None:
    """A refused request was silently served by another model.

    https://github.com/musistudio/claude-code-router/issues/1686
    """
    broken = {"error": {"message": "no", "type": "server_error", "param": None, "code": None}}
    house.openai.script(as_json(broken, 500))
    answer = house.messages("two-minds", stream=False, messages=HISTORY, tools=tools("read_file"))
    assert [seen.json["model"] for seen in house.openai.requests] == ["gpt-5.5", "gpt-5.5-mini"]
    assert answer.header("x-turnout-target") == "openai/gpt-5.5-mini"
    assert answer.header("x-turnout-attempts") == "2"
    line = house.turnout.wait_for(re.compile(rf".*{answer.header('x-turnout-request')}.*")).group()
    tries = [(one["target"], one["reason"]) for one in json.loads(line)["attempts"]]
    assert tries == [("openai/gpt-5.5", "server_error"), ("openai/gpt-5.5-mini", None)]


def test_18_a_refusal_is_not_answered_by_another_model(house: House) -> None:
    """A request that an upstream refuses is the client's to mend: no other model is asked.

    https://github.com/musistudio/claude-code-router/issues/1686
    """
    refused = {"error": {"message": "Invalid value: 'x'", "type": "invalid_request_error", "param": "y", "code": None}}
    house.openai.script(as_json(refused, 400))
    answer = house.ask(MESSAGES, "two-minds", messages=HISTORY, tools=tools("read_file"))
    assert (answer.status, MESSAGES.error(answer)["message"]) == (400, "Invalid value: 'x'")
    assert len(house.openai.requests) == 1


def test_18_our_own_seal_never_reaches_the_vendor_that_signs(house: House) -> None:
    """Thinking of a chat upstream carries our seal; a conversation that moves on to Anthropic must not bring it.

    https://github.com/musistudio/claude-code-router/issues/1686
    """
    house.openai.script(
        as_stream([chat_chunk({"reasoning_content": "Hm"}), chat_chunk({"content": "4"}, "stop"), DONE])
    )
    content = blocks(house.messages("gpt-5.5", thinking={"type": "adaptive"}).body)
    assert [block["type"] for block in content] == ["thinking", "text"]
    assert content[0]["signature"]
    turns = conversation({"role": "assistant", "content": content}, {"role": "user", "content": "Sure?"})
    house.messages("claude-sonnet-5", stream=False, messages=turns)
    assert house.anthropic.last.json["messages"][1]["content"] == [{"type": "text", "text": "4"}]


# 20: bytes -----------------------------------------------------------------------------------------------------------

ODD = {
    "messages": b"""{"messages" : [ {"role":"user","content":"caf\\u00e9 \xe2\x82\xac \\/ 1"},
  {"content":[{"signature":"Eq+/=","type":"thinking","thinking":"a\\tb  \\u2028 \xf0\x9f\x9a\x82"},
    {"type":"tool_use","id":"toolu_a","name":"calc","input":{"z":1.0,"a":1e3,"big":12345678901234567890,"f":0.10}}],
   "role":"assistant"}, {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_a","content":""}]} ],
 "max_tokens":64 ,"model":"claude-sonnet-5","metadata":{ } , "stream":false}
""",
    "chat": b"""{"messages" : [ {"role":"user","content":"caf\\u00e9 \xe2\x82\xac \\/ 1"},
  {"tool_calls":[{"function":{"arguments":"{\\"z\\": 1.0}","name":"calc"},"id":"call_a","type":"function"}],
   "content":null,"role":"assistant","reasoning_details":[{"type":"reasoning.text","text":"\\u2028","signature":"Eq+/="}]},
  {"role":"tool","content":"","tool_call_id":"call_a"} ],
 "model":"gpt-5.5","temperature":1.0 ,"seed":12345678901234567890, "stream":false}
""",
    "responses": b"""{"input" : [ {"role":"user","content":"caf\\u00e9 \xe2\x82\xac \\/ 1"},
  {"encrypted_content":"gAAA+/=","type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"\\u2028"}]},
  {"call_id":"call_a","type":"function_call","name":"calc","arguments":"{\\"z\\": 1.0}"},
  {"type":"function_call_output","output":"","call_id":"call_a"} ],
 "model":"gpt-5.5","temperature":1.0 ,"max_output_tokens":12345678901234567890, "stream":false}
""",
}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_20_the_bytes_of_a_conversation_are_not_touched(house: House, api: Api) -> None:
    """Requests were decoded and written anew, and Anthropic said `Invalid signature in thinking block`.

    https://github.com/router-for-me/CLIProxyAPI/issues/2172
    """
    upstream = house.anthropic if api is MESSAGES else house.openai
    odd = ODD[api.name]
    good(post(house.turnout.url, api.path, odd))
    assert fields(upstream.last.body) == fields(odd)
    good(post(house.turnout.url, api.path, odd.replace(api.upstream_model.encode(), api.asked.encode())))
    assert fields(upstream.last.body) == fields(odd)


@JSON_OR_STREAM
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_20_nor_are_those_of_an_answer(house: House, api: Api, stream: bool) -> None:
    """The same on the way back: what a client signs for it must have got as it was.

    https://github.com/router-for-me/CLIProxyAPI/issues/2172
    """
    upstream = house.anthropic if api is MESSAGES else house.openai
    if stream:
        events = [event for event in api.events("Hel", "lo \u20ac") if b"ping" not in event]
        reply = as_stream([event.replace(b'": ', b'" :  ') for event in events])
    else:
        reply = as_json(json.dumps(json.loads(api.whole("Hello \u20ac").body), indent=3).encode())
    upstream.script(reply)
    answer = good(house.ask(api, api.upstream_model, stream=stream))
    assert answer.body == reply.body


def test_20_a_signature_crosses_as_it_is(house: House) -> None:
    """Where a chat client brings thinking to Anthropic, text and signature are those it was given.

    https://github.com/router-for-me/CLIProxyAPI/issues/2172
    """
    thought = {"type": "thinking", "thinking": "a\tb \u2028 \u20ac\n ", "signature": "Eq+/=="}
    house.anthropic.script(as_json(message_of(thought, {"type": "text", "text": "4"})))
    message = house.chat("claude-sonnet-5", stream=False).json["choices"][0]["message"]
    house.chat("claude-sonnet-5", stream=False, messages=conversation(message, {"role": "user", "content": "Sure?"}))
    assert house.anthropic.last.json["messages"][1]["content"] == [thought, {"type": "text", "text": "4"}]
