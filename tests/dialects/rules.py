"""What the vendors refuse with a 400 although their types allow it: the order of turns, ids, names, what goes together.

Messages: anthropic 2.12 docstrings and the public reference of the API; chat: the answers of api.openai.com.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.dialects import responses_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BREAKPOINTS = 4
MOST_STOPS = 4
ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NAME = {"chat": re.compile(r"[a-zA-Z0-9_-]{1,64}"), "messages": re.compile(r"[a-zA-Z0-9_-]{1,128}")}
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def broken(api: str, body: dict[str, Any]) -> list[str]:
    """Return the rules that a request of chat, messages or responses breaks."""
    return [flaw for rule in RULES[api] for flaw in rule(body)]


# messages ------------------------------------------------------------------------------------------------------------


def _turns(body: dict[str, Any]) -> Iterator[str]:
    turns = [(one["role"], _blocks(one["content"])) for one in body["messages"]]
    if turns[0][0] != "user":
        yield f"messages[0] is of role {turns[0][0]}"
    called: list[str] = []
    for number, (role, blocks) in enumerate(turns):
        where = f"messages[{number}]"
        kinds = {one["type"] for one in blocks}
        yield from _results(where, blocks, called)
        if role == "user" and kinds & {"tool_use", "thinking", "redacted_thinking"}:
            yield f"{where} is the user's, but holds what only an assistant says"
        if role == "assistant" and kinds & {"tool_result", "image", "document"}:
            yield f"{where} is the assistant's, but holds what only a user says"
        called = [one["id"] for one in blocks if one["type"] == "tool_use"]
    if called:
        yield "the last turn has calls without results"


def _results(where: str, blocks: list[Any], called: list[str]) -> Iterator[str]:
    results = [one["tool_use_id"] for one in blocks if one["type"] == "tool_result"]
    if sorted(results) != sorted(called):
        yield f"{where} answers {results}, but {called} were called before it"
    if any(one["type"] != "tool_result" for one in blocks[: len(results)]):
        yield f"{where} does not begin with its results"
    ids = [one["id"] for one in blocks if one["type"] == "tool_use"]
    if len(set(ids)) != len(ids) or not all(map(ID.fullmatch, ids)):
        yield f"{where} has ids that repeat or do not fit: {ids}"


def _systems(body: dict[str, Any]) -> Iterator[str]:
    roles = [one["role"] for one in body["messages"]]
    for number, role in enumerate(roles):
        if role != "system":
            continue
        if number == 0 or roles[number - 1] != "user":
            yield f"messages[{number}] is a system message that follows no user message"
        if number + 1 < len(roles) and roles[number + 1] != "assistant":
            yield f"messages[{number}] is a system message before a {roles[number + 1]} message"


def _contents(body: dict[str, Any]) -> Iterator[str]:
    yield from _texts("system", _blocks(body.get("system") or []))
    for number, one in enumerate(body["messages"]):
        yield from _texts(f"messages[{number}]", _blocks(one["content"]))
        yield from _images(f"messages[{number}]", _blocks(one["content"]))


def _tooling(body: dict[str, Any]) -> Iterator[str]:
    tools = body.get("tools", [])
    names = [tool["name"] for tool in tools]
    yield from _names("messages", names)
    for tool in tools:
        if "input_schema" in tool and tool["input_schema"].get("type") != "object":
            yield f"the schema of {tool['name']} is no object's"
    choice = body.get("tool_choice") or {}
    if choice and not tools:
        yield "tool_choice without tools"
    if choice.get("type") == "tool" and choice["name"] not in names:
        yield f"tool_choice names {choice['name']}, which is no tool"


def _thinking(body: dict[str, Any]) -> Iterator[str]:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        yield f"budget_tokens {thinking['budget_tokens']} with max_tokens {body['max_tokens']}"
    if thinking.get("type") in ("enabled", "adaptive"):
        if "temperature" in body or "top_k" in body:
            yield "temperature or top_k while thinking"
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            yield "a forced tool_choice while thinking"


def _together(body: dict[str, Any]) -> Iterator[str]:
    if "temperature" in body and "top_p" in body:
        yield "temperature and top_p"
    if any(not stop.strip() for stop in body.get("stop_sequences", [])):
        yield "a stop sequence is blank"
    if json.dumps(body).count('"cache_control": {') > MOST_BREAKPOINTS:
        yield "more than four cache breakpoints"


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _texts(where: str, blocks: list[Any]) -> Iterator[str]:
    for one in blocks:
        if one["type"] == "text" and not one["text"]:
            yield f"{where} has an empty text"
        if one["type"] == "tool_result" and isinstance(one.get("content"), list):
            yield from _texts(f"{where} (a result)", one["content"])


def _images(where: str, blocks: list[Any]) -> Iterator[str]:
    for one in blocks:
        source = one["source"] if one["type"] in ("image", "document") else {}
        if source.get("type") == "base64":
            if one["type"] == "image" and source["media_type"] not in IMAGES:
                yield f"{where} has an image of type {source['media_type']}"
            if not BASE64.fullmatch(source["data"]):
                yield f"{where} has data that is no base64"
        if one["type"] == "tool_result" and isinstance(one.get("content"), list):
            yield from _images(where, one["content"])


# chat ----------------------------------------------------------------------------------------------------------------


def _calls(body: dict[str, Any]) -> Iterator[str]:
    owed: list[str] = []
    for number, one in enumerate(body["messages"]):
        where = f"messages[{number}]"
        if one["role"] == "tool":
            if one["tool_call_id"] not in owed:
                yield f"{where} answers {one['tool_call_id']}, which was not called just before"
            else:
                owed.remove(one["tool_call_id"])
            continue
        if owed:
            yield f"{where} comes before the results of {owed}"
        owed = [call["id"] for call in one.get("tool_calls") or []]
        if len(set(owed)) != len(owed):
            yield f"{where} has ids that repeat: {owed}"
        for call in one.get("tool_calls") or []:
            if call["type"] == "function" and not _is_object(call["function"]["arguments"]):
                yield f"{where} has arguments that are no JSON object: {call['function']['arguments']!r}"
    if owed:
        yield f"the results of {owed} are missing"


def _said(body: dict[str, Any]) -> Iterator[str]:
    for number, one in enumerate(body["messages"]):
        where = f"messages[{number}]"
        if one["role"] == "assistant" and not any(one.get(name) for name in ("content", "refusal", "tool_calls")):
            yield f"{where} says nothing"
        if one["role"] not in ("assistant", "tool") and not one["content"]:
            yield f"{where} is empty"
        if "tool_calls" in one and not one["tool_calls"]:
            yield f"{where} has an empty list of calls"


def _functions(body: dict[str, Any]) -> Iterator[str]:
    tools = body.get("tools")
    if tools is not None and not tools:
        yield "tools is empty"
    if not tools and ("tool_choice" in body or "parallel_tool_calls" in body):
        yield "tool_choice or parallel_tool_calls without tools"
    names = [tool[tool["type"]]["name"] for tool in tools or []]
    yield from _names("chat", names)
    choice = body.get("tool_choice")
    chosen = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    if chosen is not None and chosen not in names:
        yield f"tool_choice names {chosen}, which is no tool"


def _options(body: dict[str, Any]) -> Iterator[str]:
    if "stream_options" in body and not body.get("stream"):
        yield "stream_options without stream"
    if isinstance(body.get("stop"), list) and not 1 <= len(body["stop"]) <= MOST_STOPS:
        yield f"{len(body['stop'])} stop sequences"
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield "max_tokens and max_completion_tokens"
    if len(body.get("safety_identifier") or "") > 128:
        yield "safety_identifier is too long"
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema" and not NAME["chat"].fullmatch(form["json_schema"]["name"]):
        yield f"response_format is called {form['json_schema']['name']!r}"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


# both ----------------------------------------------------------------------------------------------------------------


def _names(api: str, names: list[str]) -> Iterator[str]:
    for name in names:
        if not NAME[api].fullmatch(name):
            yield f"a tool is called {name!r}"
    if len(set(names)) != len(names):
        yield f"tools of one name: {sorted(names)}"


RULES = {
    "messages": (_turns, _systems, _contents, _tooling, _thinking, _together),
    "chat": (_calls, _said, _functions, _options),
    "responses": responses_rules.RULES,
}
