"""A client of Responses: openai 3.54, types/responses. It keeps its own history and brings every item back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.clients.chat import error_flaws, headers
from tests.conformance.words import Call, Reading, Stop, Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.clients.frames import Frame
    from tests.conformance.words import Ask, Image, Result, Tool

__all__ = ["body", "error_flaws", "follow", "headers", "streamed", "whole"]

ENDS = ("response.completed", "response.incomplete", "response.failed")


def body(ask: Ask, model: str, *, stream: bool) -> dict[str, Any]:
    """Return a request."""
    content = [{"type": "input_text", "text": ask.text}, *map(_image, ask.images)]
    said = [{"type": "message", "role": "developer", "content": one} for one in ask.instructions[1:]]
    made: dict[str, Any] = {
        "model": model,
        "input": [*said, {"type": "message", "role": "user", "content": content}],
        "store": False,
    }
    if ask.instructions:
        made["instructions"] = ask.instructions[0]
    if stream:
        made["stream"] = True
    if ask.tools:
        made["tools"] = _tools(ask.tools)
    if ask.choice:
        plain = ask.choice in ("auto", "required", "none")
        made["tool_choice"] = ask.choice if plain else {"type": "function", "name": ask.choice}
    if ask.parallel is not None:
        made["parallel_tool_calls"] = ask.parallel
    if ask.thinks:
        made["reasoning"] = {"effort": "medium", "summary": "auto"}
        made["include"] = ["reasoning.encrypted_content"]
    if ask.schema:
        made["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": ask.schema, "strict": True}}
    if ask.limit:
        made["max_output_tokens"] = ask.limit
    return made


def _image(image: Image) -> dict[str, Any]:
    return {"type": "input_image", "image_url": image.link, "detail": "auto"}


def _tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Return the tools, those of a namespace within it."""
    made = [_tool(tool) for tool in tools if not tool.namespace]
    for space in dict.fromkeys(tool.namespace for tool in tools if tool.namespace):
        inner = [_tool(tool) for tool in tools if tool.namespace == space]
        made.append({"type": "namespace", "name": space, "description": f"Tools of {space}", "tools": inner})
    return made


def _tool(tool: Tool) -> dict[str, Any]:
    if tool.kind == "custom":
        return {"type": "custom", "name": tool.name, "description": tool.description}
    made = {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {**made, "strict": False}


def whole(value: dict[str, Any]) -> Reading:
    """Read an answer. Raises `KeyError` or such where it has not the form of one."""
    reading = _read(value["output"], value)
    reading.error = value.get("error")
    reading.ended = value["status"] in ("completed", "incomplete")
    return reading


def streamed(frames: Sequence[Frame]) -> Reading:
    """Read a stream as Codex does: items as they are done, and the end."""
    items: dict[int, dict[str, Any]] = {}
    response: dict[str, Any] = {}
    kind, error = "", None
    for frame in frames:
        value = frame.value
        if value.get("type") == "response.output_item.done":
            items[value["output_index"]] = value["item"]
        elif value.get("type") in ENDS:
            kind, response = value["type"], value["response"]
            error = response.get("error") or error
        elif value.get("type") == "response.created":
            response = value["response"]
        elif value.get("type") == "error" or value.get("error"):
            error = value.get("error") or value
    reading = _read([item for _, item in sorted(items.items())], response)
    reading.error = error
    reading.ended = kind in ENDS[:2] and error is None
    return reading


def _read(items: list[Any], response: dict[str, Any]) -> Reading:
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    reasoning = [item for item in items if item["type"] == "reasoning"]
    calls = [_call(item) for item in items if item["type"] in ("function_call", "custom_tool_call")]
    refusal = "".join(part["refusal"] for part in parts if part["type"] == "refusal")
    reason = (response.get("incomplete_details") or {}).get("reason") or ""
    ends: dict[str, Stop] = {"max_output_tokens": "length", "content_filter": "filter"}
    stop: Stop = ends.get(reason, "refusal" if refusal else "tool" if calls else "end")
    return Reading(
        text="".join(part["text"] for part in parts if part["type"] == "output_text"),
        thought="".join(map(_thought, reasoning)),
        signed=bool(reasoning) and all(item.get("encrypted_content") for item in reasoning),
        calls=calls,
        refusal=refusal,
        stop=stop,
        stop_word=f"{response.get('status')} {reason}".strip(),
        tokens=_tokens(response.get("usage") or {}),
        carried=[{name: value for name, value in item.items() if value is not None} for item in items],
        id=response.get("id") or "",
    )


def _thought(item: dict[str, Any]) -> str:
    """Return what an item of reasoning shows: a summary, or its text."""
    shown = item.get("summary") or item.get("content") or []
    return "".join(part["text"] for part in shown)


def _call(item: dict[str, Any]) -> Call:
    space = item.get("namespace") or ""
    if item["type"] == "custom_tool_call":
        return Call(item["call_id"], item["name"], item["input"], "custom", space)
    return Call(item["call_id"], item["name"], item["arguments"], namespace=space)


def _tokens(usage: dict[str, Any]) -> Tokens:
    before, after = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return Tokens(
        input=usage.get("input_tokens"),
        output=usage.get("output_tokens"),
        cached=before.get("cached_tokens"),
        reasoning=after.get("reasoning_tokens"),
        total=usage.get("total_tokens"),
    )


def follow(body: dict[str, Any], reading: Reading, results: Sequence[Result]) -> dict[str, Any]:
    """Return the next request of a conversation: all items so far, and the results."""
    answers = []
    for result in results:
        output: Any = result.text
        if result.image:
            output = [{"type": "input_text", "text": result.text}, _image(result.image)]
        kind = "custom_tool_call_output" if result.custom else "function_call_output"
        answers.append({"type": kind, "call_id": result.call, "output": output})
    return {**body, "input": [*body["input"], *reading.carried, *answers]}
