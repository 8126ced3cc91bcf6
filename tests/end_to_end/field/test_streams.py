"""Streams that were put together wrongly on their way from one API to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import (
    blocks,
    call_piece,
    chat_of,
    message_stream,
    tool_use,
    tools,
    turn,
    usage_chunk,
)
from tests.support.answers import DONE, chat_chunk, chat_events, data, event, message_start
from tests.support.apis import CHAT, MESSAGES, payloads
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.end_to_end.field.house import House
    from tests.support.upstream import Seen

THINK: dict[str, Any] = {"thinking": {"type": "adaptive"}}
WORDS = ["FINAL", ":", " ABC", " DEF", " GHI"]
USED = {"output_tokens": 7}
ROLE = chat_chunk({"role": "assistant", "content": ""})
NO_USAGE_FIELD = {
    "object": "error",
    "message": {
        "detail": [
            {
                "type": "extra_forbidden",
                "loc": ["body", "stream_options"],
                "msg": "Extra inputs are not permitted",
                "input": {"include_usage": True},
            }
        ]
    },
    "type": "invalid_request_error",
    "param": None,
    "code": None,
}
"""How Mistral says no to stream_options, with status 422."""


def test_01_the_first_delta_of_a_block_is_there(house: House) -> None:
    """The chunk that opened a block lost its payload: the first word of every block was missing.

    https://github.com/BerriAI/litellm/issues/30765
    """
    thoughts = ["Two", " words", " first"]
    whole = {
        "content": "".join(WORDS),
        "reasoning_content": "".join(thoughts),
        "tool_calls": [
            {"id": "call_a", "type": "function", "function": {"name": "read_file", "arguments": '{"path":"/a"}'}}
        ],
    }
    opened = call_piece(0, '{"path":', id_="call_a", name="read_file")
    house.openai.script(
        as_stream(
            [
                *(chat_chunk({"reasoning_content": word}) for word in thoughts),
                *(chat_chunk({"content": word}) for word in WORDS),
                chat_chunk({"tool_calls": [opened]}),
                chat_chunk({"tool_calls": [call_piece(0, '"/a"}')]}),
                chat_chunk({}, "tool_calls"),
                DONE,
            ]
        ),
        as_json(chat_of(whole, "tool_calls")),
    )
    streamed = blocks(house.messages("gpt-5.5", tools=tools("read_file"), **THINK).body)
    answer = house.messages("gpt-5.5", stream=False, tools=tools("read_file"), **THINK).json
    assert [block["type"] for block in streamed] == ["thinking", "text", "tool_use"]
    assert streamed == answer["content"]
    assert (streamed[0]["thinking"], streamed[1]["text"]) == ("Two words first", "FINAL: ABC DEF GHI")
    assert streamed[2]["input"] == {"path": "/a"}


def test_01_the_first_delta_is_there_where_the_block_itself_carries_it(house: House) -> None:
    """The same the other way: servers put the first words into content_block_start, and they were lost.

    https://github.com/BerriAI/litellm/issues/30765
    """
    house.anthropic.script(
        as_stream(
            [
                message_start(),
                event("content_block_start", index=0, content_block={"type": "text", "text": "FINAL"}),
                event("content_block_delta", index=0, delta={"type": "text_delta", "text": ": ABC"}),
                event("content_block_stop", index=0),
                event("content_block_start", index=1, content_block=tool_use("toolu_a", "read_file", path="/a")),
                event("content_block_stop", index=1),
                event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage=USED),
                event("message_stop"),
            ]
        )
    )
    said = turn(house.chat("claude-sonnet-5").body)
    assert (said["content"], said["calls"]) == ("FINAL: ABC", [("read_file", {"path": "/a"})])


def test_02_a_message_starts_once_and_thoughts_stay_out_of_texts(house: House) -> None:
    """message_start came twice with one id, and thinking deltas inside a text block.

    https://github.com/BerriAI/litellm/issues/32357
    """
    steps: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None, "reasoning_content": "Hm"},
        {"role": "assistant", "content": "So", "reasoning_content": None},
        {"role": "assistant", "content": "", "reasoning_content": ", wait"},
        {"role": "assistant", "content": " it", "reasoning_content": ""},
        {"role": "assistant", "content": " is."},
    ]
    house.openai.script(as_stream([*map(chat_chunk, steps), chat_chunk({}, "stop"), usage_chunk(), DONE]))
    stream = house.messages("gpt-5.5", **THINK).body
    kinds = [value["type"] for value in payloads(stream)]
    assert (kinds.count("message_start"), kinds.count("message_stop")) == (1, 1)
    content = blocks(stream)
    assert [(block["type"], block.get("text", block.get("thinking"))) for block in content] == [
        ("thinking", "Hm"),
        ("text", "So"),
        ("thinking", ", wait"),
        ("text", " it is."),
    ]
    deltas = [value for value in payloads(stream) if value["type"] == "content_block_delta"]
    homes = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
    assert all(content[one["index"]]["type"] == homes[one["delta"]["type"]] for one in deltas)


def test_05_a_chunk_with_thoughts_and_text_gives_both(house: House) -> None:
    """A chunk that held reasoning_content and content lost its text.

    https://github.com/BerriAI/litellm/issues/36327
    """
    both = {"content": "It is 4", "reasoning_content": "2 and 2"}
    house.openai.script(
        as_stream([ROLE, chat_chunk(both), chat_chunk({"content": "."}), chat_chunk({}, "stop"), DONE]),
        as_json(chat_of(both)),
    )
    streamed = blocks(house.messages("gpt-5.5", **THINK).body)
    assert [block.get("thinking", block.get("text")) for block in streamed] == ["2 and 2", "It is 4."]
    whole = house.messages("gpt-5.5", stream=False, **THINK).json["content"]
    assert [block.get("thinking", block.get("text")) for block in whole] == ["2 and 2", "It is 4"]


def test_05_a_client_without_thinking_still_gets_the_text(house: House) -> None:
    """The same chunk, for a client that did not ask for thinking: only the thoughts stay out.

    https://github.com/BerriAI/litellm/issues/36327
    """
    both = {"content": "It is 4", "reasoning_content": "2 and 2"}
    house.openai.script(as_stream([ROLE, chat_chunk(both, "stop"), DONE]))
    assert blocks(house.messages("gpt-5.5").body) == [{"type": "text", "text": "It is 4"}]


def test_26_usage_is_asked_of_the_upstream_and_told_to_the_client(house: House) -> None:
    """A message stream ended with usage 0: nobody had asked the chat upstream for it.

    https://github.com/BerriAI/litellm/issues/31069
    """
    house.openai.script(as_stream([*chat_events()[:-1], usage_chunk(1200, 34), DONE]))
    stream = house.messages("house-model").body
    assert house.openai.last.json["stream_options"] == {"include_usage": True}
    usage = next(value["usage"] for value in payloads(stream) if value["type"] == "message_delta")
    assert (usage["input_tokens"], usage["output_tokens"]) == (1200, 34)


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
def test_26_the_usage_chunk_is_for_clients_that_asked(house: House, asked: bool) -> None:
    """A client that had not asked for usage got a chunk without choices, and fell over it.

    https://github.com/BerriAI/litellm/issues/31069
    """
    house.anthropic.script(as_stream(message_stream({"type": "text", "text": "Hello there"})))
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = payloads(house.chat("claude-sonnet-5", **options).body)
    told = [chunk["usage"] for chunk in chunks if not chunk["choices"]]
    assert [(usage["prompt_tokens"], usage["completion_tokens"]) for usage in told] == ([(14, 7)] if asked else [])
    assert CHAT.text(b"".join(map(data, chunks))) == "Hello there"


def test_26_an_upstream_that_refuses_it_is_asked_once_more_and_then_never_again(house: House) -> None:
    """Mistral answers 422 to stream_options, and every stream to it failed.

    https://github.com/cline/cline/issues/582 and https://github.com/BerriAI/litellm/issues/18200
    """

    def strict(seen: Seen) -> Reply:
        if "stream_options" in seen.json:
            return as_json(NO_USAGE_FIELD, 422)
        return as_stream(chat_events())

    house.openai.answer = strict
    for requests in (2, 3, 4):
        stream = house.messages("house-of-mistral").body
        assert blocks(stream) == [{"type": "text", "text": "Hello there"}]
        assert len(house.openai.requests) == requests
    assert ["stream_options" in seen.json for seen in house.openai.requests] == [True, False, False, False]
    house.openai.clear()
    house.messages("house-of-another")
    assert "stream_options" in house.openai.last.json


def test_26_a_refusal_without_end_is_not_retried_without_end(house: House) -> None:
    """What was left out is not the reason of a refusal that stays: the client is told, after one more try.

    https://github.com/cline/cline/issues/582
    """
    house.openai.answer = lambda _: as_json(NO_USAGE_FIELD, 422)
    assert house.ask(MESSAGES, "house-of-no", stream=True).status == 400
    assert len(house.openai.requests) == 2


def test_26_a_client_of_the_same_api_keeps_its_own_options(house: House) -> None:
    """Where bytes pass, what the client asked is what the upstream is asked, refusals included.

    https://github.com/BerriAI/litellm/issues/18200
    """
    house.openai.script(as_json(NO_USAGE_FIELD, 422))
    answer = house.ask(CHAT, "house-of-mistral", stream=True, stream_options={"include_usage": True})
    assert (answer.status, answer.json) == (422, NO_USAGE_FIELD)
    assert len(house.openai.requests) == 1
