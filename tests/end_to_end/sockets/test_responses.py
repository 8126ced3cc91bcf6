"""The Responses API over WebSocket, to upstreams of every sort: what is said, frame by frame, and what goes up."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.responses.house import ADA, EVE, EVERY, House, written
from tests.end_to_end.sockets.lines import Line, talking, text_of
from tests.support.apis import MESSAGES, RESPONSES, digest
from tests.support.items import response, response_stream
from tests.support.loop import Call
from tests.support.script import STALL, as_json, as_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

UNSTORED = {"store": False}
DEAF = pytest.mark.parametrize("model", ["claude", "gpt"])


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic))


@pytest.fixture
def house(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> House:
    return House(turnout, openai, anthropic)


@pytest.fixture
def line(house: House) -> Iterator[Line]:
    with talking(house.turnout) as line:
        yield line


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def words(house: House, model: str) -> list[str]:
    """Return what the upstream of `model` was sent last, a text for each turn."""
    said = []
    for message in house.sent(model):
        content = message["content"]
        parts = content if isinstance(content, list) else [{"text": content}]
        said.append("".join(part["text"] for part in parts))
    return said


@EVERY
def test_the_events_are_those_of_a_stream(house: House, line: Line, model: str) -> None:
    """One frame for each, without the framing of SSE, in the order and with the numbers of the stream."""
    line.create(model)
    heard = line.rest()
    kinds = [frame["type"] for frame in heard]
    assert kinds[0] == "response.created"
    assert kinds.count("response.completed") == 1
    assert [frame["sequence_number"] for frame in heard] == list(range(len(heard)))
    assert "".join(frame["delta"] for frame in heard if frame["type"] == "response.output_text.delta") == "Hello there"
    assert text_of(heard[-1]["response"]) == "Hello there"
    assert heard[-1]["response"]["usage"]["output_tokens"] > 0
    assert not any("stream_id" in frame for frame in heard)
    sent = house.upstream(model).last.json
    assert sent["stream"] is True
    assert not {"type", "generate", "stream_id"} & set(sent)


@EVERY
def test_a_conversation_goes_on_with_only_what_is_new(house: House, line: Line, model: str) -> None:
    """Nothing is stored anywhere; the connection remembers, and every upstream gets the whole."""
    first = line.ask(model, [user("One")], **UNSTORED)
    second = line.ask(model, [user("Two")], previous_response_id=first["id"], **UNSTORED)
    line.ask(model, [user("Three")], previous_response_id=second["id"], **UNSTORED)
    assert words(house, model) == ["One", "Hello there", "Two", "Hello there", "Three"]
    assert "previous_response_id" not in house.upstream(model).last.json


@EVERY
def test_a_first_request_may_only_prepare(house: House, line: Line, model: str) -> None:
    prepared = line.ask(model, [user("You are a bear")], generate=False, **UNSTORED)
    assert prepared["output"] == []
    assert house.upstream(model).requests == []
    line.ask(model, [user("Hi")], previous_response_id=prepared["id"], **UNSTORED)
    assert "".join(words(house, model)) == "You are a bearHi"


def test_a_tool_loop_and_reasoning_go_on_at_another_model(house: House, line: Line) -> None:
    """The call and its result, of which the client sends only the result."""
    house.openai.script(as_stream(response_stream(response("", calls=[Call("read_file", {"path": "a"}, "1")]))))
    tools = [{"type": "function", "name": "read_file", "parameters": {"type": "object", "properties": {}}}]
    first = line.ask("native", [user("Read a")], tools=tools, **UNSTORED)
    (call,) = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "AAA"}
    second = line.ask("claude", [result], tools=tools, previous_response_id=first["id"], **UNSTORED)
    assert text_of(second)
    kinds = [part["type"] for message in house.sent("claude") for part in message["content"] if isinstance(part, dict)]
    assert kinds[-2:] == ["tool_use", "tool_result"]


@DEAF
def test_a_stored_response_is_found_on_another_connection(turnout: Turnout, house: House, model: str) -> None:
    with talking(turnout) as line:
        first = line.ask(model, [user("One")])
    with talking(turnout) as line:
        line.ask(model, [user("Two")], previous_response_id=first["id"])
    assert words(house, model) == ["One", "Hello there", "Two"]
    with talking(turnout, EVE) as line:
        line.create(model, previous_response_id=first["id"])
        assert line.refusal()["error"]["code"] == "previous_response_not_found"


def test_what_was_not_stored_is_gone_with_the_connection(turnout: Turnout) -> None:
    with talking(turnout) as line:
        first = line.ask("claude", **UNSTORED)
    with talking(turnout) as line:
        line.create("claude", previous_response_id=first["id"])
        frame = line.refusal()
        assert (frame["status"], frame["error"]["code"]) == (400, "previous_response_not_found")
        assert frame["error"]["param"] == "previous_response_id"
        assert line.ask("claude")["status"] == "completed"


def test_a_failed_turn_takes_with_it_what_it_went_on_from(house: House, line: Line) -> None:
    first = line.ask("claude", **UNSTORED)
    house.anthropic.script(as_json({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, 400))
    line.create("claude", previous_response_id=first["id"], **UNSTORED)
    assert line.refusal()["status"] == 400
    line.create("claude", previous_response_id=first["id"], **UNSTORED)
    assert line.refusal()["error"]["code"] == "previous_response_not_found"


def test_lanes_run_at_once_and_a_lane_in_order(house: House, line: Line) -> None:
    go = threading.Event()
    before, after = MESSAGES.parted()
    house.anthropic.script(as_stream([*before, go, *after]))
    line.create("claude", "slow", stream_id="a")
    assert line.hear()["stream_id"] == "a"
    line.create("claude", "waits", stream_id="a")
    line.create("gpt", "quick", stream_id="b")
    heard = []
    while not heard or heard[-1]["type"] != "response.completed":
        heard.append(line.hear())
    assert heard[-1]["stream_id"] == "b"
    assert len(house.anthropic.requests) == 1, "the second of lane a waits for the first"
    go.set()
    ends = [line.rest()[-1] for _ in range(2)]
    assert [end["stream_id"] for end in ends] == ["a", "a"]
    assert [seen.json["messages"][0]["content"] for seen in house.anthropic.requests] != []
    assert len(house.anthropic.requests) == 2


def test_more_than_may_run_is_refused(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    server = start(written(openai, anthropic, more="server: {websocket: {requests: 2}}"))
    openai.script(as_stream([STALL]), as_stream([STALL]))
    with talking(server) as line:
        line.create("gpt", stream_id="a")
        line.create("gpt", stream_id="a")
        line.create("gpt", stream_id="b")
        frame = line.refusal()
        assert (frame["status"], frame["error"]["code"], frame["stream_id"]) == (
            429,
            "websocket_stream_limit_reached",
            "b",
        )


def test_a_connection_has_so_many_lanes(line: Line) -> None:
    for number in range(32):
        line.ask("gpt", stream_id=f"lane {number}", generate=False)
    line.create("gpt", stream_id="one too many")
    assert line.refusal()["error"]["code"] == "websocket_stream_limit_reached"
    assert line.ask("gpt", stream_id="lane 7")["status"] == "completed"


@DEAF
def test_cancel(house: House, line: Line, model: str) -> None:
    """What has come stands, the upstream is left at once, and the lane goes on."""
    api = MESSAGES if model == "claude" else None
    before = (
        MESSAGES.parted()[0]
        if api
        else [
            b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":'
            b'"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"}}]}\n\n'
        ]
    )
    house.upstream(model).script(as_stream([*before, STALL]))
    line.create(model, stream_id="a")
    heard = [line.hear()]
    while heard[-1]["type"] != "response.output_text.delta":
        heard.append(line.hear())
    line.send({"type": "response.cancel", "response_id": heard[0]["response"]["id"]})
    end = line.rest()[-1]
    assert end["type"] == "response.incomplete"
    assert end["stream_id"] == "a"
    assert end["response"]["id"] == heard[0]["response"]["id"]
    assert end["response"]["incomplete_details"] == {"reason": "cancelled"}
    assert text_of(end["response"]) == "Hello"
    assert house.upstream(model).last.left_within(10)
    assert line.ask(model, stream_id="a")["status"] == "completed"
    line.send({"type": "response.cancel", "response_id": heard[0]["response"]["id"]})
    assert line.refusal()["status"] == 404


def test_errors_have_the_form_of_this_transport(house: House, line: Line) -> None:
    line.create("nobody", stream_id="a")
    frame = line.refusal()
    assert (frame["status"], frame["error"]["code"], frame["stream_id"]) == (404, "model_not_found", "a")
    busy = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    house.anthropic.script(as_json(busy, 429, ("retry-after", "7")))
    line.create("claude")
    frame = line.refusal()
    assert frame["status"] == 429
    assert frame["error"]["headers"]["retry-after"] == "7"
    assert frame["error"]["headers"]["x-turnout-target"] == "anthropic/claude-sonnet-5"
    begun, _ = MESSAGES.parted()
    house.anthropic.script(as_stream([*begun, MESSAGES.fails(begun, "overloaded_error", "too much")]))
    line.create("claude")
    assert line.rest()[-1]["type"] == "response.failed"
    assert line.ask("claude")["status"] == "completed"


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("not json", "invalid_json", None),
        ("[1]", "invalid_json", None),
        ("{}", "invalid_request", "type"),
        ('{"type": "response.make"}', "invalid_request", "type"),
        ('{"type": "response.create", "model": "gpt", "generate": "no"}', "invalid_request", "generate"),
        ('{"type": "response.create", "model": "gpt", "stream_id": 7}', "invalid_request", "stream_id"),
        ('{"type": "response.create"}', "invalid_request", "model"),
        ('{"type": "response.create", "model": "gpt", "input": 7}', "invalid_request", "input"),
    ],
)
def test_frames_that_say_nothing(line: Line, frame: str, code: str, param: str | None) -> None:
    line.send(frame)
    error = line.refusal()["error"]
    assert (error["param"], error["code"]) in [(param, code), (param, None)], error
    assert line.ask("gpt")["status"] == "completed"


def test_steering_begins_a_successor(house: House, line: Line) -> None:
    go = threading.Event()
    before, after = MESSAGES.parted()
    house.anthropic.script(as_stream([*before, go, *after]))
    line.create("claude", [user("One")], stream_id="a", **UNSTORED)
    ident = line.hear()["response"]["id"]
    line.send({"type": "response.steer", "previous_response_id": ident, "input": "And shorter"})
    while (accepted := line.hear())["type"] != "response.steer.accepted":
        pass
    assert accepted["steer"]["previous_response_id"] == ident
    assert accepted["stream_id"] == "a"
    go.set()
    assert line.rest()[-1]["response"]["id"] == ident
    second = line.rest()
    assert second[0]["type"] == "response.created"
    assert second[-1]["stream_id"] == "a"
    assert words(house, "claude") == ["One", "Hello there", "And shorter"]


def test_steering_waits_for_the_results_of_tools(house: House, line: Line) -> None:
    go = threading.Event()
    events = response_stream(response("", calls=[Call("read_file", {"path": "a"}, "1")]))
    house.openai.script(as_stream([events[0], events[1], events[2], go, *events[3:]]))
    tools = [{"type": "function", "name": "read_file", "parameters": {"type": "object", "properties": {}}}]
    line.create("native", [user("Read")], tools=tools, **UNSTORED)
    ident = line.hear()["response"]["id"]
    line.send({"type": "response.steer", "previous_response_id": ident, "input": [user("Quick")]})
    while line.hear()["type"] != "response.steer.accepted":
        pass
    go.set()
    (call,) = [item for item in line.rest()[-1]["response"]["output"] if item["type"] == "function_call"]
    pending = line.hear()
    assert pending["type"] == "response.steer.pending"
    assert pending["required_input"] == [
        {"type": "function_call_output", "call_id": call["call_id"], "name": "read_file"}
    ]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "AAA"}
    line.ask("native", [result], previous_response_id=ident, tools=tools, **UNSTORED)
    assert house.sent("native")[-2:] == [user("Quick"), result]


@pytest.mark.parametrize(
    ("sent", "code"),
    [("x", "response_not_found"), ([], "response_not_found")],
)
def test_steering_nothing(line: Line, sent: Any, code: str) -> None:
    line.send({"type": "response.steer", "previous_response_id": "resp_none", "input": sent})
    frame = line.hear()
    assert (frame["type"], frame["error"]["code"], frame["steer"]["input"]) == ("response.steer.failed", code, sent)


def test_steering_what_is_over(line: Line) -> None:
    ident = line.ask("claude", **UNSTORED)["id"]
    line.send({"type": "response.steer", "previous_response_id": ident, "input": "x"})
    assert line.hear()["error"]["code"] == "response_already_completed"


def test_each_message_is_looked_at_anew(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    """An edit between two messages: the model leads elsewhere, and then the key is gone."""
    text = written(openai, anthropic)
    server = start(text)
    with talking(server) as line:
        first = line.ask("gpt", [user("One")], **UNSTORED)
        moved = text.replace("gpt: openai/gpt-5.5", "gpt: anthropic/claude-sonnet-5")
        server.taken(lambda: server.rewrite(moved))
        line.ask("gpt", [user("Two")], previous_response_id=first["id"], **UNSTORED)
        assert anthropic.last.json["messages"][0]["content"] != []
        server.taken(lambda: server.rewrite(moved.replace(digest(ADA), digest("tk-new-0123456789abcdef"))))
        line.create("gpt")
        assert line.refusal()["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed) as closed:
            line.hear()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_a_connection_grows_old(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    """What runs may end; then it is told why, in the vendor's own words, and closed."""
    server = start(written(openai, anthropic, more="server: {websocket: {idle: 1s, total: 1s}}"))
    go = threading.Event()
    before, after = RESPONSES.parted()
    openai.script(as_stream([*before, go, *after]))
    with talking(server) as line:
        line.create("native")
        heard: list[Any] = []
        while not heard or heard[-1]["type"] != "error":
            heard.append(line.hear())
        assert heard[-1]["error"]["code"] == "websocket_connection_limit_reached"
        go.set()
        assert line.rest()[-1]["type"] == "response.completed"
        with pytest.raises(ConnectionClosed):
            line.hear()


def test_what_it_asked_is_recorded(turnout: Turnout, line: Line) -> None:
    since = len(turnout.log())
    ident = line.ask("claude")["id"]
    assert ident
    turnout.wait_for(re.compile('"method":"WS".*'), since=since)
    *_, told = [json.loads(one) for one in turnout.log()[since:].splitlines() if '"method":"WS"' in one]
    assert (told["path"], told["status"], told["key"], told["target"]) == (
        "/v1/responses",
        200,
        "ada",
        "anthropic/claude-sonnet-5",
    )
    assert ADA not in turnout.log()


@pytest.mark.parametrize("model", ["claude", "native"])
def test_what_is_cancelled_is_closed_item_by_item(house: House, line: Line, model: str) -> None:
    """The text that has come is in the item, in the response, and in their last events."""
    begun = (
        MESSAGES.parted()[0] if model == "claude" else response_stream(response("Hello there"), words=("Hello",))[:5]
    )
    house.upstream(model).script(as_stream([*begun, STALL]))
    line.create(model)
    heard = [line.hear()]
    while heard[-1]["type"] != "response.output_text.delta":
        heard.append(line.hear())
    line.send({"type": "response.cancel"})
    last = line.rest()
    assert [frame["type"] for frame in last[-4:]] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.incomplete",
    ]
    numbers = [frame["sequence_number"] for frame in [*heard, *last]]
    assert numbers == list(range(len(numbers)))
    assert last[-2]["item"] == last[-1]["response"]["output"][0]


def test_a_cancel_leaves_what_waits_in_its_lane(house: House, line: Line) -> None:
    before, _ = MESSAGES.parted()
    house.anthropic.script(as_stream([*before, STALL]))
    line.create("claude", "One")
    ident = line.hear()["response"]["id"]
    line.create("claude", "Two")
    line.send({"type": "response.cancel", "response_id": ident})
    assert line.rest()[-1]["type"] == "response.incomplete"
    assert line.rest()[-1]["type"] == "response.completed"


def test_what_is_refused_opens_no_lane(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    server = start(written(openai, anthropic, more="server: {websocket: {requests: 1}}"))
    before, _ = RESPONSES.parted()
    openai.script(as_stream([*before, STALL]))
    with talking(server) as line:
        line.create("native", stream_id="first")
        line.hear()
        for number in range(40):
            line.create("gpt", stream_id=f"lane {number}")
        refused = 0
        while refused < 40:
            refused += line.hear()["type"] == "error"
        line.send({"type": "response.cancel", "stream_id": "first"})
        line.rest()
        assert line.ask("gpt", stream_id="another")["status"] == "completed"


@EVERY
def test_an_answer_names_what_it_goes_on_from(house: House, line: Line, model: str) -> None:
    first = line.ask(model, [user("One")], **UNSTORED)
    line.create(model, [user("Two")], previous_response_id=first["id"], **UNSTORED)
    told = [frame["response"]["previous_response_id"] for frame in line.rest() if "response" in frame]
    assert set(told) == {first["id"]}


def test_what_was_left_out_is_told_at_the_end(house: House, line: Line) -> None:
    line.create("claude", truncation="auto")
    last = line.rest()[-1]
    assert "truncation=" in last["headers"]["x-turnout-loss"]
    line.create("claude")
    assert "headers" not in line.rest()[-1]
