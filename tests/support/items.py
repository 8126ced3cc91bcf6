"""Whole, SDK-valid answers of the Responses API, as JSON and as event streams: a response and its output items."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from tests.support.events import CREATED, event, ids, pieces
from tests.support.loop import Call, Manner, next_move, wanted
from tests.support.script import Reply, as_json, as_stream
from tests.support.thoughts import encrypted, reasons, thought

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Json = dict[str, Any]
Events = list[tuple[str, Json]]

RESPONSE_USAGE: Json = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 18,
}
SETTINGS: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
}
"""What a response repeats of its request, and what it says where the request said nothing."""
SAID = {"function_call": "arguments", "custom_tool_call": "input"}
"""Kind of a call -> where it holds what the model wrote."""


def response(
    text: str = "Hello there",
    *,
    model: str = "gpt-5.5",
    calls: Sequence[Call] = (),
    before: str = "",
    thinks: bool = False,
    shown: bool = False,
    turn: str = "1",
    asked: Json | None = None,
) -> Json:
    """Return a response that says `text`, or makes `calls`; `turn` tells its id from that of every other.

    `thinks`: there is reasoning before it, encrypted, and summed up where it is `shown`. `asked` is the request.
    """
    said = before if calls else text
    output: list[Json] = [reasoning_item(ids("call", calls), turn, shown=shown)] if thinks else []
    output += [message_item(said, turn)] if said or not calls else []
    output += [call_item(call) for call in calls]
    return response_of(*output, model=model, turn=turn, asked=asked)


def response_of(*output: Json, model: str = "gpt-5.5", turn: str = "1", asked: Json | None = None) -> Json:
    """Return a response with these items."""
    given = asked or {}
    repeated = {name: given[name] if given.get(name) is not None else usual for name, usual in SETTINGS.items()}
    return {
        "id": f"resp_{turn}",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": model,
        "background": False,
        "temperature": 1.0,
        "top_p": 1.0,
        "truncation": "disabled",
        **repeated,
        "output": list(output),
        "usage": RESPONSE_USAGE,
    }


def message_item(text: str, turn: str = "1") -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": f"msg_{turn}", "status": "completed", "role": "assistant", "content": [part]}


def reasoning_item(calls: Sequence[str], turn: str = "1", *, shown: bool = False) -> Json:
    """Return what the model thinks before it makes the calls with these ids."""
    summary = [{"type": "summary_text", "text": thought(calls)}] if shown else []
    return {"type": "reasoning", "id": f"rs_{turn}", "summary": summary, "encrypted_content": encrypted(calls)}


def call_item(call: Call) -> Json:
    """Return a call; one of a free-text tool holds its text as it is."""
    place = {} if call.namespace is None else {"namespace": call.namespace}
    head = {"call_id": f"call_{call.mark}", "name": call.tool, "status": "completed", **place}
    if isinstance(call.arguments, str):
        return {"type": "custom_tool_call", "id": f"ctc_{call.mark}", **head, "input": call.arguments}
    return {"type": "function_call", "id": f"fc_{call.mark}", **head, "arguments": json.dumps(call.arguments)}


# streams -------------------------------------------------------------------------------------------------------------


def response_events(
    words: Sequence[str] = ("Hello", " there"),
    *,
    calls: Sequence[Call] = (),
    interleaves: bool = False,
    **how: Any,
) -> list[bytes]:
    """Return the events of a stream that says `words`, or makes `calls`; `how` is as in `response`."""
    whole = response("".join(words), calls=calls, **how)
    return response_stream(whole, words=() if calls else words, interleaves=interleaves)


def response_stream(whole: Json, *, words: Sequence[str] = (), interleaves: bool = False) -> list[bytes]:
    """Return `whole` as a stream, its message in `words`; `interleaves`: its calls are told at once."""
    made = opened(whole)
    rows = [item_events(index, item, words) for index, item in enumerate(whole["output"])]
    calls = [row for row, item in zip(rows, whole["output"], strict=True) if item["type"] in SAID]
    if interleaves and len({len(row) for row in calls}) == 1:
        rows = [row for row in rows if row not in calls]
        rows.append([one for turn in zip(*calls, strict=True) for one in turn])
    made += [one for row in rows for one in row]
    kind = {"incomplete": "response.incomplete", "failed": "response.failed"}.get(whole["status"], "response.completed")
    return numbered([*made, (kind, {"response": whole})])


def opened(whole: Json) -> Events:
    """Return the two events before any item."""
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None, "error": None}
    return [("response.created", {"response": begun}), ("response.in_progress", {"response": begun})]


def numbered(made: Events, first: int = 0) -> list[bytes]:
    return [event(kind, **fields, sequence_number=number) for number, (kind, fields) in enumerate(made, first)]


def item_events(index: int, item: Json, spoken: Sequence[str] = ()) -> Events:
    """Return the events that tell one item."""
    kind, at = item["type"], {"item_id": item["id"], "output_index": index}
    hollow: Json = {"message": {"content": []}, "reasoning": {"summary": [], "encrypted_content": ""}}.get(kind, {})
    hollow = {SAID[kind]: ""} if kind in SAID else hollow
    running = {"status": "in_progress"} if "status" in item else {}
    told = {"message": _told_message, "reasoning": _told_reasoning}.get(kind)
    inner = list(_told_call(item, at)) if kind in SAID else list(told(item, at, spoken)) if told else []
    return [
        ("response.output_item.added", {"output_index": index, "item": {**item, **hollow, **running}}),
        *inner,
        ("response.output_item.done", {"output_index": index, "item": item}),
    ]


def _told_message(item: Json, at: Json, spoken: Sequence[str]) -> Iterator[tuple[str, Json]]:
    for number, part in enumerate(item["content"]):
        place = {**at, "content_index": number}
        refuses = part["type"] == "refusal"
        field, stem = ("refusal", "response.refusal") if refuses else ("text", "response.output_text")
        probs: Json = {} if refuses else {"logprobs": []}
        yield "response.content_part.added", {**place, "part": {**part, field: ""}}
        for word in spoken or pieces(part[field]):
            yield f"{stem}.delta", {**place, "delta": word, **probs}
        yield f"{stem}.done", {**place, field: part[field], **probs}
        yield "response.content_part.done", {**place, "part": part}


def _told_reasoning(item: Json, at: Json, _: Sequence[str]) -> Iterator[tuple[str, Json]]:
    for number, part in enumerate(item["summary"]):
        place = {**at, "summary_index": number}
        yield "response.reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
        for word in pieces(part["text"]):
            yield "response.reasoning_summary_text.delta", {**place, "delta": word}
        yield "response.reasoning_summary_text.done", {**place, "text": part["text"]}
        yield "response.reasoning_summary_part.done", {**place, "part": part}


def _told_call(item: Json, at: Json) -> Iterator[tuple[str, Json]]:
    """Tell a call in two pieces."""
    field = SAID[item["type"]]
    stem = "response.function_call_arguments" if field == "arguments" else "response.custom_tool_call_input"
    for piece in (item[field][:9], item[field][9:]):
        yield f"{stem}.delta", {**at, "delta": piece}
    yield f"{stem}.done", {**at, field: item[field]}


# as a model does -----------------------------------------------------------------------------------------------------


def respond(body: Json, manner: Manner) -> Reply:
    """Answer a request as a real upstream would."""
    items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    tools = [*(body.get("tools") or ()), *(tool for item in items for tool in item.get("tools") or ())]
    form = (body.get("text") or {}).get("format") or {}
    parallel = manner.parallel if body.get("parallel_tool_calls", True) else 1
    text, calls = wanted(form.get("schema"), next_move(items, list(_offered(tools)), parallel))
    how: Json = {
        "model": body["model"],
        "calls": calls,
        "before": manner.before,
        "thinks": manner.thinks and reasons(body),
        "shown": bool((body.get("reasoning") or {}).get("summary")),
        "turn": secrets.token_hex(8),
        "asked": body,
    }
    if body.get("stream"):
        return as_stream(response_events(pieces(text), interleaves=manner.interleaves, **how))
    return as_json(response(text, **how), 200, ("x-request-id", "req_upstream"))


def input_tokens(body: Json, _: Manner) -> Reply:
    """Count the input of a request."""
    return as_json({"object": "response.input_tokens", "input_tokens": len(json.dumps(body["input"])) // 4})


def _offered(tools: Sequence[Json], namespace: str | None = None) -> Iterator[Json]:
    """Yield the client's own tools, those of namespaces too."""
    for tool in tools:
        if tool["type"] == "namespace":
            yield from _offered(tool["tools"], tool["name"])
        elif tool["type"] == "function":
            yield {"name": tool["name"], "parameters": tool["parameters"] or {}, "namespace": namespace}
        elif tool["type"] == "custom":
            yield {"name": tool["name"], "parameters": None, "namespace": namespace}
