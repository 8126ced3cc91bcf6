"""The server of these tests with its two upstreams, and what a client makes of the streams it reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data, event, message_start
from tests.support.apis import CHAT, MESSAGES, Api, payloads
from tests.support.http import Answer, post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.http import Headers
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

JSON_OR_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


def file(openai: Upstream, anthropic: Upstream, *, upstreams: str = "", models: str = "", keys: str = "") -> str:
    """Return a proxy.yaml with both upstreams, a pattern for every kind of name, and the lines given on top."""
    return f"""
version: 1
upstreams:
  openai:
    {{kind: openai, circuit: off, base_url: "{openai.url}/v1", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic.url}", api_key: env:TEST_ANTHROPIC_KEY}}
{upstreams}
defaults: {{model: {{retries: 0}}}}
models:
  gpt-*: openai/gpt-*
  house-*: openai/house-*
  claude-*: anthropic/claude-*
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
{models}
keys:
  anonymous: {{}}
{keys}
"""


@dataclass
class House:
    turnout: Turnout
    openai: Upstream
    anthropic: Upstream

    def ask(self, api: Api, model: str, headers: Headers = (), *, stream: bool = False, **fields: Any) -> Answer:
        """Send a request in the form of `api`; `fields` add to a small one, or replace what it has."""
        return post(self.turnout.url, api.path, {**api.body(model, stream=stream), **fields}, headers)

    def chat(self, model: str = "gpt-5.5", *, stream: bool = True, **fields: Any) -> Answer:
        """Ask as a client of chat completions; it must be answered."""
        return good(self.ask(CHAT, model, stream=stream, **fields))

    def messages(self, model: str = "claude-sonnet-5", *, stream: bool = True, **fields: Any) -> Answer:
        """Ask as a client of the Messages API; it must be answered."""
        return good(self.ask(MESSAGES, model, stream=stream, **fields))


@dataclass(frozen=True)
class Way:
    """A client of one API and an upstream of the same or of the other."""

    client: Api
    server: Api

    @property
    def name(self) -> str:
        return f"{self.client.name} on {self.server.name}"

    def upstream(self, house: House) -> Upstream:
        return house.openai if self.server is CHAT else house.anthropic


STRAIGHT = (Way(CHAT, CHAT), Way(MESSAGES, MESSAGES))
ACROSS = (Way(CHAT, MESSAGES), Way(MESSAGES, CHAT))
EVERY_WAY = pytest.mark.parametrize("way", STRAIGHT + ACROSS, ids=lambda way: way.name)


def good(answer: Answer) -> Answer:
    assert (answer.status, answer.whole) == (200, True), answer.body
    return answer


def lost(answer: Answer) -> set[str]:
    """Return the paths that the header names as dropped."""
    told = answer.header("x-turnout-loss")
    return {one.partition("=")[0] for one in told.split(", ")} if told else set()


# a stream, as its client puts it together ----------------------------------------------------------------------------


def blocks(stream: bytes) -> list[dict[str, Any]]:
    """Return the content of a message stream, each delta added to the block of its index."""
    found: dict[int, dict[str, Any]] = {}
    raw: dict[int, str] = {}
    for value in payloads(stream):
        if value["type"] == "content_block_start":
            assert value["index"] not in found, f"block {value['index']} begins twice"
            found[value["index"]] = dict(value["content_block"])
        elif value["type"] == "content_block_delta":
            block, delta = found[value["index"]], value["delta"]
            for field in ("text", "thinking", "signature"):
                if field in delta:
                    block[field] = block.get(field, "") + delta[field]
            raw[value["index"]] = raw.get(value["index"], "") + delta.get("partial_json", "")
    for index, block in found.items():
        if block["type"] == "tool_use" and raw.get(index):
            block["input"] = json.loads(raw[index])
    return [found[index] for index in sorted(found)]


def turn(stream: bytes) -> dict[str, Any]:
    """Return the assistant's turn of a chat stream: content, reasoning_content and tool_calls by their index."""
    said: dict[str, Any] = {"content": "", "reasoning_content": ""}
    calls: dict[int, dict[str, Any]] = {}
    for choice in (choice for value in payloads(stream) for choice in value["choices"]):
        for field in said:
            said[field] += choice["delta"].get(field) or ""
        for piece in choice["delta"].get("tool_calls") or ():
            call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
            call["id"] += piece.get("id") or ""
            for field in ("name", "arguments"):
                call[field] += piece["function"].get(field) or ""
    assert sorted(calls) == list(range(len(calls))), "the indexes of the calls have gaps"
    return {**said, "calls": [(call["name"], json.loads(call["arguments"])) for call in calls.values()]}


# what upstreams say ---------------------------------------------------------------------------------------------------


def call_piece(index: int | None, arguments: str, *, id_: str | None = None, name: str | None = None) -> dict[str, Any]:
    """Return one entry of `delta.tool_calls`; without `id_` and `name` it goes on with a call."""
    head = {} if index is None else {"index": index}
    opening = {"id": id_, "type": "function"} if id_ else {}
    return {**head, **opening, "function": {**({"name": name} if name else {}), "arguments": arguments}}


def message_of(*content: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    """Return a whole message with these blocks."""
    usage = {"input_tokens": 11, "output_tokens": 7, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5"}
    return {**head, "content": list(content), "stop_reason": stop, "stop_sequence": None, "usage": usage}


def message_stream(*content: dict[str, Any], stop: str = "end_turn") -> list[bytes]:
    """Return the events of a stream with these blocks, each in two or more deltas."""
    events = [message_start(), event("ping")]
    for index, block in enumerate(content):
        events.append(event("content_block_start", index=index, content_block=_empty(block)))
        events += [event("content_block_delta", index=index, delta=delta) for delta in _deltas(block)]
        events.append(event("content_block_stop", index=index))
    end = {"stop_reason": stop, "stop_sequence": None}
    return [*events, event("message_delta", delta=end, usage={"output_tokens": 7}), event("message_stop")]


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    hollow: dict[str, dict[str, Any]] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    return {**block, **hollow.get(block["type"], {})}


def _deltas(block: dict[str, Any]) -> list[dict[str, Any]]:
    kind = block["type"]
    if kind == "text":
        return [{"type": "text_delta", "text": piece} for piece in halves(block["text"])]
    if kind == "thinking":
        thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in halves(block["thinking"])]
        return [*thoughts, {"type": "signature_delta", "signature": block["signature"]}]
    if kind == "tool_use":
        pieces = halves(json.dumps(block["input"])) if block["input"] else []
        return [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
    return []


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def chat_of(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    """Return a whole chat completion with this message."""
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "gpt-5.5"}
    return {**head, "choices": [choice], "usage": usage}


def usage_chunk(prompt: int = 11, completion: int = 7) -> bytes:
    """Return the chunk that tells a stream's usage, behind the one with the finish reason."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-5.5"}
    return data({**head, "choices": [], "usage": usage})


# what clients send ----------------------------------------------------------------------------------------------------


def functions(*names: str) -> list[dict[str, Any]]:
    """Return tools of chat completions."""
    return [{"type": "function", "function": {"name": name, "description": name, "parameters": PATH}} for name in names]


def tools(*names: str) -> list[dict[str, Any]]:
    """Return tools of the Messages API."""
    return [{"name": name, "description": name, "input_schema": PATH} for name in names]


def conversation(*turns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a conversation that begins with a question."""
    return [{"role": "user", "content": "Read both files"}, *turns]


def called(*calls: tuple[str, str, str]) -> dict[str, Any]:
    """Return a chat client's assistant turn with calls (id, name, arguments)."""
    made: Sequence[dict[str, Any]] = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in calls
    ]
    return {"role": "assistant", "content": None, "tool_calls": made}


def tool_use(id_: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": arguments}


def tool_result(id_: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id_, "content": content, **more}
