"""What OpenAI refuses of a request to /v1/responses with a 400 although its types allow it.

From openai 3.54 (docstrings of types/responses/response_create_params.py) and the answers of api.openai.com: for those
that a conversation breaks, AnswerDotAI/fastllm#45 (length of a call_id), NousResearch/hermes-agent#31666 (names in the
history), jlcodes99/cockpit-tools#2090 (prefix of an id), vercel/ai#7883 (an id twice), vercel/ai#7543 (store false),
vercel/ai#7099 (what follows reasoning), continuedev/continue#10092 (an output without its call).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MOST_CALL_ID = 64
LEAST_OUTPUT = 16
IMAGE = re.compile(r"https?://.+|data:image/(jpeg|png|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
"""Kind of a call -> the kind of its output."""
PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}
"""Kind of an item -> how its id begins; whoever has not been given one sends none."""
NOT_THOUGHT = ("function_call_output", "custom_tool_call_output", "additional_tools", "configuration_update")
"""Kinds that a model does not put out, so that they complete no reasoning; nor does a message of another role."""

Item = dict[str, Any]


def _kind(item: Item) -> str:
    return item.get("type") or ("message" if "role" in item else "item_reference")


def _items(body: dict[str, Any]) -> list[tuple[str, str, Item]]:
    """Return the items of the input, each with its place and its kind."""
    asked = body.get("input")
    items = asked if isinstance(asked, list) else []
    return [(f"input[{number}]", _kind(item), item) for number, item in enumerate(items)]


# the conversation ----------------------------------------------------------------------------------------------------


def _asked(body: dict[str, Any]) -> Iterator[str]:
    if not (body.get("model") or body.get("prompt")):
        yield "model is missing"
    if not any(body.get(name) for name in ("input", "previous_response_id", "prompt", "conversation")):
        yield "input is missing or empty"
    if body.get("previous_response_id") and body.get("conversation"):
        yield "previous_response_id and conversation"


def _answered(body: dict[str, Any]) -> Iterator[str]:
    """Every output answers a call before it, which may be one that the vendor keeps; every call has an output."""
    items = _items(body)
    kept = body.get("previous_response_id") or body.get("conversation")
    kept = kept or any(kind == "item_reference" for _, kind, _ in items)
    called: dict[str, str] = {}
    owed: list[str] = []
    for where, kind, item in items:
        call_id = item.get("call_id")
        if kind in CALLS:
            if call_id in called:
                yield f"{where} has the call_id of another call: {call_id}"
            called[item["call_id"]] = CALLS[kind]
            owed += [] if item.get("async") else [item["call_id"]]
        elif kind in CALLS.values() and call_id is not None:
            if called.get(call_id, kind if kept else None) != kind:
                yield f"{where} answers {call_id}, which was not called before it"
            owed = [one for one in owed if one != call_id]
    if owed:
        yield f"the results of {owed} are missing"


def _named(body: dict[str, Any]) -> Iterator[str]:
    ids = []
    for where, kind, item in _items(body):
        ident = item.get("id")
        if ident is not None and not ident.startswith(PREFIXES.get(kind, "")):
            yield f"the id of {where} begins with no {PREFIXES[kind]}: {ident}"
        ids += [ident] if ident is not None else []
        if kind in CALLS and not NAME.fullmatch(item["name"]):
            yield f"{where} calls {item['name']!r}"
        if not 1 <= len(item.get("call_id") or "x") <= MOST_CALL_ID:
            yield f"the call_id of {where} is too long"
    if len(set(ids)) != len(ids):
        yield f"ids that repeat: {sorted(ids)}"


def _said(body: dict[str, Any]) -> Iterator[str]:
    for where, kind, item in _items(body):
        if kind == "message" and not item["content"]:
            yield f"{where} says nothing"
        for part in _parts(item):
            if part.get("text", part.get("refusal", "x")) == "":
                yield f"{where} has an empty part"
            if part.get("type") == "input_image":
                yield from _seen(where, part)


def _parts(item: Item) -> list[Item]:
    lists = [item.get(name) for name in ("content", "output")]
    return [part for parts in lists if isinstance(parts, list) for part in parts if isinstance(part, dict)]


def _seen(where: str, image: Item) -> Iterator[str]:
    url = image.get("image_url")
    if url is None and image.get("file_id") is None:
        yield f"{where} has an image without image_url or file_id"
    if url is not None and not IMAGE.fullmatch(url):
        yield f"{where} has an image at {url!r:.40}"


def _reasoned(body: dict[str, Any]) -> Iterator[str]:
    items = _items(body)
    for number, (where, kind, item) in enumerate(items):
        if kind != "reasoning":
            continue
        if body.get("store") is False and not item.get("encrypted_content"):
            yield f"{where} is reasoning without encrypted_content, which is not stored"
        rest = (one for one in items[number + 1 :] if one[1] != "reasoning")
        _, follows, after = next(rest, ("", "", {}))
        if not follows or follows in NOT_THOUGHT or after.get("role", "assistant") != "assistant":
            yield f"{where} is reasoning without the item that it led to"


# tools and settings --------------------------------------------------------------------------------------------------


def _tools(body: dict[str, Any]) -> Iterator[str]:
    tools = [*(body.get("tools") or []), *(tool for _, _, item in _items(body) for tool in item.get("tools") or [])]
    names: list[tuple[str, str]] = []
    for tool in tools:
        space, inner = (tool["name"], tool["tools"]) if tool["type"] == "namespace" else ("", [tool])
        names += [(space, one["name"]) for one in inner if "name" in one]
    for name in {name for pair in names for name in pair if name}:
        if not NAME.fullmatch(name):
            yield f"a tool is called {name!r}"
    if len(set(names)) != len(names):
        yield f"tools of one name: {sorted(names)}"
    yield from _chosen(body.get("tool_choice"), tools, {name for _, name in names})


def _chosen(choice: Any, tools: list[Any], names: set[str]) -> Iterator[str]:
    if choice == "required" and not tools:
        yield "tool_choice without tools"
    if not isinstance(choice, dict):
        return
    for one in choice["tools"] if choice["type"] == "allowed_tools" else [choice]:
        if one["type"] in ("function", "custom") and one["name"] not in names:
            yield f"tool_choice names {one['name']}, which is no tool"


def _settings(body: dict[str, Any]) -> Iterator[str]:
    limit = body.get("max_output_tokens")
    if limit is not None and limit < LEAST_OUTPUT:
        yield f"max_output_tokens {limit} is below {LEAST_OUTPUT}"
    if "stream_options" in body and not body.get("stream"):
        yield "stream_options without stream"
    if not 0 <= (body.get("top_logprobs") or 0) <= 20:
        yield f"top_logprobs {body['top_logprobs']}"
    if len(body.get("safety_identifier") or "") > 128:
        yield "safety_identifier is too long"
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema" and not NAME.fullmatch(form["name"]):
        yield f"text.format is called {form['name']!r}"


RULES = (_asked, _answered, _named, _said, _reasoned, _tools, _settings)
