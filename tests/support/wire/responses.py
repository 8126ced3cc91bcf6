"""What a stream of the Responses API must keep to: one response from its creation to its end, its items one by one.

Facts: openai 3.54, types/responses/response_stream_event.py, types/responses/response.py,
lib/streaming/responses/_responses.py (what its accumulation demands); keepalive: openai/openai-node#1964. Stricter than
the API in one thing that can be turned off: an item is done before the next one is added. Of the tools that vendors run
themselves only the identity is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.wire.items import ITEMS, SPOKEN, Item, done, look_at
from tests.support.wire.response import look_at_response
from tests.support.wire.sse import TEXT, Fields, is_a, must, shaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.wire.sse import Event

FOLLOWS = {
    "response.created": ("nothing",),
    "response.queued": ("response.created", "a resumption"),
    "response.in_progress": ("response.created", "response.queued", "a resumption"),
}
"""Event of a response that begins -> what it may come after."""
RUNNING = ("response.in_progress", "a resumption")
CALLS = {
    "response.function_call_arguments": "function_call",
    "response.custom_tool_call_input": "custom_tool_call",
}
TEXTS = {
    "response.output_text": "output_text",
    "response.refusal": "refusal",
    "response.reasoning_text": "reasoning_text",
    "response.reasoning_summary_text": "summary_text",
}
"""Stem of an event -> the kind of the part whose text it tells."""
HOSTED = {
    "response.code_interpreter_call": "code_interpreter_call",
    "response.code_interpreter_call_code": "code_interpreter_call",
    "response.compaction": "compaction",
    "response.file_search_call": "file_search_call",
    "response.image_generation_call": "image_generation_call",
    "response.mcp_call": "mcp_call",
    "response.mcp_call_arguments": "mcp_call",
    "response.mcp_list_tools": "mcp_list_tools",
    "response.shell_call_command": "shell_call",
    "response.shell_call_output_content": "shell_call_output",
    "response.web_search_call": "web_search_call",
}
"""Stem of an event -> the kind of the item that it belongs to."""


class Responses:
    """POST /v1/responses, and GET /v1/responses/{id} with stream=true.

    `after` is the sequence_number after which a stream is resumed; of an item that began before it, less is known.
    `strict_items`: items do not interleave.
    """

    def __init__(self, after: int | None = None, *, strict_items: bool = True) -> None:
        self.resumed = after is not None
        self.strict = strict_items
        self.number = 0 if after is None else after + 1
        self.stage = "a resumption" if self.resumed else "nothing"
        """The last event of the response as a whole."""
        self.head: dict[str, Any] | None = None
        self.items: int | None = None if self.resumed else 0
        """How many items were added; None: it cannot be known yet."""
        self.open: dict[int, Item] = {}
        self.done: dict[int, dict[str, Any]] = {}
        self.ids: set[str] = set()
        self.over: str | None = None

    def take(self, event: Event) -> None:
        """Take the next event."""
        must(self.over is None, f"something comes after {self.over}")
        if event.name is None and event.data is None:
            return
        must(event.data != "[DONE]", "[DONE]: this API ends with the end of the response")
        must(event.name, "an event without a name")
        name = str(event.name)
        value = event.json
        must(value.get("type") == name, f"event {name} says it is {value.get('type')!r}")
        must(name in EVENTS or name.rpartition(".")[0] in HOSTED, f"an unknown event: {name}")
        number = value.get("sequence_number")
        must(is_a(number, int), f"{name} without a sequence_number")
        must(number == self.number, f"sequence_number {number} where {self.number} is due")
        self.number += 1
        if name not in EVENTS:
            self.hosted(value)
            return
        rule, fields, more = EVENTS[name]
        shaped(value, name, {"type": str, "sequence_number": int, **fields}, more)
        rule(self, value)

    def end(self) -> None:
        """The body is over."""
        must(self.over, "no end of the response and no error: the client cannot tell it from a cut connection")

    # the response as a whole

    def begins(self, value: dict[str, Any]) -> None:
        name = value["type"]
        must(self.stage in FOLLOWS[name], f"{name} after {self.stage}")
        response = self._response(value)
        must(response["output"] == [], f"{name} has output already")
        must(response.get("usage") is None, f"{name} has usage already")
        self.stage = name

    def ends(self, value: dict[str, Any]) -> None:
        name = value["type"]
        must(self.stage in RUNNING, f"{name} before response.in_progress")
        response = self._response(value)
        must(not self.open, f"{name} within item {min(self.open, default=0)}")
        must(name != "response.completed" or not self._cut_off(), f"{name} although an item is incomplete")
        self._output(response["output"])
        must(response.get("usage") is not None, f"{name} without usage")
        self.over = name

    def fails(self, value: dict[str, Any]) -> None:
        must(self.stage != "nothing", "response.failed before response.created")
        response = self._response(value)
        if response["output"]:
            self._output(response["output"])
        self.over = "response.failed"

    def error(self, value: dict[str, Any]) -> None:
        must(value["message"], "error.message is empty")
        self.over = "the error"

    def keepalive(self, value: dict[str, Any]) -> None:
        must(self.stage != "nothing", "keepalive before response.created")

    def _response(self, value: dict[str, Any]) -> dict[str, Any]:
        response: dict[str, Any] = value["response"]
        look_at_response(value["type"], response)
        head = {field: response[field] for field in ("id", "created_at", "model")}
        self.head = self.head or head
        must(head == self.head, f"id, created_at and model change: {self.head} -> {head}")
        return response

    def _output(self, output: list[Any]) -> None:
        """Hold the output at the end against the items that were done."""
        due = len(self.done) if not self.resumed else None if self.open else self.items
        must(due in (len(output), None), f"response.output has {len(output)} items, but {due} were done")
        order = sorted(self.done)
        for place, index in zip(order if self.resumed else range(len(order)), order, strict=True):
            same = place < len(output) and output[place] == self.done[index]
            must(same, f"response.output tells another item {index} than was done")

    # its items

    def added(self, value: dict[str, Any]) -> None:
        self._runs(value)
        index, item = value["output_index"], value["item"]
        must(not (self.open and self.strict), f"item {index} is added within item {min(self.open, default=0)}")
        must(self.items in (index, None), f"item {index} after {self.items} items")
        must(index >= 0, f"item {index} before the first")
        must(not self._cut_off(), f"item {index} is added after an incomplete one")
        self.open[index] = Item(index, item)
        names = [item["id"], *([item["call_id"]] if item["type"] in SPOKEN else [])]
        must(not self.ids & set(names), f"an id comes again: {names}")
        self.ids.update(names)
        self.items = index + 1

    def finished(self, value: dict[str, Any]) -> None:
        index, whole = value["output_index"], value["item"]
        item = self._item(value)
        if item:
            item.close(whole)
            del self.open[index]
        else:
            look_at(whole)
            done(index, whole)
            self.items = index + 1 if self.strict else None
        self.done[index] = whole

    def part_added(self, value: dict[str, Any]) -> None:
        if item := self._item(value):
            item.begin(_place(value), value["part"])

    def part_done(self, value: dict[str, Any]) -> None:
        if item := self._item(value):
            item.end(_place(value), value["part"])
            ends = value.get("status")
            must(ends in ("incomplete", None), f"a part is done with status {ends!r}")

    def delta(self, value: dict[str, Any]) -> None:
        stem = value["type"].removesuffix(".delta")
        if not (item := self._item(value)):
            return
        if stem in CALLS:
            item.speak(CALLS[stem], value["delta"])
        else:
            item.write(TEXTS[stem], _place(value), value["delta"])

    def whole(self, value: dict[str, Any]) -> None:
        stem = value["type"].removesuffix(".done")
        if not (item := self._item(value)):
            return
        if stem in CALLS:
            item.spoken(CALLS[stem], value[SPOKEN[CALLS[stem]]])
            must(value.get("name") in (item.added["name"], None), f"{value['type']} names {value.get('name')!r}")
        else:
            item.written(TEXTS[stem], _place(value), value["refusal" if "refusal" in value else "text"])

    def annotation(self, value: dict[str, Any]) -> None:
        if item := self._item(value):
            item.annotate(_place(value), value["annotation_index"], value["annotation"])

    def hosted(self, value: dict[str, Any]) -> None:
        must(is_a(value.get("output_index"), int), f"{value['type']} without an output_index")
        kind = HOSTED[value["type"].rpartition(".")[0]]
        if item := self._item(value):
            must(item.kind == kind, f"{value['type']} for a {item.kind}")

    def _cut_off(self) -> bool:
        return any(item["type"] in ITEMS and item.get("status") == "incomplete" for item in self.done.values())

    def _runs(self, value: dict[str, Any]) -> None:
        must(self.stage in RUNNING, f"{value['type']} before response.in_progress")
        self.stage = "response.in_progress"

    def _item(self, value: dict[str, Any]) -> Item | None:
        """Return the open item that an event belongs to; None if it was begun before the stream was resumed."""
        self._runs(value)
        index = value["output_index"]
        item = self.open.get(index)
        if item:
            ident = value.get("item_id", item.added["id"])
            must(ident == item.added["id"], f"{value['type']} for {ident!r}, but item {index} is {item.added['id']!r}")
            return item
        unknown = self.resumed and index not in self.done and (self.items is None or not self.strict)
        must(unknown, f"{value['type']}: item {index} is not open")
        return None


def _place(value: dict[str, Any]) -> tuple[str, int]:
    return ("summary", value["summary_index"]) if "summary_index" in value else ("content", value["content_index"])


AT: Fields = {"item_id": str, "output_index": int}
IN_CONTENT: Fields = {**AT, "content_index": int}
IN_SUMMARY: Fields = {**AT, "summary_index": int}
HIDDEN: Fields = {"obfuscation": str}

EVENTS: dict[str, tuple[Callable[[Responses, dict[str, Any]], None], Fields, Fields]] = {
    "response.created": (Responses.begins, {"response": dict}, {}),
    "response.queued": (Responses.begins, {"response": dict}, {}),
    "response.in_progress": (Responses.begins, {"response": dict}, {}),
    "response.completed": (Responses.ends, {"response": dict}, {}),
    "response.incomplete": (Responses.ends, {"response": dict}, {}),
    "response.failed": (Responses.fails, {"response": dict}, {}),
    "error": (Responses.error, {"code": TEXT, "message": str, "param": TEXT}, {}),
    "keepalive": (Responses.keepalive, {}, {}),
    "response.output_item.added": (Responses.added, {"output_index": int, "item": dict}, {}),
    "response.output_item.done": (Responses.finished, {"output_index": int, "item": dict}, {}),
    "response.content_part.added": (Responses.part_added, {**IN_CONTENT, "part": dict}, {}),
    "response.content_part.done": (Responses.part_done, {**IN_CONTENT, "part": dict}, {}),
    "response.output_text.delta": (Responses.delta, {**IN_CONTENT, "delta": str, "logprobs": list}, HIDDEN),
    "response.output_text.done": (Responses.whole, {**IN_CONTENT, "text": str, "logprobs": list}, {}),
    "response.output_text.annotation.added": (
        Responses.annotation,
        {**IN_CONTENT, "annotation_index": int, "annotation": dict},
        {},
    ),
    "response.refusal.delta": (Responses.delta, {**IN_CONTENT, "delta": str}, HIDDEN),
    "response.refusal.done": (Responses.whole, {**IN_CONTENT, "refusal": str}, {}),
    "response.reasoning_text.delta": (Responses.delta, {**IN_CONTENT, "delta": str}, HIDDEN),
    "response.reasoning_text.done": (Responses.whole, {**IN_CONTENT, "text": str}, {}),
    "response.reasoning_summary_part.added": (Responses.part_added, {**IN_SUMMARY, "part": dict}, {}),
    "response.reasoning_summary_part.done": (Responses.part_done, {**IN_SUMMARY, "part": dict}, {"status": TEXT}),
    "response.reasoning_summary_text.delta": (Responses.delta, {**IN_SUMMARY, "delta": str}, HIDDEN),
    "response.reasoning_summary_text.done": (Responses.whole, {**IN_SUMMARY, "text": str}, {}),
    "response.function_call_arguments.delta": (Responses.delta, {**AT, "delta": str}, HIDDEN),
    "response.function_call_arguments.done": (Responses.whole, {**AT, "arguments": str}, {"name": str}),
    "response.custom_tool_call_input.delta": (Responses.delta, {**AT, "delta": str}, HIDDEN),
    "response.custom_tool_call_input.done": (Responses.whole, {**AT, "input": str}, {}),
}
"""Event -> its rule, and the fields it must and may have beside type and sequence_number."""
