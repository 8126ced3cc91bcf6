"""Every field of the requests and answers of an API, out of its SDK's types, to depth 3.

A path names fields from the top, as in `messages[user].content[image_url].image_url`, which has three steps: neither
the element of a list nor the member of a union is one. In brackets stands which member is meant, by its `type`, else
its `role` (`tools[web_search_20250305]`); `[]` is a list whose elements are all alike. The member is a path itself, in
place of the `type` that tells it. An object whose fields are listed is none: they stand for it.

Sources: openai 3.54 and anthropic 2.12, their params and models; `BEYOND` is what the world speaks beside them.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeAlias,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import typing_extensions
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types import message_create_params as messages_params
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from anthropic.types.beta import message_create_params as beta_params
from openai.types import completion_create_params as completions_params
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses import response_create_params as responses_params
from pydantic import BaseModel

from engine.dialects.contract import Side

DEPTH = 3


class ChatStream(TypedDict):
    """The events of a stream as one body: an event is told from others by its type, as the members of a union are."""

    event: list[ChatCompletionChunk]


class MessagesStream(TypedDict):
    event: list[BetaRawMessageStreamEvent | RawMessageStreamEvent]


class ResponsesStream(TypedDict):
    event: list[ResponseStreamEvent]


Key: TypeAlias = tuple[str, Side]

TYPES: dict[Key, tuple[Any, ...]] = {
    ("chat", "request"): (chat_params.CompletionCreateParamsStreaming, chat_params.CompletionCreateParamsNonStreaming),
    ("completions", "request"): (
        completions_params.CompletionCreateParamsStreaming,
        completions_params.CompletionCreateParamsNonStreaming,
    ),
    ("messages", "request"): (
        beta_params.MessageCreateParamsStreaming,
        beta_params.MessageCreateParamsNonStreaming,
        messages_params.MessageCreateParamsStreaming,
        messages_params.MessageCreateParamsNonStreaming,
    ),
    ("responses", "request"): (
        responses_params.ResponseCreateParamsStreaming,
        responses_params.ResponseCreateParamsNonStreaming,
    ),
    ("chat", "answer"): (ChatCompletion,),
    ("messages", "answer"): (BetaMessage, Message),
    ("responses", "answer"): (Response,),
    ("chat", "stream"): (ChatStream,),
    ("messages", "stream"): (MessagesStream,),
    ("responses", "stream"): (ResponsesStream,),
}

DEEPER: dict[Key, tuple[str, ...]] = {
    ("chat", "request"): (
        "messages[user].content[image_url].image_url",
        "messages[user].content[file].file",
        "messages[assistant].tool_calls[function].function",
        "messages[assistant].tool_calls[custom].custom",
        "tools[custom].custom.format",
    ),
    ("chat", "answer"): (
        "choices[].message.function_call",
        "choices[].message.tool_calls",
        "choices[].message.tool_calls[function].function",
        "choices[].message.tool_calls[custom].custom",
    ),
    ("chat", "stream"): (
        "event[].choices[].delta.tool_calls",
        "event[].choices[].delta.tool_calls[function].function",
        "event[].choices[].delta.function_call",
    ),
    ("messages", "request"): (
        "messages[user].content[image].source",
        "messages[user].content[document].source",
        "messages[user].content[tool_result].content",
    ),
}
"""Objects at depth 3 whose fields have different fates: there it goes one step deeper."""

HEADERS = frozenset({"betas", "user_profile_id", "workspace_id"})
"""Parameters of the Anthropic SDK's methods that go as headers: no body has them."""

BEYOND: dict[Key, tuple[str, ...]] = {
    ("chat", "request"): (
        "top_k",
        "thinking.type",
        "thinking.budget_tokens",
        "reasoning.effort",
        "reasoning.max_tokens",
        "reasoning.enabled",
        "reasoning.exclude",
        "messages[assistant].reasoning",
        "messages[assistant].reasoning_content",
        "messages[assistant].reasoning_details",
    ),
    ("completions", "request"): ("top_k",),
    ("messages", "request"): ("temperature", "top_p", "top_k", "output_format", "safeguards"),
    ("responses", "request"): ("client_metadata", "stream_options.include_usage"),
    ("chat", "answer"): (
        "choices[].stop_reason",
        "choices[].message.reasoning",
        "choices[].message.reasoning_content",
        "choices[].message.reasoning_details",
        "usage.prompt_cache_hit_tokens",
    ),
    ("chat", "stream"): (
        "event[].choices[].delta.reasoning",
        "event[].choices[].delta.reasoning_content",
        "event[].choices[].delta.reasoning_details",
    ),
}
"""Fields that both sides of this world use beyond the SDKs' types.

chat, completions: top_k is vLLM's. chat: `thinking` is DeepSeek's and z.ai's, `reasoning` OpenRouter's; reasoning on
messages is that of DeepSeek, vLLM and OpenRouter; `stop_reason` is vLLM's. messages: what version 2023-06-01 takes and
the SDK has no more types for, the older `output_format`, and `safeguards` of Claude Code. responses: what Codex and
Cursor send.
"""


class Field(NamedTuple):
    """What the types say of a path."""

    hints: tuple[Any, ...] = ()
    """The annotations of a field, one for each type that has it; a member has none."""


@cache
def fields(api: str, side: Side) -> dict[str, Field]:
    """Return every path of one API and side, in the order of the types."""
    streamed = side == "stream"
    walker = Walker(DEEPER.get((api, side), ()), reachable(TYPES[api, "answer"]) if streamed else frozenset())
    walker.walk(TYPES[api, side], "", 0 if streamed else 1)
    return {**walker.found, **{path: Field((Any,)) for path in BEYOND.get((api, side), ())}}


class Walker:
    """Collects fields. Those whose objects are all of the types `same` are left out: they are the fields of another
    side, as those of the answer in the last event of its stream."""

    def __init__(self, deeper: Collection[str], same: Collection[Any]) -> None:
        self.found: dict[str, Field] = {}
        self._deeper = deeper
        self._same = same

    def walk(self, kinds: Iterable[Any], at: str, depth: int) -> None:
        """Add the fields of the object types that may stand `at`."""
        for name, hints in inner(kinds, at).items():
            held = [kind for hint in hints for _, kind in objects(hint)]
            plain = any(map(is_plain, hints))
            if held and not plain and all(kind in self._same for kind in held):
                continue
            path = f"{at}.{name}" if at else name
            members = grouped(hints) if depth < DEPTH or path in self._deeper else {}
            if plain or not members:
                self.found[path] = Field(tuple(hints))
            for mark, given in members.items():
                if mark not in ("", "[]"):
                    self.found[path + mark] = Field()
                self.walk(given, path + mark, depth + 1)


def reachable(kinds: Iterable[Any]) -> frozenset[Any]:
    """Return these object types and all that stand in them."""
    found: set[Any] = set()
    left = list(kinds)
    while left:
        kind = left.pop()
        if kind not in found:
            found.add(kind)
            left += [each for hint in hints_of(kind).values() for _, each in objects(hint)]
    return frozenset(found)


def inner(kinds: Iterable[Any], at: str) -> dict[str, list[Any]]:
    """Return the fields of the object types that may stand `at`, each with its annotations."""
    found: dict[str, list[Any]] = {}
    for kind in kinds:
        told = tag(kind) if at.endswith("]") and not at.endswith("[]") else None
        for name, hint in hints_of(kind).items():
            if name != told and (at or name not in HEADERS):
                found.setdefault(name, []).append(hint)
    return found


def grouped(hints: Iterable[Any]) -> dict[str, list[Any]]:
    """Return the object types that may stand in a field, by what is put behind its name to tell them apart."""
    kinds = list(dict.fromkeys(each for hint in hints for each in objects(hint)))
    alone = len({labels(kind) for _, kind in kinds}) == 1
    found: dict[str, list[Any]] = {}
    for listed, kind in kinds:
        told = () if alone and tag(kind) != "type" else labels(kind)
        for mark in [f"[{label}]" for label in told] or ["[]" if listed else ""]:
            found.setdefault(mark, []).append(kind)
    return found


def objects(hint: Any) -> Iterator[tuple[bool, Any]]:
    """Return the object types in an annotation, and whether each stands in a list."""
    for listed, kind in parts(hint):
        if is_object(kind):
            yield listed, kind


def is_plain(hint: Any) -> bool:
    """Say whether a field may hold something that has no fields of its own: a text, a number, a map ..."""
    return any(not is_object(kind) and kind is not type(None) for _, kind in parts(hint))


def parts(hint: Any) -> Iterator[tuple[bool, Any]]:
    """Return the types of a union, flat, and whether each is that of a list's elements."""
    hint = bare(hint)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        for each in get_args(hint):
            yield from parts(each)
    elif isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, Mapping):
        yield from ((True, kind) for _, kind in parts(get_args(hint)[0]))
    elif getattr(origin, "__name__", "") == "SequenceNotStr":
        yield True, str
    else:
        yield False, hint


def bare(hint: Any) -> Any:
    """Return an annotation without what only surrounds it."""
    wrapped = (Annotated, typing.Required, typing.NotRequired, typing_extensions.ReadOnly)
    while True:
        if isinstance(hint, typing_extensions.TypeAliasType):
            hint = hint.__value__
        elif get_origin(hint) in wrapped:
            hint = get_args(hint)[0]
        else:
            return hint


def is_object(kind: Any) -> bool:
    return typing_extensions.is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel))


@cache
def hints_of(kind: Any) -> dict[str, Any]:
    """Return the fields of an object type as they are on the wire, with their annotations."""
    if typing_extensions.is_typeddict(kind):
        return get_type_hints(kind, include_extras=True)
    kind.model_rebuild()
    return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}


def is_required(kind: Any, name: str) -> bool:
    if typing_extensions.is_typeddict(kind):
        return get_origin(hints_of(kind)[name]) is typing.Required
    return any(field.is_required() for given, field in kind.model_fields.items() if name in (given, field.alias))


def tag(kind: Any) -> str | None:
    """Return the field that tells an object type from others: its `type`, else its `role`."""
    told = hints_of(kind)
    return next((name for name in ("type", "role") if name in told and words(told[name])), None)


def labels(kind: Any) -> tuple[str, ...]:
    """Return the words by which an object type is told from others."""
    name = tag(kind)
    return () if name is None else words(hints_of(kind)[name])


def words(hint: Any) -> tuple[str, ...]:
    """Return the texts that an annotation admits; none if it admits any text."""
    kinds = [kind for _, kind in parts(hint) if kind is not type(None)]
    if not all(get_origin(kind) is Literal for kind in kinds):
        return ()
    return tuple(str(word) for kind in kinds for word in get_args(kind))
