"""What a client of chat completions reads of a stream. The pairs of golden/ show the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from engine.chat import (
    Argued,
    Call,
    Called,
    Ended,
    Event,
    Finished,
    Refused,
    Response,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Text,
    Thought,
    Usage,
    Used,
    Wrote,
)
from engine.dialects.chat.write_answer import write_answer
from engine.dialects.chat.write_stream import ChatEncoder
from engine.dialects.codec import Asked
from engine.dialects.fold import unfold
from engine.dialects.messages.read_stream import MessagesDecoder
from tests.dialects import oracles
from tests.dialects.claude import responses, stream, wire
from tests.dialects.pairs import events as chunks
from tests.support.wire import violations

PLAIN = Asked(model="smart", id="k3v", created=7, usage=False)
asked_in_any_way = st.builds(
    Asked, model=st.just("smart"), id=st.just("k3v"), created=st.just(7), usage=st.booleans(), legacy=st.booleans()
)


def written(events: list[Event], asked: Asked = PLAIN) -> bytes:
    return ChatEncoder(asked).feed(events)


def deltas(*events: Event, asked: Asked = PLAIN) -> list[Any]:
    """Return what lies between the role and the end; the finish is the last of it."""
    got = chunks(written([Started("up-1", "m"), *events, Finished()], asked))
    assert got[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert got[-1] == "[DONE]"
    choices = [one["choices"][0] for one in got[1:-1] if one["choices"]]
    return [choice["finish_reason"] or choice["delta"] for choice in choices]


def joined(body: bytes) -> dict[str, Any]:
    """Return the answer that openai's own accumulator makes of a stream."""
    state = ChatCompletionStreamState()
    for chunk in chunks(body):
        if chunk != "[DONE]":
            state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    answer = state.current_completion_snapshot.model_dump(exclude_none=True)
    return {**answer, "choices": [{**one, "message": plain(one["message"])} for one in answer["choices"]]}


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without what the accumulator adds, and without what says nothing."""
    said = {name: value for name, value in message.items() if value and name != "parsed"}
    for call in said.get("tool_calls", []):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return said


@given(responses(), asked_in_any_way)
def test_every_stream_keeps_to_the_rules(response: Response, asked: Asked) -> None:
    body = written(unfold(response), asked)
    assert violations("chat", body, usage=asked.usage) == []
    for chunk in chunks(body)[:-1]:
        assert oracles.event_flaws("chat", chunk) == []


@given(responses(), asked_in_any_way)
def test_the_pieces_together_are_the_whole_answer(response: Response, asked: Asked) -> None:
    whole = json.loads(write_answer(response, asked))
    streamed = joined(written(unfold(response), asked))
    assert plain(streamed["choices"][0]["message"]) == plain(whole["choices"][0]["message"])
    assert streamed["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert streamed.get("usage") == (whole["usage"] if asked.usage else None)


@given(responses(), st.integers(1, 4), asked_in_any_way)
def test_a_stream_of_the_other_api_comes_out_as_its_answer(response: Response, cuts: int, asked: Asked) -> None:
    decoder, encoder = MessagesDecoder(), ChatEncoder(asked)
    body = b"".join(encoder.feed(decoder.feed(wire([event]))) for event in stream(response, cuts))
    assert violations("chat", body, usage=asked.usage) == []
    whole = json.loads(write_answer(response, asked))
    said, told = plain(joined(body)["choices"][0]["message"]), plain(whole["choices"][0]["message"])
    assert arguments(said) == arguments(told)


@given(responses(), st.integers(1, 5))
def test_it_does_not_matter_how_the_events_come(response: Response, size: int) -> None:
    events = unfold(response)
    encoder = ChatEncoder(PLAIN)
    assert b"".join(encoder.feed(events[at : at + size]) for at in range(0, len(events), size)) == written(events)


def arguments(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with its arguments in one spelling."""
    called = [*(call["function"] for call in message.get("tool_calls", [])), message.get("function_call")]
    for one in called:
        if one:
            one["arguments"] = json.loads(one["arguments"])
    return message


def details(index: int, text: str, signature: str) -> dict[str, Any]:
    seal = {"type": "reasoning.text", "text": text, "signature": signature, "format": "anthropic-claude-v1"}
    return {"reasoning_details": [{**seal, "index": index}]}


def reasons(text: str) -> dict[str, Any]:
    return {"reasoning_content": text, "reasoning": text}


def starts(index: int, ident: str, name: str) -> dict[str, Any]:
    return {
        "tool_calls": [{"index": index, "id": ident, "type": "function", "function": {"name": name, "arguments": ""}}]
    }


def argues(index: int, fragment: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": fragment}}]}


DELTAS: dict[str, tuple[list[Event], list[Any]]] = {
    "nothing": ([], ["stop"]),
    "empty pieces are not told": ([Wrote(""), Thought(""), Refused(""), Wrote("a")], [{"content": "a"}, "stop"]),
    "a refusal": ([Refused("No."), Stopped(Stop(reason="refusal"))], [{"refusal": "No."}, "content_filter"]),
    "a refusal that only the vendor explains": (
        [Wrote("a"), Stopped(Stop(reason="refusal", details={"explanation": "No."}))],
        [{"content": "a"}, {"refusal": "No."}, "content_filter"],
    ),
    "a refusal is not explained twice": (
        [Refused("I won't."), Stopped(Stop(reason="refusal", details={"explanation": "No."}))],
        [{"refusal": "I won't."}, "content_filter"],
    ),
    "every seal has its own reasoning": (
        [Thought("a"), Ended(), Thought("b"), Thought("c"), Signed("s"), Signed("t"), Sealed("x"), Wrote("y")],
        [
            reasons("a"),
            reasons("b"),
            reasons("c"),
            details(1, "bc", "s"),
            details(2, "", "t"),
            {
                "reasoning_details": [
                    {"type": "reasoning.encrypted", "data": "x", "format": "anthropic-claude-v1", "index": 3}
                ]
            },
            {"content": "y"},
            "stop",
        ],
    ),
    "calls in turn": (
        [Called(0, "c0", "f"), Called(1, "c1", "g"), Argued(1, "{"), Argued(0, "[]"), Argued(1, "}"), Ended(0)],
        [
            starts(0, "c0", "f"),
            starts(1, "c1", "g"),
            argues(1, "{"),
            argues(0, "[]"),
            argues(1, "}"),
            "tool_calls",
        ],
    ),
    "the calls are numbered without a gap": (
        [Called(3, "c3", "f"), Argued(3, "{}"), Called(7, "c7", "f"), Argued(7, "{}")],
        [starts(0, "c3", "f"), argues(0, "{}"), starts(1, "c7", "f"), argues(1, "{}"), "tool_calls"],
    ),
    "no arguments are an empty object, told once": (
        [Called(0, "c0", "f"), Argued(0, ""), Ended(0), Ended(0), Called(1, "c1", "g")],
        [starts(0, "c0", "f"), argues(0, "{}"), starts(1, "c1", "g"), argues(1, "{}"), "tool_calls"],
    ),
    "calls without an id get one each": (
        [Called(0, "", "f"), Argued(0, "{}"), Called(1, "", "f"), Argued(1, "{}")],
        [starts(0, "call_k3v_0", "f"), argues(0, "{}"), starts(1, "call_k3v_1", "f"), argues(1, "{}"), "tool_calls"],
    ),
    "free text, and none of it": (
        [Called(0, "c0", "sh", "custom"), Argued(0, "ls "), Argued(0, "{"), Called(1, "c1", "sh", "custom"), Ended(1)],
        [
            {"tool_calls": [{"index": 0, "id": "c0", "type": "custom", "custom": {"name": "sh", "input": ""}}]},
            {"tool_calls": [{"index": 0, "custom": {"input": "ls "}}]},
            {"tool_calls": [{"index": 0, "custom": {"input": "{"}}]},
            {"tool_calls": [{"index": 1, "id": "c1", "type": "custom", "custom": {"name": "sh", "input": ""}}]},
            "tool_calls",
        ],
    ),
    "cut off in a call": (
        [Called(0, "c0", "f"), Argued(0, '{"a'), Stopped(Stop(reason="length"))],
        [starts(0, "c0", "f"), argues(0, '{"a'), "length"],
    ),
}


@pytest.mark.parametrize(("events", "told"), DELTAS.values(), ids=DELTAS)
def test_deltas(events: list[Event], told: list[Any]) -> None:
    assert deltas(*events) == told


def test_the_legacy_form_has_room_for_one_call() -> None:
    asked = Asked(model="smart", id="k3v", created=7, usage=False, legacy=True)
    calls = [Called(0, "c0", "f"), Argued(0, '{"a":'), Called(1, "c1", "g"), Argued(1, "{}"), Argued(0, "1}"), Ended(0)]
    assert deltas(*calls, asked=asked) == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"a":'}},
        {"function_call": {"arguments": "1}"}},
        "function_call",
    ]


def test_the_stop_sequence_stands_beside_the_finish() -> None:
    got = chunks(written([Started("i", "m"), Stopped(Stop(reason="sequence", sequence="END")), Finished()]))
    assert got[-2]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "END"}]


def test_the_role_goes_out_with_the_start() -> None:
    encoder = ChatEncoder(PLAIN)
    assert encoder.feed([]) == b""
    assert [one["choices"][0]["delta"] for one in chunks(encoder.feed([Started("i", "m")]))] == [
        {"role": "assistant", "content": ""}
    ]
    assert encoder.feed([Used(Usage()), Stopped(Stop(reason="end")), Ended()]) == b""


def test_nothing_follows_the_end() -> None:
    encoder = ChatEncoder(PLAIN)
    assert encoder.feed([Wrote("a"), Finished(), Wrote("b"), Finished()]).count(b"[DONE]") == 1
    assert encoder.feed([Started("i", "m"), Wrote("c"), Finished()]) == b""


def test_usage_comes_after_the_finish_and_only_to_who_asked() -> None:
    asked = Asked(model="smart", id="k3v", created=7, usage=True)
    events = [Started("i", "m"), Used(Usage(input=9)), Wrote("a"), Stopped(Stop(reason="end"))]
    got = chunks(written([*events, Used(Usage(input=2, cache_read=3, cache_write=4, output=5)), Finished()], asked))
    assert [one["usage"] for one in got[:-2]] == [None, None, None]
    assert got[-2]["choices"] == []
    assert got[-2]["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
    }
    assert not any("usage" in one for one in chunks(written([*events, Finished()]))[:-1])


def test_usage_that_nobody_told_is_estimated_as_in_the_whole_answer() -> None:
    asked = Asked(model="smart", id="k3v", created=7, usage=True, input_tokens=100)
    blocks = (Text(text="é" * 10), Call(id="c", name="f", arguments='{"a":1}'))
    response = Response(id="i", model="m", blocks=blocks, stop=Stop(reason="tool"))
    got = chunks(written(unfold(response), asked))
    assert got[-2]["usage"]["completion_tokens"] == 8
    assert got[-2]["usage"] == json.loads(write_answer(response, asked))["usage"]


def test_each_stream_keeps_its_own_state() -> None:
    one, other = ChatEncoder(PLAIN), ChatEncoder(PLAIN)
    one.feed([Started("i", "m"), Called(0, "c0", "f"), Thought("a")])
    assert chunks(other.feed([Started("i", "m"), Called(0, "c0", "f")]))[1]["choices"][0]["delta"] == starts(
        0, "c0", "f"
    )


WORKED = """\
{"role":"assistant","content":""}
{"reasoning_content":"Need both.","reasoning":"Need both."}
{"reasoning_details":[{"type":"reasoning.text","text":"Need both.","signature":"EqQB…",\
"format":"anthropic-claude-v1","index":0}]}
{"content":"Checking."}
{"tool_calls":[{"index":0,"id":"toolu_A","type":"function","function":{"name":"get_weather","arguments":""}}]}
{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\":"}}]}
{"tool_calls":[{"index":0,"function":{"arguments":"\\"Paris\\"}"}}]}
{"tool_calls":[{"index":1,"id":"toolu_B","type":"function","function":{"name":"get_time","arguments":""}}]}
{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}
"""


def test_thinking_text_and_two_parallel_calls_byte_for_byte() -> None:
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    weather = {"type": "tool_use", "id": "toolu_A", "name": "get_weather", "input": {}}
    clock = {"type": "tool_use", "id": "toolu_B", "name": "get_time", "input": {}}
    blocks: list[tuple[dict[str, Any], list[dict[str, str]]]] = [
        (
            thought,
            [
                {"type": "thinking_delta", "thinking": "Need both."},
                {"type": "signature_delta", "signature": "EqQB…"},
            ],
        ),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Checking."}]),
        (weather, [{"type": "input_json_delta", "partial_json": one} for one in ("", '{"city":', '"Paris"}')]),
        (clock, []),
    ]
    counted = {"input_tokens": 20, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0, "output_tokens": 1}
    told: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {"id": "msg_1", "model": "claude-opus-5", "content": [], "usage": counted},
        }
    ]
    for index, (start, pieces) in enumerate(blocks):
        told.append({"type": "content_block_start", "index": index, "content_block": start})
        told += [{"type": "content_block_delta", "index": index, "delta": one} for one in pieces]
        told.append({"type": "content_block_stop", "index": index})
    spent = {"output_tokens": 57, "output_tokens_details": {"thinking_tokens": 9}}
    told.append(
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": spent},
    )
    decoder = MessagesDecoder()
    events = [*decoder.feed(wire([*told, {"type": "message_stop"}])), *decoder.finish()]

    head = '{"id":"chatcmpl-k3v","object":"chat.completion.chunk","created":7,"model":"smart","choices":['
    expected = [
        f'{head}{{"index":0,"delta":{delta},"finish_reason":null}}],"usage":null}}' for delta in WORKED.splitlines()
    ]
    expected.append(f'{head}{{"index":0,"delta":{{}},"finish_reason":"tool_calls"}}],"usage":null}}')
    expected.append(
        f'{head}],"usage":{{"prompt_tokens":120,"completion_tokens":57,"total_tokens":177,'
        '"prompt_tokens_details":{"cached_tokens":100},"completion_tokens_details":{"reasoning_tokens":9}}}'
    )
    assert written(events, Asked(model="smart", id="k3v", created=7)).decode() == "".join(
        f"data: {one}\n\n" for one in [*expected, "[DONE]"]
    )


def test_blank_arguments_are_none() -> None:
    """Nothing may follow them that would make them JSON, and no client parses blanks."""
    opened = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    none = {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    called = Called(0, "c", "f")
    assert deltas(called, Argued(0, "  "), Argued(0, "\n"), Ended(0)) == [{"tool_calls": [opened]}, none, "tool_calls"]
    assert deltas(called, Argued(0, " "), Argued(0, "{"), Argued(0, " }"), Ended(0))[1:-1] == [
        {"tool_calls": [{"index": 0, "function": {"arguments": one}}]} for one in ("{", " }")
    ]
