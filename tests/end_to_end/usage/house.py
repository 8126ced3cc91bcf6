"""A server that reads the usage of everything, between scripted upstreams of every API that tell it with a cache."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.support import answers, items
from tests.support.events import CREATED, data
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.support.http import Answer
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

Json = dict[str, Any]

FILE = """
version: 1
upstreams:
  chat: {{kind: openai, base_url: "{openai}", api_key: env:TEST_OPENAI_KEY, apis: [chat, completions, embeddings]}}
  responses: {{kind: openai, base_url: "{openai}", api_key: env:TEST_OPENAI_KEY, apis: [responses]}}
  messages: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  to-chat: chat/gpt-5.5
  to-responses: responses/gpt-5.5
  to-messages: messages/claude-sonnet-5
  to-mistral: chat/mistral-large
  refuses-*: chat/refuses-*
  unset: {{targets: [chat/gpt-5.5], unset: [stream_options]}}
  set-off: {{targets: [chat/gpt-5.5], set: {{stream_options.include_usage: false}}}}
  both: {{targets: [messages/claude-sonnet-5], fallback: [chat/gpt-5.5]}}
  unpriced: chat/free
prices:
  "*/gpt-5.5": {{input: 2, cached: 0.5, cache_write: 4, output: 10}}
  messages/*: {{input: 2, cached: 0.5, cache_write: 4, output: 10}}
keys: {{anonymous: {{}}}}
observe: {{log: {{format: json}}}}
"""
USAGE = {"input": 100, "cache_read": 40, "cache_write": 20, "output": 30, "reasoning": 9}
"""What every upstream tells of every answer, each in its own words."""
COST = 100 * 2 + 20 + 20 * 4 + 30 * 10
"""In micro-USD."""
CHAT_USAGE = {
    "prompt_tokens": 160,
    "completion_tokens": 30,
    "total_tokens": 190,
    "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 9},
}
MESSAGE_USAGE = {
    "input_tokens": 100,
    "cache_read_input_tokens": 40,
    "cache_creation_input_tokens": 20,
    "output_tokens": 30,
    "output_tokens_details": {"thinking_tokens": 9},
}
RESPONSE_USAGE = {
    "input_tokens": 160,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 20},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 9},
    "total_tokens": 190,
}
CHUNK = data(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": "gpt-5.5",
        "choices": [],
        "usage": CHAT_USAGE,
    }
)
WORDS = ("Hello", " there", ", friend")


def chat(*, stream: bool, told: bool = True) -> Reply:
    if stream:
        *events, done = answers.chat_events(WORDS)
        return as_stream([*events, CHUNK, done] if told else [*events, done])
    return as_json({**answers.chat("".join(WORDS)), "usage": CHAT_USAGE})


def messages(*, stream: bool) -> Reply:
    if not stream:
        return as_json({**answers.message("".join(WORDS)), "usage": MESSAGE_USAGE})
    start = {**answers.message(""), "content": [], "stop_reason": None}
    start["usage"] = {**MESSAGE_USAGE, "output_tokens": 1, "output_tokens_details": None}
    opened = answers.event("message_start", message=start)
    ending = {name: MESSAGE_USAGE[name] for name in ("output_tokens", "output_tokens_details")}
    end = answers.event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=ending)
    return as_stream([opened, *answers.message_events(WORDS)[1:-2], end, answers.event("message_stop")])


def responses(*, stream: bool) -> Reply:
    whole = {**items.response("".join(WORDS)), "usage": RESPONSE_USAGE}
    return as_stream(items.response_stream(whole, words=WORDS)) if stream else as_json(whole)


BY_PATH = {"/v1/chat/completions": chat, "/v1/messages": messages, "/v1/responses": responses}


def telling(seen: Seen) -> Reply:
    """Answer with a usage; in a chat stream only where it is asked for, as vendors do."""
    stream = bool(seen.json.get("stream"))
    if seen.path == "/v1/chat/completions":
        return chat(stream=stream, told=bool((seen.json.get("stream_options") or {}).get("include_usage")))
    return BY_PATH[seen.path](stream=stream)


def record(turnout: Turnout, answer: Answer) -> Json:
    """Wait for the record of a request in the log, and return it."""
    ident = answer.header("x-turnout-request")
    line = turnout.wait_for(re.compile(rf'^\{{.*"request":"{ident}".*\}}$', re.MULTILINE)).group()
    found: Json = json.loads(line)
    return found


def written(openai: Upstream, anthropic: Upstream) -> str:
    return FILE.format(openai=openai.url, anthropic=anthropic.url)
