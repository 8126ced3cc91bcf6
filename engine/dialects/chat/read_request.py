"""A chat completions request, read into the neutral vocabulary.

Only what no API could understand is refused here; what one upstream cannot be asked is its writer's business.

Protocol facts: openai 3.54 (types/chat/completion_create_params.py and the params beside it).
"""

from __future__ import annotations

from typing import Any, get_args

from engine.chat import Effort, Format, Reasoning, Request
from engine.dialects.body import TOO_DEEP, refused
from engine.dialects.chat.read_messages import read_messages
from engine.dialects.chat.read_tools import read_choice, read_function, read_function_choice, read_tool
from engine.dialects.codec import Losses
from engine.dialects.fields import Fields, body_fields
from engine.dialects.openai.sampling import read_stop, read_top_k

KNOWN = frozenset(
    {
        "model",
        "messages",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "max_completion_tokens",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "stream",
        "stream_options",
        "reasoning_effort",
        "reasoning",
        "thinking",
        "response_format",
        "safety_identifier",
        "user",
        "prompt_cache_key",
        "service_tier",
    }
)
"""The parameters that `engine.chat.Request` has a place for; all others are kept as `extra`."""

IDLE: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "store": (False,),
    "metadata": ({},),
    "modalities": (["text"], []),
    "verbosity": ("medium",),
}
"""Parameters with the values that mean the same as leaving them out."""

EFFORTS: tuple[Effort, ...] = get_args(Effort)

MODES: dict[str, Any] = {"enabled": "adaptive", "adaptive": "adaptive", "auto": "adaptive", "disabled": "off"}
"""`thinking.type`, as DeepSeek, Moonshot and z.ai have it; with a budget in tokens `enabled` means that budget."""


def read(body: bytes) -> Request:
    """Return what `body` asks. Raises `Problem` (400) with the path of what cannot be understood."""
    try:
        return _read(body_fields(body))
    except RecursionError:
        raise refused(TOO_DEEP) from None


def _read(body: Fields) -> Request:
    losses = Losses()
    messages, cached = read_messages(body, losses)
    tools = [*map(read_tool, body.objects("tools")), *map(read_function, body.objects("functions"))]
    legacy = not body.value.get("tools") and bool(body.value.get("functions"))
    stream = bool(body.flag("stream"))
    options = body.object("stream_options") or Fields({}, "stream_options")
    counted = "max_completion_tokens" if body.value.get("max_completion_tokens") is not None else "max_tokens"
    asker = "safety_identifier" if body.value.get("safety_identifier") is not None else "user"
    return Request(
        model=body.named("model"),
        messages=messages,
        tools=tuple(tools),
        choice=read_function_choice(body) if legacy else read_choice(body),
        parallel=False if legacy else body.flag("parallel_tool_calls"),  # that form has one call in an answer
        max_tokens=read_most(body, counted, losses),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=read_top_k(body),
        stop=read_stop(body),
        stream=stream,
        usage=bool(options.flag("include_usage")) or not stream,
        reasoning=read_reasoning(body),
        format=read_format(body.object("response_format")),
        user=body.text(asker) or None,
        session=body.text("prompt_cache_key") or None,
        tier=body.text("service_tier"),
        legacy=legacy,
        extra=read_others(body),
        named={
            "choice": "function_call" if legacy else "tool_choice",
            "parallel": "functions" if legacy else "parallel_tool_calls",
            "max_tokens": counted,
            "format": "response_format",
            "user": asker,
            "session": "prompt_cache_key",
            "tier": "service_tier",
            "cache": cached or "prompt_cache_breakpoint",
            "detail": "image_url.detail",
        },
        losses=tuple(losses.found),
    )


def read_others(body: Fields) -> dict[str, Any]:
    """Return the parameters that have no place of their own and say something."""
    found = {path: value for path, value in body.others(KNOWN) if not says_nothing(path, value)}
    if "modalities" not in found:
        found.pop("audio", None)  # how a sound is to be that nobody asked for
    if body.value.get("safety_identifier") is not None and body.value.get("user") not in (
        None,
        body.value["safety_identifier"],
    ):
        found["user"] = body.value["user"]
    return found


def says_nothing(path: str, value: Any) -> bool:
    return any(value == idle and isinstance(value, bool) == isinstance(idle, bool) for idle in IDLE.get(path, ()))


def read_most(body: Fields, name: str, losses: Losses) -> int | None:
    """Return the most tokens of the answer; -1 and 0 mean `no limit` to local servers, and to their clients."""
    value = body.value.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        losses.approximated(name, "taken as no limit")
        return None
    return body.count(name)


def read_reasoning(body: Fields) -> Reasoning | None:
    """Return how much the model should think, in any of the forms that servers take.

    `reasoning_effort` is OpenAI's, `reasoning: {effort, max_tokens, enabled, exclude}` OpenRouter's, `thinking: {type,
    budget_tokens}` that of DeepSeek and others.
    """
    nested = body.object("reasoning") or Fields({}, "reasoning")
    thinking = body.object("thinking") or Fields({}, "thinking")
    effort = read_effort(body, "reasoning_effort") or read_effort(nested, "effort")
    budget = thinking.count("budget_tokens") or nested.count("max_tokens")
    enabled = nested.flag("enabled")
    mode: Any = None if enabled is None else "adaptive" if enabled else "off"
    if (kind := thinking.text("type")) is not None:
        if kind not in MODES:
            raise thinking.wrong("type", "enabled, disabled or adaptive")
        mode = MODES[kind]
    if budget and mode != "off":
        mode = "budget"
    shown = "omitted" if nested.flag("exclude") else None
    given = [name for name in ("reasoning_effort", "reasoning", "thinking") if body.value.get(name) is not None]
    if effort is None and mode is None and shown is None:
        return None
    return Reasoning(effort=effort, mode=mode, budget=budget if mode == "budget" else None, shown=shown, at=given[0])


def read_effort(holder: Fields, name: str) -> Effort | None:
    word = holder.text(name)
    known = next((effort for effort in EFFORTS if effort == word), None)
    if word and known is None:
        raise holder.wrong(name, f"one of {', '.join(EFFORTS)}")
    return known


def read_format(wish: Fields | None) -> Format | None:
    if wish is None:
        return None
    kind = wish.named("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format(kind="json_object", at=wish.at)
    if kind != "json_schema":
        raise wish.wrong("type", "text, json_object or json_schema")
    inner = wish.object("json_schema")
    if inner is None:
        raise wish.missing("json_schema")
    return Format(
        kind="json_schema",
        schema=inner.schema("schema"),
        name=inner.text("name"),
        description=inner.text("description"),
        strict=inner.flag("strict"),
        at=wish.at,
    )
