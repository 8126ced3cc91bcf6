"""Answers that come in another form than was asked for, packed, or not at all because nobody needs to be asked."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import blocks, message_of, message_stream, tool_use
from tests.end_to_end.translation.house import (
    BROKEN,
    JSON_OR_STREAM,
    MESSAGES_TO_RESPONSES,
    TO_CLAUDE,
    TO_GPT,
    WAYS,
    House,
    Way,
    good,
    said,
)
from tests.end_to_end.translation.turns import READING, THINK, Turn, heard, told, tools
from tests.support.apis import CHAT, payloads
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.support.script import Step


def packed(reply: Reply, how: str) -> Reply:
    """Return `reply` with its body packed; a stream in pieces that end anywhere."""
    body = gzip.compress(reply.body) if how == "gzip" else zlib.compress(reply.body)
    cuts = range(0, len(body), 50)
    parts: tuple[Step, ...] = tuple(body[at : at + 50] for at in cuts)
    headers = (*reply.headers, ("content-encoding", how))
    return Reply(headers=headers, parts=parts, framing=reply.framing)


@WAYS
def test_a_stream_was_asked_for_and_one_object_came(house: House, way: Way) -> None:
    """The client gets the stream all the same, with the status and the head of one."""
    house.upstream(way).script(way.server.whole("Hello there"))
    answer = house.ask(way, stream=True)
    assert said(way, answer) == "Hello there"
    assert str(answer.header("content-type")).startswith("text/event-stream")
    assert way.client.terminal in answer.body
    assert len(house.upstream(way).requests) == 1


@WAYS
def test_one_object_was_asked_for_and_a_stream_came(house: House, way: Way) -> None:
    house.upstream(way).script(way.server.stream("Hello", " there"))
    answer = house.ask(way)
    assert said(way, answer) == "Hello there"
    assert answer.header("content-type") == "application/json"


@WAYS
@pytest.mark.parametrize("asked", [False, True], ids=["json asked", "stream asked"])
def test_calls_and_reasoning_survive_the_change_of_form(house: House, way: Way, asked: bool) -> None:
    house.upstream(way).script(told(way.server, READING, stream=not asked))
    fields = {**THINK[way.client.name], "tools": tools(way.client, "read_file")}
    assert heard(way.client, house.ask(way, stream=asked, **fields)) == READING


@WAYS
def test_a_stream_that_breaks_off_is_no_answer_to_who_asked_for_one_object(house: House, way: Way) -> None:
    house.upstream(way).script(as_stream(way.server.events("Hello", " there")[:-2]))
    answer = house.ask(way)
    assert answer.status == BROKEN[way.client.name][0]
    assert "Hello" not in way.client.error(answer)["message"]


@WAYS
@JSON_OR_STREAM
@pytest.mark.parametrize("how", ["gzip", "deflate"])
def test_an_upstream_that_packs_its_answer_unasked(house: House, way: Way, stream: bool, how: str) -> None:
    house.upstream(way).script(packed(way.server.stream() if stream else way.server.whole(), how))
    answer = house.ask(way, stream=stream)
    assert said(way, answer) == "Hello there"
    assert answer.header("content-encoding") is None


@WAYS
@JSON_OR_STREAM
def test_an_error_that_was_packed_is_read(house: House, way: Way, stream: bool) -> None:
    words = "prompt is too long: 2 tokens > 1 maximum"
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    plain = as_json(body)
    house.upstream(way).script(
        Reply(
            status=400,
            headers=(*plain.headers, ("content-encoding", "gzip")),
            parts=(gzip.compress(plain.body),),
        )
    )
    answer = house.ask(way, stream=stream)
    assert (answer.status, way.client.error(answer)["message"]) == (400, words)


@JSON_OR_STREAM
@pytest.mark.parametrize("way", [TO_GPT, MESSAGES_TO_RESPONSES], ids=lambda way: way.name)
def test_no_tokens_are_wanted_and_nobody_is_asked(house: House, way: Way, stream: bool) -> None:
    """Anthropic's clients warm the cache so; an upstream of OpenAI's APIs would refuse the number."""
    answer = good(house.ask(way, stream=stream, max_tokens=0))
    assert house.openai.requests == []
    if stream:
        kinds = [value["type"] for value in payloads(answer.body)]
        assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
        stop = next(value for value in payloads(answer.body) if value["type"] == "message_delta")["delta"]
        assert blocks(answer.body) == []
    else:
        stop = answer.json
        assert (answer.json["content"], answer.json["model"]) == ([], way.asked)
        assert answer.json["usage"]["output_tokens"] == 0
    assert stop["stop_reason"] == "max_tokens"


# the form before tools -----------------------------------------------------------------------------------------------

FUNCTIONS = [{"name": "read_file", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}]
USE = tool_use("toolu_1", "read_file", path="/a")


@JSON_OR_STREAM
def test_legacy_functions_are_answered_in_the_legacy_form(house: House, stream: bool) -> None:
    house.anthropic.script(
        as_stream(message_stream(USE, stop="tool_use")) if stream else as_json(message_of(USE, stop="tool_use"))
    )
    answer = good(house.ask(TO_CLAUDE, stream=stream, functions=FUNCTIONS, function_call={"name": "read_file"}))
    sent = house.anthropic.last.json
    assert [tool["name"] for tool in sent["tools"]] == ["read_file"]
    if stream:
        choices = [choice for value in payloads(answer.body) for choice in value["choices"]]
        pieces = [choice["delta"]["function_call"] for choice in choices if "function_call" in choice["delta"]]
        name = "".join(piece.get("name", "") for piece in pieces)
        arguments = "".join(piece.get("arguments", "") for piece in pieces)
        finish = choices[-1]["finish_reason"]
    else:
        choice = answer.json["choices"][0]
        name, arguments = choice["message"]["function_call"]["name"], choice["message"]["function_call"]["arguments"]
        finish = choice["finish_reason"]
    assert (name, finish) == ("read_file", "function_call")
    assert arguments.replace(" ", "") == '{"path":"/a"}'
    assert b"tool_calls" not in answer.body


@JSON_OR_STREAM
def test_a_legacy_conversation_goes_on(house: House, stream: bool) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "function_call": {"name": "read_file", "arguments": '{"path":"/a"}'}},
        {"role": "function", "name": "read_file", "content": "it says"},
    ]
    answer = house.ask(TO_CLAUDE, stream=stream, functions=FUNCTIONS, messages=messages)
    assert said(TO_CLAUDE, answer)
    use, result = (message["content"][0] for message in house.anthropic.last.json["messages"][1:])
    assert (use["type"], use["name"], use["input"]) == ("tool_use", "read_file", {"path": "/a"})
    assert (result["type"], result["tool_use_id"]) == ("tool_result", use["id"])


@WAYS
def test_several_calls_in_one_stream(house: House, way: Way) -> None:
    both = Turn(calls=(*READING.calls, ("call_2", "list", {})))
    house.upstream(way).script(told(way.server, both, stream=way.server is not CHAT))
    answer = house.ask(way, stream=True, tools=tools(way.client, "read_file", "list"))
    assert heard(way.client, answer) == both
