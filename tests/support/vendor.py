"""A vendor at its strictest: what any of the real ones refuses is answered with a 400 that says why.

A body is held against the types of the vendor's SDK, the rules that it keeps beside them, what its models do not take,
and what they have thought before: in a running tool loop that must be back, unmodified, in front of the calls that it
led to. Stateless, by request: a thought and its signature follow from the ids of its calls.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.dialects.oracles import request_flaws
from tests.dialects.rules import broken
from tests.support.answers import usual
from tests.support.loop import Manner
from tests.support.script import as_json
from tests.support.thoughts import bond, decrypted, reasons, shown, signed, thought

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.script import Reply
    from tests.support.upstream import Answer, Seen

APIS = {
    "/v1/chat/completions": "chat",
    "/v1/messages": "messages",
    "/v1/responses": "responses",
    "/v1/responses/input_tokens": "input_tokens",
}
REASONING = ("reasoning_content", "reasoning", "reasoning_details")
NOT_OPENAI = ("max_tokens", "stop", "top_p", "top_k", "thinking", "reasoning")
DULL = ("temperature", "top_p", "top_logprobs")
"""What OpenAI's models that think do not take."""
SAMPLING = ("temperature", "top_p", "top_k")
THINKING = (
    (r"-4-5$", ("enabled", "disabled")),
    (r"-4-6$", ("adaptive", "enabled", "disabled")),
    (r"-5-5$", ("adaptive",)),
    (r"", ("adaptive", "disabled")),
)
"""Model -> thinking.type. https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5"""
ENCRYPTED = "reasoning.encrypted_content"
BETAS = {"context_management": "context-management-2025-06-27", "block_binding": "thinking-binding-controls-2026-08-01"}


def strict(manner: Manner) -> Answer:
    """Return what an upstream answers that refuses all it can, and else goes about its task in this manner."""

    def answer(seen: Seen) -> Reply:
        reason = refused(seen, manner)
        if reason is None:
            return usual(seen, manner)
        error = {"type": "invalid_request_error", "message": reason}
        if APIS[seen.path] == "messages":
            return as_json({"type": "error", "error": error, "request_id": "req_upstream"}, 400)
        return as_json({"error": {**error, "param": None, "code": None}}, 400)

    return answer


def refused(seen: Seen, manner: Manner) -> str | None:
    """Return why a vendor refuses this request, None if it does not."""
    api = APIS.get(seen.path)
    if api is None:
        return None
    body = seen.json
    flaws = request_flaws(api, body)
    if api in RULES and not flaws:
        flaws = [*broken(api, body), *RULES[api](body, manner)]
    if api == "messages":
        betas = seen.header("anthropic-beta") or ""
        given = {**body, **(body.get("thinking") or {})}
        flaws += [f"{field} without {beta}" for field, beta in BETAS.items() if field in given and beta not in betas]
    return "; ".join(flaws) or None


# chat ----------------------------------------------------------------------------------------------------------------


def _gpt(body: dict[str, Any], manner: Manner) -> Iterator[str]:
    if body["model"].startswith("deepseek"):
        yield from _recalled(body["messages"]) if manner.thinks else ()
        return
    yield from (f"{name}: not supported with this model" for name in NOT_OPENAI if name in body)
    if body.get("temperature", 1) != 1 and body.get("reasoning_effort") != "none":
        yield "temperature: only the default (1) is supported"
    if (
        re.match(r"gpt-(5\.[4-9]|[6-9])", body["model"])
        and "tools" in body
        and body.get("reasoning_effort", "none") != "none"
    ):
        yield "Function tools with reasoning_effort are not supported"
    for number, one in enumerate(body["messages"]):
        yield from (f"messages[{number}].{name}: unexpected" for name in REASONING if name in one)


def _recalled(messages: list[Any]) -> Iterator[str]:
    """DeepSeek and Kimi: the reasoning of a running tool loop must be back (MoonshotAI/Kimi-K2.5#13)."""
    begun = max(number for number, one in enumerate(messages) if one["role"] == "user")
    for number, one in enumerate(messages):
        calls = [call["id"] for call in one.get("tool_calls") or ()]
        if number > begun and calls and one.get("reasoning_content") != thought(calls):
            yield f"messages[{number}]: reasoning_content is missing in assistant tool call message"


# responses -----------------------------------------------------------------------------------------------------------


def _response(body: dict[str, Any], manner: Manner) -> Iterator[str]:
    if reasons(body):
        yield from (
            f"Unsupported parameter: '{name}' is not supported with this model" for name in DULL if name in body
        )
    elif ENCRYPTED in (body.get("include") or ()) and "reasoning" not in body:
        yield "Encrypted content is not supported with this model"
    if re.match(r"gpt-[34]", body["model"]) and body.get("reasoning"):
        yield "Unsupported parameter: 'reasoning.effort'"
    told = body.get("store") is False or ENCRYPTED in (body.get("include") or ())
    yield from _encrypted(body["input"], must=manner.thinks and reasons(body) and told)


def _encrypted(items: Any, *, must: bool) -> Iterator[str]:
    """Hold every thought against what was encrypted, and the calls behind it; `must`: it may not be missing."""
    items = items if isinstance(items, list) else []
    begun = max((number for number, item in enumerate(items) if item.get("role") == "user"), default=0)
    led: set[str] = set()
    for number, item in enumerate(items):
        where = f"input[{number}]"
        if item.get("type") in ("function_call", "custom_tool_call"):
            if must and number > begun and item["call_id"] not in led:
                yield f"{where}: '{item['type']}' was provided without its required 'reasoning' item"
        elif item.get("type") == "reasoning" and item.get("encrypted_content"):
            calls = decrypted(item["encrypted_content"])
            if calls is None:
                yield f"{where}: The encrypted content could not be verified"
                continue
            led.update(calls)
            if not set(calls) <= {one.get("call_id") for one in items[number:]}:
                yield f"{where}: 'reasoning' was provided without its required following item"
            if any(part["text"] != thought(calls) for part in item["summary"]):
                yield f"{where}: the summary is not what the model said"


# messages ------------------------------------------------------------------------------------------------------------


def _claude(body: dict[str, Any], manner: Manner) -> Iterator[str]:
    model, thinking = body["model"], body.get("thinking") or {}
    newer = re.search(r"-4-[56]$", model) is None
    taken = next(types for pattern, types in THINKING if re.search(pattern, model))
    if thinking and thinking["type"] not in taken:
        yield f"thinking: Input tag '{thinking['type']}' does not match any of the expected tags: {taken}"
    yield from (f"{name}: Extra inputs are not permitted" for name in SAMPLING if newer and name in body)
    if not re.search(r"-4-5$", model) and body["messages"][-1]["role"] == "assistant":
        yield "This model does not support assistant message prefill"
    if re.search(r"-4-[567]$", model) and any(one["role"] == "system" for one in body["messages"]):
        yield "role 'system' is not supported on this model"
    if re.search(r"-4-5$", model) and "effort" in (body.get("output_config") or {}):
        yield "This model does not support the effort parameter"
    if re.search(r"-5-5$", model) and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "tool_choice forces tool use, which this model does not support"
    yield from _thoughts(body, must=manner.thinks and shown(body) is not None)


def _thoughts(body: dict[str, Any], *, must: bool) -> Iterator[str]:
    """Hold every thought against its signature, and against the calls behind it; `must`: it may not be missing."""
    begun = max(number for number, one in enumerate(body["messages"]) if one["role"] == "user" and not _results(one))
    for number, one in enumerate(body["messages"]):
        blocks = one["content"] if one["role"] == "assistant" and isinstance(one["content"], list) else []
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        thoughts = [block for block in blocks if block["type"] == "thinking"]
        where = f"messages.{number}.content"
        for block in thoughts:
            if block["signature"] != signed(calls, bond(body["model"], body["messages"][:number])):
                yield f"{where}: Invalid `signature` in `thinking` block"
            if block["thinking"] != (thought(calls) if shown(body) == "summarized" else ""):
                yield f"{where}: `thinking` blocks in the latest assistant message cannot be modified"
        if must and number > begun and calls and blocks[0]["type"] != "thinking":
            yield f"{where}.0.type: Expected `thinking` or `redacted_thinking`, but found `{blocks[0]['type']}`"


def _results(message: dict[str, Any]) -> bool:
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)


RULES = {"chat": _gpt, "messages": _claude, "responses": _response}
"""API of a conversation -> what its models refuse."""
