"""A stream for a client of the Responses API: items one after the other, whatever comes in turn."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chat import (
    Argued,
    Called,
    Ended,
    Event,
    Finished,
    Problem,
    Refused,
    Response,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Text,
    Thought,
    Tool,
    Usage,
    Used,
    Wrote,
)
from engine.dialects.base import Failing
from engine.dialects.codec import Asked
from engine.dialects.fold import fold, unfold
from engine.dialects.messages.read_stream import MessagesDecoder
from engine.dialects.openai.arguments import is_object
from engine.dialects.responses.sealed import Item
from engine.dialects.responses.write_answer import write_answer
from engine.dialects.responses.write_stream import ResponsesEncoder
from engine.dialects.seal import opened, seal
from tests.dialects import claude, oracles
from tests.dialects.events import streams
from tests.dialects.pairs import events as parsed
from tests.support.wire import violations

ASKED = Asked(model="asked", id="x", created=7, source="up/model", input_tokens=33)
FAILING = Failing(request="req_1", model="asked", created=7)
SEAL = seal("up/model")


def written(events: list[Event], asked: Asked = ASKED) -> bytes:
    return ResponsesEncoder(asked).feed(events)


def legal(events: list[Event]) -> list[Event]:
    """Return a stream whose functions are called with JSON objects or nothing, as the API has it: other calls become
    custom ones, which take any text."""
    said: dict[int, str] = {}
    for event in events:
        if isinstance(event, Argued):
            said[event.index] = said.get(event.index, "") + event.arguments
    free = {index for index, text in said.items() if text.strip() and not is_object(text)}
    return [replace(one, kind="custom") if isinstance(one, Called) and one.index in free else one for one in events]


any_stream = streams().map(legal)


@given(any_stream)
def test_every_stream_keeps_the_rules(events: list[Event]) -> None:
    body = written(events)
    assert violations("responses", body) == []
    assert [flaw for event in parsed(body) for flaw in oracles.event_flaws("responses", event)] == []


@given(any_stream)
def test_after_every_event_the_client_has_whole_events(events: list[Event]) -> None:
    encoder = ResponsesEncoder(ASKED)
    body = b""
    for event in events:
        piece = encoder.feed([event])
        assert not piece or piece.endswith(b"\n\n")
        body += piece
        assert violations("responses", body, cut=True) == []


@given(streams())
def test_event_by_event_writes_what_all_at_once_writes(events: list[Event]) -> None:
    encoder = ResponsesEncoder(ASKED)
    assert b"".join(encoder.feed([event]) for event in events) == written(events)


@given(streams())
def test_the_whole_answer_says_the_same(events: list[Event]) -> None:
    end = parsed(written(events))[-1]["response"]
    whole = json.loads(write_answer(fold(without_empty(events)), ASKED))
    told = any(isinstance(event, Used) for event in events)
    assert without_usage(end) == without_usage(whole)
    assert not told or end["usage"] == whole["usage"]


@given(claude.responses())
def test_usage_that_nobody_told_is_estimated_as_in_the_whole_answer(response: Response) -> None:
    untold = Response(id="1", model="m", blocks=response.blocks, stop=response.stop)
    end = parsed(written(unfold(untold)))[-1]["response"]
    assert end["usage"] == json.loads(write_answer(untold, ASKED))["usage"]
    assert end["usage"]["input_tokens"] == 33


@given(claude.responses(), st.integers(1, 4))
def test_a_stream_of_another_api_comes_out_as_its_answer(response: Response, cuts: int) -> None:
    decoder, encoder = MessagesDecoder(), ResponsesEncoder(ASKED)
    body = b"".join(encoder.feed(decoder.feed(claude.wire([event]))) for event in claude.stream(response, cuts))
    assert violations("responses", body) == []
    whole = json.loads(write_answer(response, ASKED))
    assert plain(parsed(body)[-1]["response"]["output"]) == plain(whole["output"])


@given(any_stream)
def test_the_deltas_make_the_items_and_the_items_the_response(events: list[Event]) -> None:
    told = parsed(written(events))
    said: dict[tuple[Any, ...], str] = {}
    for event in told:
        if event["type"].endswith(".delta"):
            place = (event["output_index"], event.get("content_index", event.get("summary_index")))
            said[place] = said.get(place, "") + event["delta"]
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == told[-1]["response"]["output"]
    assert said == {place: text for index, item in enumerate(done) for place, text in texts(index, item) if text}


def without_empty(events: list[Event]) -> list[Event]:
    """Leave out empty texts: they make no block."""
    return [event for event in events if not (isinstance(event, Wrote | Thought | Refused) and not event.text)]


def without_usage(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "usage"}


def plain(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return items with their arguments in one spelling."""
    return [{**one, "arguments": json.loads(one["arguments"])} if one.get("arguments") else one for one in items]


def texts(index: int, item: dict[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    """Return every text of an item by its place."""
    if item["type"].endswith("_call"):
        return [((index, None), item.get("arguments", item.get("input", "")))]
    parts = item.get("content", item.get("summary", []))
    return [((index, place), part.get("text", part.get("refusal", ""))) for place, part in enumerate(parts)]


def told(events: list[Event], asked: Asked = ASKED) -> list[str]:
    """Return a stream as lines: `0 msg_x_0`, `0 output_text`, `0 + Hi`, `0 . completed`."""
    lines = []
    for event in parsed(written(events, asked)):
        match event:
            case {"type": "response.output_item.added", "output_index": index, "item": item}:
                lines.append(f"{index} {item['id']} {item.get('call_id', '')}".rstrip())
            case {"part": part, "output_index": index} if event["type"].endswith(".added"):
                lines.append(f"{index} {part['type']}")
            case {"delta": delta, "output_index": index}:
                lines.append(f"{index} + {delta}")
            case {"type": "response.output_item.done", "output_index": index, "item": item}:
                lines.append(f"{index} . {item.get('status') or item.get('encrypted_content') or ''}".rstrip())
    return lines


CALL_0: list[Event] = [Called(0, "c", "f"), Argued(0, '{"a"')]
ORDER: dict[str, tuple[list[Event], list[str]]] = {
    "nothing": ([], []),
    "empty pieces": ([Wrote(""), Thought(""), Refused("")], []),
    "text": ([Wrote("a"), Wrote("b")], ["0 msg_x_0", "0 output_text", "0 + a", "0 + b", "0 . completed"]),
    "texts and refusals in a row are one message": (
        [Wrote("a"), Ended(), Wrote("b"), Refused("c")],
        [
            *["0 msg_x_0", "0 output_text", "0 + a", "0 output_text", "0 + b", "0 refusal", "0 + c"],
            "0 . completed",
        ],
    ),
    "text, reasoning, text": (
        [Wrote("a"), Thought("b"), Wrote("c")],
        [
            *["0 msg_x_0", "0 output_text", "0 + a", "0 . completed"],
            *["1 rs_x_1", "1 summary_text", "1 + b", f"1 . {SEAL}"],
            *["2 msg_x_2", "2 output_text", "2 + c", "2 . completed"],
        ],
    ),
    "reasoning with a seal": (
        [Thought("a"), Thought("b"), Signed("s")],
        ["0 rs_x_0", "0 summary_text", "0 + a", "0 + b", f"0 . {seal('up/model', signature='s')}"],
    ),
    "a seal of nothing": ([Signed("s")], ["0 rs_x_0", f"0 . {seal('up/model', signature='s')}"]),
    "sealed": (
        [Sealed("d"), Sealed("e")],
        [
            *["0 rs_x_0", f"0 . {seal('up/model', sealed='d')}"],
            *["1 rs_x_1", f"1 . {seal('up/model', sealed='e')}"],
        ],
    ),
    "a call streams": (
        [*CALL_0, Argued(0, ""), Argued(0, ":1}"), Ended(0)],
        ["0 fc_x_0 c", '0 + {"a"', "0 + :1}", "0 . completed"],
    ),
    "a call without arguments": (
        [Called(0, "c", "f"), Argued(0, ""), Ended(0)],
        ["0 fc_x_0 c", "0 + {}", "0 . completed"],
    ),
    "blank arguments are none": (
        [Called(0, "c", "f"), Argued(0, " "), Argued(0, "\n"), Ended(0), Ended(0)],
        ["0 fc_x_0 c", "0 + {}", "0 . completed"],
    ),
    "blanks before arguments": (
        [Called(0, "c", "f"), Argued(0, " "), Argued(0, "{"), Argued(0, "}"), Ended(0)],
        ["0 fc_x_0 c", "0 +  {", "0 + }", "0 . completed"],
    ),
    "free text, and none of it": (
        [Called(0, "c", "f", "custom"), Argued(0, " ls"), Ended(0), Called(1, "d", "f", "custom")],
        ["0 ctc_x_0 c", "0 +  ls", "0 .", "1 ctc_x_1 d", "1 ."],
    ),
    "the second call waits for the first": (
        [
            *[*CALL_0, Called(1, "d", "g"), Argued(1, "{"), Argued(1, "}")],
            *[Ended(1), Argued(0, ":1}"), Ended(0)],
        ],
        [
            *["0 fc_x_0 c", '0 + {"a"', "0 + :1}", "0 . completed"],
            *["1 fc_x_1 d", "1 + {}", "1 . completed"],
        ],
    ),
    "the second call goes on by itself when the first is over": (
        [*CALL_0, Called(1, "d", "g"), Argued(1, '{"b"'), Argued(0, ":1}"), Ended(0), Argued(1, ":2}"), Ended(1)],
        [
            *["0 fc_x_0 c", '0 + {"a"', "0 + :1}", "0 . completed"],
            *["1 fc_x_1 d", '1 + {"b"', "1 + :2}", "1 . completed"],
        ],
    ),
    "text waits for an open call": (
        [*CALL_0, Wrote("b"), Argued(0, ":1}"), Wrote("c"), Ended(0)],
        [
            *["0 fc_x_0 c", '0 + {"a"', "0 + :1}", "0 . completed"],
            *["1 msg_x_1", "1 output_text", "1 + bc", "1 . completed"],
        ],
    ),
    "ids that do not fit": (
        [Called(0, "", "f"), Ended(0), Called(1, "c", "f"), Ended(1), Called(2, "c", "f"), Ended(2)],
        [
            *["0 fc_x_0 call_x_0", "0 + {}", "0 . completed", "1 fc_x_1 c", "1 + {}", "1 . completed"],
            *["2 fc_x_2 call_x_2", "2 + {}", "2 . completed"],
        ],
    ),
}


@pytest.mark.parametrize(("events", "lines"), ORDER.values(), ids=ORDER.keys())
def test_items_stand_in_the_order_in_which_they_began(events: list[Event], lines: list[str]) -> None:
    assert told([Started("1", "m"), *events, Stopped(Stop(reason="end")), Finished()]) == lines


def ended(*events: Event, reason: Any, **more: Any) -> dict[str, Any]:
    """Return the last event of a stream that stopped for `reason`."""
    body = written([Started("1", "m"), *events, Stopped(Stop(reason=reason, **more)), Finished()])
    assert violations("responses", body) == []
    end: dict[str, Any] = parsed(body)[-1]
    return end


CUT: dict[str, tuple[list[Event], str, list[Any], str]] = {
    "a text": ([Wrote("a"), Ended()], "length", ["incomplete"], "max_output_tokens"),
    "the context": ([Wrote("a")], "context", ["incomplete"], "max_output_tokens"),
    "nothing": ([], "length", [], "max_output_tokens"),
    "reasoning": ([Thought("a"), Ended()], "length", [None], "max_output_tokens"),
    "a call": ([Wrote("a"), *CALL_0, Ended(0)], "length", ["completed", "incomplete"], "max_output_tokens"),
    "a call that had not begun": ([Called(0, "c", "f"), Ended(0)], "length", ["incomplete"], "max_output_tokens"),
    "a whole call": ([*CALL_0, Argued(0, ":1}"), Ended(0)], "length", ["completed"], "max_output_tokens"),
    "a filter": ([Wrote("a")], "refusal", ["incomplete"], "content_filter"),
}


@pytest.mark.parametrize(("events", "reason", "statuses", "why"), CUT.values(), ids=CUT.keys())
def test_what_was_cut_short_says_so(events: list[Event], reason: str, statuses: list[Any], why: str) -> None:
    end = ended(*events, reason=reason)
    assert (end["type"], end["response"]["status"]) == ("response.incomplete", "incomplete")
    assert end["response"]["incomplete_details"] == {"reason": why}
    assert [item.get("status") for item in end["response"]["output"]] == statuses


def test_the_arguments_of_a_call_that_was_cut_short_are_as_far_as_they_came() -> None:
    for pieces, arguments in (([], ""), ([" "], " "), (['{"a"'], '{"a"')):
        end = ended(Called(0, "c", "f"), *(Argued(0, one) for one in pieces), Ended(0), reason="length")
        assert end["response"]["output"][0]["arguments"] == arguments


def test_arguments_that_are_no_json_are_the_clients_to_refuse() -> None:
    lines = told([Called(0, "c", "f"), Argued(0, "no"), Ended(0), Stopped(Stop(reason="tool")), Finished()])
    assert lines == ["0 fc_x_0 c", "0 + no", "0 . completed"]
    lines = told([Called(0, "c", "f"), Argued(0, "no"), Ended(0), Wrote("a"), Finished()])
    assert lines[2:4] == ["0 . completed", "1 msg_x_1"]


@pytest.mark.parametrize(
    ("events", "details", "parts"),
    [
        ([Refused("No.")], None, [("refusal", "No.")]),
        ([Wrote("a"), Refused("No.")], {"explanation": "Why."}, [("output_text", "a"), ("refusal", "No.")]),
        ([Wrote("a")], {"explanation": "Why."}, [("output_text", "a"), ("refusal", "Why.")]),
        ([], {"explanation": "Why."}, [("refusal", "Why.")]),
    ],
)
def test_a_refusal_that_says_something_is_an_answer(
    events: list[Event], details: Any, parts: list[tuple[str, str]]
) -> None:
    end = ended(*events, reason="refusal", details=details)
    assert end["type"] == "response.completed"
    content = end["response"]["output"][0]["content"]
    assert [(part["type"], part.get("text", part.get("refusal"))) for part in content] == parts


def test_the_first_call_streams_while_others_wait() -> None:
    encoder = ResponsesEncoder(ASKED)
    encoder.feed([Called(0, "c", "f"), Called(1, "d", "g"), Argued(1, "{}"), Ended(1)])
    assert b'"delta":"{\\"a\\"' in encoder.feed([Argued(0, '{"a"')])
    assert encoder.feed([Wrote("later")]) == b""
    assert b"output_item.done" in encoder.feed([Argued(0, ":1}"), Ended(0)])


def test_an_item_is_done_as_soon_as_that_is_known() -> None:
    encoder = ResponsesEncoder(ASKED)
    assert b"output_item.done" in encoder.feed([Thought("a"), Signed("s")])
    assert b"content_part.done" in encoder.feed([Wrote("a"), Ended()])
    assert b"output_item.done" in encoder.feed([*CALL_0, Argued(0, ":1}"), Ended(0)])


TOOLS = (
    Tool(name="ns__f", namespace="ns"),
    Tool(name="exec", namespace="functions", kind="custom"),
    Tool(name="functions__g", namespace="functions"),
    Tool(name="g"),
    Tool(name="other__f"),
)


@pytest.mark.parametrize(
    ("called", "named"),
    [
        (Called(0, "c", "ns__f"), ("f", "ns")),
        (Called(0, "c", "exec", "custom"), ("exec", "functions")),
        (Called(0, "c", "functions__g"), ("g", "functions")),
        (Called(0, "c", "g"), ("g", None)),
        (Called(0, "c", "other__f"), ("other__f", None)),
        (Called(0, "c", "unheard__of"), ("unheard__of", None)),
    ],
)
def test_a_tool_is_called_as_the_client_declared_it(called: Called, named: tuple[str, str | None]) -> None:
    asked = Asked(model="asked", id="x", created=7, tools=TOOLS)
    items = [event["item"] for event in parsed(written([called, Finished()], asked)) if "item" in event]
    assert [(item["name"], item.get("namespace")) for item in items] == [named] * 2


def test_reasoning_of_this_api_keeps_its_own_seal() -> None:
    own, late = Item(id="rs_1", encrypted_content="E"), Item(id="rs_x_2", encrypted_content="F")
    alien = Item(id="rs_9", encrypted_content="G").text()
    events = [
        *[Sealed(own.text(), "responses"), Signed(own.text(), "responses")],
        *[Thought("a"), Signed(late.text(), "responses"), Thought("b"), Signed(alien, "responses")],
        *[Sealed("no JSON", "responses"), Finished()],
    ]
    first, second, third, fourth, fifth = parsed(written(events))[-1]["response"]["output"]
    assert (first["id"], first["encrypted_content"], first["summary"]) == ("rs_1", "E", [])
    assert second == first
    assert (third["id"], third["encrypted_content"]) == ("rs_x_2", "F")
    assert fourth["id"] == "rs_x_3", "its id went out before its seal came"
    assert opened(fourth["encrypted_content"]) == opened(seal("up/model", "responses", signature=alien))
    assert opened(fifth["encrypted_content"]) == opened(seal("up/model", "responses", sealed="no JSON"))


def test_every_response_repeats_what_was_asked() -> None:
    echo = {
        "instructions": "Be kind.",
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
        "text": {"verbosity": "low"},
        "reasoning": {"effort": "high"},
        "store": False,
        "temperature": 0.5,
        "user": None,
        "output": "not a parameter",
    }
    asked = Asked(model="asked", id="x", created=7, echo=echo)
    body = written([Started("1", "m"), Wrote("a"), Finished()], asked)
    held = [event["response"] for event in parsed(body) if "response" in event]
    assert [one["status"] for one in held] == ["in_progress", "in_progress", "completed"]
    for one in held:
        assert (one["id"], one["created_at"], one["model"]) == ("resp_x", 7, "asked")
        assert one["tools"][0] == {"type": "function", "name": "f", "parameters": None, "strict": None}
        assert one["tools"][1] == {"type": "web_search"}
        assert one["text"] == {"format": {"type": "text"}, "verbosity": "low"}
        assert one["reasoning"] == {"effort": "high", "summary": None}
        assert (one["store"], one["temperature"], one["instructions"]) == (False, 0.5, "Be kind.")
        assert (one["tool_choice"], one["truncation"], one["metadata"], one["user"]) == ("auto", "disabled", {}, None)
        assert (one["error"], one["completed_at"]) == (None, None)
    assert violations("responses", body) == []


def test_usage_is_told_at_the_end() -> None:
    usage = Usage(input=20, cache_read=80, cache_write=20, output=57, reasoning=9)
    start, *_, end = parsed(
        written([Started("1", "m"), Used(Usage(output=1)), Stopped(Stop(reason="end")), Used(usage), Finished()])
    )
    assert start["response"]["usage"] is None
    assert end["response"]["usage"] == {
        "input_tokens": 120,
        "input_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 20},
        "output_tokens": 57,
        "output_tokens_details": {"reasoning_tokens": 9},
        "total_tokens": 177,
    }


def test_the_answer_is_kept_before_the_client_has_its_end() -> None:
    kept: list[dict[str, Any]] = []
    encoder = ResponsesEncoder(Asked(model="asked", id="x", created=7, keep=kept.append))
    encoder.feed([Started("1", "m"), Wrote("a"), Stopped(Stop(reason="end"))])
    assert kept == []
    end = parsed(encoder.feed([Finished()]))[-1]
    assert kept == [end["response"]]


def test_the_end_comes_once() -> None:
    encoder = ResponsesEncoder(ASKED)
    body = encoder.feed([Finished(), Finished()]) + encoder.feed([Wrote("more"), Finished()])
    assert [event["type"] for event in parsed(body)] == [
        *["response.created", "response.in_progress"],
        "response.completed",
    ]
    assert encoder.broken(Problem(502, "upstream_disconnect", "gone"), FAILING) is None


def test_without_an_end_it_writes_none() -> None:
    body = written([Started("1", "m"), Thought("a"), Stopped(Stop(reason="end"))])
    assert parsed(body)[-1]["type"] == "response.reasoning_summary_text.delta"


@given(any_stream, st.data())
def test_a_stream_that_breaks_off_ends_in_the_failed_response(events: list[Event], data: st.DataObject) -> None:
    encoder = ResponsesEncoder(ASKED)
    body = encoder.feed(events[: data.draw(st.integers(1, len(events) - 1))])
    end = encoder.broken(Problem(429, "rate_limited", "Slow down."), FAILING)
    assert end is not None
    assert violations("responses", body + end) == []
    assert oracles.event_flaws("responses", parsed(end)[0]) == []
    assert parsed(end)[0]["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Slow down."}
    assert encoder.feed(events) == b"", "nothing follows it"


def test_a_stream_that_never_began_is_not_broken_here() -> None:
    assert ResponsesEncoder(ASKED).broken(Problem(502, "upstream_disconnect", "gone"), FAILING) is None


# what the vendor's SDK makes of it


def client(body: bytes) -> openai.OpenAI:
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))
    return openai.OpenAI(api_key="k", base_url="http://upstream.test/v1", http_client=http, max_retries=0)


@pytest.mark.parametrize("events", [case[0] for case in ORDER.values()], ids=ORDER.keys())
def test_the_vendors_sdk_gathers_the_whole_answer(events: list[Event]) -> None:
    whole = [Started("1", "m"), *events, Used(Usage(input=7, output=3)), Stopped(Stop(reason="end")), Finished()]
    body = written(whole)
    with client(body) as sdk, sdk.responses.stream(model="m", input="Hi") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds == [event["type"] for event in parsed(body)]
    answer = json.loads(write_answer(fold(without_empty(whole)), ASKED))
    gathered = final.to_dict(exclude_unset=True)
    assert without_parsed(gathered) == answer
    assert final.output_text == "".join(block.text for block in fold(whole).blocks if isinstance(block, Text))


def without_parsed(value: Any) -> Any:
    """Return what the SDK gathered without what it adds."""
    if isinstance(value, dict):
        return {name: without_parsed(one) for name, one in value.items() if not name.startswith("parsed")}
    return [without_parsed(one) for one in value] if isinstance(value, list) else value


def test_the_vendors_sdk_tells_that_an_answer_was_cut_short() -> None:
    events = [Wrote("a"), *CALL_0, Ended(0), Used(Usage(input=7, output=3)), Stopped(Stop(reason="length")), Finished()]
    with client(written(events)) as sdk, sdk.responses.stream(model="m", input="Hi") as stream:
        last = list(stream)[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.output_text == "a"


def test_the_vendors_sdk_tells_a_failure() -> None:
    encoder = ResponsesEncoder(ASKED)
    body = encoder.feed([Started("1", "m"), Wrote("a")])
    body += encoder.broken(Problem(400, "context_length", "too long"), FAILING) or b""
    with client(body) as sdk:
        last = list(sdk.responses.create(model="m", input="Hi", stream=True))[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.error.code, last.response.error.message) == ("context_length_exceeded", "too long")


WORKED = """\
added 0 reasoning
part.added summary_text
reasoning_summary_text.delta Need both.
reasoning_summary_text.done Need both.
part.done Need both.
done 0
added 1 message
part.added output_text
output_text.delta Checking.
output_text.done Checking.
part.done Checking.
done 1
added 2 function_call
function_call_arguments.delta {"city":
function_call_arguments.delta "Paris"}
function_call_arguments.done {"city":"Paris"}
done 2
added 3 function_call
function_call_arguments.delta {}
function_call_arguments.done {}
done 3
"""


def test_thinking_text_and_two_parallel_calls_event_by_event() -> None:
    events = [
        *[Started("msg_1", "m"), Thought("Need both."), Signed("EqQB"), Wrote("Checking."), Ended()],
        *[Called(0, "toolu_A", "get_weather"), Argued(0, '{"city":'), Argued(0, '"Paris"}'), Ended(0)],
        *[Called(1, "toolu_B", "get_time"), Ended(1)],
        *[Used(Usage(input=20, cache_read=100, output=57, reasoning=9)), Stopped(Stop(reason="tool")), Finished()],
    ]
    told = parsed(written(events))
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    lines = []
    for event in told[2:-1]:
        name = event["type"].removeprefix("response.").replace("output_item.", "")
        name = name.replace("reasoning_summary_part", "part").replace("content_part", "part")
        part = event.get("part", {})
        if "item" in event:
            what = f"{event['output_index']} {event['item']['type'] if name == 'added' else ''}"
        elif name == "part.added":
            what = part["type"]
        else:
            what = next(event[key] for key in ("delta", "text", "arguments", "part") if key in event)
            what = what["text"] if isinstance(what, dict) else what
        lines.append(f"{name} {what}".rstrip())
    assert lines == WORKED.splitlines()
    assert told[-1]["response"]["usage"]["total_tokens"] == 177
