"""One turn of a model in every API: as its upstreams say it, as its clients read it, and as they send it back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.end_to_end.field.house import blocks, chat_of, message_of, message_stream, tool_use
from tests.end_to_end.field.house import turn as turn_of
from tests.end_to_end.translation.house import good, is_stream
from tests.support.answers import DONE, chat_chunk
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api, payloads
from tests.support.items import call_item, message_item, response_of, response_stream
from tests.support.loop import Call
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.support.http import Answer

Json = dict[str, Any]

PATH: Json = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
THINK: dict[str, Json] = {
    "chat": {"reasoning_effort": "low"},
    "messages": {"thinking": {"type": "adaptive", "display": "summarized"}},
    "responses": {"reasoning": {"effort": "low", "summary": "auto"}},
}
"""API of a client -> how it asks for reasoning that it can read."""


@dataclass(frozen=True)
class Turn:
    """What a model does in one turn: it thinks, speaks, and calls."""

    thinks: str = ""
    says: str = ""
    calls: tuple[tuple[str, str, Json], ...] = ()
    """(id, name, arguments)"""
    sealed: str = field(default="EqQB+/==", compare=False)
    """What the vendor has put on its thoughts."""

    @property
    def called(self) -> list[tuple[str, Json]]:
        return [(name, arguments) for _, name, arguments in self.calls]


READING = Turn("Look at the file.", "Reading.", (("call_1", "read_file", {"path": "/a"}),))


def tools(api: Api, *names: str) -> list[Json]:
    """Return the tools of a request."""
    if api is MESSAGES:
        return [{"name": name, "description": name, "input_schema": PATH} for name in names]
    made: list[Json] = [{"name": name, "description": name, "parameters": PATH} for name in names]
    if api is CHAT:
        return [{"type": "function", "function": one} for one in made]
    return [{"type": "function", **one, "strict": False} for one in made]


# an upstream says it -------------------------------------------------------------------------------------------------


def told(api: Api, turn: Turn, *, stream: bool) -> Reply:
    """Return the answer of an upstream."""
    make = {"chat": _chat, "messages": _message, "responses": _response}[api.name]
    return make(turn, stream)


def _chat(turn: Turn, stream: bool) -> Reply:
    calls = [
        {"id": ident, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for ident, name, arguments in turn.calls
    ]
    finish = "tool_calls" if calls else "stop"
    thinks = {"reasoning_content": turn.thinks} if turn.thinks else {}
    if not stream:
        made = {"tool_calls": calls} if calls else {}
        return as_json(chat_of({"content": turn.says or None, **thinks, **made}, finish))
    deltas: list[Json] = [{"role": "assistant", "content": ""}, *([thinks] if thinks else [])]
    deltas += [{"content": turn.says}] if turn.says else []
    deltas += [{"tool_calls": [{"index": index, **call}]} for index, call in enumerate(calls)]
    return as_stream([*map(chat_chunk, deltas), chat_chunk({}, finish), DONE])


def _message(turn: Turn, stream: bool) -> Reply:
    content: list[Json] = []
    if turn.thinks:
        content.append({"type": "thinking", "thinking": turn.thinks, "signature": turn.sealed})
    content += [{"type": "text", "text": turn.says}] if turn.says else []
    content += [tool_use(ident, name, **arguments) for ident, name, arguments in turn.calls]
    stop = "tool_use" if turn.calls else "end_turn"
    return as_stream(message_stream(*content, stop=stop)) if stream else as_json(message_of(*content, stop=stop))


def _response(turn: Turn, stream: bool) -> Reply:
    output: list[Json] = []
    if turn.thinks:
        summary = [{"type": "summary_text", "text": turn.thinks}]
        output.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": turn.sealed})
    output += [message_item(turn.says)] if turn.says else []
    for ident, name, arguments in turn.calls:
        item = call_item(Call(name, arguments, ident.rpartition("_")[2]))
        output.append({**item, "call_id": ident})
    whole = response_of(*output)
    return as_stream(response_stream(whole)) if stream else as_json(whole)


# a client reads it ---------------------------------------------------------------------------------------------------


def heard(api: Api, answer: Answer) -> Turn:
    """Return what a client of `api` makes of an answer, whole or streamed."""
    make = {"chat": _heard_chat, "messages": _heard_message, "responses": _heard_response}[api.name]
    return make(good(answer))


def _heard_chat(answer: Answer) -> Turn:
    if is_stream(answer):
        made = turn_of(answer.body)
        pieces = [choice["delta"] for value in payloads(answer.body) for choice in value["choices"]]
        ids = [call["id"] for delta in pieces for call in delta.get("tool_calls") or () if call.get("id")]
        calls = tuple((ident, *call) for ident, call in zip(ids, made["calls"], strict=True))
        return Turn(made["reasoning_content"], made["content"], calls)
    message = answer.json["choices"][0]["message"]
    functions = [(one["id"], one["function"]) for one in message.get("tool_calls") or ()]
    calls = tuple((ident, one["name"], json.loads(one["arguments"])) for ident, one in functions)
    return Turn(message.get("reasoning_content") or "", message["content"] or "", calls)


def _heard_message(answer: Answer) -> Turn:
    content = content_of(answer)
    thinks = [block for block in content if block["type"] == "thinking"]
    calls = tuple((one["id"], one["name"], one["input"]) for one in content if one["type"] == "tool_use")
    said = "".join(block["text"] for block in content if block["type"] == "text")
    seal = thinks[0]["signature"] if thinks else ""
    return Turn("".join(block["thinking"] for block in thinks), said, calls, seal)


def _heard_response(answer: Answer) -> Turn:
    items = output(answer)
    thinks = [item for item in items if item["type"] == "reasoning"]
    calls = [item for item in items if item["type"] == "function_call"]
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    return Turn(
        "".join(part["text"] for item in thinks for part in item["summary"]),
        "".join(part["text"] for part in parts),
        tuple((item["call_id"], item["name"], json.loads(item["arguments"])) for item in calls),
        thinks[0]["encrypted_content"] if thinks else "",
    )


def content_of(answer: Answer) -> list[Json]:
    """Return the blocks of a message."""
    found: list[Json] = blocks(answer.body) if is_stream(answer) else answer.json["content"]
    return found


def output(answer: Answer) -> list[Json]:
    """Return the items of a response, of a stream those that were done."""
    if not is_stream(answer):
        items: list[Json] = answer.json["output"]
        return items
    return [value["item"] for value in payloads(answer.body) if value["type"] == "response.output_item.done"]


# and sends it back ---------------------------------------------------------------------------------------------------


def back(api: Api, answer: Answer) -> list[Json]:
    """Return the turn as a client adds it to its conversation: as it was told, as far as the API has a place for it."""
    if api is MESSAGES:
        return [{"role": "assistant", "content": content_of(answer)}]
    if api is RESPONSES:
        return output(answer)
    turn = heard(api, answer)
    calls = [
        {"id": ident, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for ident, name, arguments in turn.calls
    ]
    return [{"role": "assistant", "content": turn.says or None, **({"tool_calls": calls} if calls else {})}]


def results(api: Api, turn: Turn, text: str = "it says") -> list[Json]:
    """Return the results of the calls of a turn."""
    ids = [ident for ident, _, _ in turn.calls]
    if api is CHAT:
        return [{"role": "tool", "tool_call_id": ident, "content": text} for ident in ids]
    if api is RESPONSES:
        return [{"type": "function_call_output", "call_id": ident, "output": text} for ident in ids]
    return [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": one, "content": text} for one in ids]}]


def asking(api: Api, *turns: Json, text: str = "Hi") -> Json:
    """Return the fields of a request whose conversation begins with a question."""
    return {"input" if api is RESPONSES else "messages": [{"role": "user", "content": text}, *turns]}
