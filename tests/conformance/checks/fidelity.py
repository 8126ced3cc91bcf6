"""What must pass as it is where client and upstream speak the same API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.check import Room, alike, must, same
from tests.conformance.checks.tools import CITY, PIXEL
from tests.conformance.words import mark

if TYPE_CHECKING:
    from tests.conformance.words import Api

EPHEMERAL = {"type": "ephemeral"}
BETAS = "context-1m-2025-08-07,interleaved-thinking-2025-05-14"


def fields(room: Room) -> None:
    """Fields that the gateway does not know reach an upstream of the client's own API.

    Vendors add fields every month; whoever drops them takes features away without a word.
    """
    body = room.body("fields")
    more: dict[str, Any] = {"x_conformance": {"a": [1, {"b": None}], "c": "ü"}, "x_flag": False}
    body |= more
    turn = (body.get("messages") or body.get("input"))[-1]
    turn["x_turn"] = "kept"
    room.answer(body)
    arrived = room.arrived().body
    for name, value in more.items():
        same(arrived.get(name), value, name)
    same((arrived.get("messages") or arrived.get("input"))[-1].get("x_turn"), "kept", "x_turn of the last turn")


def unchanged(room: Room) -> None:
    """A rich request reaches an upstream of the client's own API as it was sent: every field, and tools in their order.

    messages: cache_control, metadata and signed thinking; chat: prompt_cache_key, metadata and strict tools;
    responses: encrypted reasoning, namespaces, hosted tools. Caches match by the prefix, whose beginning are the tools.
    """
    body = {**room.body("text"), **RICH[room.pair.client](mark("text", room.nonce))}
    room.answer(body)
    arrived = room.arrived().body
    for name, sent in body.items():
        if name in ("model", "stream", "stream_options"):
            continue
        must(name in arrived, f"{name} is gone")
        if name == "tools":
            alike(arrived[name], sent, name)
        else:
            same(arrived[name], sent, name)


def _rich_chat(text: str) -> dict[str, Any]:
    function = {"name": "get_weather", "description": "W", "parameters": CITY, "strict": False}
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city" :"Paris" }'}}
    part = {"type": "text", "text": "Look.", "prompt_cache_breakpoint": {"mode": "explicit"}}
    return {
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "content": [part], "name": "ada"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": PIXEL.link, "detail": "low"}},
                    {"type": "text", "text": text},
                ],
            },
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "metadata": {"team": "a"},
        "prompt_cache_key": "key-1",
        "safety_identifier": "ada",
        "service_tier": "flex",
        "store": False,
        "verbosity": "low",
    }


def _rich_messages(text: str) -> dict[str, Any]:
    return {
        "system": [
            {"type": "text", "text": "Be brief.", "cache_control": {**EPHEMERAL, "ttl": "1h"}},
            {"type": "text", "text": "And kind.", "cache_control": EPHEMERAL},
        ],
        "messages": [
            {"role": "user", "content": "Look."},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "I look.", "signature": "c2lnbmVk"},
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"days": 2, "city": "Paris"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "is_error": True,
                        "content": [{"type": "text", "text": "none"}],
                    },
                    {"type": "text", "text": text, "cache_control": EPHEMERAL},
                ],
            },
        ],
        "tools": [{"name": "get_weather", "input_schema": CITY, "description": "W", "cache_control": EPHEMERAL}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "ada"},
        "service_tier": "standard_only",
    }


def _rich_responses(text: str) -> dict[str, Any]:
    function = {"type": "function", "name": "get_weather", "description": "W", "parameters": CITY, "strict": False}
    call = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city" :"Paris" }'}
    return {
        "input": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Look."},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAAsealed"},
            {**call, "namespace": "alpha"},
            {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "sun"}]},
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": PIXEL.link, "detail": "low"},
                    {"type": "input_text", "text": text},
                ],
            },
        ],
        "tools": [
            {"type": "namespace", "name": "alpha", "description": "A", "tools": [function]},
            {"type": "web_search", "search_context_size": "low"},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "include": ["reasoning.encrypted_content"],
        "metadata": {"team": "a"},
        "prompt_cache_key": "key-1",
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "ada",
        "service_tier": "flex",
        "store": False,
        "text": {"verbosity": "low"},
    }


RICH: dict[Api, Any] = {"chat": _rich_chat, "messages": _rich_messages, "responses": _rich_responses}


def answer_fields(room: Room) -> None:
    """Fields of the upstream's answer that the gateway need not know reach a client of the same API.

    chat: system_fingerprint, service_tier; messages: usage.service_tier, thinking_tokens; responses: service_tier.
    """
    got = room.send(room.body("text"))
    room.read(got)
    if room.pair.client == "messages":
        same(got.value["usage"].get("service_tier"), "standard", "usage.service_tier")
        return
    same(got.value.get("service_tier"), "default", "service_tier")
    if room.pair.client == "chat":
        same(got.value.get("system_fingerprint"), "fp_44709d6fcb", "system_fingerprint")


def betas(room: Room) -> None:
    """The header anthropic-beta reaches an upstream of the Messages API.

    Claude Code switches features on by it; a gateway may add betas of its own.
    """
    room.answer(room.body("text"), (("anthropic-beta", BETAS),))
    came = room.arrived().seen.header("anthropic-beta") or ""
    must(all(beta in came for beta in BETAS.split(",")), f"anthropic-beta is {came!r}")
