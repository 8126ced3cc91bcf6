"""A tap on a stream, by value: what is held, when it is let go, what is renamed, and how the stream ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chat import Failed
from engine.dialects import ANTHROPIC, OPENAI, tap
from engine.dialects.sse import frame
from tests.dialects.splits import pieces

if TYPE_CHECKING:
    from engine.chat import Api
    from engine.dialects.base import Dialect, Tap

DONE = frame(b"[DONE]")
NOISE = [b": keep-alive\n\n", b":\r\n\r\n", b"event: ping\ndata: {}\n\n", b"\n\n"]


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    """Return one chunk of a chat stream."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return frame(encoded({"id": "c", "object": "chat.completion.chunk", "model": "up", "choices": choices, **more}))


def legacy(text: str, finish: str | None = None) -> bytes:
    choices = [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}]
    return frame(encoded({"id": "c", "object": "text_completion", "model": "up", "choices": choices}))


def event(kind: str, **fields: Any) -> bytes:
    """Return one event of a messages stream."""
    return frame(encoded({"type": kind, **fields}), kind.encode())


def delta(kind: str, **fields: Any) -> bytes:
    return event("content_block_delta", index=0, delta={"type": kind, **fields})


def block(kind: str, **fields: Any) -> bytes:
    return event("content_block_start", index=0, content_block={"type": kind, **fields})


def encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


START = event("message_start", message={"id": "m", "model": "up", "content": [], "usage": {"input_tokens": 1}})
STOP = event("message_stop")

CHAT = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi"}), chunk({"content": " you"})]
CHAT_END = [chunk({}, "stop"), chunk(None, usage={"total_tokens": 3}), DONE]
MESSAGES = [START, event("ping"), block("text", text=""), delta("text_delta", text="Hi")]
MESSAGES_END = [
    delta("text_delta", text=" you"),
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
    STOP,
]

HELD: list[tuple[Dialect, Api, bytes]] = [
    (OPENAI, "chat", chunk({"role": "assistant", "content": "", "refusal": None})),
    (OPENAI, "chat", chunk({"content": None, "tool_calls": None})),
    (OPENAI, "chat", chunk({"tool_calls": [{"index": 0, "id": "", "function": {"name": "", "arguments": ""}}]})),
    (OPENAI, "chat", chunk({"function_call": {"arguments": ""}})),
    (OPENAI, "chat", chunk(None, prompt_filter_results=[])),
    (OPENAI, "chat", chunk(None, usage={"total_tokens": 3})),
    (OPENAI, "chat", frame(b"[]")),
    (OPENAI, "chat", chunk({"role": "assistant"}, error=None)),
    (OPENAI, "completions", legacy("")),
    (ANTHROPIC, "messages", START),
    (ANTHROPIC, "messages", block("text", text="")),
    (ANTHROPIC, "messages", block("thinking", thinking="", signature="")),
    (ANTHROPIC, "messages", delta("text_delta", text="")),
    (ANTHROPIC, "messages", delta("thinking_delta", thinking="")),
    (ANTHROPIC, "messages", delta("signature_delta", signature="")),
    (ANTHROPIC, "messages", delta("input_json_delta", partial_json="")),
    (ANTHROPIC, "messages", event("content_block_stop", index=0)),
    (ANTHROPIC, "messages", event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})),
    (ANTHROPIC, "messages", event("some_event_of_tomorrow", x=1)),
]

CONTENT: list[tuple[Dialect, Api, bytes]] = [
    (OPENAI, "chat", chunk({"content": "x"})),
    (OPENAI, "chat", chunk({"content": " "})),
    (OPENAI, "chat", chunk({"reasoning_content": "x"})),
    (OPENAI, "chat", chunk({"reasoning": "x"})),
    (OPENAI, "chat", chunk({"refusal": "x"})),
    (OPENAI, "chat", chunk({"audio": {"data": "x"}})),
    (OPENAI, "chat", chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]})),
    (OPENAI, "chat", chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})),
    (OPENAI, "chat", chunk({"tool_calls": [{"index": 0, "type": "custom", "custom": {"name": "f", "input": ""}}]})),
    (OPENAI, "chat", chunk({"function_call": {"name": "f"}})),
    (OPENAI, "completions", legacy("x")),
    (ANTHROPIC, "messages", delta("text_delta", text="x")),
    (ANTHROPIC, "messages", delta("thinking_delta", thinking="x")),
    (ANTHROPIC, "messages", delta("signature_delta", signature="x")),
    (ANTHROPIC, "messages", delta("input_json_delta", partial_json="{")),
    (ANTHROPIC, "messages", delta("citations_delta", citation={})),
    (ANTHROPIC, "messages", block("tool_use", id="t", name="f", input={})),
    (ANTHROPIC, "messages", block("redacted_thinking", data="x")),
    (ANTHROPIC, "messages", block("server_tool_use", id="t", name="web_search", input={})),
    (ANTHROPIC, "messages", block("text", text="x")),
]

ENDS: list[tuple[Dialect, Api, bytes]] = [
    (OPENAI, "chat", chunk({}, "stop")),
    (OPENAI, "chat", chunk({"content": "x"}, "length")),
    (OPENAI, "chat", DONE),
    (OPENAI, "chat", b"data:[DONE]\r\n\r\n"),
    (OPENAI, "completions", legacy("", "stop")),
    (OPENAI, "completions", DONE),
    (ANTHROPIC, "messages", STOP),
    (ANTHROPIC, "messages", b'data: {"type": "message_stop"}\n\n'),
]


def opening(api: Api) -> bytes:
    return {"chat": CHAT[0], "completions": legacy(""), "messages": START}[api]


def named(value: Any) -> str:
    return value.decode(errors="replace")[:60] if isinstance(value, bytes) else getattr(value, "name", str(value))


@pytest.mark.parametrize(("dialect", "api", "one"), HELD, ids=named)
def test_lifecycle_frames_are_held(dialect: Dialect, api: Api, one: bytes) -> None:
    tap = dialect.tap(api, None)
    assert tap.feed(opening(api)) + tap.feed(one) == b""
    assert not tap.committed
    assert tap.failure is None


@pytest.mark.parametrize(("dialect", "api", "one"), CONTENT, ids=named)
def test_content_commits_and_releases_what_was_held(dialect: Dialect, api: Api, one: bytes) -> None:
    tap = dialect.tap(api, None)
    assert tap.feed(opening(api)) == b""
    assert tap.feed(one) == opening(api) + one
    assert (tap.committed, tap.ended, tap.failure) == (True, False, None)


@pytest.mark.parametrize(("dialect", "api", "one"), ENDS, ids=named)
def test_a_proper_end_without_content_commits(dialect: Dialect, api: Api, one: bytes) -> None:
    tap = dialect.tap(api, None)
    assert tap.feed(opening(api) + one) == opening(api) + one
    assert (tap.committed, tap.ended, tap.failure) == (True, True, None)


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize(("dialect", "api", "one"), [CONTENT[0], CONTENT[-1]], ids=named)
def test_before_content_noise_is_dropped_and_after_it_passes(
    dialect: Dialect, api: Api, one: bytes, noise: bytes
) -> None:
    noise = b": a comment\n\n" if b"event: ping" in noise and dialect is OPENAI else noise  # chat has no pings
    tap = dialect.tap(api, None)
    assert tap.feed(noise + opening(api)) + tap.feed(noise) == b""
    assert tap.feed(one) == opening(api) + one
    assert tap.feed(noise) == noise


ERRORS: list[tuple[Dialect, bytes, str, str]] = [
    (
        OPENAI,
        frame(b'{"error":{"message":"too busy","type":"server_error","code":"overloaded"}}'),
        "overloaded",
        "too busy",
    ),
    (OPENAI, frame(b'{"error":{"message":"slow down","code":429}}'), "rate_limit", "slow down"),
    (OPENAI, frame(b'{"error":"model is broken"}'), "server_error", "model is broken"),
    (OPENAI, chunk({"content": ""}, "error", error={"message": "no", "code": 502}), "server_error", "no"),
    (OPENAI, frame(b'{"error":{"message":"This model\'s maximum context length is 10"}}'), "context_length", "maximum"),
    (
        ANTHROPIC,
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        "overloaded",
        "Overloaded",
    ),
    (ANTHROPIC, event("error", error={"type": "rate_limit_error", "message": "later"}), "rate_limit", "later"),
    (ANTHROPIC, frame(b'{"error":{"message":"from a gateway","type":"api_error"}}'), "server_error", "gateway"),
]


@pytest.mark.parametrize(("dialect", "error", "reason", "message"), ERRORS, ids=named)
def test_an_error_before_content_is_a_failure_and_nothing_leaves(
    dialect: Dialect, error: bytes, reason: str, message: str
) -> None:
    api = dialect.endpoints[0].api
    tap = dialect.tap(api, None)
    assert tap.feed(opening(api)) == b""
    assert tap.feed(error) == b""
    assert tap.failure is not None
    assert tap.failure.reason == reason
    assert message in tap.failure.message
    assert tap.feed(b"".join(CHAT)) + tap.finish() == b""
    assert not tap.committed


@pytest.mark.parametrize("rename", [None, "asked"])
@pytest.mark.parametrize(("dialect", "error", "reason", "message"), ERRORS, ids=named)
def test_an_error_after_content_passes_and_is_noted(
    dialect: Dialect, error: bytes, reason: str, message: str, rename: str | None
) -> None:
    api = dialect.endpoints[0].api
    tap = dialect.tap(api, rename)
    tap.feed(b"".join(CHAT if dialect is OPENAI else MESSAGES))
    assert tap.failure is None
    assert b'"error"' in tap.feed(error)
    assert tap.failure is not None
    assert (tap.failure.reason, message in tap.failure.message) == (reason, True)


GARBAGE = [b"data: hello\n\n", b"data: {\n\n", b'data: {"choices"\n\ndata: x\n\n']


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=named)
def test_garbage_before_content_is_a_disconnect(dialect: Dialect, garbage: bytes) -> None:
    tap = dialect.tap(dialect.endpoints[0].api, None)
    assert tap.feed(garbage) == b""
    assert tap.failure is not None
    assert tap.failure.reason == "disconnect"


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", CHAT[0], CHAT[0] + CHAT[1][:40], NOISE[0]])
def test_a_stream_that_is_over_before_content_is_a_disconnect(body: bytes) -> None:
    tap = OPENAI.tap("chat", None)
    assert tap.feed(body) + tap.finish() == b""
    assert not tap.committed
    assert tap.failure is not None
    assert tap.failure.reason == "disconnect"


def test_the_last_event_may_lack_its_empty_line() -> None:
    tap = OPENAI.tap("chat", None)
    assert tap.feed(CHAT[0] + b"data: [DONE]") == b""
    assert tap.finish() == CHAT[0] + b"data: [DONE]"
    assert (tap.committed, tap.ended) == (True, True)


@pytest.mark.parametrize("last", [b"data: [DONE]", b"data: [DONE]\n", chunk({}, "stop").rstrip()])
@pytest.mark.parametrize("rename", [None, "asked"])
def test_the_last_event_may_lack_its_empty_line_after_content_too(last: bytes, rename: str | None) -> None:
    tap = OPENAI.tap("chat", rename)
    tap.feed(b"".join(CHAT))
    out = tap.feed(last) + tap.finish()
    assert out == last.replace(b'"up"', b'"asked"' if rename else b'"up"')
    assert tap.ended


def test_halves_of_line_ends_do_not_crowd_out_the_end() -> None:
    stream = OPENAI.tap("chat", None)
    body = b"".join([*CHAT, *CHAT_END[:2]]).replace(b"\n", b"\r\n") + b"dat"
    for byte in body:
        stream.feed(bytes([byte]))
    stream.finish()
    assert stream.ended


def test_a_cut_stream_has_not_ended() -> None:
    tap = OPENAI.tap("chat", None)
    tap.feed(b"".join(CHAT))
    assert tap.finish() == b""
    assert (tap.committed, tap.ended, tap.failure) == (True, False, None)


LOOKALIKES: list[tuple[Dialect, bytes]] = [
    (OPENAI, chunk({"content": 'data: [DONE] "finish_reason":"stop" \n\ndata: [DONE]\n\n'})),
    (OPENAI, chunk({"content": "x"}, error=None)),
    (ANTHROPIC, delta("text_delta", text="message_stop")),
    (ANTHROPIC, delta("text_delta", text='event: message_stop\ndata: {"type": "message_stop"}\n\n')),
    (ANTHROPIC, delta("input_json_delta", partial_json='{"error": {"type": "error"}}')),
]


@pytest.mark.parametrize(("dialect", "one"), LOOKALIKES, ids=named)
def test_what_a_text_says_is_no_end_and_no_error(dialect: Dialect, one: bytes) -> None:
    tap = dialect.tap(dialect.endpoints[0].api, None)
    tap.feed(b"".join(CHAT if dialect is OPENAI else MESSAGES))
    assert tap.feed(one) == one
    assert (tap.ended, tap.failure) == (False, None)


def test_what_goes_out_is_whole_events_so_that_a_keep_alive_may_follow() -> None:
    tap = OPENAI.tap("chat", None)
    assert tap.feed(b"".join(CHAT) + CHAT[1][:10]) == b"".join(CHAT)
    assert tap.feed(CHAT[1][10:]) == CHAT[1]
    assert tap.feed(CHAT[1] + CHAT[1][:-1]) == CHAT[1]
    assert tap.feed(b"\n") == CHAT[1]


def test_nothing_goes_out_after_an_error() -> None:
    tap = OPENAI.tap("chat", None)
    error = b'data: {"error":{"message":"overloaded","type":"server_error","code":null,"param":null}}\n\n'
    assert tap.feed(b"".join(CHAT)) == b"".join(CHAT)
    assert tap.feed(CHAT[1] + error + b"data: [DONE]\n\n") == CHAT[1] + error
    assert tap.failure is not None
    assert (tap.feed(b"data: [DONE]\n\n"), tap.finish()) == (b"", b"")


def test_the_end_is_found_after_any_amount_of_text() -> None:
    stream = OPENAI.tap("chat", None)
    stream.feed(b"".join(CHAT))
    for _ in range(1000):
        stream.feed(CHAT[1])
    assert not stream.ended
    stream.feed(b"".join(CHAT_END))
    assert stream.ended


def test_too_much_before_any_content_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap, "EVENT_LIMIT", 10_000)
    stream = OPENAI.tap("chat", None)
    for _ in range(10_000 // len(CHAT[0]) + 1):
        assert stream.feed(CHAT[0]) == b""
    assert stream.failure is not None
    assert stream.failure.reason == "disconnect"


def test_an_endless_event_before_content_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap, "EVENT_LIMIT", 1000)
    stream = OPENAI.tap("chat", None)
    assert stream.feed(b"data: " + b"x" * 900) == b""
    with pytest.raises(Failed) as raised:
        stream.feed(b"x" * 200)
    assert raised.value.failure.reason == "disconnect"


def test_an_endless_event_after_content_is_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap, "EVENT_LIMIT", 1000)
    stream = OPENAI.tap("chat", "asked")
    stream.feed(b"".join(CHAT))
    assert stream.feed(b"data: " + b"x" * 900) == b""
    with pytest.raises(Failed, match="MB"):
        stream.feed(b"x" * 200)


# renaming


def test_every_chunk_of_a_chat_is_renamed_and_nothing_else_changes() -> None:
    stream = b"".join(CHAT + CHAT_END)
    tap = OPENAI.tap("chat", "asked")
    assert tap.feed(stream) + tap.finish() == stream.replace(b'"model":"up"', b'"model":"asked"')
    assert tap.ended


def test_spaces_and_other_names_are_no_obstacle() -> None:
    first = b'data: {"model": "up-1", "choices": [{"delta": {"content": "x"}}]}\n\n'
    second = b'data: {"model":"up-2","choices":[{"delta":{"content":"\\"model\\":\\"up-1\\""}}]}\n\n'
    third = b'data: {"choices": [{"delta": {"content": "no model here"}}]}\n\n'
    tap = OPENAI.tap("chat", "asked")
    assert tap.feed(first + second + third) == (
        first.replace(b"up-1", b"asked", 1) + second.replace(b"up-2", b"asked") + third
    )


def test_a_model_that_stands_twice_is_renamed_at_the_top_level_only() -> None:
    one = b'data: {"model":"up","x":{"model":"up"},"choices":[{"delta":{"content":"x"}}]}\n\n'
    assert OPENAI.tap("chat", "asked").feed(one) == one.replace(b'"up"', b'"asked"', 1)


def test_messages_are_renamed_in_their_start_only() -> None:
    more = delta("text_delta", text='"model":"up"') + event("future", model="up")
    tap = ANTHROPIC.tap("messages", "asked")
    start = START.replace(b'"model":"up"', b'"model":"asked"')
    held = b"".join(MESSAGES[2:])
    assert tap.feed(b"".join(MESSAGES) + more) == start + held + more
    assert tap.feed(b"".join(MESSAGES_END)) == b"".join(MESSAGES_END)
    assert tap.ended


def test_a_name_is_written_as_json() -> None:
    out = OPENAI.tap("chat", 'my "own"\nmodel é').feed(CHAT[1])
    assert json.loads(out.removeprefix(b"data: "))["model"] == 'my "own"\nmodel é'


# any split


def ended_by(line_end: bytes, events: list[bytes]) -> bytes:
    return b"".join(events).replace(b"\n", line_end)


streams = st.builds(
    lambda dialect, line_end, noise, cut: (
        dialect,
        ended_by(
            line_end,
            [
                *noise,
                *(one for pair in zip(CHAT if dialect is OPENAI else MESSAGES, noise, strict=False) for one in pair),
                *(CHAT if dialect is OPENAI else MESSAGES),
                *noise,
                *(CHAT_END if dialect is OPENAI else MESSAGES_END),
            ],
        )[: None if cut is None else -cut],
    ),
    st.sampled_from([OPENAI, ANTHROPIC]),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.sampled_from([b": hi\n\n", b'event: ping\ndata: {"type": "ping"}\n\n', b"\n"]), max_size=3),
    st.none() | st.integers(1, 200),
)


sizes = st.lists(st.integers(1, 200), min_size=1, max_size=6)
"""In what sizes the bytes come, over and over."""


@given(streams, st.sampled_from([None, "asked"]), sizes, st.booleans())
@settings(deadline=None)
def test_any_split_gives_the_same_bytes(
    stream: tuple[Dialect, bytes], rename: str | None, sizes: list[int], asking: bool
) -> None:
    dialect, body = stream
    api = dialect.endpoints[0].api
    whole = dialect.tap(api, rename)
    expected = whole.feed(body) + whole.finish()
    split = dialect.tap(api, rename)
    out = b""
    for piece in pieces(body, sizes):
        out += split.feed(piece)
        if asking:
            settled(split)
    out += split.finish()
    assert out == expected
    assert settled(split) == settled(whole)


def settled(stream: Tap) -> tuple[bool, bool, bool]:
    return stream.committed, stream.ended, stream.failure is not None


@given(streams)
@settings(deadline=None)
def test_without_renaming_what_leaves_is_what_came_less_the_early_noise(stream: tuple[Dialect, bytes]) -> None:
    dialect, body = stream
    tap = dialect.tap(dialect.endpoints[0].api, None)
    out = tap.feed(body) + tap.finish()
    assert tap.committed
    left = iter(body)
    assert all(byte in left for byte in out), "a subsequence of what came, in order"
