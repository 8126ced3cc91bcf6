"""The output items of a response while they are streamed: what each kind is made of, and in which order it is told.

Facts: openai 3.54, types/responses/response_output_item.py and the events beside it; the custom_tool_call that servers
send has a status, too (types/responses/response_custom_tool_call_item.py). A reasoning text may come with a part around
it or without: both are on the market.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.wire.sse import LIST, NOTHING, OBJECT, TEXT, Fields, must, parsed, shaped

CALL_MORE: Fields = {"namespace": TEXT, "caller": OBJECT, "async": (bool, NOTHING)}
ITEMS: dict[str, tuple[Fields, Fields]] = {
    "message": ({"role": str, "status": str, "content": list}, {"phase": TEXT}),
    "reasoning": ({"summary": list}, {"content": LIST, "encrypted_content": TEXT, "status": TEXT}),
    "function_call": ({"call_id": str, "name": str, "arguments": str, "status": str}, CALL_MORE),
    "custom_tool_call": ({"call_id": str, "name": str, "input": str}, {**CALL_MORE, "status": TEXT}),
}
"""Kind of an item -> the fields it must and may have beside type and id."""
HOSTED = (
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "computer_call",
    "computer_call_output",
    "custom_tool_call_output",
    "file_search_call",
    "function_call_output",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
)
"""Kinds of which only the identity is looked at."""
SPOKEN = {"function_call": "arguments", "custom_tool_call": "input"}
"""Kind of a call -> where it holds what the model wrote."""
PARTS: dict[str, tuple[str, Fields, Fields]] = {
    "output_text": ("text", {"annotations": list}, {"logprobs": LIST}),
    "refusal": ("refusal", {}, {}),
    "reasoning_text": ("text", {}, {}),
    "summary_text": ("text", {}, {}),
}
"""Kind of a part -> where its text is, and the fields it must and may have beside it and its type."""
PLACES = {
    ("message", "content"): ("output_text", "refusal"),
    ("reasoning", "content"): ("reasoning_text",),
    ("reasoning", "summary"): ("summary_text",),
}
"""Kind of an item and its list -> the kinds of parts that may stand there."""
SAME = ("type", "id", "call_id", "name", "namespace", "role", "phase")
"""What an item may not change between its first event and its last."""


@dataclass
class Part:
    """The part that is open: its list and place in it, its text so far, and whether the text is complete."""

    kind: str
    place: tuple[str, int]
    framed: bool
    text: str = ""
    annotations: list[Any] = field(default_factory=list)
    complete: bool = False


class Item:
    """How far one item has come since its response.output_item.added."""

    def __init__(self, index: int, item: dict[str, Any]) -> None:
        self.index = index
        self.added = item
        self.kind: str = item.get("type", "")
        self.parts: dict[str, list[Any]] = {"content": [], "summary": []}
        self.part: Part | None = None
        self.words = ""
        """What a call was given so far."""
        self.complete = False
        """Whether that is all of it."""
        look_at(item)
        if self.kind in HOSTED:
            return
        must(item.get("status") in ("in_progress", None), f"item {index} is added with status {item.get('status')!r}")
        for name in ("content", "summary", *SPOKEN.values()):
            must(not item.get(name), f"item {index} is added with {name} already")

    def begin(self, place: tuple[str, int], part: dict[str, Any]) -> None:
        """A part is added."""
        self._begin(place, part.get("type"), framed=True)
        text = self._look_at_part(part)
        must(part[text] == "" and not part.get("annotations"), f"{part['type']} begins with content already")

    def _begin(self, place: tuple[str, int], kind: Any, *, framed: bool) -> None:
        name, index = place
        must(self.part is None, f"a part begins within another of item {self.index}")
        must(kind in PLACES.get((self.kind, name), ()), f"{kind} in the {name} of {self.kind}")
        must(index == len(self.parts[name]), f"{name} {index} after {len(self.parts[name])} parts")
        self.part = Part(kind, place, framed)

    def write(self, kind: str, place: tuple[str, int], delta: str) -> None:
        """A part goes on."""
        self._open(kind, place).text += delta

    def annotate(self, place: tuple[str, int], number: int, annotation: Any) -> None:
        """The text of a part gets an annotation."""
        part = self._open("output_text", place)
        must(number == len(part.annotations), f"annotation {number} after {len(part.annotations)}")
        part.annotations.append(annotation)

    def written(self, kind: str, place: tuple[str, int], text: str) -> None:
        """The text of a part is complete."""
        part = self._open(kind, place)
        must(text == part.text, f"the {kind} that is done is not what its deltas say: {text!r}, {part.text!r}")
        part.complete = True
        if not part.framed:
            self._keep(part, {"type": kind, PARTS[kind][0]: text})

    def end(self, place: tuple[str, int], whole: dict[str, Any]) -> None:
        """A part is done."""
        part = self.part
        must(part is not None and part.place == place, f"{place[0]} {place[1]} is not open")
        assert part
        must(part.complete, f"a part is done before its {part.kind}")
        must(whole.get("type") == part.kind, f"{part.kind} ends as {whole.get('type')!r}")
        text = self._look_at_part(whole)
        must(whole[text] == part.text, f"a part is done with another {part.kind}")
        must(whole.get("annotations", []) == part.annotations, "a part is done with other annotations")
        self._keep(part, whole)

    def _keep(self, part: Part, whole: dict[str, Any]) -> None:
        self.parts[part.place[0]].append(whole)
        self.part = None

    def _open(self, kind: str, place: tuple[str, int]) -> Part:
        if self.part is None and kind == "reasoning_text":
            self._begin(place, kind, framed=False)
        part = self.part
        must(part is not None and part.place == place, f"{place[0]} {place[1]} is not open")
        assert part
        must(part.kind == kind, f"{kind} in a part of {part.kind}")
        must(not part.complete, f"{kind} goes on after it was done")
        return part

    def _look_at_part(self, part: dict[str, Any]) -> str:
        text, fields, more = PARTS[part["type"]]
        shaped(part, part["type"], {"type": str, text: str, **fields}, more)
        return text

    def speak(self, kind: str, delta: str) -> None:
        """A call is given more of its arguments or input."""
        self._speaks(kind)
        self.words += delta

    def spoken(self, kind: str, whole: str) -> None:
        """A call has all of its arguments or input."""
        self._speaks(kind)
        must(whole == self.words, f"the {SPOKEN[kind]} that is done is not what its deltas say: {whole!r}")
        self.complete = True

    def _speaks(self, kind: str) -> None:
        must(self.kind == kind, f"{SPOKEN[kind]} for {self.kind}")
        must(not self.complete, f"a {kind} goes on after its {SPOKEN[kind]} was done")

    def close(self, item: dict[str, Any]) -> None:
        """The item is done."""
        for name in SAME:
            was, now = self.added.get(name), item.get(name)
            must(was == now, f"item {self.index} changes its {name}: {was!r} -> {now!r}")
        look_at(item)
        done(self.index, item)
        if self.kind in HOSTED:
            return
        must(self.part is None, f"item {self.index} is done within a part")
        if self.kind in SPOKEN:
            said = SPOKEN[self.kind]
            must(self.complete, f"item {self.index} is done before its {said}")
            must(item[said] == self.words, f"item {self.index} is done with another {said}")
        for name, parts in self.parts.items():
            must((item.get(name) or []) == parts, f"item {self.index} is done with another {name}")


def look_at(item: dict[str, Any]) -> None:
    """Hold an item against what its kind must and may have."""
    kind, ident = item.get("type"), item.get("id")
    must(kind in ITEMS or kind in HOSTED, f"an unknown item: {kind!r}")
    must(isinstance(ident, str) and ident, f"a {kind} without an id")
    if kind in HOSTED:
        return
    fields, more = ITEMS[str(kind)]
    shaped(item, f"a {kind}", {"type": str, "id": str, **fields}, more)
    must(item.get("role") in ("assistant", None), f"a message of role {item.get('role')!r}")
    must(item.get("phase") in ("commentary", "final_answer", None), f"phase {item.get('phase')!r}")
    if kind in SPOKEN:
        must(item["call_id"] and item["name"], f"a {kind} has no call_id or no name")


def done(index: int, item: dict[str, Any]) -> None:
    """Hold an item against what it must be at its end; one that was cut off may hold half of its arguments."""
    if item["type"] in HOSTED:
        return
    status = item.get("status")
    must(status in ("completed", "incomplete", None), f"item {index} is done with status {status!r}")
    if item["type"] == "function_call" and status == "completed":
        parsed(item["arguments"], "the arguments of a call")
