"""A request of the Responses API, or of its count of input tokens, read into the neutral vocabulary.

It must say everything itself: what it goes on from has been put into its input before. Protocol facts: openai 3.54
(types/responses/response_create_params.py, types/responses/input_token_count_params.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.chat import Problem, Request
from engine.dialects.body import TOO_DEEP, refused
from engine.dialects.clip import clipped
from engine.dialects.codec import Losses
from engine.dialects.fields import Fields, body_fields
from engine.dialects.responses.read_items import items_of, read_items
from engine.dialects.responses.read_tools import read_choice, read_tools
from engine.dialects.responses.read_wishes import TOLD, read_format, read_reasoning
from engine.dialects.responses.response import ECHOED

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN = frozenset(
    {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "stream",
        "stream_options",
        "reasoning",
        "text",
        "include",
        "safety_identifier",
        "user",
        "prompt_cache_key",
        "service_tier",
        "metadata",
        "store",
        "max_tool_calls",
        "background",
        "conversation",
        "prompt",
        "previous_response_id",
    }
)
"""The parameters that have a place in `engine.chat.Request`, that the answer only repeats (metadata, store), that bind
nothing but tools of OpenAI's own (max_tool_calls), or that are refused; all others are kept as `extra`."""

GIVEN = frozenset(
    {
        "reasoning.encrypted_content",
        "message.input_image.image_url",
        "computer_call_output.output.image_url",
        "web_search_call.results",
        "web_search_call.action.sources",
        "file_search_call.results",
        "code_interpreter_call.outputs",
    }
)
"""What `include` may ask for without a loss: it is always given, or belongs to a tool that is lost as a whole."""

IDLE: dict[str, tuple[Any, ...]] = {
    "truncation": ("disabled",),
    "top_logprobs": (0,),
    "text.verbosity": ("medium",),
}
"""Parameters with the values that mean the same as leaving them out."""

STREAMED = ("include_usage", "include_obfuscation")
"""The fields of `stream_options` that are looked at here: with noise or without, a stream says the same."""

ELSEWHERE = {
    "conversation": "is kept at OpenAI, and this model is served by another API; send its items as `input`",
    "prompt": "is a template kept at OpenAI, and this model is served by another API; send its text as `instructions`",
}


def read(body: bytes) -> Request:
    """Return what `body` asks. Raises `Problem` (400) with the path of what cannot be understood or translated."""
    try:
        return _read(body_fields(body))
    except RecursionError:
        raise refused(TOO_DEEP) from None


def _read(body: Fields) -> Request:
    refuse(body)
    losses = Losses()
    items = items_of(body)
    tools, names = read_tools(body, items, losses)
    messages = read_items(body, items, names, losses)
    asker = "safety_identifier" if body.value.get("safety_identifier") is not None else "user"
    options = body.object("stream_options") or Fields({}, "stream_options")
    return Request(
        model=body.named("model"),
        messages=tuple(messages),
        tools=tools,
        choice=read_choice(body, names),
        parallel=body.flag("parallel_tool_calls"),
        max_tokens=body.count("max_output_tokens"),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        stream=bool(body.flag("stream")),
        usage=options.flag("include_usage") is not False,  # what Cursor sends: the API itself always tells it
        reasoning=read_reasoning(body, items, losses),
        format=read_format(body, items, losses),
        user=body.text(asker) or None,
        session=body.text("prompt_cache_key") or None,
        tier=body.text("service_tier"),
        echo={name: body.value[name] for name in ECHOED if body.value.get(name) is not None},
        extra={path: value for path, value in others(body) if not says_nothing(path, value)},
        named={
            "messages": "input",
            "max_tokens": "max_output_tokens",
            "choice": "tool_choice",
            "parallel": "parallel_tool_calls",
            "format": "text.format",
            "user": asker,
            "session": "prompt_cache_key",
            "tier": "service_tier",
            "cache": "prompt_cache_breakpoint",
        },
        losses=tuple(losses.found),
    )


def refuse(body: Fields) -> None:
    """Refuse what cannot be asked through a translation."""
    previous = body.text("previous_response_id")
    if previous is not None:
        message = f"Previous response with id '{clipped(previous)}' not found."
        raise Problem(400, "previous_response_not_found", message, param="previous_response_id")
    for name, why in ELSEWHERE.items():
        if body.value.get(name) is not None:
            raise Problem(400, "unsupported_parameter", f"`{name}` {why}", param=name)
    if body.flag("background"):
        message = "`background`: no answer is written here while nobody waits for it; leave it out"
        raise Problem(400, "unsupported_parameter", message, param="background")


def others(body: Fields) -> Iterator[tuple[str, Any]]:
    """Yield the parameters that have no place of their own."""
    yield from body.others(KNOWN)
    for name, known in (("reasoning", TOLD), ("text", ("format",)), ("stream_options", STREAMED)):
        inner = body.object(name)
        if inner is not None:
            yield from inner.others(known)
    for index, wish in enumerate(body.texts("include")):
        if wish not in GIVEN:
            yield f"include[{index}]", wish
    user = body.text("user")
    if user and body.text("safety_identifier") not in (None, user):
        yield "user", user


def says_nothing(path: str, value: Any) -> bool:
    return value in ([], {}) or any(value == idle and type(value) is type(idle) for idle in IDLE.get(path, ()))
