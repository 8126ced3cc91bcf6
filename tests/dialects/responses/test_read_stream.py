"""A stream of the Responses API, read piece by piece, from servers of every sort."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.chat import (
    Argued,
    Called,
    Ended,
    Event,
    Failure,
    Finished,
    Loss,
    Lost,
    Refused,
    Response,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Thought,
    Usage,
    Used,
    Wrote,
)
from engine.dialects import CODECS
from engine.dialects.codec import Asked
from engine.dialects.fold import fold
from engine.dialects.responses.read_answer import read_answer
from engine.dialects.responses.read_stream import ResponsesDecoder
from engine.dialects.responses.sealed import Item
from engine.dialects.tap import EVENT_LIMIT
from tests.dialects.responses.upstream import CODEX, Style, answer, responses, stream, styles, unsealed, wire
from tests.dialects.splits import pieces
from tests.support.wire import violations

ASKED = Asked(model="asked", id="x", created=7, source="up/model")
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def read(body: bytes, cuts: list[int] | None = None) -> tuple[list[Event], Failure | None]:
    """Return what a decoder says of a whole stream, and how that failed."""
    decoder = ResponsesDecoder()
    events = [event for piece in pieces(body, cuts or [1 << 20]) for event in decoder.feed(piece)]
    events += decoder.finish()
    assert decoder.ended == (Finished() in events)
    assert not (decoder.ended and decoder.failure)
    return events, decoder.failure


@given(responses(), styles(), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), sizes)
def test_any_split_of_the_bytes_reads_alike(
    response: Response, style: Style, end: str, comments: bool, cuts: list[int]
) -> None:
    body = wire(stream(response, style), style, end=end, comments=comments)
    assert read(body, cuts) == read(body)


@given(responses(), styles())
def test_a_stream_says_what_the_whole_answer_says(response: Response, style: Style) -> None:
    response = response if style.done else unsealed(response)
    events, failure = read(wire(stream(response, style), style))
    assert failure is None
    whole = read_answer(json.dumps(answer(response, raw=style.raw)).encode())
    assert fold(events) == whole == response


@given(responses())
def test_the_five_events_of_codex_are_enough(response: Response) -> None:
    events, failure = read(wire(stream(response, CODEX)))
    assert failure is None
    assert fold(events) == response


@given(responses(), st.booleans())
def test_the_strict_server_is_one(response: Response, interleaved: bool) -> None:
    assume(response.usage is not None and response.usage.reasoning is not None)
    style = Style(interleaved=interleaved)
    assert violations("responses", wire(stream(response, style), style), strict_items=not interleaved) == []


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
@given(responses(), styles())
def test_it_comes_out_in_every_api(api: str, response: Response, style: Style) -> None:
    decoder, encoder = ResponsesDecoder(), CODECS[api].encoder(ASKED)
    parts = [encoder.feed(decoder.feed(piece)) for piece in pieces(wire(stream(response, style), style), [100])]
    assert violations(api, b"".join(parts)) == []


def test_nothing_is_read_behind_the_end() -> None:
    decoder = ResponsesDecoder()
    decoder.feed(data(CREATED, COMPLETED))
    assert decoder.ended
    assert decoder.feed(data(delta("more"))) == decoder.finish() == []


def data(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def delta(text: Any, kind: str = "output_text", **fields: Any) -> dict[str, Any]:
    return event(f"{kind}.delta", delta=text, **fields)


def added(index: int | None, kind: str, **fields: Any) -> dict[str, Any]:
    return event("output_item.added", output_index=index, item={"type": kind, **fields})


def done(index: int | None, kind: str, **fields: Any) -> dict[str, Any]:
    return event("output_item.done", output_index=index, item={"type": kind, **fields})


def ended(*output: Any, **fields: Any) -> dict[str, Any]:
    return event("completed", response={"status": "completed", "output": list(output), **fields})


CREATED = event("created", response={"id": "1", "model": "m"})
COMPLETED = event("completed", response={})
START = Started("1", "m")
END: list[Event] = [Stopped(Stop(reason="end")), Finished()]
CALLED: list[Event] = [Stopped(Stop(reason="tool")), Finished()]
HI = delta("Hi")
SAID = [{"type": "output_text", "text": "Hi"}]
SAYS_HI = {"type": "message", "content": SAID}
CALL = {"call_id": "x", "name": "f"}
F: list[Event] = [Called(0, "x", "f"), Argued(0, '{"a":1}'), Ended(0)]
SEAL = Item(id="rs_1", encrypted_content="E").text()
ANNOTATED = Lost(
    Loss("output[0].content[0].annotations", "dropped", "`annotations` has no counterpart in the client's API")
)

FORMS: dict[str, tuple[list[Any], list[Event]]] = {
    "nothing but the deltas": ([HI, delta("!"), COMPLETED], [Wrote("Hi"), Wrote("!"), Ended(), *END]),
    "nothing but the end": ([ended(SAYS_HI)], [Wrote("Hi"), Ended(), *END]),
    "the output only in the end, after its items began": (
        [added(0, "message", id="a"), ended({**SAYS_HI, "id": "b"})],
        [Wrote("Hi"), Ended(), *END],
    ),
    "a text that is told five times": (
        [
            *[
                added(0, "message", id="a", content=[]),
                delta("H", item_id="a", output_index=0),
                delta("i", item_id="a"),
            ],
            event("output_text.done", text="Hi", item_id="a", content_index=0),
            event("content_part.done", part={"type": "output_text", "text": "Hi"}, item_id="a", content_index=0),
            *[done(0, "message", id="a", content=SAID), ended({**SAYS_HI, "id": "a"})],
        ],
        [Wrote("H"), Wrote("i"), Ended(), *END],
    ),
    "the last piece is missing": (
        [delta("H"), done(0, "message", content=SAID), COMPLETED],
        [
            *[Wrote("H"), Wrote("i"), Ended(), *END],
        ],
    ),
    "another text at its end than in pieces": (
        [delta("Ha"), event("output_text.done", text="Hoho"), ended(SAYS_HI)],
        [Wrote("Ha"), Ended(), *END],
    ),
    "a content that is a text": ([done(0, "message", content="Hi"), COMPLETED], [Wrote("Hi"), Ended(), *END]),
    "parts without a type": (
        [done(0, "message", content=[{"text": "Hi"}, 7]), COMPLETED],
        [Wrote("Hi"), Ended(), *END],
    ),
    "two parts are two blocks": (
        [delta("a"), delta("b", content_index=1), COMPLETED],
        [Wrote("a"), Ended(), Wrote("b"), Ended(), *END],
    ),
    "text, a refusal": (
        [delta("a"), delta("No.", "refusal", content_index=1), COMPLETED],
        [Wrote("a"), Ended(), Refused("No."), Ended(), Stopped(Stop(reason="refusal")), Finished()],
    ),
    "two messages that alternate": (
        [delta("a", output_index=0), delta("b", output_index=1), delta("c", output_index=0), COMPLETED],
        [Wrote("a"), Ended(), Wrote("b"), Ended(), Wrote("c"), Ended(), *END],
    ),
    "reasoning in two parts and its seal": (
        [
            *[
                delta("a", "reasoning_summary_text", summary_index=0),
                delta("b", "reasoning_summary_text", summary_index=1),
            ],
            *[
                done(0, "reasoning", id="rs_1", summary=[{"text": "a"}, {"text": "b"}], encrypted_content="E"),
                COMPLETED,
            ],
        ],
        [Thought("a"), Thought("\n\nb"), Signed(SEAL, "responses"), *END],
    ),
    "reasoning that is told raw": (
        [
            *[delta("a", "reasoning_text"), delta("b", "reasoning_text")],
            *[done(0, "reasoning", summary=[], content=[{"type": "reasoning_text", "text": "ab"}]), COMPLETED],
        ],
        [Thought("a"), Thought("b"), Ended(), *END],
    ),
    "reasoning in parts of content": (
        [event("content_part.done", part={"type": "reasoning_text", "text": "a"}, content_index=0), COMPLETED],
        [Thought("a"), Ended(), *END],
    ),
    "reasoning that nobody can read": (
        [
            added(0, "reasoning", encrypted_content="half"),
            done(0, "reasoning", id="rs_1", encrypted_content="E"),
            COMPLETED,
        ],
        [Sealed(SEAL, "responses"), *END],
    ),
    "reasoning without anything": ([added(0, "reasoning"), done(0, "reasoning", summary=None), COMPLETED], END),
    "a seal that comes when something else was said": (
        [
            *[delta("a", "reasoning_text", output_index=0), added(1, "function_call", **CALL)],
            *[done(0, "reasoning", id="rs_1", encrypted_content="E"), COMPLETED],
        ],
        [Thought("a"), Called(0, "x", "f"), Sealed(SEAL, "responses"), Ended(0), *CALLED],
    ),
    "a whole call in one event": ([done(0, "function_call", **CALL, arguments='{"a":1}'), COMPLETED], [*F, *CALLED]),
    "a call in the end": ([ended({"type": "function_call", **CALL, "arguments": '{"a":1}'})], [*F, *CALLED]),
    "arguments as an object": ([done(0, "function_call", **CALL, arguments={"a": 1}), COMPLETED], [*F, *CALLED]),
    "arguments with the beginning": (
        [
            added(0, "function_call", **CALL, arguments='{"a":1}'),
            added(1, "reasoning", encrypted_content="half"),
            COMPLETED,
        ],
        [*F, *CALLED],
    ),
    "arguments with the beginning and in pieces": (
        [
            added(0, "function_call", **CALL, arguments='{"a":1}'),
            *[delta(one, "function_call_arguments") for one in ('{"a"', ":1}")],
            *[event("function_call_arguments.done", arguments='{"a":1}'), COMPLETED],
        ],
        [Called(0, "x", "f"), Argued(0, '{"a"'), Argued(0, ":1}"), Ended(0), *CALLED],
    ),
    "no arguments": (
        [added(0, "function_call", **CALL), done(0, "function_call", **CALL, arguments=""), COMPLETED],
        [Called(0, "x", "f"), Ended(0), *CALLED],
    ),
    "the arguments only at their end": (
        [added(0, "function_call", **CALL), event("function_call_arguments.done", arguments='{"a":1}'), COMPLETED],
        [*F, *CALLED],
    ),
    "the name after the arguments": (
        [
            *[delta('{"a"', "function_call_arguments"), delta(":1}", "function_call_arguments")],
            *[done(None, "function_call", **CALL, arguments='{"a":1}'), COMPLETED],
        ],
        [*F, *CALLED],
    ),
    "parallel calls by id, all with one index": (
        [
            *[added(0, "function_call", id="a", **CALL), added(0, "function_call", id="b", call_id="y", name="g")],
            delta('{"a"', "function_call_arguments", item_id="a", output_index=0),
            delta("{}", "function_call_arguments", item_id="b", output_index=0),
            delta(":1}", "function_call_arguments", item_id="a", output_index=0),
            done(0, "function_call", id="b", call_id="y", name="g", arguments="{}"),
            done(0, "function_call", id="a", **CALL, arguments='{"a":1}'),
            COMPLETED,
        ],
        [
            *[Called(0, "x", "f"), Called(1, "y", "g"), Argued(0, '{"a"'), Argued(1, "{}"), Argued(0, ":1}")],
            *[Ended(1), Ended(0), *CALLED],
        ],
    ),
    "parallel calls by index, with an id for each event": (
        [
            *[added(0, "function_call", id="a", **CALL), added(1, "function_call", id="b", call_id="y", name="g")],
            delta('{"a"', "function_call_arguments", item_id="c", output_index=0),
            delta("{}", "function_call_arguments", item_id="d", output_index=1),
            delta(":1}", "function_call_arguments", item_id="e", output_index=0),
            done(1, "function_call", id="f", call_id="y", name="g", arguments="{}"),
            done(0, "function_call", id="g", **CALL, arguments='{"a":1}'),
            COMPLETED,
        ],
        [
            *[Called(0, "x", "f"), Called(1, "y", "g"), Argued(0, '{"a"'), Argued(1, "{}"), Argued(0, ":1}")],
            *[Ended(1), Ended(0), *CALLED],
        ],
    ),
    "calls without an id, and with one for all": (
        [
            *[done(0, "function_call", id="fc_1", name="f"), done(1, "function_call", **CALL)],
            *[done(2, "function_call", **CALL), COMPLETED],
        ],
        [
            *[Called(0, "fc_1", "f"), Ended(0), Called(1, "x", "f"), Ended(1), Called(2, "", "f"), Ended(2)],
            *CALLED,
        ],
    ),
    "a call that is told to be done twice": (
        [done(0, "function_call", id="a", **CALL), done(0, "function_call", id="a", **CALL), COMPLETED],
        [Called(0, "x", "f"), Ended(0), *CALLED],
    ),
    "a custom call": (
        [
            *[
                added(0, "custom_tool_call", **CALL),
                delta("rm ", "custom_tool_call_input"),
                delta("{", "custom_tool_call_input"),
            ],
            *[event("custom_tool_call_input.done", input="rm {"), COMPLETED],
        ],
        [Called(0, "x", "f", "custom"), Argued(0, "rm "), Argued(0, "{"), Ended(0), *CALLED],
    ),
    "a tool of a namespace": (
        [
            *[
                added(0, "function_call", namespace="ns", **CALL),
                added(1, "custom_tool_call", namespace="functions", name="g"),
            ],
            COMPLETED,
        ],
        [Called(0, "x", "ns__f"), Called(1, "", "g", "custom"), Ended(0), Ended(1), *CALLED],
    ),
    "a text between a call's events": (
        [added(0, "function_call", **CALL), delta("a", output_index=1), delta("b", output_index=1), COMPLETED],
        [Called(0, "x", "f"), Wrote("a"), Wrote("b"), Ended(0), Ended(), *CALLED],
    ),
    "what the vendor runs itself": (
        [
            *[
                added(0, "web_search_call", id="ws_1"),
                event("web_search_call.searching", item_id="ws_1", output_index=0),
            ],
            *[done(0, "web_search_call", id="ws_1"), added(1, "web_search_call"), delta("Hi", output_index=2)],
            ended({"type": "web_search_call"}, {"type": "web_search_call"}, SAYS_HI),
        ],
        [
            Lost(Loss("output[0]", "dropped", "`web_search_call` has no counterpart in the client's API")),
            *[Wrote("Hi"), Ended(), *END],
        ],
    ),
    "annotations": (
        [
            *[
                HI,
                event("output_text.annotation.added", annotation={}),
                event("output_text.annotation.added", annotation={}),
            ],
            done(0, "message", content=[{"type": "output_text", "text": "Hi", "annotations": [{}]}]),
            COMPLETED,
        ],
        [Wrote("Hi"), ANNOTATED, Ended(), *END],
    ),
    "annotations that only the end tells": (
        [ended({"type": "message", "content": [{"type": "output_text", "text": "Hi", "annotations": [{}]}]})],
        [Wrote("Hi"), ANNOTATED, Ended(), *END],
    ),
    "a part that nobody knows": (
        [done(0, "message", content=[{"type": "output_hologram"}]), COMPLETED],
        [
            Lost(Loss("output[0].content[0]", "dropped", "`output_hologram` has no counterpart in the client's API")),
            *END,
        ],
    ),
    "a phase": (
        [done(0, "message", content=SAID, phase="commentary"), COMPLETED],
        [
            Wrote("Hi"),
            Lost(Loss("output[0].phase", "approximated", "other APIs do not tell comments from answers")),
            *[Ended(), *END],
        ],
    ),
    "cut short": (
        [HI, event("incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}})],
        [Wrote("Hi"), Ended(), Stopped(Stop(reason="length")), Finished()],
    ),
    "cut short, and nobody says why": (
        [event("incomplete", response={"incomplete_details": None})],
        [Stopped(Stop(reason="length")), Finished()],
    ),
    "filtered": (
        [HI, event("incomplete", response={"incomplete_details": {"reason": "content_filter"}})],
        [Wrote("Hi"), Ended(), Stopped(Stop(reason="refusal")), Finished()],
    ),
    "steered": (
        [HI, event("incomplete", response={"incomplete_details": {"reason": "steered"}})],
        [
            *[Wrote("Hi"), Ended()],
            Lost(
                Loss(
                    "incomplete_details.reason",
                    "approximated",
                    "a reason for the stop that the client's API has no word for",
                )
            ),
            *END,
        ],
    ),
    "cut off in a call": (
        [
            *[added(0, "function_call", **CALL), delta('{"a', "function_call_arguments")],
            event("incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}}),
        ],
        [Called(0, "x", "f"), Argued(0, '{"a'), Ended(0), Stopped(Stop(reason="length")), Finished()],
    ),
    "usage": (
        [ended(usage={"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2.0})],
        [Used(Usage(input=2, cache_read=1, output=2)), *END],
    ),
    "usage that says nothing": ([ended(usage={}), 7], END),
    "things that are no events of it": (
        [
            7,
            None,
            {},
            [],
            {"type": 3},
            event("unheard_of"),
            event("output_item.added"),
            event("output_item.done", item=None),
            COMPLETED,
        ],
        END,
    ),
    "an error that is null": ([{**HI, "error": None}, COMPLETED], [Wrote("Hi"), Ended(), *END]),
    "an index and a delta that are none": (
        [delta("Hi", output_index="0", content_index=None), delta(7), COMPLETED],
        [
            *[Wrote("Hi"), Ended(), *END],
        ],
    ),
}


@pytest.mark.parametrize(("events", "told"), FORMS.values(), ids=FORMS.keys())
def test_forms_that_servers_have(events: list[Any], told: list[Event]) -> None:
    assert read(data(CREATED, *events) + b"data: [DONE]\n\n") == ([START, *told], None)


def test_the_name_of_an_event_stands_in_for_its_type() -> None:
    body = b'event: response.output_text.delta\ndata: {"delta":"Hi"}\n\nevent: response.completed\ndata: {}\n\n'
    assert read(body) == ([Started("", ""), Wrote("Hi"), Ended(), *END], None)


def test_a_text_is_told_as_it_comes() -> None:
    decoder = ResponsesDecoder()
    assert decoder.feed(data(CREATED)) == [START]
    assert decoder.feed(data(added(0, "message"))) == []
    assert decoder.feed(data(HI)) == [Wrote("Hi")]
    assert decoder.feed(data(added(1, "function_call", **CALL))) == [Called(0, "x", "f")]


def error(**fields: Any) -> dict[str, Any]:
    return event("failed", response={"status": "failed", "error": fields or None})


FAILURES: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "disconnect", "before the end"),
    "only [DONE]": (b"data: [DONE]\n\n", "disconnect", "before the end"),
    "an end without the response's": (data(CREATED, HI) + b"data: [DONE]\n\n", "disconnect", "before the end"),
    "an end within an event": (data(CREATED) + b'data: {"type":"resp', "disconnect", "not JSON"),
    "no JSON": (data(CREATED) + b"data: <html>\n\n", "disconnect", "not JSON"),
    "nested too deeply": (b"data: " + b"[" * 100_000 + b"\n\n", "disconnect", "not JSON"),
    "no UTF-8": (b'data: {"delta":"\xff"}\n\n', "disconnect", "not JSON"),
    "a response that failed": (data(CREATED, error(code="server_error", message="Oh.")), "server_error", "Oh."),
    "too fast": (data(error(code="rate_limit_exceeded", message="Slow down.")), "rate_limit", "Slow down."),
    "too long": (data(error(code="context_length_exceeded", message="Long.")), "context_length", "Long."),
    "too long, in words": (data(error(code="x", message="exceeds the context window")), "context_length", "window"),
    "a prompt": (data(error(code="invalid_prompt", message="No.")), "bad_request", "No."),
    "no more": (data(error(code="server_is_overloaded", message="Later.")), "overloaded", "Later."),
    "nobody says why": (data(error()), "server_error", "reported an error"),
    "a response that was cancelled": (data(event("cancelled", response={})), "disconnect", "cancelled"),
    "a flat error": (
        data(CREATED, {"type": "error", "code": "rate_limit_exceeded", "message": "Slow.", "param": None}),
        "rate_limit",
        "Slow.",
    ),
    "a nested error": (
        data({"type": "error", "error": {"type": "insufficient_quota", "message": "Paid?"}}),
        "quota",
        "Paid?",
    ),
    "an error without a type": (data({"error": {"message": "no", "code": 503}}), "overloaded", "no"),
    "an error that is a text": (data({"type": "error", "error": "out of memory"}), "server_error", "out of memory"),
    "an error event that is no JSON": (b"event: error\ndata: out of memory\n\n", "server_error", "out of"),
    "a bare text": (data("out of memory"), "server_error", "out of memory"),
    "a call without a name": (
        data(CREATED, done(0, "function_call", call_id="x", arguments="{}"), COMPLETED),
        "disconnect",
        "without a name",
    ),
    "arguments that are no JSON": (
        data(CREATED, done(0, "function_call", **CALL, arguments="{'a'}"), COMPLETED),
        "disconnect",
        "not JSON",
    ),
}


@pytest.mark.parametrize(("body", "reason", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_what_fails(body: bytes, reason: str, message: str) -> None:
    events, failure = read(body)
    assert failure is not None
    assert failure.reason == reason
    assert message in failure.message
    assert Finished() not in events


def test_a_piece_of_the_arguments_that_is_missing_is_no_call_of_something_else() -> None:
    begun = [added(0, "function_call", **CALL), delta('"/a"}', "function_call_arguments")]
    events, failure = read(data(CREATED, *begun, done(0, "function_call", **CALL, arguments='{"p":"/a"}'), COMPLETED))
    assert failure is not None
    assert "not JSON" in failure.message
    assert Ended(0) not in events


def test_a_call_that_is_cut_off_ends_with_the_response() -> None:
    begun = [added(0, "function_call", **CALL), delta('{"p":', "function_call_arguments")]
    end = event("incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}})
    events, failure = read(data(CREATED, *begun, end))
    assert failure is None
    assert events.index(Ended(0)) > events.index(Argued(0, '{"p":'))


def test_free_text_is_no_broken_call() -> None:
    events, failure = read(data(CREATED, done(0, "custom_tool_call", **CALL, input="{'a'}"), COMPLETED))
    assert failure is None
    assert Argued(0, "{'a'}") in events


def test_the_end_of_the_stream_may_lack_its_blank_line() -> None:
    body = data(CREATED, HI, COMPLETED)
    assert read(body.removesuffix(b"\n\n")) == read(body)


def test_nothing_follows_a_failure() -> None:
    decoder = ResponsesDecoder()
    decoder.feed(data({"type": "error", "message": "no"}))
    failure = decoder.failure
    assert decoder.feed(data(HI, COMPLETED)) == decoder.finish() == []
    assert decoder.failure is failure


def test_an_event_has_a_limit() -> None:
    decoder = ResponsesDecoder()
    for _ in range(EVENT_LIMIT // (1 << 20)):
        decoder.feed(b"x" * (1 << 20))
        assert decoder.failure is None
    decoder.feed(b"x")
    assert decoder.failure is not None
    assert decoder.failure.reason == "disconnect"
