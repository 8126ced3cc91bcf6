"""Tools, their calls, and the loop of call and result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.check import Room, alike, fail, must, same
from tests.conformance.upstream.scenarios import CITIES, LARGE, told
from tests.conformance.words import Ask, Image, Result, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conformance.words import Call, Reading

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
TOOLS = (
    Tool("get_weather", CITY, "Tells the weather"),
    Tool("get_time", {"type": "object", "properties": {}}, "Tells the time"),
)
ASK = Ask("How is the weather?", tools=TOOLS)
PIXEL = Image(
    "image/png",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
)


def given(reading: Reading, *expected: tuple[str, Any]) -> list[Call]:
    """Return the calls of an answer, which must be these: name and arguments."""
    found = []
    for call in reading.calls:
        try:
            found.append((call.name, call.given))
        except ValueError:
            fail(f"the arguments of a call are no JSON: {call.arguments!r:.200}")
    if found != list(expected):
        same(_short(found), _short(expected), f"the calls (text: {reading.text!r:.100})")
        fail("the calls differ in what is too long to be shown")
    ids = [call.id for call in reading.calls]
    must(all(ids) and len(set(ids)) == len(ids), f"the ids of the calls are {ids}")
    same(reading.stop, "tool", "why the answer ended")
    return reading.calls


def _short(calls: Iterable[Any]) -> str:
    return repr(list(calls))[:300]


def one_call(room: Room) -> None:
    """A tool call arrives with its name, its arguments and the stop reason of a call.

    chat: tool_calls, finish_reason tool_calls; messages: tool_use, stop_reason tool_use; responses: function_call.
    """
    given(room.says("one-call", ASK), ("get_weather", {"city": CITIES[0], "days": 3}))


def two_calls(room: Room) -> None:
    """Text and two parallel calls arrive, each call with an id of its own, in order."""
    reading = room.says("two-calls", ASK)
    given(reading, *(("get_weather", {"city": city}) for city in CITIES))
    same(reading.text, "Let me look.", "the text before the calls")


def interleaved(room: Room) -> None:
    """Fragments of parallel calls that come in turns end up in the right call.

    chat: fragments belong together by their index, in any order; messages and responses: one block or item at a time.
    """
    reading = room.says("interleaved", ASK)
    given(reading, *(("get_weather", {"city": city, "days": 12}) for city in CITIES))


def no_arguments(room: Room) -> None:
    """A call without arguments has `{}`, in whatever form the upstream leaves them out.

    messages: input_json_delta may never come, or come empty; clients of chat and responses parse the text they get.
    """
    given(room.says("no-arguments", ASK), ("get_time", {}))


def large(room: Room) -> None:
    """Arguments of 200 KB with quotes, backslashes and umlauts arrive whole."""
    city = (room.nonce + ' ü"\\') * (LARGE // 16)
    given(room.says("large", ASK), ("get_weather", {"city": city}))


def loop(room: Room) -> None:
    """Results find their calls: the upstream gets one valid conversation, and tells which result came for which call.

    messages: all results in the next user turn, first in it; chat: a tool message for each call; responses: an output
    for each call_id. The client answers the second call first.
    """
    body = room.body("loop", ASK)
    reading = room.answer(body)
    first, second = given(reading, *(("get_weather", {"city": city}) for city in CITIES))
    results = [Result(second.id, f"rain {room.nonce}"), Result(first.id, "sun")]
    answer = room.answer(room.goes_on(body, reading, *results))
    expected = {json.dumps({"city": CITIES[0]}): "sun", json.dumps({"city": CITIES[1]}): f"rain {room.nonce}"}
    same(answer.text, told(expected), "what the upstream made of the results")
    said = [text for who, text in room.arrived(1).heard.said if who == "assistant"]
    must(any("Let me look." in text for text in said), "the text before the calls is gone from the history")


def picture_back(room: Room) -> None:
    """A picture in a tool's result reaches the upstream as a picture.

    messages: tool_result.content may hold images; responses: output may hold input_image; chat: tool messages are text,
    so the picture stands in a user message behind them.
    """
    body = room.body("loop", ASK)
    reading = room.answer(body)
    first, second = given(reading, *(("get_weather", {"city": city}) for city in CITIES))
    results = [Result(first.id, "see picture", PIXEL), Result(second.id, "rain")]
    room.answer(room.goes_on(body, reading, *results))
    must(PIXEL in room.arrived(1).heard.images, f"the upstream sees {room.arrived(1).heard.images!r:.200}")


def choice(room: Room) -> None:
    """tool_choice required, and of one tool, say the same to the upstream.

    chat: required, function; messages: any, tool; responses: required, function.
    """
    room.says("one-call", Ask(ASK.text, tools=TOOLS, choice="required"))
    same(room.arrived().heard.choice, "required", "tool_choice")
    room.says("one-call", Ask(ASK.text, tools=TOOLS, choice="get_weather"))
    heard = room.arrived(1).heard
    names = [tool.name for tool in heard.tools]
    only = heard.choice == "required" and names == ["get_weather"]
    must(heard.choice == "get_weather" or only, f"tool_choice is {heard.choice!r} of {names}")


def one_at_a_time(room: Room) -> None:
    """A client that wants one call at a time is understood.

    chat and responses: parallel_tool_calls false; messages: disable_parallel_tool_use in tool_choice. Not every server
    of chat takes the field.
    """
    room.says("one-call", Ask(ASK.text, tools=TOOLS, choice="required", parallel=False))
    heard = room.arrived().heard
    same((heard.choice, heard.parallel), ("required", False), "tool_choice and parallel calls")


def schemas(room: Room) -> None:
    """Deep schemas of tools reach the upstream as they are, and optional properties stay optional.

    JSON Schema: $defs, $ref, anyOf, const, pattern, formats, descriptions. responses: strict is on unless it is off.
    """
    room.says("text", Ask("Hello.", tools=(Tool("deep", DEEP, "A deep one"), *TOOLS)))
    arrived = room.arrived()
    tool = next((tool for tool in arrived.heard.tools if tool.name == "deep"), None)
    if tool is None:
        fail("the tool did not reach the upstream")
    same(tool.description, "A deep one", "its description")
    alike(tool.schema, DEEP, "its schema")
    if room.pair.upstream == "responses":
        strict = [one.get("strict") for one in arrived.body["tools"] if one.get("name") == "deep"]
        same(strict, [False], "strict, which is on where nothing is said,")


DEEP: dict[str, Any] = {
    "type": "object",
    "description": "Größe",
    "properties": {
        "tree": {"$ref": "#/$defs/node"},
        "when": {"type": "string", "format": "date-time", "description": "RFC 3339"},
        "size": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}], "default": None},
        "mode": {"enum": ["a", "b", None]},
        "fixed": {"const": 7},
        "code": {"type": "string", "pattern": "^[a-z]{2}\\d+$", "minLength": 3},
        "map": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "number"}}},
        "a": {
            "type": "object",
            "properties": {
                "b": {
                    "type": "object",
                    "properties": {
                        "c": {
                            "type": "array",
                            "minItems": 2,
                            "items": {"type": "object", "properties": {"d": {"type": "boolean"}}, "required": ["d"]},
                        }
                    },
                }
            },
        },
    },
    "required": ["tree"],
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}
