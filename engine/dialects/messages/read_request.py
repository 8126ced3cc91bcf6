"""A request of the Messages API, read into the neutral vocabulary.

Protocol facts: anthropic 2.12 (types/message_create_params.py, types/beta/message_create_params.py).
"""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from engine.chat import Choice, Effort, Format, Message, Problem, Reasoning, Request, Role, Tool
from engine.dialects.body import TOO_DEEP, refused
from engine.dialects.codec import Losses
from engine.dialects.fields import Fields, body_fields
from engine.dialects.messages.read_blocks import read_cache, read_content

KNOWN = frozenset(
    {
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stream",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
        "service_tier",
        "cache_control",
        "thread",
    }
)
"""The parameters that `engine.chat.Request` has a place for; all others are kept as `extra`."""

NAMED = {
    "stop": "stop_sequences",
    "choice": "tool_choice",
    "parallel": "tool_choice.disable_parallel_tool_use",
    "reasoning": "thinking",
    "user": "metadata.user_id",
    "session": "metadata.user_id",
    "tier": "service_tier",
    "cache": "cache_control",
}

ROLES: tuple[Role, ...] = get_args(Role)
EFFORTS: tuple[Effort, ...] = get_args(Effort)

MODES: dict[str, Any] = {"disabled": "off", "enabled": "budget", "adaptive": "adaptive", "between_tools": "adaptive"}
CHOICES: dict[str, Any] = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}

OLDER_USER = re.compile(r"(user_.+)_session_([0-9A-Za-z-]+)")
"""metadata.user_id as Claude Code wrote it before it was JSON."""


def read(body: bytes) -> Request:
    """Return what `body` asks. Raises `Problem` (400) with the path of what cannot be understood or translated."""
    try:
        return _read(body_fields(body))
    except RecursionError:
        raise refused(TOO_DEEP) from None


def _read(body: Fields) -> Request:
    if body.value.get("thread") is not None:
        raise threaded()
    losses = Losses()
    config = body.object("output_config") or Fields({}, "output_config")
    messages, latest = read_messages(body, losses)
    effort, effort_at = latest or (read_effort(config, losses), config.path("effort"))
    choice, parallel = read_choice(body.object("tool_choice"))
    metadata = body.object("metadata") or Fields({}, "metadata")
    user, session = read_user(metadata.text("user_id"))
    extra = dict(body.others(KNOWN))
    extra.update(config.others(("effort", "format")))
    extra.update(metadata.others(("user_id",)))
    return Request(
        model=body.named("model"),
        messages=(*read_system(body, losses), *messages),
        tools=tuple(read_tool(tool, losses) for tool in body.objects("tools")),
        choice=choice,
        parallel=parallel,
        max_tokens=body.count("max_tokens"),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=body.count("top_k"),
        stop=body.texts("stop_sequences"),
        stream=bool(body.flag("stream")),
        reasoning=read_reasoning(body.object("thinking"), effort, effort_at, losses),
        format=read_format(config.object("format") or body.object("output_format")),
        user=user,
        session=session,
        tier=body.text("service_tier"),
        cache=read_cache(body),
        extra=extra,
        named=NAMED,
        losses=tuple(losses.found),
    )


def threaded() -> Problem:
    """Return the refusal that makes the SDK's tool_runner go on without a thread (anthropic 2.12: lib/threads)."""
    return Problem(
        400,
        "unsupported_parameter",
        "`thread` is kept at Anthropic, and this model is served by another API; send the whole conversation instead",
        param="thread",
        details={"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
    )


def read_system(body: Fields, losses: Losses) -> list[Message]:
    """Return `system` as one message with a block for each of its own."""
    system = body.value.get("system")
    if system is not None and not isinstance(system, str | list):
        raise body.wrong("system", "a string or a list of text blocks")
    blocks = body.objects("system") if isinstance(system, list) else []
    wrong = next((block for block in blocks if block.named("type") != "text"), None)
    if wrong is not None:
        raise wrong.wrong("type", "text: system blocks are texts")
    texts = read_content(body, "system", losses, "system") if system else ()
    return [Message(role="system", blocks=texts, at="system")] if texts else []


def read_messages(body: Fields, losses: Losses) -> tuple[list[Message], tuple[Effort, str] | None]:
    """Return the turns, and the latest effort that a system message among them asks for, with its path."""
    if body.value.get("messages") is None:
        raise body.missing("messages")
    messages: list[Message] = []
    latest = None
    for message in body.objects("messages"):
        role = next((known for known in ROLES if known == message.required("role")), None)
        if role is None:
            raise message.wrong("role", "user, assistant or system")
        if message.value.get("content") is None and role != "system":
            raise message.missing("content")
        if (config := message.object("output_config")) is not None:
            if (effort := read_effort(config, losses)) is not None:
                latest = effort, config.path("effort")
            losses.approximated(config.at, "the latest effort counts for the whole request")
        if message.text("clear_at") not in (None, "never"):
            losses.approximated(message.path("clear_at"), "the message stays in the conversation")
        blocks = read_content(message, role, losses)
        if blocks:
            messages.append(Message(role=role, blocks=blocks, at=message.at))
    return messages, latest


def read_tool(tool: Fields, losses: Losses) -> Tool:
    kind = tool.text("type")
    if kind not in (None, "custom"):
        return Tool(name=tool.text("name") or kind or "", hosted=kind, at=tool.at, cache=read_cache(tool))
    if tool.value.get("input_examples"):
        losses.dropped(tool.path("input_examples"), "no counterpart in other APIs")
    if any(caller != "direct" for caller in tool.items("allowed_callers")):
        losses.dropped(tool.path("allowed_callers"), "in other APIs the model calls it itself")
    return Tool(
        name=tool.named("name"),
        description=tool.text("description"),
        schema=tool.schema("input_schema"),
        strict=tool.flag("strict"),
        deferred=bool(tool.flag("defer_loading")),
        cache=read_cache(tool),
        at=tool.at,
    )


def read_choice(choice: Fields | None) -> tuple[Choice | None, bool | None]:
    """Return which tools the model must or may call, and whether several at once."""
    if choice is None:
        return None, None
    kind = choice.named("type")
    if kind not in CHOICES:
        raise choice.wrong("type", "auto, any, tool or none")
    alone = choice.flag("disable_parallel_tool_use")
    name = choice.named("name") if kind == "tool" else None
    return Choice(mode=CHOICES[kind], name=name, at=choice.at), False if alone else None


def read_effort(config: Fields, losses: Losses) -> Effort | None:
    word = config.text("effort")
    known = next((effort for effort in EFFORTS if effort == word), None)
    if word is not None and known is None:
        losses.dropped(config.path("effort"), "an effort that is not known here")
    return known


def read_reasoning(thinking: Fields | None, effort: Effort | None, at: str, losses: Losses) -> Reasoning | None:
    """Return how much the model should think; `at` is where the effort stands."""
    if thinking is None:
        return None if effort is None else Reasoning(effort=effort, at=at)
    kind = thinking.named("type")
    if kind not in MODES:
        losses.dropped(thinking.at, "a kind of thinking that is not known here")
    elif kind == "between_tools":
        losses.approximated(thinking.path("type"), "other APIs leave it to the model when to think")
    return Reasoning(
        effort=effort,
        mode=MODES.get(kind),
        budget=thinking.count("budget_tokens"),
        shown=thinking.text("display"),
        at=thinking.at,
    )


def read_format(wish: Fields | None) -> Format | None:
    if wish is None:
        return None
    if wish.named("type") != "json_schema":
        raise wish.wrong("type", "json_schema")
    schema = wish.schema("schema")
    if schema is None:
        raise wish.missing("schema")
    return Format(kind="json_schema", schema=schema, at=wish.at)


def read_user(user_id: str | None) -> tuple[str | None, str | None]:
    """Return who asks and which session this is.

    Claude Code puts both into metadata.user_id: as JSON {"device_id", "account_uuid", "session_id"}, older versions as
    user_..._account_..._session_...; what others put there is the user.
    """
    if not user_id:
        return None, None
    if match := OLDER_USER.fullmatch(user_id):
        return match[1], match[2]
    if user_id.startswith("{"):
        try:
            known = msgspec.json.decode(user_id, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return user_id, None
        parts = [known.get(name) for name in ("account_uuid", "device_id", "session_id")]
        account, device, session = (part if isinstance(part, str) and part else None for part in parts)
        if session is not None:
            return account or device, session
    return user_id, None
