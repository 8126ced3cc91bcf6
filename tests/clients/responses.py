"""The Responses API at its strictest, as agents meet it: whole tool loops, and what of a request is refused.

What a model has thought is encrypted for its vendor alone, who can tell which calls it led to: in a running tool loop
it must be back, unmodified, with those calls behind it. Stateless, by request. Everything else is answered as by
tests/support/vendor.py.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from tests.dialects.oracles import request_flaws
from tests.dialects.rules import broken
from tests.support import vendor
from tests.support.answers import CREATED, event, wanted
from tests.support.loop import next_move
from tests.support.script import as_json, as_stream
from tests.support.thoughts import signed, thought

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.loop import Call, Manner
    from tests.support.script import Reply
    from tests.support.upstream import Answer, Seen

PATH = "/v1/responses"
ENCRYPTED = "reasoning.encrypted_content"
SAMPLING = ("temperature", "top_p", "top_logprobs")
ECHOED: dict[str, Any] = {
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
    "truncation": "disabled",
}
"""What a response repeats of its request, with what is said where that said nothing."""
HEAD: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": CREATED,
    "status": "in_progress",
    "background": False,
    "error": None,
    "incomplete_details": None,
    "output": [],
    "temperature": 1.0,
    "top_p": 1.0,
    "usage": None,
}
USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 18,
}
Item = dict[str, Any]
Told = list[tuple[str, Item]]
"""Events of a stream: the kind of each, and its fields."""


def strict(manner: Manner) -> Answer:
    """Return what an upstream answers that refuses all it can, and else goes about its task in this manner."""
    others = vendor.strict(manner)

    def answer(seen: Seen) -> Reply:
        if seen.path == f"{PATH}/input_tokens":
            return as_json({"object": "response.input_tokens", "input_tokens": len(seen.body) // 4})
        if seen.path != PATH:
            return others(seen)
        reason = refused(seen, manner)
        if reason is None:
            return _answer(seen.json, manner)
        return as_json(
            {"error": {"type": "invalid_request_error", "message": reason, "param": None, "code": None}}, 400
        )

    return answer


def refused(seen: Seen, manner: Manner) -> str | None:
    """Return why a vendor refuses this request, None if it does not."""
    if seen.path == f"{PATH}/input_tokens":
        return "; ".join(request_flaws("input_tokens", seen.json)) or None
    if seen.path != PATH:
        return vendor.refused(seen, manner)
    flaws = request_flaws("responses", seen.json) or [
        *broken("responses", seen.json),
        *_unknown(seen.json),
        *_recalled(seen.json, must=manner.thinks and _thinks(seen.json)),
    ]
    return "; ".join(flaws) or None


# answers -------------------------------------------------------------------------------------------------------------


def response(body: Item, output: Sequence[Item] = (), status: str = "completed") -> Item:
    """Return a response that was completed, or one in another `status`, to the request `body`."""
    echoed = {name: nothing if body.get(name) is None else body[name] for name, nothing in ECHOED.items()}
    usage = USAGE if status == "completed" else None
    return {**HEAD, **echoed, "model": body["model"], "output": [*output], "status": status, "usage": usage}


def opened(body: Item) -> list[bytes]:
    """Return the events that open a stream, before any content."""
    return numbered(_opened(body))


def numbered(told: Told) -> list[bytes]:
    """Return events in their order, as they go on the wire."""
    return [event(kind, **fields, sequence_number=number) for number, (kind, fields) in enumerate(told)]


def _opened(body: Item) -> Told:
    begun = response(body, status="in_progress")
    return [("response.created", {"response": begun}), ("response.in_progress", {"response": begun})]


def _answer(body: Item, manner: Manner) -> Reply:
    items = _output(body, manner)
    if not body.get("stream"):
        return as_json(response(body, items))
    told = _opened(body)
    for index, item in enumerate(items):
        told += _told(index, item)
    return as_stream(numbered([*told, ("response.completed", {"response": response(body, items)})]))


def _output(body: Item, manner: Manner) -> list[Item]:
    """Return what the model puts out: a thought, then calls with a word before them, or a text."""
    tools = {tool["name"]: tool for tool in _tools(body)}
    said = [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
    parallel = manner.parallel if body.get("parallel_tool_calls", True) else 1
    schema = ((body.get("text") or {}).get("format") or {}).get("schema")
    text, calls = wanted(schema, next_move(said, list(tools.values()), parallel))
    items = [_reasoning(body, calls)] if manner.thinks and _reasons(body) else []
    if text := manner.before if calls else text:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        message = {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
        items.append({"id": f"msg_{secrets.token_hex(8)}", **message})
    return [*items, *(_call(call, tools[call.tool]) for call in calls)]


def _tools(body: Item) -> Iterator[Item]:
    """Yield the client's own tools, wherever they are offered, with their namespace."""
    lists = [body.get("tools"), *(item.get("tools") for item in body["input"] if isinstance(item, dict))]
    for tool in [tool for tools in lists for tool in tools or ()]:
        inner = tool["tools"] if tool["type"] == "namespace" else [tool]
        space = {"namespace": tool["name"]} if tool["type"] == "namespace" else {}
        yield from ({"parameters": None, **one, **space} for one in inner if one["type"] in ("function", "custom"))


def _reasoning(body: Item, calls: Sequence[Call]) -> Item:
    ids = [f"call_{call.mark}" for call in calls]
    shown = (body.get("reasoning") or {}).get("summary")
    item = {
        "id": f"rs_{secrets.token_hex(8)}",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": thought(ids)}] if shown else [],
    }
    return {**item, "encrypted_content": encrypted(ids)} if ENCRYPTED in (body.get("include") or ()) else item


def _call(call: Call, tool: Item) -> Item:
    space = {"namespace": tool["namespace"]} if "namespace" in tool else {}
    named = {"call_id": f"call_{call.mark}", "name": call.tool, "status": "completed", **space}
    if tool["type"] == "custom":
        return {"id": f"ctc_{call.mark}", "type": "custom_tool_call", "input": call.arguments, **named}
    return {"id": f"fc_{call.mark}", "type": "function_call", "arguments": json.dumps(call.arguments), **named}


def _told(index: int, item: Item) -> Told:
    """Return the events of one item."""
    empty = {"reasoning": {"summary": []}, "message": {"content": []}, "function_call": {"arguments": ""}}
    begun = {
        **item,
        **({"status": "in_progress"} if "status" in item else {}),
        **empty.get(item["type"], {"input": ""}),
    }
    at = {"item_id": item["id"], "output_index": index}
    return [
        ("response.output_item.added", {"output_index": index, "item": begun}),
        *((f"response.{kind}", {**at, **fields}) for kind, fields in _inner(item)),
        ("response.output_item.done", {"output_index": index, "item": item}),
    ]


def _inner(item: Item) -> Iterator[tuple[str, Item]]:
    for kind, said in (("function_call", "arguments"), ("custom_tool_call", "input")):
        if item["type"] == kind:
            yield from _spoken(f"{kind}_{said}", said, item[said], {})
    for number, part in enumerate(item.get("summary", ())):
        at = {"summary_index": number}
        yield "reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
        yield from _spoken("reasoning_summary_text", "text", part["text"], at)
        yield "reasoning_summary_part.done", {**at, "part": part}
    for number, part in enumerate(item.get("content", ())):
        at = {"content_index": number}
        yield "content_part.added", {**at, "part": {**part, "text": ""}}
        yield from _spoken("output_text", "text", part["text"], {**at, "logprobs": []})
        yield "content_part.done", {**at, "part": part}


def _spoken(stem: str, field: str, text: str, at: Item) -> Iterator[tuple[str, Item]]:
    for start in range(0, len(text), 8):
        yield f"{stem}.delta", {**at, "delta": text[start : start + 8]}
    yield f"{stem}.done", {**at, field: text}


# what is refused -----------------------------------------------------------------------------------------------------


def _reasons(body: Item) -> bool:
    """Say whether the model is one that reasons, and is to."""
    effort = (body.get("reasoning") or {}).get("effort")
    return effort != "none" and re.match(r"gpt-[5-9]|o\d", body["model"]) is not None


def _thinks(body: Item) -> bool:
    """Say whether the client has been given what the model thought."""
    return _reasons(body) and ENCRYPTED in (body.get("include") or ())


def _unknown(body: Item) -> Iterator[str]:
    if _reasons(body):
        yield from (
            f"Unsupported parameter: '{name}' is not supported with this model."
            for name in SAMPLING
            if body.get(name) is not None
        )


def encrypted(ids: Sequence[str]) -> str:
    """Return the thought that led to these calls, so that only its vendor can read it."""
    return f"gAAAA{base64.urlsafe_b64encode(json.dumps([*ids]).encode()).decode()}.{signed(ids)}"


def _decrypted(content: str) -> list[str] | None:
    """Return the calls that an encrypted thought led to; None if no vendor of ours has encrypted it."""
    ids: list[str] = []
    if found := re.fullmatch(r"gAAAA([\w=-]+)\..+", content):
        ids = json.loads(base64.urlsafe_b64decode(found.group(1)))
    return ids if content == encrypted(ids) else None


def _recalled(body: Item, *, must: bool) -> Iterator[str]:
    """Hold every thought against what was encrypted, and the calls behind it; `must`: it may not be missing."""
    items = body["input"] if isinstance(body["input"], list) else []
    begun = max((number for number, item in enumerate(items) if item.get("role") == "user"), default=0)
    led: set[str] = set()
    for number, item in enumerate(items):
        where = f"input[{number}]"
        if item.get("type") in ("function_call", "custom_tool_call"):
            if must and number > begun and item["call_id"] not in led:
                yield f"{where}: a call was provided without its required 'reasoning' item"
        elif item.get("type") == "reasoning":
            ids = _decrypted(item.get("encrypted_content") or "")
            if ids is None:
                yield f"{where}: the encrypted content could not be verified"
                continue
            led.update(ids)
            behind = [one["call_id"] for one in items[number:] if "call_id" in one]
            if not set(ids) <= set(behind):
                yield f"{where}: reasoning was provided without its required following items"
            if "".join(part["text"] for part in item["summary"]) not in ("", thought(ids)):
                yield f"{where}: the summary of the reasoning was modified"
