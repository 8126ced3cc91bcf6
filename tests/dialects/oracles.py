"""The vendors' SDK types as strict judges: what would openai 3.54 and anthropic 2.12 say of this body?

Stricter than the SDKs themselves: nothing is coerced, unknown fields are flaws at every depth, and every element of a
list is looked at (the types say `Iterable`, which pydantic takes without looking inside).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage
from anthropic.types.beta.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming as MessagesWhole
from anthropic.types.beta.message_create_params import MessageCreateParamsStreaming as MessagesStream
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as ChatWhole
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming as ChatStream
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

REQUESTS = {
    ("chat", False): ChatWhole,
    ("chat", True): ChatStream,
    ("messages", False): MessagesWhole,
    ("messages", True): MessagesStream,
    ("count_tokens", False): MessageCountTokensParams,
}
ANSWERS: dict[str, Any] = {"chat": ChatCompletion, "messages": Message, "messages beta": BetaMessage}
EVENTS: dict[str, Any] = {"chat": ChatCompletionChunk, "messages": RawMessageStreamEvent}


def text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def details(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and "type" in one for one in value)


Fields = dict[str, Callable[[Any], bool]]
REASONING: Fields = {"reasoning_content": text, "reasoning": text, "reasoning_details": details}
EXTENSIONS: dict[tuple[str, str], Fields] = {
    ("chat", "choices[].message"): REASONING,
    ("chat", "choices[].delta"): REASONING,
    ("chat", "choices[]"): {"stop_reason": lambda value: value is None or isinstance(value, str | int)},
    ("chat", "messages[]"): REASONING,
    ("chat", ""): {
        "top_k": lambda value: isinstance(value, int),
        "max_tokens": lambda value: isinstance(value, int),
        "thinking": lambda value: isinstance(value, dict),
        "reasoning": lambda value: isinstance(value, dict),
    },
    ("messages", ""): {
        "temperature": lambda value: isinstance(value, int | float) and 0 <= value <= 1,
        "top_p": lambda value: isinstance(value, int | float) and 0 <= value <= 1,
        "top_k": lambda value: isinstance(value, int),
        "safeguards": lambda value: isinstance(value, list),
    },
}
"""What both sides of this world have agreed on beyond the vendors' types: (api, where) -> field -> whether it is right.

Reasoning on chat: DeepSeek, vLLM, OpenRouter; stop_reason: vLLM. top_k and thinking on chat: vLLM, DeepSeek and others.
temperature, top_p and top_k on messages: version 2023-06-01, whose types the SDK has no more. safeguards: Claude Code.
"""


def request_flaws(api: str, body: dict[str, Any]) -> list[str]:
    """Return what is wrong with a request of chat, messages or count_tokens."""
    return _flaws(
        _strict(REQUESTS[api, bool(body.get("stream"))]), _plain(api.replace("count_tokens", "messages"), body)
    )


def answer_flaws(api: str, body: dict[str, Any]) -> list[str]:
    """Return what is wrong with a whole answer of chat or messages."""
    return _flaws(_model(ANSWERS[api]), _plain(api, body))


def event_flaws(api: str, body: dict[str, Any]) -> list[str]:
    """Return what is wrong with the data of one event of a stream."""
    return _flaws(_model(EVENTS[api]), _plain(api, body))


# the judges ----------------------------------------------------------------------------------------------------------


@cache
def _strict(kind: Any) -> Callable[[bytes], Any]:
    """Return a validator of a TypedDict that looks into every list, whatever `Iterable` it was declared as."""
    validator = SchemaValidator(_eager(TypeAdapter(kind).core_schema))
    return lambda body: validator.validate_json(body, strict=True, extra="forbid")


@cache
def _model(kind: Any) -> Callable[[bytes], Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    return lambda body: adapter.validate_json(body, strict=True, extra="forbid")


def _eager(schema: Any) -> Any:
    if isinstance(schema, dict):
        made = {key: _eager(value) for key, value in schema.items()}
        return {**made, "type": "list"} if made.get("type") == "generator" else made
    if isinstance(schema, list | tuple):
        return type(schema)(_eager(value) for value in schema)
    return schema


def _plain(api: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return `body` without the extensions, each of which must be right."""
    made: dict[str, Any] = json.loads(json.dumps(body))
    for (owner, where), fields in EXTENSIONS.items():
        for holder in _at(made, where) if owner == api else []:
            for name, right in fields.items():
                if name in holder and right(holder[name]):
                    del holder[name]
    return made


def _at(value: Any, where: str) -> list[dict[str, Any]]:
    """Return the objects at a path such as choices[].message."""
    found = [value]
    for step in where.split(".") if where else []:
        name = step.removesuffix("[]")
        inner = [one[name] for one in found if isinstance(one, dict) and name in one]
        found = [each for one in inner if isinstance(one, list) for each in one] if step.endswith("[]") else inner
    return [one for one in found if isinstance(one, dict)]


def _flaws(judge: Callable[[bytes], Any], body: dict[str, Any]) -> list[str]:
    try:
        judge(json.dumps(body).encode())
    except ValidationError as error:
        return _told(error)
    return []


def _told(error: ValidationError) -> list[str]:
    """Return the errors of the members of a union that the value says it is, not those of all the others."""
    found = error.errors()
    others = [
        each["loc"][:-1] for each in found if each["type"] == "literal_error" and each["loc"][-1] in ("type", "role")
    ]
    own = [each for each in found if not any(each["loc"][: len(other)] == other for other in others)]
    return [f"{'.'.join(map(str, each['loc']))}: {each['msg']} ({each['input']!r:.80})" for each in own or found][:12]
