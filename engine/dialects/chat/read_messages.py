"""The messages of a chat completions request, read into the neutral vocabulary.

Protocol facts: openai 3.54 (types/chat/chat_completion_message_param.py and the params beside it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Call, File, Image, Message, Opaque, Refusal, Result, Text
from engine.dialects.body import refused
from engine.dialects.chat.read_parts import BREAKPOINTS, read_cache, read_parts
from engine.dialects.chat.read_thinking import read_thinking

if TYPE_CHECKING:
    from engine.chat import Block, Role
    from engine.dialects.codec import Losses
    from engine.dialects.fields import Fields

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
    "function": "user",
}


class Legacy:
    """The ids that calls in the form before `tools` never had: each function result answers the call before it."""

    def __init__(self) -> None:
        self._made = 0
        self._open: list[tuple[str, str]] = []

    def called(self, name: str) -> str:
        found = f"call_legacy_{self._made}"
        self._made += 1
        self._open.append((name, found))
        return found

    def answered(self, name: str) -> str:
        """Return the id of the open call of `name`; without one, an id that no call has."""
        found = next((pair for pair in self._open if pair[0] == name), None)
        if found is None:
            self._made += 1
            return f"call_legacy_{self._made - 1}"
        self._open.remove(found)
        return found[1]


def read_messages(body: Fields, losses: Losses) -> tuple[tuple[Message, ...], str | None]:
    """Return the turns, and what the client calls a cache breakpoint, if it set one.

    `tool` and `function` messages become user turns that hold a `Result`.
    """
    if body.value.get("messages") is None:
        raise body.missing("messages")
    legacy = Legacy()
    found = []
    cached = None
    for message in body.objects("messages"):
        word = message.named("role")
        if word not in ROLES:
            raise message.wrong("role", f"one of {', '.join(ROLES)}")
        blocks, name = read_message(message, word, legacy, losses)
        found.append(Message(role=ROLES[word], blocks=tuple(blocks), name=name, at=message.at))
        cached = cached or cache_name(message)
    return tuple(found), cached


def read_message(message: Fields, role: str, legacy: Legacy, losses: Losses) -> tuple[list[Block], str | None]:
    """Return the blocks of a message and the name of the participant who wrote it."""
    if role == "tool":
        return [read_result(message, message.required("tool_call_id"))], None
    if role == "function":
        name = message.named("name")
        losses.approximated(message.path("name"), "a result in the form before tools gets an id")
        return [read_result(message, legacy.answered(name))], None
    if role == "assistant":
        return read_assistant(message, legacy, losses), message.text("name")
    return read_parts(message), message.text("name")


def read_assistant(message: Fields, legacy: Legacy, losses: Losses) -> list[Block]:
    blocks: list[Block] = [*read_thinking(message, losses), *read_parts(message)]
    if refusal := message.text("refusal"):
        blocks.append(Refusal(text=refusal, at=message.path("refusal")))
    blocks += [read_call(call) for call in message.objects("tool_calls")]
    function = message.object("function_call")
    if function is not None:
        losses.approximated(function.at, "a call in the form before tools gets an id")
        name = function.named("name")
        arguments = function.text("arguments") or ""
        blocks.append(Call(id=legacy.called(name), name=name, arguments=arguments, at=function.at))
    if (audio := message.object("audio")) is not None:
        losses.dropped(audio.at, "the sound of an earlier answer is kept at OpenAI")
    return blocks


def read_call(call: Fields) -> Call:
    kind = call.text("type") or "function"
    if kind not in ("function", "custom"):
        raise call.wrong("type", "function or custom")
    inner = call.object(kind)
    if inner is None:
        raise call.missing(kind)
    return Call(
        id=call.text("id") or "",
        name=inner.named("name"),
        arguments=inner.text("input" if kind == "custom" else "arguments") or "",
        kind="custom" if kind == "custom" else "function",
        at=inner.at,
    )


def read_result(message: Fields, call: str) -> Result:
    parts: list[Text | Image | File | Opaque] = []
    cache = None
    for part in read_parts(message):
        if not isinstance(part, Text | Image | File | Opaque):
            raise refused(f"`{part.at}` cannot stand in the result of a tool", part.at)
        if not isinstance(part, Text) or part.text:
            parts.append(part)
        elif part.cache is not None:
            cache = part.cache
    own, _ = read_cache(message)
    return Result(id=call, parts=tuple(parts), at=message.at, cache=own if own is not None else cache)


def cache_name(message: Fields) -> str | None:
    """Return the field in which a message or one of its parts has a cache breakpoint."""
    content = message.value.get("content")
    holders = [message.value, *(content if isinstance(content, list) else [])]
    marked = (name for one in holders if isinstance(one, dict) for name in BREAKPOINTS if one.get(name) is not None)
    return next(marked, None)
