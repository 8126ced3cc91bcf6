"""The tokens of an answer, read off its bytes: every bucket once, however it comes, and an estimate where it breaks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chat import Call, Response, Stop, Text, Thinking, Usage
from engine.dialects import CODECS, METERED, OWNERS
from engine.dialects.codec import Asked
from engine.dialects.fold import unfold
from engine.dialects.measure import tokens
from engine.dialects.meter import MOST, SAMPLE, Meter
from tests.dialects.splits import pieces
from tests.support import answers, items
from tests.support.events import data, event

if TYPE_CHECKING:
    from engine.chat import Api
    from engine.chat.request import Block

CONVERSATIONS = tuple(CODECS)
GUESS = 4711
"""Our estimate of the input, where it is asked for."""


def meter(api: Api) -> Meter:
    gauge = OWNERS[api].gauge(api)
    assert gauge is not None
    return Meter(gauge)


def of_answer(api: Api, answer: Any) -> Usage:
    one = meter(api)
    one.whole(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
    return one.usage(lambda: GUESS)


def of_stream(api: Api, *chunks: bytes) -> Usage:
    one = meter(api)
    for chunk in chunks:
        one.feed(chunk)
    one.finish()
    return one.usage(lambda: GUESS)


# --- the buckets ------------------------------------------------------------------------------------------------------

PLAIN = Usage(input=11, output=7)
FULL = Usage(input=100, cache_read=40, cache_write=20, output=30, reasoning=9)

BUCKETS: list[tuple[str, Api, dict[str, Any], Usage]] = [
    ("chat", "chat", {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}, PLAIN),
    (
        "chat, cached",
        "chat",
        {
            "prompt_tokens": 160,
            "completion_tokens": 30,
            "total_tokens": 190,
            "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 20},
            "completion_tokens_details": {"reasoning_tokens": 9},
        },
        FULL,
    ),
    (
        "DeepSeek",
        "chat",
        {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_cache_hit_tokens": 8,
            "prompt_cache_miss_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 8},
        },
        Usage(input=3, cache_read=8, output=7),
    ),
    (
        "xAI counts reasoning beside the output",
        "chat",
        {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 23,
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
        Usage(input=11, output=12, reasoning=5),
    ),
    (
        "more from the cache than there was",
        "chat",
        {"prompt_tokens": 3, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 5}},
        Usage(cache_read=5, output=7),
    ),
    ("nulls", "chat", {"prompt_tokens": 11, "completion_tokens": 7, "prompt_tokens_details": None}, PLAIN),
    ("messages", "messages", {"input_tokens": 11, "output_tokens": 7}, PLAIN),
    (
        "messages, cached: the input is beside it",
        "messages",
        {
            "input_tokens": 100,
            "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5},
            "output_tokens": 30,
            "output_tokens_details": {"thinking_tokens": 9},
        },
        FULL,
    ),
    (
        "messages, written by its parts only",
        "messages",
        {
            "input_tokens": 11,
            "cache_read_input_tokens": None,
            "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5},
            "output_tokens": 7,
        },
        Usage(input=11, cache_write=20, output=7),
    ),
    ("responses", "responses", {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}, PLAIN),
    (
        "responses, cached: the input is all of it",
        "responses",
        {
            "input_tokens": 160,
            "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 20},
            "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 9},
            "total_tokens": 190,
        },
        FULL,
    ),
    ("completions", "completions", {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}, PLAIN),
]


@pytest.mark.parametrize(("api", "usage", "expected"), [row[1:] for row in BUCKETS], ids=[row[0] for row in BUCKETS])
def test_every_token_is_in_one_bucket(api: Api, usage: dict[str, Any], expected: Usage) -> None:
    assert of_answer(api, {"usage": usage}) == expected
    last = {
        "chat": data({"choices": [], "usage": usage}),
        "completions": data({"choices": [], "usage": usage}),
        "messages": event("message_delta", delta={}, usage=usage),
        "responses": event("response.completed", response={"usage": usage}),
    }[api]
    assert of_stream(api, last) == expected


def test_all_of_a_usage_is_kept_once_and_reasoning_is_output() -> None:
    for _, api, usage, expected in BUCKETS:
        if "more from the cache" in _:
            continue
        told = usage.get("prompt_tokens", usage.get("input_tokens"))
        beside = 0 if api != "messages" else expected.cache_read + expected.cache_write
        assert expected.input + expected.cache_read + expected.cache_write == told + beside
        assert (expected.reasoning or 0) <= expected.output


def test_an_embedding_has_no_output() -> None:
    answer = {"object": "list", "data": [{"embedding": [0.5] * 9}], "usage": {"prompt_tokens": 4, "total_tokens": 4}}
    assert of_answer("embeddings", answer) == Usage(input=4)
    del answer["usage"]
    assert of_answer("embeddings", answer) == Usage(input=GUESS, estimated=True)


def test_counts_take_nothing() -> None:
    assert set(OWNERS) - METERED == {"count_tokens", "input_tokens"}


# --- where streams tell it --------------------------------------------------------------------------------------------

CHUNK = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
DONE = b"data: [DONE]\n\n"
CHAT = answers.chat_events(("Hello", " there"))[:-1]

PLACES: dict[str, list[bytes]] = {
    "a chunk of its own": [*CHAT, data({"choices": [], "usage": CHUNK}), DONE],
    "the chunk that finishes": [*CHAT[:-1], answers.chat_chunk({}, "stop", usage=CHUNK), DONE],
    "the choice (Moonshot)": [
        *CHAT[:-1],
        data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": CHUNK}]}),
        DONE,
    ],
    "x_groq": [*CHAT[:-1], answers.chat_chunk({}, "stop", x_groq={"id": "req", "usage": CHUNK}), DONE],
    "every chunk, growing": [
        *(answers.chat_chunk({"content": "a"}, usage={**CHUNK, "completion_tokens": n}) for n in range(1, 7)),
        answers.chat_chunk({}, "stop", usage=CHUNK),
        DONE,
    ],
    "null before": [
        *(one.replace(b'"choices"', b'"usage": null, "choices"') for one in CHAT),
        data({"choices": [], "usage": CHUNK}),
        DONE,
    ],
    "no spaces": [
        one.replace(b'": ', b'":').replace(b", ", b",") for one in (*CHAT, data({"choices": [], "usage": CHUNK}), DONE)
    ],
    "no blank line at the end": [*CHAT, data({"choices": [], "usage": CHUNK}).rstrip(b"\n")],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 50, 5000])
def test_wherever_a_chat_stream_tells_it(place: str, line: bytes, size: int) -> None:
    body = b"".join(PLACES[place]).replace(b"\n", line)
    assert of_stream("chat", *(body[at : at + size] for at in range(0, len(body), size))) == PLAIN


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ({"input_tokens": 11, "output_tokens": 1}, {"output_tokens": 7}, PLAIN),
        ({"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 11, "output_tokens": 7}, PLAIN),
        ({"input_tokens": 9, "cache_read_input_tokens": 2}, {"input_tokens": 11, "cache_read_input_tokens": 0}, None),
        (
            {"input_tokens": 11, "cache_read_input_tokens": 5, "output_tokens": 1},
            {"output_tokens": 7, "cache_read_input_tokens": None},
            Usage(input=11, cache_read=5, output=7),
        ),
    ],
    ids=["start and end", "only the end", "the end without its output", "nulls tell nothing"],
)
def test_the_two_halves_of_a_message(start: dict[str, Any], end: dict[str, Any], expected: Usage | None) -> None:
    begun = event("message_start", message={"usage": start})
    text = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "word " * 40})
    told = of_stream("messages", begun, text, event("message_delta", delta={}, usage=end))
    assert told == (expected or Usage(input=11, output=tokens(200), estimated=True))


def test_words_about_usage_are_no_usage() -> None:
    chunk = answers.chat_chunk({"content": '{"usage": {"prompt_tokens": 1, "completion_tokens": 1}}'})
    assert of_stream("chat", chunk, data({"choices": [], "usage": CHUNK}), DONE) == PLAIN
    called = {"tool_calls": [{"index": 0, "function": {"arguments": '{"usage": {"prompt_tokens": 1}}'}}]}
    assert of_stream("chat", answers.chat_chunk(called)).estimated


@pytest.mark.parametrize("junk", [b"data: {\n\n", b'data: {"usage": {}}\n\n', b'data: ["usage"]\n\n', b"\xff\n\n"])
@pytest.mark.parametrize("api", sorted(METERED))
def test_junk_tells_nothing(api: Api, junk: bytes) -> None:
    assert of_stream(api, junk, b'data: {"usage": {"a": ' + junk) == Usage(input=GUESS, estimated=True)
    assert of_answer(api, junk).estimated


@pytest.mark.parametrize("number", ["1e308", "123456789012345678901234567890"])
@pytest.mark.parametrize(("api", "names"), [("chat", "prompt completion"), ("responses", "input output")])
def test_numbers_beyond_belief_are_bounded(api: Api, names: str, number: str) -> None:
    asked, answered = names.split()
    usage = f'{{"usage": {{"{asked}_tokens": {number}, "{answered}_tokens": 1}}}}'
    assert of_answer(api, usage.encode()) == Usage(input=MOST, output=1)


@pytest.mark.parametrize("depth", [10, 400, 800, 990, 5000])
def test_no_depth_breaks_it(depth: int) -> None:
    text = b"[" * depth + b'"word word word word"' + b"]" * depth
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":%s}}]}\n\n' % text
    told = of_stream("chat", chunk)
    assert told.estimated
    assert told.output == tokens(19) or depth > 400


# --- as a stream or whole ---------------------------------------------------------------------------------------------

numbers = st.integers(0, 10**6)
texts = st.text(min_size=1, max_size=80)
blocks = st.one_of(
    st.builds(lambda text: Text(text=text), texts),
    st.builds(lambda text: Thinking(text=text), texts),
    st.builds(lambda text: Call(id="call_1", name="f", arguments=json.dumps({"a": text})), texts),
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    output = draw(st.integers(1, 10**6))
    thought = draw(st.none() | st.integers(0, output))
    return Usage(
        input=draw(numbers), cache_read=draw(numbers), cache_write=draw(numbers), output=output, reasoning=thought
    )


@pytest.mark.parametrize("api", CONVERSATIONS)
@given(said=st.lists(blocks, min_size=1, max_size=4), usage=usages(), sizes=st.lists(st.integers(1, 400), min_size=1))
@settings(deadline=None, max_examples=60)
def test_a_stream_takes_what_its_json_takes(api: Api, said: list[Block], usage: Usage, sizes: list[int]) -> None:
    codec = CODECS[api]
    response = Response(id="1", model="m", blocks=tuple(said), stop=Stop(reason="end"), usage=usage)
    asked = Asked(model="m", id="abc", created=1)
    whole = of_answer(api, codec.write_answer(response, asked))
    stream = codec.encoder(Asked(model="m", id="abc", created=1)).feed(unfold(response))
    assert of_stream(api, *pieces(stream, sizes)) == whole
    assert (whole.input, whole.cache_read, whole.cache_write) == (usage.input, usage.cache_read, usage.cache_write)
    assert (whole.output, whole.reasoning or 0, whole.estimated) == (usage.output, usage.reasoning or 0, False)


# --- where it breaks --------------------------------------------------------------------------------------------------


def stream_of(api: str, words: list[str]) -> list[bytes]:
    """Return a stream up to its last word."""
    if api == "chat":
        return answers.chat_events(words)[:-2]
    if api == "completions":
        return [data({"choices": [{"index": 0, "text": word, "finish_reason": None}]}) for word in words]
    if api == "messages":
        return answers.message_events(words)[:-3]
    events = items.response_events(words)
    return events[: max(at for at, one in enumerate(events) if b"output_text.delta" in one) + 1]


@pytest.mark.parametrize("api", [*CONVERSATIONS, "completions"])
@pytest.mark.parametrize("words", [5, 40, 5000])
def test_a_broken_stream_is_estimated_from_what_came(api: Api, words: int) -> None:
    said = [f"word{number:05d}é " for number in range(words)]
    told = of_stream(api, *stream_of(api, said))
    size = len("".join(said).encode())
    assert told.estimated
    assert told.output == pytest.approx(tokens(size), rel=0.02, abs=1)
    start = api == "messages"  # which says at once what it has read
    assert told.input == (answers.MESSAGE_USAGE["input_tokens"] if start else GUESS)


def test_a_long_stream_is_not_kept() -> None:
    one = meter("chat")
    chunk = answers.chat_chunk({"content": "x" * 50})
    for _ in range(10 * SAMPLE // len(chunk)):
        one.feed(chunk)
    assert sum(map(len, one._sample)) < SAMPLE + len(chunk)
    assert one.usage(lambda: 0).output == pytest.approx(tokens(50 * (10 * SAMPLE // len(chunk))), rel=0.02)


def test_what_was_told_before_the_break_counts() -> None:
    growing = [answers.chat_chunk({"content": "a"}, usage={**CHUNK, "completion_tokens": n}) for n in range(1, 60)]
    assert of_stream("chat", *growing) == Usage(input=11, output=59, estimated=True)


def test_reasoning_and_calls_are_output_too() -> None:
    deltas: list[dict[str, Any]] = [
        {"reasoning_content": "think" * 20, "reasoning": "think" * 20},
        {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "x" * 100}}]},
        {"content": "said" * 25},
    ]
    told = of_stream("chat", *map(answers.chat_chunk, deltas))
    assert told.output == pytest.approx(tokens(300), abs=2)


@pytest.mark.parametrize(
    ("api", "answer", "size"),
    [
        ("chat", {"choices": [{"message": {"role": "assistant", "content": "x" * 400}}]}, 400),
        ("chat", {"choices": [{"message": {"content": "x" * 400}}, {"message": {"content": "y" * 400}}]}, 800),
        ("completions", {"choices": [{"text": "x" * 400, "index": 0}]}, 400),
        ("messages", {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x" * 400}]}, 400),
        (
            "responses",
            {"object": "response", "output": [{"type": "message", "content": [{"text": "x" * 400}]}]},
            400,
        ),
    ],
)
def test_an_answer_without_usage_is_estimated(api: Api, answer: dict[str, Any], size: int) -> None:
    assert of_answer(api, answer) == Usage(input=GUESS, output=tokens(size), estimated=True)
