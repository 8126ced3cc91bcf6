"""What is said on a socket, frame by frame: chat completions, messages and embeddings, translated or not."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.sockets.house import EVERY, FORMS, SAME, WAYS, House, Talk, Way, done, talking
from tests.support import answers
from tests.support.apis import CHAT, MESSAGES, payloads
from tests.support.loop import Call
from tests.support.script import CUT, STALL, as_json, as_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.http import Answer

CHATS, CLAUDES = SAME
MADE_UP = re.compile(r'"(chatcmpl-|msg_|resp_)[A-Za-z0-9_-]+"|"created": ?\d+')
"""What a translation makes up for each answer."""
BROKEN = {"chat": (502, "server_error"), "messages": (500, "api_error")}


@pytest.fixture
def talk(house: House, way: Way) -> Iterator[Talk]:
    with house.talk(way) as talk:
        yield talk


def same(heard: list[Any], said: list[Any]) -> None:
    """Hold frames against the events of the POST they stand for."""
    assert MADE_UP.sub('"-"', json.dumps(heard)) == MADE_UP.sub('"-"', json.dumps(said))


@WAYS
def test_a_stream_is_the_events_of_the_post_and_then_done(house: House, talk: Talk, way: Way) -> None:
    posted: Answer = house.post(way, way.body())
    heard = talk.ask(way.body())
    same(heard, payloads(posted.body))
    assert len(heard) > 3
    assert house.upstream(way).requests[0].json == house.upstream(way).requests[1].json


@WAYS
def test_an_answer_in_one_piece_is_one_frame(house: House, talk: Talk, way: Way) -> None:
    (frame,) = talk.ask(way.body(stream=False))
    assert way.client.said(frame) == "Hello there"
    same([frame], [house.post(way, way.body(stream=False)).json])


@WAYS
@pytest.mark.parametrize("ident", ["a", 'ü " \\ {', 7, -1.5, "x" * 250], ids=str)
def test_an_id_marks_every_frame_of_its_answer(house: House, talk: Talk, way: Way, ident: Any) -> None:
    marked = talk.ask(way.body(id=ident))
    assert {json.dumps(frame.pop("stream_id")) for frame in marked} == {json.dumps(ident)}
    same(marked, talk.ask(way.body(id=None)))  # null is none
    (whole,) = talk.ask(way.body(id=ident, stream=False))
    assert whole["id"] != ident  # it is the answer's own
    assert not any("id" in seen.json for seen in house.upstream(way).requests)


@FORMS
def test_requests_with_ids_run_at_once(house: House, talk: Talk, way: Way) -> None:
    go_on = threading.Event()
    upto, after = way.server.parted()
    house.upstream(way).script(as_stream([*upto, go_on, *after]), way.server.stream("Second"))
    talk.say(way.body(id="one"))
    house.upstream(way).wait_for(1)
    talk.say(way.body(id="two"))
    heard = [talk.hear()]
    while heard[-1] != done("two"):
        heard.append(talk.hear())
    assert done("one") not in heard
    go_on.set()
    heard += talk.rest("one")
    for ident, text in (("one", "Hello there"), ("two", "Second")):
        mine = [frame for frame in heard if frame["stream_id"] == ident]
        events = b"".join(b"data: %s\n\n" % json.dumps(frame).encode() for frame in mine[:-1])
        assert way.client.text(events) == text
        assert mine[-1] == done(ident)


@FORMS
@pytest.mark.parametrize("ident", [None, "same"])
def test_requests_without_an_id_or_with_the_same_go_one_after_the_other(
    house: House, talk: Talk, way: Way, ident: str | None
) -> None:
    go_on = threading.Event()
    house.upstream(way).script(way.server.stream("First").after(go_on), way.server.stream("Second"))
    named = {} if ident is None else {"id": ident}
    talk.say(way.body(**named))
    talk.say(way.body(**named))
    talk.say(way.body(id="aside"))
    talk.rest("aside")
    assert len(house.upstream(way).requests) == 2  # the second of them is not asked yet
    go_on.set()
    assert [talk.rest(ident)[-1], talk.rest(ident)[-1]] == [done(ident)] * 2
    assert len(house.upstream(way).requests) == 3


@WAYS
@pytest.mark.parametrize("ident", [None, "a", 1])
def test_a_cancel_ends_what_runs_and_what_waits(house: House, talk: Talk, way: Way, ident: Any) -> None:
    since = len(house.turnout.log())
    upto, _ = way.server.parted()
    house.upstream(way).script(as_stream([*upto, STALL]))
    named = {} if ident is None else {"id": ident}
    talk.say(way.body(**named))
    talk.hear()
    talk.say(way.body(**named))
    talk.say({"type": "cancel", **named})
    heard = [talk.rest(ident), talk.rest(ident)]
    assert [frames[-1] for frames in heard] == [done(ident, cancelled=True)] * 2
    assert house.upstream(way).requests[0].left_within(5)
    house.turnout.wait_for(re.compile(r"WS \S+ .* 499 "), since=since)
    assert talk.ask(way.body(**named))
    assert len(house.upstream(way).requests) == 2  # the one that waited was never asked


@FORMS
def test_a_cancel_that_comes_with_its_request_frees_the_lane(house: House, talk: Talk, way: Way) -> None:
    """In one read, so that nothing of the request has begun."""
    with talk.connection.protocol_mutex:
        for frame in (way.body(id="a"), {"type": "cancel", "id": "a"}):
            talk.connection.protocol.send_text(json.dumps(frame).encode())
        data = b"".join(talk.connection.protocol.data_to_send())
        talk.connection.socket.sendall(data)
    assert talk.rest("a") == [done("a", cancelled=True)]
    assert talk.ask(way.body(id="a"))


@FORMS
def test_a_cancel_of_what_is_over_or_never_was_says_nothing(talk: Talk, way: Way) -> None:
    talk.ask(way.body(id="a"))
    for frame in ({"type": "cancel", "id": "a"}, {"type": "cancel", "id": "b"}, {"type": "cancel"}):
        talk.say(frame)
    talk.is_well(way)


BAD = {
    "not JSON": ("{", None),
    "no object": ("[]", None),
    "a text": ('"hi"', None),
    "nothing": ("", None),
    "deep": ("[" * 100_000, None),
    "of no type that is known": ('{"type": "hello", "id": "a"}', "a"),
    "of a type that is no text": ('{"type": 1, "id": 5}', 5),
    "an id that is a list": ('{"id": [1], "model": "gpt"}', None),
    "an id that is true": ('{"id": true, "model": "gpt"}', None),
    "an id that is too long": (json.dumps({"id": "x" * 300}), None),
    "an api that is not known": ('{"api": "telepathy", "id": "a"}', "a"),
    "an api that is another": ('{"api": "embeddings", "id": "a"}', "a"),
    "bytes": (b"\x00\x01", None),
}


@FORMS
@pytest.mark.parametrize("frame", BAD, ids=str)
def test_a_frame_that_says_nothing_is_told_so(talk: Talk, way: Way, frame: str) -> None:
    sent, ident = BAD[frame]
    talk.say(sent)
    error = talk.refusal(400, ident)
    assert error["type"] == "invalid_request_error"
    talk.is_well(way)


@FORMS
@pytest.mark.parametrize("named", [{}, {"id": "a"}], ids=["unnamed", "named"])
def test_a_request_that_is_refused_is_told_in_the_form_of_the_api(talk: Talk, way: Way, named: Any) -> None:
    talk.say({**way.body(), "model": "nobody", **named})
    frame = talk.hear()
    assert (frame["type"], frame["status"]) == ("error", 404)
    assert (frame.get("id"), frame.get("stream_id")) == (named.get("id"), named.get("id"))
    if way.client is CHAT:
        assert CHAT.error_object({"error": frame["error"]})["code"] == "model_not_found"
    else:
        assert frame["error"]["type"] == "not_found_error"
    assert {"x-turnout-request", "x-turnout-generation"} <= set(frame["headers"])
    talk.is_well(way)


@WAYS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_error_of_the_upstream_comes_with_its_status_and_what_clients_act_on(
    house: House, talk: Talk, way: Way, stream: bool
) -> None:
    refusal = way.server.refusal("rate_limit_error", "Slow down")
    house.upstream(way).script(as_json(refusal, 429, ("retry-after", "7"), ("x-secret", "s")))
    talk.say(way.body(stream=stream, id="a"))
    frame = talk.hear()
    assert (frame["type"], frame["status"], frame["id"]) == ("error", 429, "a")
    assert "Slow down" in frame["error"]["message"]
    assert frame["headers"]["retry-after"] == "7"
    assert frame["headers"]["x-turnout-target"].startswith(("openai/", "anthropic/"))
    assert "x-secret" not in frame["headers"]
    talk.is_well(way)


@WAYS
@pytest.mark.parametrize("named", [{}, {"id": "a"}], ids=["unnamed", "named"])
def test_an_answer_that_breaks_off_ends_with_an_error(house: House, talk: Talk, way: Way, named: Any) -> None:
    upto, _ = way.server.parted()
    house.upstream(way).script(as_stream([*upto, CUT]))
    talk.say(way.body(**named))
    *heard, last = talk.rest(named.get("id"))
    assert heard
    assert last["type"] == "error"
    assert last["error"]["type"] == BROKEN[way.client.name][1]
    assert last.get("id") == named.get("id")
    talk.is_well(way)


@WAYS
def test_an_error_in_the_stream_ends_it(house: House, talk: Talk, way: Way) -> None:
    begun = way.server.begun("Hello")
    house.upstream(way).script(as_stream([*begun, way.server.fails(begun, "overloaded_error", "Enough")]))
    talk.say(way.body(id=3))
    *heard, last = talk.rest(3)
    assert heard
    assert last["type"] == "error"
    assert (last["id"], last["stream_id"]) == (3, 3)
    assert "Enough" in last["error"]["message"]
    talk.is_well(way)


@WAYS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tools_and_parallel_calls(house: House, talk: Talk, way: Way, stream: bool) -> None:
    calls = [Call("read_file", {"path": name}, mark) for mark, name in (("0", "a"), ("1", "b"))]
    upstream = house.upstream(way)
    if way.server is CHAT:
        upstream.script(as_stream(answers.chat_events(calls=calls)) if stream else as_json(answers.chat(calls=calls)))
    else:
        made = answers.message_events(calls=calls) if stream else answers.message(calls=calls)
        upstream.script(as_stream(made) if stream else as_json(made))
    body = way.body(stream=stream, tools=[tool(way)], id="t")
    heard = talk.ask(body)
    assert called(way, heard, stream=stream) == [("read_file", {"path": "a"}), ("read_file", {"path": "b"})]
    sent = upstream.last.json["tools"]
    assert [one.get("name") or one["function"]["name"] for one in sent] == ["read_file"]


def tool(way: Way) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    if way.client is CHAT:
        return {"type": "function", "function": {"name": "read_file", "parameters": schema}}
    return {"name": "read_file", "input_schema": schema}


def called(way: Way, heard: list[Any], *, stream: bool) -> list[tuple[str, Any]]:
    """Return the calls that an answer makes: names and arguments."""
    if way.client is CHAT:
        return chat_calls(heard, stream=stream)
    if not stream:
        return [(block["name"], block["input"]) for block in heard[0]["content"] if block["type"] == "tool_use"]
    found: dict[int, list[str]] = {}
    for event in heard:
        if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
            found[event["index"]] = [event["content_block"]["name"], ""]
        elif event["type"] == "content_block_delta" and event["index"] in found:
            found[event["index"]][1] += event["delta"]["partial_json"]
    return [(name, json.loads(text)) for name, text in found.values()]


def chat_calls(heard: list[Any], *, stream: bool) -> list[tuple[str, Any]]:
    if not stream:
        made = [call["function"] for call in heard[0]["choices"][0]["message"]["tool_calls"]]
        return [(call["name"], json.loads(call["arguments"])) for call in made]
    found: dict[int, list[str]] = {}
    for chunk in heard:
        for choice in chunk["choices"]:
            for call in choice["delta"].get("tool_calls", ()):
                name, text = found.setdefault(call["index"], ["", ""])
                told = call["function"]
                found[call["index"]] = [name + (told.get("name") or ""), text + (told.get("arguments") or "")]
    return [(name, json.loads(text)) for name, text in found.values()]


def test_embeddings(house: House) -> None:
    with talking(house.turnout, "/v1/embeddings") as talk:
        (frame,) = talk.ask({"model": "text-embedding-3-small", "input": ["a", "b"], "id": "e"})
        assert [one["index"] for one in frame["data"]] == [0, 1]
        (frame,) = talk.ask({"model": "text-embedding-3-small", "input": "a", "stream": True})
        assert frame["object"] == "list"
        talk.say({"model": "nobody", "input": "a"})
        assert talk.refusal(404)["code"] == "model_not_found"
    assert house.openai.requests[0].path == "/v1/embeddings"


# /v1/ws: the first frame says which API is spoken -------------------------------------------------------------------

VERSION = {"anthropic-version": "2023-06-01"}
PICKS: dict[str, tuple[Any, dict[str, str], str]] = {
    "messages": (CHATS.body(), {}, "/v1/chat/completions"),
    "system": ({**CLAUDES.body(), "system": "Be kind"}, {}, "/v1/messages"),
    "a version of the API": (CLAUDES.body(), VERSION, "/v1/messages"),
    "input": ({"model": "text-embedding-3-small", "input": "a"}, {}, "/v1/embeddings"),
    "api chat": ({**CHATS.body(), "api": "chat"}, VERSION, "/v1/chat/completions"),
    "api messages": ({**CLAUDES.body(), "api": "messages"}, {}, "/v1/messages"),
    "api embeddings": (
        {"model": "text-embedding-3-small", "input": "a", "api": "embeddings"},
        {},
        "/v1/embeddings",
    ),
}


@pytest.mark.parametrize("pick", PICKS, ids=str)
def test_the_first_frame_picks_the_api(house: House, pick: str) -> None:
    body, headers, path = PICKS[pick]
    upstream = house.anthropic if path == MESSAGES.path else house.openai
    with talking(house.turnout, "/v1/ws", headers=headers) as talk:
        talk.ask(body)
        assert upstream.last.path == path
        assert "api" not in upstream.last.json
        talk.ask({name: value for name, value in body.items() if name not in ("api", "system")})  # it is picked
        assert upstream.last.path == path
        assert len(upstream.requests) == 2
        talk.say({**body, "model": "nobody"})
        error = talk.refusal(404)
        assert error["type"] == ("not_found_error" if path == MESSAGES.path else "invalid_request_error")


def test_a_first_frame_that_picks_nothing_may_be_followed_by_one_that_does(house: House) -> None:
    with talking(house.turnout, "/v1/ws") as talk:
        for frame in ({"model": "gpt"}, {"api": "no such"}, {"type": "hello"}, "{"):
            talk.say(frame)
            talk.refusal(400)
        talk.ask({**CLAUDES.body(), "api": "messages"})
        talk.say("{")
        assert talk.refusal(400).keys() == {"type", "message"}  # as that API has it


def test_all_of_it_below_the_prefix_of_a_base(start: Any, house: House) -> None:
    file = house.turnout.file.read_text() + "bases: {team: {prefix: /team}}\n"
    server = start(file)
    for way in EVERY:
        with talking(server, f"/team{way.client.path}") as talk:
            assert talk.ask(way.body())
    server.wait_for(re.compile(r"WS /v1/chat/completions .* 200 "))
