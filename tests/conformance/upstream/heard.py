"""A request as the upstream understands it, whichever of the three APIs it came in.

It is read as a vendor does, and nothing is forgiven: what stands where the API does not look is not heard.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.conformance.words import Call, Image, Thought, Tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.words import Api


@dataclass
class Heard:
    """What a request says."""

    instructions: list[str] = field(default_factory=list)
    midway: list[str] = field(default_factory=list)
    """Instructions behind the first turn."""
    said: list[tuple[str, str]] = field(default_factory=list)
    """The texts of the turns in order, with who says them: user or assistant."""
    images: list[Image] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    """Id of a call -> the text of its result."""
    thoughts: list[tuple[Thought, int]] = field(default_factory=list)
    """Thoughts of the assistant, each with the number of calls before it."""
    tools: list[Tool] = field(default_factory=list)
    choice: str = ""
    parallel: bool | None = None
    limit: int | None = None
    stops: list[str] = field(default_factory=list)
    schema: dict[str, Any] | None = None
    thinks: bool = False
    """The model is asked to think and to show it."""

    def results_by_call(self) -> dict[str, str]:
        """Return the arguments of every call -> the text of its result."""
        return {call.arguments: self.results[call.id] for call in self.calls if call.id in self.results}


def hear(api: Api, body: dict[str, Any]) -> Heard:
    """Read a request. Raises `KeyError`, `TypeError` or such where it has not the form of its API."""
    return HEAR[api](body)


# chat ----------------------------------------------------------------------------------------------------------------


def _chat(body: dict[str, Any]) -> Heard:
    heard = Heard(limit=body.get("max_completion_tokens", body.get("max_tokens")), thinks=True)
    for one in body["messages"]:
        text = _chat_content(heard, one.get("content"))
        if one["role"] in ("system", "developer"):
            (heard.midway if heard.said else heard.instructions).append(text)
        elif one["role"] == "tool":
            heard.results[one["tool_call_id"]] = text
        elif one["role"] == "assistant":
            if one.get("reasoning_content"):
                heard.thoughts.append((Thought(one["reasoning_content"], ""), len(heard.calls)))
            heard.calls += [_chat_call(call) for call in one.get("tool_calls") or ()]
            heard.said.append(("assistant", text))
        else:
            heard.said.append((one["role"], text))
    heard.tools = [_chat_tool(tool) for tool in body.get("tools") or ()]
    choice = body.get("tool_choice") or ""
    heard.choice = choice if isinstance(choice, str) else (choice.get("function") or choice.get("custom"))["name"]
    heard.parallel = body.get("parallel_tool_calls")
    stops = body.get("stop") or []
    heard.stops = [stops] if isinstance(stops, str) else list(stops)
    form = body.get("response_format") or {}
    heard.schema = form["json_schema"].get("schema") if form.get("type") == "json_schema" else None
    return heard


def _chat_content(heard: Heard, content: Any) -> str:
    if not isinstance(content, list):
        return content or ""
    heard.images += [_linked(part["image_url"]["url"]) for part in content if part["type"] == "image_url"]
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _chat_call(call: dict[str, Any]) -> Call:
    if call["type"] == "custom":
        return Call(call["id"], call["custom"]["name"], call["custom"]["input"], "custom")
    return Call(call["id"], call["function"]["name"], _even(call["function"]["arguments"]))


def _chat_tool(tool: dict[str, Any]) -> Tool:
    own = tool[tool["type"]]
    if tool["type"] == "custom":
        return Tool(own["name"], kind="custom", description=own.get("description", ""))
    return Tool(own["name"], own.get("parameters") or {}, own.get("description", ""))


# messages ------------------------------------------------------------------------------------------------------------


def _messages(body: dict[str, Any]) -> Heard:
    heard = Heard(limit=body.get("max_tokens"))
    system = body.get("system") or []
    heard.instructions = [block["text"] for block in _blocks(system)]
    for one in body["messages"]:
        blocks = _blocks(one["content"])
        text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
        if one["role"] == "system":
            heard.midway.append(text)
            continue
        for block in blocks:
            _block(heard, block)
        heard.said.append((one["role"], text))
    heard.tools = [
        Tool(tool["name"], tool["input_schema"], tool.get("description", ""))
        for tool in body.get("tools") or ()
        if "input_schema" in tool
    ]
    choice = body.get("tool_choice") or {}
    kind = choice.get("type", "")
    heard.choice = {"any": "required", "tool": choice.get("name", "")}.get(kind, kind)
    heard.parallel = not choice["disable_parallel_tool_use"] if "disable_parallel_tool_use" in choice else None
    heard.stops = list(body.get("stop_sequences") or ())
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    heard.schema = form.get("schema")
    thinking = body.get("thinking") or {}
    heard.thinks = thinking.get("type") in ("enabled", "adaptive")
    return heard


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _block(heard: Heard, block: dict[str, Any]) -> None:
    if block["type"] == "image":
        heard.images.append(_sourced(block["source"]))
    elif block["type"] == "tool_use":
        heard.calls.append(Call(block["id"], block["name"], json.dumps(block["input"], sort_keys=True)))
    elif block["type"] == "thinking":
        heard.thoughts.append((Thought(block["thinking"], block["signature"]), len(heard.calls)))
    elif block["type"] == "tool_result":
        inner = _blocks(block.get("content") or [])
        heard.results[block["tool_use_id"]] = "\n".join(one["text"] for one in inner if one["type"] == "text")
        heard.images += [_sourced(one["source"]) for one in inner if one["type"] == "image"]


def _sourced(source: dict[str, Any]) -> Image:
    if source["type"] == "url":
        return Image(url=source["url"])
    return Image(source["media_type"], source["data"])


# responses -----------------------------------------------------------------------------------------------------------


def _responses(body: dict[str, Any]) -> Heard:
    heard = Heard(limit=body.get("max_output_tokens"), parallel=body.get("parallel_tool_calls"), thinks=True)
    if body.get("instructions"):
        heard.instructions.append(body["instructions"])
    given = body["input"]
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        ITEMS[item.get("type", "message")](heard, item)
    heard.tools = _response_tools(body.get("tools") or [])
    choice = body.get("tool_choice") or ""
    heard.choice = choice if isinstance(choice, str) else choice.get("name", "")
    form = (body.get("text") or {}).get("format") or {}
    heard.schema = form.get("schema")
    return heard


def _item_message(heard: Heard, item: dict[str, Any]) -> None:
    text = _parts(heard, item["content"])
    if item["role"] in ("system", "developer"):
        (heard.midway if heard.said else heard.instructions).append(text)
    else:
        heard.said.append((item["role"], text))


def _item_call(heard: Heard, item: dict[str, Any]) -> None:
    arguments = _even(item["arguments"])
    heard.calls.append(Call(item["call_id"], item["name"], arguments, namespace=item.get("namespace") or ""))


def _item_custom(heard: Heard, item: dict[str, Any]) -> None:
    heard.calls.append(Call(item["call_id"], item["name"], item["input"], "custom", item.get("namespace") or ""))


def _item_output(heard: Heard, item: dict[str, Any]) -> None:
    heard.results[item["call_id"]] = _parts(heard, item["output"])


def _item_reasoning(heard: Heard, item: dict[str, Any]) -> None:
    text = "".join(part["text"] for part in item["summary"])
    heard.thoughts.append((Thought(text, item.get("encrypted_content") or ""), len(heard.calls)))


def _parts(heard: Heard, content: Any) -> str:
    if isinstance(content, str):
        return content
    heard.images += [_linked(part["image_url"]) for part in content if part["type"] == "input_image"]
    return "\n".join(part["text"] for part in content if part["type"] in ("input_text", "output_text"))


def _response_tools(tools: list[dict[str, Any]], namespace: str = "") -> list[Tool]:
    found: list[Tool] = []
    for tool in tools:
        if tool["type"] == "namespace":
            found += _response_tools(tool["tools"], tool["name"])
        elif tool["type"] == "function":
            found.append(Tool(tool["name"], tool["parameters"] or {}, tool.get("description", ""), namespace=namespace))
        elif tool["type"] == "custom":
            found.append(Tool(tool["name"], {}, tool.get("description", ""), "custom", namespace))
    return found


ITEMS: dict[str, Callable[[Heard, dict[str, Any]], None]] = {
    "message": _item_message,
    "function_call": _item_call,
    "custom_tool_call": _item_custom,
    "function_call_output": _item_output,
    "custom_tool_call_output": _item_output,
    "reasoning": _item_reasoning,
}


# all -----------------------------------------------------------------------------------------------------------------


def _linked(url: str) -> Image:
    head, found, data = url.partition(";base64,")
    return Image(head.removeprefix("data:"), data) if found else Image(url=url)


def _even(arguments: str) -> str:
    """Write JSON one way only, so that calls can be compared."""
    return json.dumps(json.loads(arguments), sort_keys=True)


HEAR: dict[Api, Callable[[dict[str, Any]], Heard]] = {"chat": _chat, "messages": _messages, "responses": _responses}
