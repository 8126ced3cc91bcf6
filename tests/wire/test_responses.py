"""The rules of a Responses stream: good streams keep them all, and each has a stream that breaks it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import CREATED, event
from tests.support.wire import violations

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE: dict[str, Any] = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 18,
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": CREATED,
    "status": "in_progress",
    "model": "m",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "error": None,
    "incomplete_details": None,
    "usage": None,
}
COMMENT = b": keep-alive\n\n"
Step = dict[str, Any]


def step(kind: str, **fields: Any) -> Step:
    """Return an event that has no number yet."""
    return {"type": kind if kind in ("error", "keepalive") else f"response.{kind}", **fields}


def told(steps: Sequence[Step | bytes], first: int = 0) -> bytes:
    """Return a stream of these events, numbered; what is bytes already has no number."""
    out, number = b"", first
    for one in steps:
        if isinstance(one, bytes):
            out += one
            continue
        fields = {"sequence_number": number, **one}
        out += event(fields.pop("type"), **fields)
        number += 1
    return out


def created(kind: str = "created", **fields: Any) -> Step:
    return step(kind, response={**RESPONSE, **fields})


def ended(kind: str, output: list[Any], **fields: Any) -> Step:
    usage = None if kind == "failed" else USAGE
    return step(kind, response={**RESPONSE, "status": kind, "output": output, "usage": usage, **fields})


def completed(*output: Any, **fields: Any) -> Step:
    return ended("completed", list(output), **fields)


def cut_short(*output: Any, reason: Any = "max_output_tokens", **fields: Any) -> Step:
    return ended("incomplete", list(output), incomplete_details={"reason": reason}, **fields)


def failed(*output: Any, **fields: Any) -> Step:
    return ended("failed", list(output), **{"error": {"code": "server_error", "message": "broke"}, **fields})


def added(index: int, item: Any, **fields: Any) -> Step:
    return step("output_item.added", output_index=index, item=item, **fields)


def done(index: int, item: Any, **fields: Any) -> Step:
    return step("output_item.done", output_index=index, item=item, **fields)


# the events of one item each -----------------------------------------------------------------------------------------

AT = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
TEXT: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
HELLO = {**TEXT, "text": "Hello"}
REFUSAL = {"type": "refusal", "refusal": ""}
NO = {"type": "refusal", "refusal": "No."}
OPENED: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "in_progress",
    "content": [],
}
SAID = {**OPENED, "status": "completed", "content": [HELLO]}
REFUSED = {**OPENED, "status": "completed", "content": [NO]}


def part(part: Any = TEXT, **at: Any) -> Step:
    return step("content_part.added", part=part, **{**AT, **at})


def words(delta: str, **fields: Any) -> Step:
    return step("output_text.delta", **{**AT, "delta": delta, "logprobs": [], **fields})


def whole(text: str, **fields: Any) -> Step:
    return step("output_text.done", **{**AT, "text": text, "logprobs": [], **fields})


def part_done(part: Any, **at: Any) -> Step:
    return step("content_part.done", part=part, **{**AT, **at})


def annotated(number: int, annotation: Any) -> Step:
    return step("output_text.annotation.added", **AT, annotation_index=number, annotation=annotation)


BEGIN: list[Step | bytes] = [created(), created("in_progress")]
SPEAKS = [added(0, OPENED), part(), words("Hel"), words("lo"), whole("Hello"), part_done(HELLO), done(0, SAID)]
REFUSES = [
    added(0, OPENED),
    part(REFUSAL),
    step("refusal.delta", **AT, delta="No."),
    step("refusal.done", **AT, refusal="No."),
    part_done(NO),
    done(0, REFUSED),
]

CITED = {"type": "url_citation", "url": "https://example.com", "title": "x", "start_index": 0, "end_index": 5}
QUOTED = {**HELLO, "annotations": [CITED]}
QUOTES = {**SAID, "content": [QUOTED]}

FC = {"item_id": "fc_1", "output_index": 0}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "status": "in_progress",
    "call_id": "call_1",
    "name": "f",
    "arguments": "",
}
CALLED = {**CALL, "status": "completed", "arguments": '{"a":1}'}


def argues(delta: str, **fields: Any) -> Step:
    return step("function_call_arguments.delta", **{**FC, "delta": delta, **fields})


def argued(arguments: str, **fields: Any) -> Step:
    return step("function_call_arguments.done", **{**FC, "arguments": arguments, **fields})


CALLS = [added(0, CALL), argues('{"a"'), argues(":1}"), argued('{"a":1}'), done(0, CALLED)]

CUSTOM = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_1", "name": "f", "input": "", "namespace": "ns"}
CTC = {"item_id": "ctc_1", "output_index": 0}
PATCHED = {**CUSTOM, "input": "not JSON"}
PATCHES = [
    added(0, CUSTOM),
    step("custom_tool_call_input.delta", **CTC, delta="not ", obfuscation="x"),
    step("custom_tool_call_input.delta", **CTC, delta="JSON"),
    step("custom_tool_call_input.done", **CTC, input="not JSON"),
    done(0, PATCHED),
]

RS = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
RAW = {"item_id": "rs_1", "output_index": 0, "content_index": 0}
THINKING: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "summary": []}
SUMMARY = {"type": "summary_text", "text": "so"}
THOUGHT = {**THINKING, "summary": [SUMMARY], "encrypted_content": "x"}
THINKS = [
    added(0, THINKING),
    step("reasoning_summary_part.added", **RS, part={**SUMMARY, "text": ""}),
    step("reasoning_summary_text.delta", **RS, delta="so"),
    step("reasoning_summary_text.done", **RS, text="so"),
    step("reasoning_summary_part.done", **RS, part=SUMMARY),
    done(0, THOUGHT),
]
OPENLY = {"type": "reasoning_text", "text": "so"}
THOUGHT_OPENLY = {**THINKING, "status": "completed", "content": [OPENLY]}
THINKS_OPENLY = [
    added(0, {**THINKING, "status": "in_progress"}),
    step("reasoning_text.delta", **RAW, delta="so"),
    step("reasoning_text.done", **RAW, text="so"),
    done(0, THOUGHT_OPENLY),
]

SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "in_progress", "action": {"type": "search"}}
SEARCHED = {**SEARCH, "status": "completed"}
WS = {"item_id": "ws_1", "output_index": 0}
SEARCHES = [
    added(0, SEARCH),
    step("web_search_call.searching", **WS),
    step("web_search_call.completed", **WS),
    done(0, SEARCHED),
]


def later(steps: list[Step], index: int, ident: str = "") -> list[Step]:
    """Return the events of an item as those of output `index`, with another id of its own and of its call."""
    made = []
    for one in steps:
        item = {name: f"{one['item'][name]}{ident}" for name in ("id", "call_id") if name in one.get("item", ())}
        new = {**one, "output_index": index}
        new |= {"item": {**one["item"], **item}} if item else {"item_id": f"{one['item_id']}{ident}"}
        made.append(new)
    return made


def items(steps: list[Any]) -> list[Any]:
    return [one["item"] for one in steps if isinstance(one, dict) and one["type"].endswith("output_item.done")]


MANY = [
    *THINKS,
    *later(SPEAKS, 1),
    *later(CALLS, 2),
    *later(CALLS, 3, "b"),
    *later(PATCHES, 4, "c"),
    *later(SEARCHES, 5),
]
ALL: list[Step | bytes] = [
    COMMENT,
    created(),
    COMMENT,
    created("in_progress"),
    step("keepalive"),
    *MANY,
    COMMENT,
    completed(*items(MANY)),
]
CUT = {**SAID, "status": "incomplete"}
CUT_CALL = {**CALLED, "status": "incomplete", "arguments": '{"a'}
TWINS = [
    CALLS[0],
    later(CALLS, 1, "b")[0],
    *CALLS[1:3],
    *later(CALLS, 1, "b")[1:],
    *CALLS[3:],
]
GOOD: dict[str, list[Step | bytes]] = {
    "message": [*BEGIN, *SPEAKS, completed(SAID)],
    "refusal": [*BEGIN, *REFUSES, completed(REFUSED)],
    "text and refusal": [
        *BEGIN,
        *SPEAKS[:-1],
        part(REFUSAL, content_index=1),
        step("refusal.delta", **{**AT, "content_index": 1}, delta="No."),
        step("refusal.done", **{**AT, "content_index": 1}, refusal="No."),
        part_done(NO, content_index=1),
        done(0, {**SAID, "content": [HELLO, NO]}),
        completed({**SAID, "content": [HELLO, NO]}),
    ],
    "annotations": [
        *BEGIN,
        *SPEAKS[:4],
        annotated(0, CITED),
        SPEAKS[4],
        part_done(QUOTED),
        done(0, QUOTES),
        completed(QUOTES),
    ],
    "function call": [*BEGIN, *CALLS, completed(CALLED)],
    "function call, told by name": [*BEGIN, *CALLS[:3], argued('{"a":1}', name="f"), CALLS[4], completed(CALLED)],
    "custom tool call": [*BEGIN, *PATCHES, completed(PATCHED)],
    "reasoning, summarized": [*BEGIN, *THINKS, completed(THOUGHT)],
    "reasoning, sealed": [
        *BEGIN,
        THINKS[0],
        done(0, {**THOUGHT, "summary": []}),
        completed({**THOUGHT, "summary": []}),
    ],
    "reasoning, openly": [*BEGIN, *THINKS_OPENLY, completed(THOUGHT_OPENLY)],
    "reasoning, openly in parts": [
        *BEGIN,
        THINKS_OPENLY[0],
        part({**OPENLY, "text": ""}, **RAW),
        *THINKS_OPENLY[1:3],
        part_done(OPENLY, **RAW),
        THINKS_OPENLY[3],
        completed(THOUGHT_OPENLY),
    ],
    "a tool of the vendor's": [*BEGIN, *SEARCHES, completed(SEARCHED)],
    "everything": ALL,
    "nothing": [*BEGIN, completed()],
    "queued": [created(status="queued"), created("queued", status="queued"), created("in_progress"), completed()],
    "text cut short": [*BEGIN, *SPEAKS[:-1], done(0, CUT), cut_short(CUT)],
    "a call cut short": [*BEGIN, *CALLS[:1], argues('{"a'), argued('{"a'), done(0, CUT_CALL), cut_short(CUT_CALL)],
    "cut short between items": [*BEGIN, *SPEAKS, cut_short(SAID, reason="content_filter")],
    "failed at once": [created(), failed()],
    "failed within an item": [*BEGIN, *SPEAKS[:3], failed()],
    "failed after an item": [*BEGIN, *SPEAKS, failed(SAID, usage=USAGE)],
    "error at once": [COMMENT, step("error", code=None, message="broke", param=None)],
    "error within an item": [*BEGIN, *SPEAKS[:3], step("error", code="server_error", message="broke", param=None)],
}

ERROR = {"code": "server_error", "message": "broke", "param": None}


def mangled(steps: list[Any], place: int, **fields: Any) -> list[Any]:
    """Return the stream with other fields in one of its events."""
    return [*BEGIN, *steps[:place], {**steps[place], **fields}]


def without(one: Step, name: str) -> Step:
    return {field: value for field, value in one.items() if field != name}


def counted(**fields: Any) -> list[Any]:
    return [*BEGIN, completed(usage={**USAGE, **fields})]


BAD: dict[str, tuple[list[Any], str]] = {
    # events
    "a last event without an empty line": ([told([*BEGIN, completed()])[:-1]], "not closed by an empty line"),
    "no name": ([b'data: {"type": "response.created"}\n\n'], "without a name"),
    "no JSON": ([b"event: keepalive\ndata: {\n\n"], "no JSON"),
    "another type than the name": ([b'event: keepalive\ndata: {"type": "error"}\n\n'], "says it is 'error'"),
    "an unknown event": ([*BEGIN, step("novel")], "an unknown event: response.novel"),
    "no number": ([event("response.created", response=RESPONSE)], "without a sequence_number"),
    "a number that is text": ([created() | {"sequence_number": "0"}], "without a sequence_number"),
    "a number that does not begin at 0": ([created() | {"sequence_number": 1}], "sequence_number 1 where 0 is due"),
    "a number twice": ([created(), created("in_progress") | {"sequence_number": 0}], "0 where 1 is due"),
    "a number that is skipped": ([created(), created("in_progress") | {"sequence_number": 2}], "2 where 1 is due"),
    "an event with strange fields": ([created() | {"error": {}}], "unknown fields: error"),
    "[DONE]": ([*BEGIN, b"data: [DONE]\n\n"], "[DONE]: this API ends with the end of the response"),
    "[DONE] after the end": ([*BEGIN, completed(), b"data: [DONE]\n\n"], "comes after response.completed"),
    "an event after the end": ([*BEGIN, completed(), step("keepalive")], "comes after response.completed"),
    "a second end": ([*BEGIN, failed(), completed()], "comes after response.failed"),
    "response.failed after an error": ([*BEGIN, step("error", **ERROR), failed()], "comes after the error"),
    "no end": ([*BEGIN, *SPEAKS], "no end of the response"),
    "nothing": ([], "no end of the response"),
    "an error that is nested": ([step("error", error=ERROR)], "error lacks code, message, param"),
    "an error with an empty message": ([step("error", **{**ERROR, "message": ""})], "error.message is empty"),
    "an error with strange fields": ([step("error", **ERROR, status=500)], "unknown fields: status"),
    "keepalive at once": ([step("keepalive")], "keepalive before response.created"),
    "keepalive that says something": ([*BEGIN, step("keepalive", text="x")], "unknown fields: text"),
    # the response as a whole
    "no response.created": ([created("in_progress")], "response.in_progress after nothing"),
    "response.created twice": ([created(), created()], "response.created after response.created"),
    "response.in_progress twice": ([*BEGIN, created("in_progress")], "response.in_progress after response.in_progress"),
    "queued too late": ([*BEGIN, created("queued", status="queued")], "response.queued after response.in_progress"),
    "an item before response.in_progress": ([created(), *SPEAKS], "added before response.in_progress"),
    "a delta before response.in_progress": ([created(), words("x")], "delta before response.in_progress"),
    "completed before response.in_progress": ([created(), completed()], "completed before response.in_progress"),
    "failed before response.created": ([failed()], "response.failed before response.created"),
    "created as completed": ([created(status="completed")], "response.created has status 'completed'"),
    "in progress as queued": ([created(), created("in_progress", status="queued")], "has status 'queued'"),
    "completed as in progress": ([*BEGIN, completed(status="in_progress")], "response.completed has status"),
    "incomplete as completed": ([*BEGIN, cut_short(status="completed")], "response.incomplete has status"),
    "failed as completed": ([*BEGIN, failed(status="completed")], "response.failed has status"),
    "another object": ([created(object="response.deleted")], "object is 'response.deleted'"),
    "an empty id": ([created(id="")], "response.id or response.model is empty"),
    "an empty model": ([created(model="")], "response.id or response.model is empty"),
    "created_at that is text": ([created(created_at="now")], "created_at has the wrong type"),
    "tools that are null": ([created(tools=None)], "tools has the wrong type"),
    "a strange field": ([created(choices=[])], "unknown fields: choices"),
    **{
        f"no {name}": ([step("created", response=without(RESPONSE, name))], f"response lacks {name}")
        for name in list(RESPONSE)[:9]
    },
    "an id that changes": ([created(), created("in_progress", id="resp_2")], "id, created_at and model change"),
    "created_at that changes": ([*BEGIN, completed(created_at=1)], "id, created_at and model change"),
    "a model that changes": ([*BEGIN, failed(model="n")], "id, created_at and model change"),
    "output at the beginning": ([created(output=[SAID])], "response.created has output already"),
    "usage at the beginning": ([created(usage=USAGE)], "response.created has usage already"),
    "an error at the beginning": ([created(error=ERROR)], "response.created has error"),
    "an error of a completed response": ([*BEGIN, completed(error=ERROR)], "response.completed has error"),
    "incomplete_details of a completed one": (
        [*BEGIN, completed(incomplete_details={"reason": "content_filter"})],
        "response.completed has incomplete_details",
    ),
    "completed_at of an incomplete one": ([*BEGIN, cut_short(completed_at=1)], "response.incomplete has completed_at"),
    "incomplete without details": ([*BEGIN, ended("incomplete", [])], "response.incomplete without incomplete_details"),
    "incomplete without a reason": ([*BEGIN, cut_short(reason=None)], "incomplete_details.reason is None"),
    "incomplete for a strange reason": ([*BEGIN, cut_short(reason="length")], "incomplete_details.reason is 'length'"),
    "failed without an error": ([*BEGIN, failed(error=None)], "response.failed without error"),
    "failed without a code": ([*BEGIN, failed(error={"message": "x"})], "response.error lacks code"),
    "failed without a message": ([*BEGIN, failed(error={"code": "x"})], "response.error lacks message"),
    "failed with an empty message": ([*BEGIN, failed(error={"code": "x", "message": ""})], "response.error is empty"),
    # usage
    "completed without usage": ([*BEGIN, completed(usage=None)], "response.completed without usage"),
    "incomplete without usage": ([*BEGIN, cut_short(usage=None)], "response.incomplete without usage"),
    **{
        f"usage without {name}": ([*BEGIN, completed(usage=without(USAGE, name))], f"usage lacks {name}")
        for name in USAGE
    },
    "usage of another API": (counted(prompt_tokens=11), "unknown fields: prompt_tokens"),
    "usage without a sum": (counted(total_tokens=17), "total_tokens is no sum"),
    "usage below zero": (counted(input_tokens=-1, total_tokens=6), "usage below zero"),
    "no cached_tokens": (counted(input_tokens_details={"cache_write_tokens": 0}), "lacks cached_tokens"),
    "no cache_write_tokens": (counted(input_tokens_details={"cached_tokens": 0}), "lacks cache_write_tokens"),
    "no reasoning_tokens": (counted(output_tokens_details={}), "lacks reasoning_tokens"),
    "more cached than sent": (
        counted(input_tokens_details={"cached_tokens": 12, "cache_write_tokens": 0}),
        "cached_tokens are more than input_tokens",
    ),
    "more reasoning than output": (
        counted(output_tokens_details={"reasoning_tokens": 8}),
        "reasoning_tokens are more than output_tokens",
    ),
    "strange usage of a failed response": ([*BEGIN, failed(usage={})], "usage lacks"),
    # items
    "an item that is skipped": ([*BEGIN, *later(SPEAKS, 1)], "item 1 after 0 items"),
    "an index that comes again": ([*BEGIN, *SPEAKS, *CALLS], "item 0 after 1 items"),
    "an item within another": ([*BEGIN, *TWINS, completed(*items(TWINS))], "item 1 is added within item 0"),
    "the end within an item": ([*BEGIN, *SPEAKS[:-1], completed()], "response.completed within item 0"),
    "an incomplete end within an item": ([*BEGIN, *SPEAKS[:3], cut_short()], "response.incomplete within item 0"),
    "an unknown item": ([*BEGIN, added(0, {"id": "x", "type": "novel"})], "an unknown item: 'novel'"),
    "an item without an id": ([*BEGIN, added(0, without(OPENED, "id"))], "a message without an id"),
    "an item with an empty id": ([*BEGIN, added(0, {**SEARCH, "id": ""})], "a web_search_call without an id"),
    "an item without a field": ([*BEGIN, added(0, without(CALL, "arguments"))], "a function_call lacks arguments"),
    "an item with a strange field": ([*BEGIN, added(0, {**CALL, "index": 0})], "unknown fields: index"),
    "an id that comes again": (
        [*BEGIN, *SPEAKS, *later(SPEAKS, 1)],
        "an id comes again: ['msg_1']",
    ),
    "a call_id that comes again": ([*BEGIN, *CALLS, *later(PATCHES, 1)], "an id comes again: ['ctc_1', 'call_1']"),
    "a message of the user": ([*BEGIN, added(0, {**OPENED, "role": "user"})], "a message of role 'user'"),
    "a phase of another kind": ([*BEGIN, added(0, {**OPENED, "phase": "x"})], "phase 'x'"),
    "a call without a call_id": ([*BEGIN, added(0, {**CALL, "call_id": ""})], "no call_id or no name"),
    "a call without a name": ([*BEGIN, added(0, {**CALL, "name": ""})], "no call_id or no name"),
    "an item that is added as completed": ([*BEGIN, added(0, SAID)], "added with status 'completed'"),
    "an item that is added with content": ([*BEGIN, added(0, {**OPENED, "content": [HELLO]})], "with content already"),
    "a call that is added with arguments": ([*BEGIN, added(0, {**CALL, "arguments": "{}"})], "with arguments already"),
    "a call that is added with input": ([*BEGIN, added(0, PATCHED)], "with input already"),
    "a thought that is added with a summary": ([*BEGIN, added(0, THOUGHT)], "with summary already"),
    "an item that was not added": ([*BEGIN, SPEAKS[-1]], "item 0 is not open"),
    "an item that is done twice": ([*BEGIN, *SPEAKS, SPEAKS[-1]], "item 0 is not open"),
    "an item that is done as in progress": (mangled(SPEAKS, 6, item={**SAID, "status": "in_progress"}), "is done with"),
    "a thought that is done as in progress": (
        mangled(THINKS, 5, item={**THOUGHT, "status": "in_progress"}),
        "item 0 is done with status 'in_progress'",
    ),
    "an item that changes its id": (mangled(SPEAKS, 6, item={**SAID, "id": "msg_2"}), "changes its id"),
    "an item that changes its type": (mangled(CALLS, 4, item={**SAID, "id": "fc_1"}), "changes its type"),
    "a call that changes its call_id": (mangled(CALLS, 4, item={**CALLED, "call_id": "x"}), "changes its call_id"),
    "a call that changes its name": (mangled(CALLS, 4, item={**CALLED, "name": "g"}), "changes its name"),
    "a call that changes its namespace": (mangled(PATCHES, 4, item=without(PATCHED, "namespace")), "its namespace"),
    "an incomplete item in a completed response": (
        [*BEGIN, *SPEAKS[:-1], done(0, CUT), completed(CUT)],
        "response.completed although an item is incomplete",
    ),
    "an item after an incomplete one": (
        [*BEGIN, *SPEAKS[:-1], done(0, CUT), *later(CALLS, 1)],
        "item 1 is added after an incomplete one",
    ),
    "output that lacks an item": ([*BEGIN, *SPEAKS, completed()], "response.output has 0 items, but 1 were done"),
    "output that has one too many": ([*BEGIN, completed(SAID)], "response.output has 1 items, but 0 were done"),
    "output that tells another item": (
        [*BEGIN, *SPEAKS, completed({**SAID, "content": []})],
        "response.output tells another item 0 than was done",
    ),
    "output in another order": (
        [*BEGIN, *SPEAKS, *later(CALLS, 1), completed(CALLED, SAID)],
        "response.output tells another item 0",
    ),
    "incomplete output that tells another item": ([*BEGIN, *SPEAKS, cut_short(CUT)], "tells another item 0"),
    "failed output that tells another item": ([*BEGIN, *SPEAKS, failed(CUT)], "tells another item 0"),
    # text
    "a part of no item": ([*BEGIN, part()], "item 0 is not open"),
    "a delta of another item": (mangled(SPEAKS, 2, item_id="msg_2"), "for 'msg_2', but item 0 is 'msg_1'"),
    "a delta of another index": (mangled(SPEAKS, 2, output_index=1), "item 1 is not open"),
    "a delta without logprobs": ([*BEGIN, *SPEAKS[:2], without(words("x"), "logprobs")], "lacks logprobs"),
    "a delta without a part": ([*BEGIN, SPEAKS[0], words("x")], "content 0 is not open"),
    "a delta of another part": (mangled(SPEAKS, 2, content_index=1), "content 1 is not open"),
    "a delta of another kind": ([*BEGIN, *SPEAKS[:2], REFUSES[2]], "refusal in a part of output_text"),
    "text in a refusal": ([*BEGIN, *REFUSES[:2], words("x")], "output_text in a part of refusal"),
    "a part within another": ([*BEGIN, *SPEAKS[:2], part(content_index=1)], "a part begins within another"),
    "a part that is skipped": ([*BEGIN, SPEAKS[0], part(content_index=1)], "content 1 after 0 parts"),
    "a part that comes again": ([*BEGIN, *SPEAKS[:6], part()], "content 0 after 1 parts"),
    "a part of an unknown kind": ([*BEGIN, SPEAKS[0], part({"type": "text"})], "text in the content of message"),
    "a part in a call": ([*BEGIN, CALLS[0], part(item_id="fc_1")], "output_text in the content of function_call"),
    "a part without annotations": ([*BEGIN, SPEAKS[0], part(without(TEXT, "annotations"))], "lacks annotations"),
    "a part with a strange field": ([*BEGIN, SPEAKS[0], part({**TEXT, "refusal": ""})], "unknown fields: refusal"),
    "a part that begins with text": ([*BEGIN, SPEAKS[0], part(HELLO)], "output_text begins with content already"),
    "text that its deltas did not say": (mangled(SPEAKS, 4, text="Hell"), "output_text that is done is not what"),
    "a refusal that its deltas did not say": (mangled(REFUSES, 3, refusal="N"), "refusal that is done is not what"),
    "text that goes on": ([*BEGIN, *SPEAKS[:5], words("x")], "output_text goes on after it was done"),
    "text that is done twice": ([*BEGIN, *SPEAKS[:5], SPEAKS[4]], "output_text goes on after it was done"),
    "a part that is done before its text": (
        [*BEGIN, *SPEAKS[:4], SPEAKS[5]],
        "a part is done before its output_text",
    ),
    "a part that is done twice": ([*BEGIN, *SPEAKS[:6], SPEAKS[5]], "content 0 is not open"),
    "a part that ends as another kind": (mangled(SPEAKS, 5, part=NO), "output_text ends as 'refusal'"),
    "a part that ends with another text": (mangled(SPEAKS, 5, part=TEXT), "done with another output_text"),
    "a part that ends with another refusal": (mangled(REFUSES, 4, part=REFUSAL), "done with another refusal"),
    "an annotation that is skipped": ([*BEGIN, *SPEAKS[:4], annotated(1, CITED)], "annotation 1 after 0"),
    "an annotation that is lost": ([*BEGIN, *SPEAKS[:4], annotated(0, CITED), *SPEAKS[4:]], "with other annotations"),
    "an annotation that nobody told": (mangled(SPEAKS, 5, part=QUOTED), "with other annotations"),
    "a message that is done within a part": (
        [*BEGIN, *SPEAKS[:5], SPEAKS[6]],
        "item 0 is done within a part",
    ),
    "a message that is done without its text": (mangled(SPEAKS, 6, item={**SAID, "content": []}), "another content"),
    # calls
    "arguments of another item": (mangled(CALLS, 1, item_id="fc_2"), "for 'fc_2', but item 0 is 'fc_1'"),
    "arguments of a message": ([*BEGIN, SPEAKS[0], argues("{}", item_id="msg_1")], "arguments for message"),
    "arguments of a custom call": ([*BEGIN, PATCHES[0], argues("", item_id="ctc_1")], "arguments for custom_tool_call"),
    "input of a function call": (
        [*BEGIN, CALLS[0], {**PATCHES[1], "item_id": "fc_1"}],
        "input for function_call",
    ),
    "arguments that its deltas did not say": (mangled(CALLS, 3, arguments="{}"), "arguments that is done is not what"),
    "arguments without deltas": ([*BEGIN, CALLS[0], argued("{}")], "arguments that is done is not what"),
    "input that its deltas did not say": (mangled(PATCHES, 3, input="x"), "input that is done is not what"),
    "arguments of another function": (mangled(CALLS, 3, name="g"), "names 'g'"),
    "arguments that go on": ([*BEGIN, *CALLS[:4], argues(" ")], "goes on after its arguments was done"),
    "arguments that are done twice": ([*BEGIN, *CALLS[:4], CALLS[3]], "goes on after its arguments was done"),
    "a call that is done before its arguments": ([*BEGIN, *CALLS[:3], CALLS[4]], "is done before its arguments"),
    "a call that is done before its input": ([*BEGIN, *PATCHES[:3], PATCHES[4]], "is done before its input"),
    "a call that is done with other arguments": (mangled(CALLS, 4, item={**CALLED, "arguments": "{}"}), "with another"),
    "arguments that are no JSON": (
        [*BEGIN, *CALLS[:2], argued('{"a"'), done(0, {**CALLED, "arguments": '{"a"'})],
        "the arguments of a call is no JSON",
    ),
    "no arguments": ([*BEGIN, CALLS[0], argued(""), done(0, {**CALLED, "arguments": ""})], "no JSON"),
    "arguments that are no object": (
        [*BEGIN, CALLS[0], argues("1"), argued("1"), done(0, {**CALLED, "arguments": "1"})],
        "no JSON object",
    ),
    # reasoning
    "a summary without a part": ([*BEGIN, THINKS[0], THINKS[2]], "summary 0 is not open"),
    "a summary in a message": (
        [*BEGIN, SPEAKS[0], {**THINKS[1], "item_id": "msg_1"}],
        "summary_text in the summary of message",
    ),
    "a summary that is skipped": (mangled(THINKS, 1, summary_index=1), "summary 1 after 0 parts"),
    "a summary of another index": (mangled(THINKS, 2, summary_index=1), "summary 1 is not open"),
    "a summary that its deltas did not say": (mangled(THINKS, 3, text="x"), "summary_text that is done is not what"),
    "a summary that goes on": ([*BEGIN, *THINKS[:4], THINKS[2]], "summary_text goes on after it was done"),
    "a summary part that is done before its text": (
        [*BEGIN, *THINKS[:3], THINKS[4]],
        "a part is done before its summary_text",
    ),
    "a summary part that ends with another text": (
        mangled(THINKS, 4, part={**SUMMARY, "text": "x"}),
        "a part is done with another summary_text",
    ),
    "a summary part that is done as completed": (mangled(THINKS, 4, status="completed"), "with status 'completed'"),
    "a thought that is done within its summary": ([*BEGIN, *THINKS[:4], THINKS[5]], "is done within a part"),
    "a thought that is done with another summary": (mangled(THINKS, 5, item=THINKING), "with another summary"),
    "reasoning that is skipped": (mangled(THINKS_OPENLY, 1, content_index=1), "content 1 after 0 parts"),
    "reasoning that its deltas did not say": (mangled(THINKS_OPENLY, 2, text="x"), "reasoning_text that is done"),
    "reasoning in a message": (
        [*BEGIN, SPEAKS[0], step("reasoning_text.delta", **AT, delta="x")],
        "reasoning_text in the content of message",
    ),
    "reasoning that goes on": ([*BEGIN, *THINKS_OPENLY[:3], THINKS_OPENLY[1]], "content 0 after 1 parts"),
    "a thought that is done within its text": ([*BEGIN, *THINKS_OPENLY[:2], THINKS_OPENLY[3]], "done within a part"),
    "a thought that is done without its text": (mangled(THINKS_OPENLY, 3, item=THINKING), "with another content"),
    # tools of the vendor's
    "a search of another item": (mangled(SEARCHES, 1, item_id="ws_2"), "for 'ws_2', but item 0 is 'ws_1'"),
    "a search of a message": (
        [*BEGIN, SPEAKS[0], {**SEARCHES[1], "item_id": "msg_1"}],
        "response.web_search_call.searching for a message",
    ),
    "a search without an index": ([*BEGIN, SEARCHES[0], step("web_search_call.searching")], "without an output_index"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_streams(name: str) -> None:
    assert violations("responses", told(GOOD[name])) == []


@pytest.mark.parametrize("name", BAD)
def test_each_rule(name: str) -> None:
    stream, rule = BAD[name]
    assert [rule in flaw for flaw in violations("responses", told(stream))] == [True]


def test_items_may_interleave_where_that_is_allowed() -> None:
    stream = told([*BEGIN, *TWINS, completed(*items(later(CALLS, 1, "b")), CALLED)])
    assert "tells another item 0" in violations("responses", stream, strict_items=False)[0]
    stream = told([*BEGIN, *TWINS, completed(CALLED, *items(later(CALLS, 1, "b")))])
    assert violations("responses", stream, strict_items=False) == []


def test_a_stream_that_was_left_owes_no_end() -> None:
    whole = told(ALL)
    assert [cut for cut in range(len(whole)) if violations("responses", whole[:cut], cut=True)] == []
    assert violations("responses", told([*BEGIN, *later(SPEAKS, 1)]), cut=True)


def test_a_stream_may_be_resumed_after_any_event() -> None:
    steps = [one for one in ALL if not isinstance(one, bytes)]
    assert [
        after
        for after in range(len(steps) - 1)
        if violations("responses", told(steps[after + 1 :], first=after + 1), after=after)
    ] == []


RESUMED: dict[str, tuple[list[Any], str]] = {
    "from another event": ([words("x") | {"sequence_number": 9}], "sequence_number 9 where 5 is due"),
    "from the beginning": ([created()], "response.created after a resumption"),
    "without an end": ([*SPEAKS[3:]], "no end of the response"),
    "with an unknown item": ([done(0, {"id": "x", "type": "novel"})], "an unknown item"),
    "with an item that is not done": ([done(0, OPENED)], "is done with status 'in_progress'"),
    "with a call that is no JSON": ([done(0, {**CALLED, "arguments": "{"})], "no JSON"),
    "with other output": ([*SPEAKS[3:], completed(CALLED)], "tells another item 0"),
    "with too much output": ([*SPEAKS[3:], completed(SAID, CALLED)], "has 2 items, but 1 were done"),
    "with an item that is skipped": ([*SPEAKS[3:], *later(CALLS, 2)], "item 2 after 1 items"),
    "with an item before the first": ([added(-1, CALL)], "item -1 before the first"),
    "with an item that was done": ([*SPEAKS[3:], words("x")], "item 0 is not open"),
}


@pytest.mark.parametrize("name", RESUMED)
def test_what_is_known_of_a_resumed_stream_is_held(name: str) -> None:
    stream, rule = RESUMED[name]
    assert [rule in flaw for flaw in violations("responses", told(stream, first=5), after=4)] == [True]


def test_the_flaw_names_the_event() -> None:
    assert violations("responses", told([*BEGIN, *SPEAKS[:2], words("x", item_id="?")]))[0].startswith("event 5: ")
