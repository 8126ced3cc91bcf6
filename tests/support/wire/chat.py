"""What a stream of chat completions, or of legacy completions, must keep to.

Facts: openai 3.54, types/chat/chat_completion_chunk.py, types/completion.py, _streaming.py. Extensions that servers and
clients of this API have agreed on are allowed by name: reasoning_content, reasoning, reasoning_details, and stop_reason
beside a finish_reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.wire.sse import COUNT, LIST, NOTHING, OBJECT, TEXT, Fields, is_a, must, parsed, shaped

if TYPE_CHECKING:
    from tests.support.wire.sse import Event

HEAD: Fields = {"id": str, "object": str, "created": int, "model": str, "choices": list}
HEAD_MORE: Fields = {
    "usage": OBJECT,
    "system_fingerprint": TEXT,
    "service_tier": TEXT,
    "obfuscation": str,
    "moderation": OBJECT,
}
CHOICE: Fields = {"index": int, "delta": dict, "finish_reason": TEXT}
CHOICE_MORE: Fields = {"logprobs": OBJECT, "stop_reason": (str, int, NOTHING)}
DELTA: Fields = {
    "role": str,
    "content": TEXT,
    "refusal": TEXT,
    "tool_calls": LIST,
    "function_call": OBJECT,
    "reasoning_content": TEXT,
    "reasoning": TEXT,
    "reasoning_details": LIST,
    "annotations": LIST,
    "audio": OBJECT,
}
DETAILS = {"reasoning.text": "text", "reasoning.summary": "summary", "reasoning.encrypted": "data"}
FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")
CUT_SHORT = ("length", "content_filter")
"""Ends that may fall into the middle of a call's arguments."""
TEXT_FINISHES = ("stop", "length", "content_filter")
USAGE: Fields = {"prompt_tokens": int, "completion_tokens": int, "total_tokens": int}
USAGE_MORE: Fields = {
    "prompt_tokens_details": OBJECT,
    "completion_tokens_details": OBJECT,
    "prompt_cache_hit_tokens": int,
    "prompt_cache_miss_tokens": int,
}
ERROR: Fields = {"message": str, "type": TEXT, "param": TEXT, "code": (str, int, NOTHING)}


class Stream:
    """What both have in common: chunks that are alike, one error or [DONE] at the end."""

    object: str
    finishes: tuple[str, ...]

    def __init__(self, usage: bool | None) -> None:
        self.asked = usage
        self.head: dict[str, Any] | None = None
        self.open: dict[int, Choice] = {}
        self.used = False
        self.over: str | None = None

    def take(self, event: Event) -> None:
        """Take the next event."""
        must(self.over is None, f"something comes after {self.over}")
        must(event.name is None, "an event with a name: this API has none")
        if event.data is None:
            return
        if event.data == "[DONE]":
            self._done()
            self.over = "[DONE]"
            return
        value = event.json
        if "error" in value:
            shaped(value, "the error", {"error": dict}, {})
            shaped(value["error"], "error", ERROR, {})
            must(value["error"]["message"], "error.message is empty")
            self.over = "the error"
            return
        self._chunk(value)

    def end(self) -> None:
        """The body is over."""
        must(self.over, "no [DONE] and no error: the client cannot tell it from a cut connection")

    def _done(self) -> None:
        must(self.open, "[DONE] without a choice")
        for index, choice in self.open.items():
            must(choice.finish, f"[DONE] before the finish_reason of choice {index}")
        must(self.used or not self.asked, "[DONE] without the usage that was asked for")

    def _chunk(self, value: dict[str, Any]) -> None:
        shaped(value, "chunk", HEAD, HEAD_MORE)
        must(value["object"] == self.object, f"object is {value['object']!r}")
        head = {name: value[name] for name in ("id", "created", "model")}
        must(head["id"] and head["model"], "id or model is empty")
        self.head = self.head or head
        must(head == self.head, f"id, created and model change: {self.head} -> {head}")
        must(not self.used, "a chunk after the usage chunk")
        if value.get("usage") is not None:
            self._usage(value)
        else:
            must(value["choices"], "a chunk without choices and usage")
        for choice in value["choices"]:
            self._choice(choice)

    def _usage(self, value: dict[str, Any]) -> None:
        must(self.asked is not False, "usage that nobody asked for")
        must(not value["choices"], "usage beside choices")
        must(self.open and all(choice.finish for choice in self.open.values()), "usage before the finish_reason")
        usage = value["usage"]
        shaped(usage, "usage", USAGE, USAGE_MORE)
        must(all(usage[name] >= 0 for name in USAGE), "usage below zero")
        must(usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"], "total_tokens is no sum")
        for whole, parts in (("prompt_tokens", "cached_tokens"), ("completion_tokens", "reasoning_tokens")):
            details = usage.get(f"{whole}_details") or {}
            must(all(is_a(count, COUNT) for count in details.values()), f"{whole}_details holds no counts")
            must((details.get(parts) or 0) <= usage[whole], f"{parts} are more than {whole}")
        self.used = True

    def _choice(self, value: Any) -> None:
        raise NotImplementedError

    def _opened(self, value: dict[str, Any]) -> Choice:
        index = value["index"]
        must(0 <= index <= len(self.open), f"choice {index} after {len(self.open)} choices")
        choice = self.open.setdefault(index, Choice())
        must(choice.finish is None, f"choice {index} goes on after its finish_reason")
        return choice

    def _finish(self, choice: Choice, finish: str | None) -> None:
        must(finish is None or finish in self.finishes, f"finish_reason {finish!r}")
        choice.finish = finish


@dataclass
class Choice:
    """How far one choice has come."""

    spoke: bool = False
    calls: list[Called] = field(default_factory=list)
    legacy: Called | None = None
    finish: str | None = None


@dataclass
class Called:
    """One tool call: its kind, and its arguments so far."""

    kind: str
    arguments: str

    def close(self, finish: str) -> None:
        """The choice is finished."""
        if self.kind == "function" and finish not in CUT_SHORT:
            parsed(self.arguments, "the arguments of a call")


class Chat(Stream):
    """/v1/chat/completions."""

    object = "chat.completion.chunk"
    finishes = FINISHES

    def _choice(self, value: Any) -> None:
        shaped(value, "choice", CHOICE, CHOICE_MORE)
        delta = value["delta"]
        shaped(delta, "delta", {}, DELTA)
        choice = self._opened(value)
        if choice.spoke:
            must("role" not in delta, "a second role")
        else:
            must(delta.get("role") == "assistant", "the first delta has no role assistant")
        choice.spoke = True
        for detail in delta.get("reasoning_details") or []:
            _reasoning_detail(detail)
        for fragment in delta.get("tool_calls") or []:
            _tool_call(choice, fragment)
        if (function := delta.get("function_call")) is not None:
            _function_call(choice, function)
        self._finish(choice, value["finish_reason"])
        must(value.get("stop_reason") is None or choice.finish, "stop_reason before the finish_reason")
        if choice.finish:
            _finished(choice, choice.finish)


def _reasoning_detail(detail: Any) -> None:
    must(isinstance(detail, dict) and detail.get("type") in DETAILS, f"reasoning_details holds {detail!r}")
    own = DETAILS[detail["type"]]
    more: Fields = {"signature": TEXT, "format": TEXT, "id": TEXT, "index": int}
    shaped(detail, "reasoning_details[]", {"type": str, own: str}, more)


def _tool_call(choice: Choice, fragment: Any) -> None:
    must(isinstance(fragment, dict) and is_a(fragment.get("index"), int), f"a call without an index: {fragment!r}")
    index = fragment["index"]
    must(0 <= index <= len(choice.calls), f"call {index} after {len(choice.calls)} calls")
    kind = "custom" if "custom" in fragment else "function"
    said = "input" if kind == "custom" else "arguments"
    if index == len(choice.calls):
        shaped(fragment, f"the first fragment of call {index}", {"index": int, "id": str, "type": str, kind: dict}, {})
        shaped(fragment[kind], f"the first {kind} of call {index}", {"name": str, said: str}, {})
        must(fragment["type"] == kind, f"call {index} is of type {fragment['type']!r}")
        must(fragment["id"] and fragment[kind]["name"], f"call {index} has no id or no name")
        choice.calls.append(Called(kind, fragment[kind][said]))
        return
    call = choice.calls[index]
    must(call.kind == kind, f"call {index} changes its type")
    shaped(fragment, f"a later fragment of call {index}", {"index": int, kind: dict}, {})
    shaped(fragment[kind], f"a later {kind} of call {index}", {said: str}, {})
    call.arguments += fragment[kind][said]


def _function_call(choice: Choice, function: Any) -> None:
    must(not choice.calls, "function_call beside tool_calls")
    if choice.legacy is None:
        shaped(function, "the first function_call", {"name": str, "arguments": str}, {})
        must(function["name"], "function_call has no name")
        choice.legacy = Called("function", function["arguments"])
        return
    shaped(function, "a later function_call", {"arguments": str}, {})
    choice.legacy.arguments += function["arguments"]


def _finished(choice: Choice, finish: str) -> None:
    calls, legacy = bool(choice.calls), choice.legacy is not None
    must(calls or finish != "tool_calls", "finish_reason tool_calls without calls")
    must(legacy or finish != "function_call", "finish_reason function_call without one")
    must(not calls or finish in ("tool_calls", *CUT_SHORT), f"finish_reason {finish} although there are calls")
    must(not legacy or finish in ("function_call", *CUT_SHORT), f"finish_reason {finish} after a function_call")
    for call in [*choice.calls, *([choice.legacy] if choice.legacy else [])]:
        call.close(finish)


class Completions(Stream):
    """/v1/completions."""

    object = "text_completion"
    finishes = TEXT_FINISHES

    def _choice(self, value: Any) -> None:
        shaped(value, "choice", {"index": int, "text": str, "finish_reason": TEXT}, CHOICE_MORE)
        self._finish(self._opened(value), value["finish_reason"])
