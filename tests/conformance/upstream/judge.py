"""Whether a vendor would take a request: by the types of its SDK, and by the rules that it keeps beside them.

Types: openai 3.54 and anthropic 2.12, as strictly as they can be read. Rules: tests/dialects/rules.py for chat and
messages; for Responses the answers of api.openai.com: each output follows its call, no call is left without one, ids
that OpenAI mints begin as it mints them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.dialects.oracles import request_flaws
from tests.dialects.rules import broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.words import Api

UNKNOWN = "Extra inputs are not permitted"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
ID_PREFIX = {
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "reasoning": "rs_",
}
CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
LEAST_TOKENS = 16
"""The smallest max_output_tokens."""


def flaws(api: Api, body: dict[str, Any], betas: str = "", *, lenient: bool = False) -> list[str]:
    """Return why the vendor would answer this request with a 400. `lenient`: types are not looked at.

    `betas` is the header anthropic-beta. Servers of chat pass over fields that they do not know.
    """
    made = FILLED[api](json.loads(json.dumps(body)), betas)
    found = [] if lenient else request_flaws(api, made)
    found = [flaw for flaw in found if api != "chat" or UNKNOWN not in flaw]
    if found:
        return found
    try:
        return list(_responses(made)) if api == "responses" else broken(api, made)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        return [f"it has not the form of a request: {error!r}"]


def _as_it_is(body: dict[str, Any], betas: str) -> dict[str, Any]:
    return body


def _merged(body: dict[str, Any], betas: str) -> dict[str, Any]:
    """Merge turns of one role, as the Messages API does.

    Left out is what a beta allows and the SDK does not know: an older name of output_config.format.
    """
    if "structured-outputs" in betas:
        body.pop("output_format", None)
    turns: list[dict[str, Any]] = []
    for turn in body["messages"] if isinstance(body.get("messages"), list) else ():
        if turns and turns[-1].get("role") == turn.get("role") != "system":
            turns[-1] = {**turn, "content": [*_blocks(turns[-1]["content"]), *_blocks(turn["content"])]}
        else:
            turns.append(turn)
    return {**body, "messages": turns} if turns else body


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _filled(made: dict[str, Any], betas: str) -> dict[str, Any]:
    """Put into a request of Responses what its types require although the API has a default for it."""
    for tool in made.get("tools") or ():
        if tool.get("type") == "function":
            tool.setdefault("strict", None)
            tool.setdefault("parameters", None)
    for item in made["input"] if isinstance(made.get("input"), list) else ():
        if item.get("type") == "reasoning":
            item.setdefault("id", "rs_0")
        for part in item["content"] if isinstance(item.get("content"), list) else ():
            if part.get("type") == "input_image":
                part.setdefault("detail", "auto")
            elif part.get("type") == "output_text":
                part.setdefault("annotations", [])
                item.update({"id": "msg_0", "status": "completed", "type": "message", **item})
        for part in item["output"] if isinstance(item.get("output"), list) else ():
            if part.get("type") == "input_image":
                part.setdefault("detail", "auto")
    return made


def _responses(body: dict[str, Any]) -> Iterator[str]:
    items = body["input"] if isinstance(body["input"], list) else []
    yield from _outputs(items, continued="previous_response_id" in body)
    yield from _ids(items)
    yield from _tools(body)
    if (body.get("max_output_tokens") or LEAST_TOKENS) < LEAST_TOKENS:
        yield f"max_output_tokens {body['max_output_tokens']} is below {LEAST_TOKENS}"
    if "stream_options" in body and not body.get("stream"):
        yield "stream_options without stream"


def _outputs(items: list[Any], *, continued: bool) -> Iterator[str]:
    owed: dict[str, str] = {}
    for number, item in enumerate(items):
        kind = item.get("type", "message")
        if kind in CALLS:
            if item["call_id"] in owed:
                yield f"input[{number}] calls {item['call_id']} again"
            owed[item["call_id"]] = CALLS[kind]
        elif kind in CALLS.values() and owed.pop(item["call_id"], None) != kind and not continued:
            yield f"input[{number}]: No tool call found for function call output with call_id {item['call_id']}."
    for call in owed:
        yield f"No tool output found for function call {call}."


def _ids(items: list[Any]) -> Iterator[str]:
    for number, item in enumerate(items):
        prefix = ID_PREFIX.get(item.get("type", "message"))
        if prefix and item.get("id") and not item["id"].startswith(prefix):
            yield f"input[{number}].id: Invalid '{item['id']}'. Expected an ID that begins with '{prefix[:-1]}'."
        if "call_id" in item and not 1 <= len(item["call_id"]) <= 64:
            yield f"input[{number}].call_id has {len(item['call_id'])} characters"


def _tools(body: dict[str, Any]) -> Iterator[str]:
    tools = body.get("tools") or []
    names = [tool["name"] for tool in tools if tool["type"] in ("function", "custom")]
    for name in names:
        if not NAME.fullmatch(name):
            yield f"a tool is called {name!r}"
    if len(set(names)) != len(names):
        yield f"tools of one name: {sorted(names)}"
    for tool in tools:
        if tool["type"] == "function" and tool.get("strict") and not _closed(tool["parameters"] or {}):
            yield f"Invalid schema for function '{tool['name']}': 'additionalProperties' is required to be false."
    if isinstance(body.get("tool_choice"), dict) and not tools:
        yield "tool_choice without tools"


def _closed(schema: dict[str, Any]) -> bool:
    """Say whether a schema is fit for strict: every object closed, every property required."""
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
        return all(_closed(inner) for inner in properties.values() if isinstance(inner, dict))
    return True


FILLED = {"chat": _as_it_is, "messages": _merged, "responses": _filled}
