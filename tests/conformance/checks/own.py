"""What only one of the APIs has: counting, custom tools and namespaces, items, a conversation that is kept."""

from __future__ import annotations

from tests.conformance.check import Room, must, same
from tests.conformance.checks.tools import ASK, CITY, TOOLS, given
from tests.conformance.upstream.scenarios import CITIES, PATCH
from tests.conformance.words import COUNT, Ask, Result, Tool, mark


def count_tokens(room: Room) -> None:
    """Tokens can be counted: exactly where the upstream counts them, by an estimate elsewhere.

    POST /v1/messages/count_tokens -> {input_tokens}; Claude Code asks for it all the time.
    """
    body = room.body("text", Ask("Hello. " * 50))
    del body["max_tokens"]
    got = room.gateway.post("messages", room.pair.upstream, COUNT, body)
    must(got.status == 200, f"status {got}")
    tokens = (got.value or {}).get("input_tokens")
    if room.pair.same:
        same(tokens, int(room.nonce[:4], 16) + 1000, "input_tokens")
    must(isinstance(tokens, int) and 40 < tokens < 100_000, f"input_tokens is {tokens!r}")


def items(room: Room) -> None:
    """Every item of a Responses stream is complete when it is done, and the last event repeats them all.

    Codex builds its history from response.output_item.done, and takes a stream without response.completed for cut off.
    """
    got = room.send(room.body("rich", Ask("Look it up.", tools=TOOLS, thinks=True)))
    room.read(got)
    values = [frame.value for frame in got.frames if frame.data != "[DONE]"]
    numbers = [value.get("sequence_number") for value in values]
    same(numbers, list(range(len(values))), "the sequence numbers")
    done = [value["item"] for value in values if value["type"] == "response.output_item.done"]
    last = values[-1]
    same(last["type"], "response.completed", "the last event")
    same(last["response"]["output"], done, "the output of the last event, beside the items")
    kinds = [item["type"] for item in done if item["type"] != "reasoning"]
    same(kinds, ["message", "function_call", "function_call"], "the items")
    for item in done:
        must(item["type"] == "reasoning" or item.get("status") == "completed", f"an item is {item.get('status')!r}")


def previous(room: Room) -> None:
    """previous_response_id continues a conversation: the upstream gets what was said before.

    openai 3.54 types/responses/response_create_params.py; `store` must be on, as it is unless it is off.
    """
    body = room.body("text", Ask("My name is Ada."))
    del body["store"]
    first = room.answer(body)
    must(first.id, "the answer has no id")
    again = {"role": "user", "content": f"What is my name? {mark('text', room.nonce)}"}
    room.answer({**body, "input": [again], "previous_response_id": first.id})
    arrived = room.arrived(1)
    if known := arrived.body.get("previous_response_id"):
        must(known.encode() in room.arrived().reply, f"the upstream does not know {known!r}")
        return
    said = arrived.heard.said
    must(any("My name is Ada." in text for _, text in said), f"what was said before is gone: {said!r:.200}")
    must(any(who == "assistant" for who, _ in said), "what was answered before is gone")


def custom(room: Room) -> None:
    """A tool whose input is free text comes back as one, and so does its result.

    responses: custom_tool_call.input is text, not JSON; custom_tool_call_output answers it. Codex applies patches so.
    """
    body = room.body("custom", Ask("Patch it.", tools=(Tool("apply_patch", kind="custom", description="Patches"),)))
    reading = room.answer(body)
    found = [(call.kind, call.name, call.arguments) for call in reading.calls]
    same(found, [("custom", "apply_patch", PATCH)], "the calls")
    answer = room.answer(room.goes_on(body, reading, Result(reading.calls[0].id, f"ok {room.nonce}", custom=True)))
    same(answer.text, f"Done: ok {room.nonce}", "what the upstream made of the result")


def namespaces(room: Room) -> None:
    """Tools of a namespace come back in it, also where two namespaces have a tool of the same name.

    openai 3.54 types/responses/namespace_tool.py, response_function_tool_call.py: namespace and name tell a tool.
    """
    tools = tuple(Tool("get_weather", CITY, f"Weather of {space}", namespace=space) for space in ("alpha", "beta"))
    body = room.body("one-call", Ask(ASK.text, tools=tools))
    reading = room.answer(body)
    given(reading, ("get_weather", {"city": CITIES[0], "days": 3}))
    same(reading.calls[0].namespace, "alpha", "the namespace of the call")
    room.answer(room.goes_on(body, reading, Result(reading.calls[0].id, "sun")))
    heard = room.arrived(1).heard
    must(
        heard.calls and heard.calls[0].name in [tool.name for tool in heard.tools],
        "the call in the history is of no tool",
    )
