"""Tool calls that lost their arguments, their place or their turn on the way from one API to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from tests.dialects.recorded import RECORDED, Recorded
from tests.end_to_end.field.house import (
    JSON_OR_STREAM,
    blocks,
    call_piece,
    called,
    chat_of,
    conversation,
    functions,
    good,
    lost,
    message_stream,
    tool_result,
    tool_use,
    tools,
    turn,
)
from tests.support.answers import DONE, chat_chunk, chat_events, event, message_start
from tests.support.apis import payloads
from tests.support.http import post
from tests.support.loop import Call
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.end_to_end.field.house import House

FIRST = call_piece(0, "", id_="call_a", name="read_file")
ARGUMENTS = '{"path":"/a"}'


@JSON_OR_STREAM
def test_03_an_empty_list_of_calls_is_no_call(house: House, stream: bool) -> None:
    """Text beside `tool_calls: []` became empty input_json_deltas.

    https://github.com/BerriAI/litellm/issues/29286
    """
    pieces = [chat_chunk({"content": word, "tool_calls": []}) for word in ("Hello", " there")]
    house.openai.script(
        as_stream([*pieces, chat_chunk({"tool_calls": []}, "stop"), DONE])
        if stream
        else as_json(chat_of({"content": "Hello there", "tool_calls": []}))
    )
    answer = house.messages("gpt-5.5", stream=stream, tools=tools("read_file"))
    assert (blocks(answer.body) if stream else answer.json["content"]) == [{"type": "text", "text": "Hello there"}]
    assert b"input_json_delta" not in answer.body


SPLITS: dict[str, list[tuple[list[dict[str, Any]], str | None]]] = {
    "whole": [([call_piece(0, ARGUMENTS, id_="call_a", name="read_file")], None), ([], "tool_calls")],
    "whole with the finish": [([call_piece(0, ARGUMENTS, id_="call_a", name="read_file")], "tool_calls")],
    "begun with the name": [
        ([call_piece(0, '{"pa', id_="call_a", name="read_file")], None),
        ([call_piece(0, 'th":"/a"}')], None),
        ([], "tool_calls"),
    ],
    "only in the last chunk": [([FIRST], None), ([call_piece(0, ARGUMENTS)], "tool_calls")],
    "letter by letter": [([FIRST], None), *(([call_piece(0, one)], None) for one in ARGUMENTS), ([], "tool_calls")],
}


@pytest.mark.parametrize("split", SPLITS)
def test_04_arguments_arrive_however_they_are_split(house: House, split: str) -> None:
    """Streamed tool arguments were lost, the input was {}: they came whole, in the first chunk or only in the last.

    https://github.com/BerriAI/litellm/issues/25836 and https://github.com/BerriAI/litellm/issues/29491
    """
    chunks = [chat_chunk({"tool_calls": pieces} if pieces else {}, finish) for pieces, finish in SPLITS[split]]
    house.openai.script(as_stream([*chunks, DONE]))
    stream = house.messages("gpt-5.5", tools=tools("read_file")).body
    assert blocks(stream) == [tool_use("call_a", "read_file", path="/a")]


def test_04_arguments_that_no_delta_brings_arrive(house: House) -> None:
    """The same the other way: the input stands in content_block_start, or there is none at all.

    https://github.com/BerriAI/litellm/issues/29491
    """
    house.anthropic.script(
        as_stream(
            [
                message_start(),
                event("content_block_start", index=0, content_block=tool_use("toolu_a", "read_file", path="/a")),
                event("content_block_stop", index=0),
                event("content_block_start", index=1, content_block=tool_use("toolu_b", "get_time")),
                event("content_block_stop", index=1),
                event(
                    "message_delta",
                    delta={"stop_reason": "tool_use", "stop_sequence": None},
                    usage={"output_tokens": 7},
                ),
                event("message_stop"),
            ]
        )
    )
    assert turn(house.chat("claude-sonnet-5").body)["calls"] == [("read_file", {"path": "/a"}), ("get_time", {})]


def unnumbered(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a call in two fragments without an index; only the first has an id."""
    head = call_piece(None, '{"path":', id_=f"call_{path}", name="read_file")
    return head, call_piece(None, f'"{path}"}}')


UNNUMBERED = {
    "one chunk": [[call_piece(None, f'{{"path":"{path}"}}', id_=f"call_{path}", name="read_file") for path in "abc"]],
    "a chunk each": [
        [call_piece(None, f'{{"path":"{path}"}}', id_=f"call_{path}", name="read_file")] for path in "abc"
    ],
    "in fragments": [[fragment] for path in "abc" for fragment in unnumbered(path)],
}


@pytest.mark.parametrize("groups", UNNUMBERED.values(), ids=UNNUMBERED)
def test_06_calls_without_an_index_are_told_apart(house: House, groups: list[list[dict[str, Any]]]) -> None:
    """An upstream left out tool_calls[].index, and all calls became one with the arguments {}{}{}.

    https://github.com/router-for-me/CLIProxyAPI/issues/5058
    """
    chunks = [chat_chunk({"tool_calls": group}) for group in groups]
    house.openai.script(as_stream([*chunks, chat_chunk({}, "tool_calls"), DONE]))
    stream = house.messages("gpt-5.5", tools=tools("read_file")).body
    assert blocks(stream) == [tool_use(f"call_{path}", "read_file", path=path) for path in "abc"]


def test_07_interleaved_calls_get_a_block_each(house: House) -> None:
    """Parallel calls shared the index of a block: Claude Code said `Content block not found`.

    https://github.com/Wei-Shaw/sub2api/pull/4294
    """
    steps = [
        [FIRST],
        [call_piece(1, "", id_="call_b", name="get_time")],
        [call_piece(0, '{"path"')],
        [call_piece(1, '{"zone":')],
        [call_piece(0, ':"/a"}')],
        [call_piece(1, '"UTC"}')],
    ]
    chunks = [chat_chunk({"tool_calls": step}) for step in steps]
    house.openai.script(as_stream([chat_chunk({"content": "Both"}), *chunks, chat_chunk({}, "tool_calls"), DONE]))
    stream = house.messages("gpt-5.5", tools=tools("read_file", "get_time")).body
    assert blocks(stream) == [
        {"type": "text", "text": "Both"},
        tool_use("call_a", "read_file", path="/a"),
        tool_use("call_b", "get_time", zone="UTC"),
    ]
    order = [(one["type"], one["index"]) for one in payloads(stream) if "index" in one]
    for kind in ("content_block_start", "content_block_stop"):
        assert [index for name, index in order if name == kind] == [0, 1, 2]


def test_08_the_index_of_a_call_counts_calls_only(house: House) -> None:
    """The index of the block, less one, was sent as the index of the call: thoughts and texts left gaps.

    https://github.com/QuantumNous/new-api/pull/4730
    """
    house.anthropic.script(
        as_stream(
            message_stream(
                {"type": "thinking", "thinking": "Both", "signature": "sig"},
                {"type": "text", "text": "First"},
                tool_use("toolu_a", "read_file", path="/a"),
                {"type": "text", "text": "then"},
                tool_use("toolu_b", "read_file", path="/b"),
                stop="tool_use",
            )
        )
    )
    stream = house.chat("claude-sonnet-5", tools=functions("read_file")).body
    pieces = [
        piece
        for chunk in payloads(stream)
        for choice in chunk["choices"]
        for piece in choice["delta"].get("tool_calls") or ()
    ]
    assert {piece["id"]: piece["index"] for piece in pieces if "id" in piece} == {"toolu_a": 0, "toolu_b": 1}
    assert turn(stream)["calls"] == [("read_file", {"path": "/a"}), ("read_file", {"path": "/b"})]


def test_09_a_streamed_tool_turn_costs_one_request(house: House) -> None:
    """A stream that broke the rules made Claude Code ask again without streaming: every call was billed twice.

    https://github.com/maximhq/bifrost/issues/5128
    """
    house.openai.script(
        as_stream(chat_events(calls=[Call("read_file", {"path": path}) for path in ("/a", "/b")], usage=True)),
        as_stream(chat_events(["The file", " says A."], usage=True)),
    )
    messages: list[Any] = conversation()
    offered: Any = tools("read_file")
    with anthropic.Anthropic(base_url=house.turnout.url, api_key="any", max_retries=2) as client:
        for requests, expected in ((1, ["/a", "/b"]), (2, [])):
            with client.messages.stream(model="gpt-5.5", max_tokens=99, messages=messages, tools=offered) as stream:
                said = stream.get_final_message()
            assert len(house.openai.requests) == requests
            calls = [block for block in said.content if block.type == "tool_use"]
            assert [call.input for call in calls] == [{"path": path} for path in expected]
            messages.append({"role": "assistant", "content": said.content})
            messages.append({"role": "user", "content": [tool_result(call.id, "A") for call in calls] or "Thanks"})
    assert (said.content[-1].type, said.stop_reason) == ("text", "end_turn")
    assert [message["role"] for message in house.openai.last.json["messages"]] == ["user", "assistant", "tool", "tool"]


CLAUDE_CODE = [
    one
    for one in RECORDED
    if one.name.startswith("claude-code") and one.api == "messages" and one.json.get("tools") and one.json["stream"]
]

assert CLAUDE_CODE, "the recorded requests of Claude Code are missing"


@pytest.mark.parametrize("recorded", CLAUDE_CODE, ids=lambda one: one.name)
def test_09_a_request_of_claude_code_goes_up_once(house: House, recorded: Recorded) -> None:
    """The same with what Claude Code itself was seen to send.

    https://github.com/maximhq/bifrost/issues/5128
    """
    house.openai.script(as_stream(chat_events(calls=[Call("Read", {"file_path": "/a"})], usage=True)))
    body = {**recorded.json, "model": "gpt-5.5"}
    answer = good(post(house.turnout.url, f"{recorded.path}?beta=true", body))
    assert [block for block in blocks(answer.body) if block["type"] == "tool_use"] == [
        tool_use("call_0", "Read", file_path="/a")
    ]
    assert len(house.openai.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "sent", "dropped"),
    [
        ('{"path": "/a"}', {"path": "/a"}, False),
        ("", {}, False),
        (" ", {}, False),
        ("{}", {}, False),
        ("[1]", {"value": [1]}, True),
        ('"/a"', {"value": "/a"}, True),
        ("not json", {"_raw": "not json"}, True),
    ],
)
def test_11_arguments_become_an_object(house: House, arguments: str, sent: dict[str, Any], dropped: bool) -> None:
    """The text of the arguments went up as `tool_use.input`: `Input should be an object`.

    https://github.com/aradlein/hass-agent-llm/pull/42
    """
    messages = conversation(
        called(("call_a", "read_file", arguments)), {"role": "tool", "tool_call_id": "call_a", "content": "A"}
    )
    answer = house.chat("claude-sonnet-5", stream=False, messages=messages, tools=functions("read_file"))
    assistant = house.anthropic.last.json["messages"][1]["content"]
    assert assistant == [{"type": "tool_use", "id": "call_a", "name": "read_file", "input": sent}]
    assert any("arguments" in path for path in lost(answer)) == dropped
