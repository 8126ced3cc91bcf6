"""A client of chat completions: openai 3.54, types/chat; reasoning_content as DeepSeek and vLLM have it.

It brings back in its history all that it was given of an answer, as `messages.append(choice.message)` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.words import Call, Reading, Stop, Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.clients.frames import Frame
    from tests.conformance.words import Ask, Result, Tool

STOPS: dict[str, Stop] = {"stop": "end", "tool_calls": "tool", "length": "length", "content_filter": "filter"}
NOT_CARRIED = ("annotations", "audio", "function_call", "refusal")
"""What clients do not put into their history, as the API does not take it back."""
REASONING = ("reasoning_content", "reasoning")


def headers(key: str) -> dict[str, str]:
    """Return what is sent beside the body."""
    return {"authorization": f"Bearer {key}"} if key else {}


def body(ask: Ask, model: str, *, stream: bool) -> dict[str, Any]:
    """Return a request."""
    roles = ["system", *["developer"] * len(ask.instructions)]
    messages: list[Any] = [{"role": role, "content": one} for role, one in zip(roles, ask.instructions, strict=False)]
    content: Any = ask.text
    if ask.images:
        images = [{"type": "image_url", "image_url": {"url": image.link}} for image in ask.images]
        content = [{"type": "text", "text": ask.text}, *images]
    made: dict[str, Any] = {"model": model, "messages": [*messages, {"role": "user", "content": content}]}
    if stream:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    if ask.tools:
        made["tools"] = [_tool(tool) for tool in ask.tools]
    if ask.choice:
        plain = ask.choice in ("auto", "required", "none")
        made["tool_choice"] = ask.choice if plain else {"type": "function", "function": {"name": ask.choice}}
    if ask.parallel is not None:
        made["parallel_tool_calls"] = ask.parallel
    if ask.thinks:
        made["reasoning_effort"] = "medium"
    if ask.schema:
        form = {"name": "answer", "schema": ask.schema, "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": form}
    if ask.limit:
        made["max_completion_tokens"] = ask.limit
    if ask.stops:
        made["stop"] = list(ask.stops)
    return made


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", "function": function}


def whole(value: dict[str, Any]) -> Reading:
    """Read an answer. Raises `KeyError` or such where it has not the form of one."""
    choice = value["choices"][0]
    return _read(choice["message"], choice["finish_reason"], value.get("usage"), value["id"], ended=True)


def streamed(frames: Sequence[Frame]) -> Reading:
    """Read a stream."""
    message: dict[str, Any] = {"role": "assistant"}
    finish, usage, id_ = "", None, ""
    error, done = None, False
    for frame in frames:
        if frame.data == "[DONE]":
            done = True
            continue
        value = frame.value
        error = value.get("error") or error
        usage = value.get("usage") or usage
        id_ = value.get("id") or id_
        for choice in (value.get("choices") or ())[:1]:
            _merge(message, choice.get("delta") or {})
            finish = choice.get("finish_reason") or finish
    reading = _read(message, finish, usage, id_, ended=bool(done and finish and not error))
    reading.error = error
    return reading


def _merge(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if value is None or name == "role":
            continue
        if name == "tool_calls":
            for fragment in value:
                _merge_call(message.setdefault("tool_calls", []), fragment)
        elif isinstance(value, str):
            message[name] = message.get(name, "") + value
        elif isinstance(value, list):
            _merge_details(message.setdefault(name, []), value)
        else:
            message[name] = value


def _merge_call(calls: list[Any], fragment: dict[str, Any]) -> None:
    index = fragment.get("index", len(calls) - 1)
    while len(calls) <= index:
        calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    call, given = calls[index], fragment.get("function") or {}
    call["id"] = fragment.get("id") or call["id"]
    call["function"]["name"] = given.get("name") or call["function"]["name"]
    call["function"]["arguments"] += given.get("arguments") or ""


def _merge_details(details: list[Any], more: list[Any]) -> None:
    """Put together what was cut, as in reasoning_details: entries of one index and type are one."""
    for one in more:
        index = one.get("index") if isinstance(one, dict) else None
        known = next((each for each in details if index is not None and _same(each, one)), None)
        if known is None:
            details.append(dict(one) if isinstance(one, dict) else one)
            continue
        for name, value in one.items():
            grows = name in ("text", "summary", "data", "thinking") and isinstance(value, str)
            known[name] = (known.get(name) or "") + value if grows else value


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.get("index") == other.get("index") and one.get("type") == other.get("type")


def _read(message: dict[str, Any], finish: str, usage: Any, id_: str, *, ended: bool) -> Reading:
    carried = {name: value for name, value in message.items() if value not in (None, []) and name not in NOT_CARRIED}
    carried.setdefault("content", None)
    calls = [_call(call) for call in message.get("tool_calls") or ()]
    return Reading(
        text=message.get("content") or "",
        thought=next((message[name] for name in REASONING if message.get(name)), ""),
        calls=calls,
        refusal=message.get("refusal") or "",
        stop="refusal" if message.get("refusal") else STOPS.get(finish, ""),
        stop_word=finish or "",
        tokens=_tokens(usage or {}),
        carried=[carried],
        id=id_,
        ended=ended,
    )


def _call(call: dict[str, Any]) -> Call:
    return Call(call["id"], call["function"]["name"], call["function"]["arguments"])


def _tokens(usage: dict[str, Any]) -> Tokens:
    before, after = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return Tokens(
        input=usage.get("prompt_tokens"),
        output=usage.get("completion_tokens"),
        cached=before.get("cached_tokens"),
        reasoning=after.get("reasoning_tokens"),
        total=usage.get("total_tokens"),
    )


def follow(body: dict[str, Any], reading: Reading, results: Sequence[Result]) -> dict[str, Any]:
    """Return the next request of a conversation: all that was said, and the results."""
    answers = [{"role": "tool", "tool_call_id": result.call, "content": result.text} for result in results]
    return {**body, "messages": [*body["messages"], *reading.carried, *answers]}


def error_flaws(value: Any) -> list[str]:
    """Return how an error departs from the form that clients of this API read."""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return [f"no error object: {value!r:.200}"]
    found = [] if isinstance(error.get("message"), str) and error["message"] else ["error.message is no text"]
    if "type" not in error or not isinstance(error["type"], str | None):
        found.append(f"error.type is {error.get('type')!r}")
    return found
