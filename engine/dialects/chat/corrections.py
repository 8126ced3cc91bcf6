"""What an upstream refused of a chat request; how that is heard is told in `engine.dialects.openai.refusals`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.dialects.openai import refusals, spoken
from engine.dialects.openai.refusals import SINGLE, Json, Refusals, at, dicts, is_interrupted
from engine.dialects.openai.spoken import said

if TYPE_CHECKING:
    from engine.chat import Failure

ONCE = SINGLE | {"response_format.json_schema"}
"""Words (up to their `=`) that are true of one request."""


def once(word: str) -> bool:
    """Say whether `word` is true of this request only."""
    return word.partition("=")[0] in ONCE


def correction(failure: Failure, sent: Json) -> str | None:
    """Return the word for `Family.refused`; None if the failure names nothing of `sent` that could be left out.

    Where the context is exceeded: `room=N`, if an answer of N tokens would still fit.
    """
    return refusals.correction(failure, sent, KNOWN)


def held(word: str, sent: Json) -> bool:
    """Say whether what `word` stands for was sent."""
    if word in sent:
        return word != "tool_choice" or sent[word] != "none"
    if word.startswith("response_format."):
        return bool(at(sent, "response_format.type") == word.partition(".")[2])
    if word == "reasoning_effort+tools":
        return "reasoning_effort" in sent and "tools" in sent
    tools = dicts(sent.get("tools"))
    if word == "strict":
        shapes = [*(tool.get("function") for tool in tools), at(sent, "response_format.json_schema")]
        return any(isinstance(shape, dict) and shape.get("strict") for shape in shapes)
    messages = dicts(sent.get("messages"))
    if word == "custom":
        calls = [call for message in messages for call in dicts(message.get("tool_calls"))]
        return any(one.get("type") == "custom" for one in (*tools, *calls))
    return said_in(word, messages)


def said_in(word: str, messages: list[Json]) -> bool:
    """Say whether what `word` stands for is in the messages."""
    roles = [message.get("role") for message in messages]
    if word == "developer":
        return "developer" in roles
    if word == "system_anywhere":
        return is_interrupted(roles)
    if word == "user_after_tool":
        return ("tool", "user") in pairwise(roles)
    if word == "without_reasoning":
        return any(one.get("role") == "assistant" and not one.get("reasoning_content") for one in messages)
    if word == "call_ids":
        return any(message.get("tool_calls") for message in messages)
    parts = [part for message in messages for part in dicts(message.get("content"))]
    kinds = {"vision": "image_url", "file": "file"}
    if word in kinds:
        return any(part.get("type") == kinds[word] for part in parts)
    return any(word in one for one in (*messages, *parts))


KNOWN = Refusals(
    optional=(
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "stop",
        "stream_options",
        "parallel_tool_calls",
        "reasoning_effort",
        "reasoning_content",
        "response_format",
        "verbosity",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "prompt_cache_breakpoint",
        "service_tier",
        "moderation",
        "user",
        "strict",
        "tool_choice",
    ),
    inside={
        "reasoning_content": ("messages",),
        "prompt_cache_breakpoint": ("messages", "tools"),
        "strict": ("tools", "response_format"),
    },
    quoted=frozenset({"stop", "strict", "moderation", "seed", "user"}),
    spoken=(
        said(
            "reasoning_effort+tools",
            ("reasoning_effort", "tools"),
            r"tools with reasoning_effort|reasoning_effort.{0,60}\btools",
        ),
        said("call_ids", ("messages",), r"tool[_ ]call[_ ]id .{0,80}length|tool_calls\S*id'?: string too long"),
        said("user_after_tool", ("messages",), r"unexpected role 'user' after role 'tool'"),
        said(
            "without_reasoning",
            ("messages",),
            r"^.{0,80}?(?:reasoning_content\W+(?:\w+ ){0,6}?(?:is missing|must be passed back)"
            r"|(?:missing|requires?)\W+reasoning_content)",
        ),
        spoken.developer("messages"),
        spoken.system_first("messages"),
        *spoken.functions_only("messages"),
        spoken.loosely("response_format"),
        spoken.sees_none("messages", "image_url"),
        spoken.reads_none("messages", "file"),
    ),
    form="response_format",
    named="response_format",
    limits=("max_tokens", "max_completion_tokens"),
    about_limit=re.compile(r"[^.:]{0,40}\bmax_(?:completion_)?tokens\b|[^.:]{0,80}completion tokens"),
    effort="reasoning_effort",
    held=held,
)
