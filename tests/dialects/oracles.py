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
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as ChatWhole
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming as ChatStream
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming as ResponsesWhole
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming as ResponsesStream
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

REQUESTS = {
    ("chat", False): ChatWhole,
    ("chat", True): ChatStream,
    ("messages", False): MessagesWhole,
    ("messages", True): MessagesStream,
    ("count_tokens", False): MessageCountTokensParams,
    ("responses", False): ResponsesWhole,
    ("responses", True): ResponsesStream,
    ("input_tokens", False): InputTokenCountParams,
}
COUNTS = {"count_tokens": "messages", "input_tokens": "responses"}
"""The APIs that count a conversation -> the API in whose form it is."""
ANSWERED = {"responses": "response"}
"""Whose answers are extended otherwise than its requests."""
ANSWERS: dict[str, Any] = {
    "chat": ChatCompletion,
    "completions": Completion,
    "messages": Message,
    "messages beta": BetaMessage,
    "responses": Response,
}
EVENTS: dict[str, Any] = {
    "chat": ChatCompletionChunk,
    "messages": RawMessageStreamEvent,
    "responses": ResponseStreamEvent,
}


def text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def status(value: Any) -> bool:
    return value in ("in_progress", "completed", "incomplete")


def details(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and "type" in one for one in value)


Fields = dict[str, Callable[[Any], bool]]
REASONING: Fields = {"reasoning_content": text, "reasoning": text, "reasoning_details": details}
NAMED: Fields = {"id": lambda value: isinstance(value, str)}
EXTENSIONS: dict[tuple[str, str], Fields] = {
    ("chat", "choices[].message"): REASONING,
    ("chat", "choices[].delta"): REASONING,
    ("chat", "choices[]"): {"stop_reason": lambda value: value is None or isinstance(value, str | int)},
    ("completions", "choices[]"): {"stop_reason": lambda value: isinstance(value, str)},
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
    ("responses", ""): {"client_metadata": lambda value: isinstance(value, dict)},
    ("responses", "input[]"): {"internal_chat_message_metadata_passthrough": lambda value: isinstance(value, dict)},
    ("responses", "input[role=user]"): NAMED,
    ("responses", "input[role=system]"): NAMED,
    ("responses", "input[role=developer]"): NAMED,
    ("responses", "input[type=reasoning]"): {"content": lambda value: value is None},
    ("responses", "input[type=custom_tool_call]"): {"status": status},
    ("responses", "tools[type=web_search]"): {"search_content_types": lambda value: isinstance(value, list)},
    ("response", ""): {"store": lambda value: isinstance(value, bool)},
    ("response", "output[type=custom_tool_call]"): {"status": status},
    ("response", "item[type=custom_tool_call]"): {"status": status},
    ("response", "response"): {"store": lambda value: isinstance(value, bool)},
    ("response", "response.output[type=custom_tool_call]"): {"status": status},
}
"""What both sides of this world have agreed on beyond the vendors' types: (api, where) -> field -> whether it is right.

Reasoning on chat: DeepSeek, vLLM, OpenRouter; stop_reason: vLLM. top_k and thinking on chat: vLLM, DeepSeek and others.
temperature, top_p and top_k on messages: version 2023-06-01, whose types the SDK has no more. safeguards: Claude Code.
On responses what Codex sends: client_metadata, ids of messages, reasoning without content, what a web search may find,
and with its built-in provider (0.171) when each item was made.
Its answers tell store back, and a custom call has a status (openai 3.54: response_custom_tool_call_item.py).
"""

LEFT_OUT: dict[tuple[str, str], dict[str, Any]] = {
    ("responses", "tools[type=function]"): {"strict": None},
    ("responses", "input[type=reasoning]"): {"id": "rs_"},
    ("responses", "input[role=assistant]"): {"id": "msg_", "type": "message", "status": "completed"},
    ("responses", "input[role=assistant].content[type=output_text]"): {"annotations": []},
}
"""What clients leave to the vendor although its types want it said: (api, where) -> field -> what it then is.

On responses what Cline does: whether a tool is strict, and all of the model's earlier words but their text; and what
opencode does: the id of reasoning that is not stored.
"""


def request_flaws(api: str, body: dict[str, Any]) -> list[str]:
    """Return what is wrong with a request of chat, messages or responses, or of what counts their tokens."""
    return _flaws(_strict(REQUESTS[api, bool(body.get("stream"))]), _plain(COUNTS.get(api, api), body))


def answer_flaws(api: str, body: dict[str, Any]) -> list[str]:
    """Return what is wrong with a whole answer of chat, messages or responses."""
    return _flaws(_model(ANSWERS[api]), _plain(ANSWERED.get(api, api), body))


def event_flaws(api: str, body: dict[str, Any]) -> list[str]:
    """Return what is wrong with the data of one event of a stream."""
    return _flaws(_model(EVENTS[api]), _plain(ANSWERED.get(api, api), body))


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
    for (owner, where), left in LEFT_OUT.items():
        for holder in _at(made, where) if owner == api else []:
            if isinstance(holder.get("content", []), list):
                holder.update({**left, **holder})
    return made


def _at(value: Any, where: str) -> list[dict[str, Any]]:
    """Return the objects at a path such as choices[].message, or input[type=reasoning] for those that say so."""
    found = [value]
    for step in where.split(".") if where else []:
        name, many, wanted = step.removesuffix("]").partition("[")
        field, _, word = wanted.partition("=")
        found = [one[name] for one in found if isinstance(one, dict) and name in one]
        if many:
            found = [each for one in found for each in (one if isinstance(one, list) else [one])]
        if field:
            found = [one for one in found if isinstance(one, dict) and one.get(field) == word]
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
    others = {each["loc"][:-1] for each in found if each["loc"][-1] in ("type", "role") and each["type"] in OTHER}
    strange = {other for other in others if all(member in others for member in _members(found, other[:-1]))}
    own = [each for each in found if not (_is_text(each) or _is_other(each, others, strange))]
    return [f"{_path(each['loc'])}: {each['msg']} ({each['input']!r:.80})" for each in own or found][:12]


OTHER = ("literal_error", "missing")
"""How a value says that it is another member of a union: by its type or role, or by having none."""
Place = tuple[int | str, ...]


def _members(found: list[Any], place: Place) -> set[Place]:
    """Return the members of the union at a place."""
    deep = len(place)
    return {each["loc"][: deep + 1] for each in found if each["loc"][:deep] == place and len(each["loc"]) > deep}


def _is_other(error: Any, others: set[Place], strange: set[Place]) -> bool:
    """Say whether an error is that of a member which the value is not; where it is none, its type is the error."""
    place = error["loc"]
    within = [place[:deep] for deep in range(len(place)) if place[:deep] in others]
    return bool(within) and not (within == [place[:-1]] and within[0] in strange and place[-1] in ("type", "role"))


def _is_text(error: Any) -> bool:
    """Say whether a list was only told not to be a text, as it may be instead."""
    return bool(error["loc"][-1] == "str" and isinstance(error["input"], list))


def _path(place: Place) -> str:
    return ".".join(str(step) for step in place if not str(step).startswith("list["))
