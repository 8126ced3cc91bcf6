"""What a request of the Messages API asks of `claude`, read once. Pure: no process, no clock.

A conversation is known by its prefix: each message is digested on top of those before it, without what clients change
on the way back (thinking, cache breakpoints, blank ends of text). See https://docs.claude.com/en/api/messages.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from engine.chat import Failed, Failure, Loss
from engine.dialects.clip import clipped
from engine.upstreams.drivers.claude_code.names import PREFIX, ours

Block = dict[str, Any]
Message = dict[str, Any]
TAKEN = frozenset({"text", "image", "document", "search_result"})
"""The blocks that a message of the user may hold."""
TOLD = TAKEN | {"tool_use", "tool_result", "thinking", "redacted_thinking"}
"""Those, and the blocks that are told in another form, or are claude's own."""
EFFORTS = ("low", "medium", "high", "xhigh", "max")
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]*(\[[a-z0-9]+\])?")
"""The names that may stand on a command line: none that looks like an option."""
START = b""
"""The position before the first message."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of the client. `name` is what `claude` knows it by, behind the prefix."""

    name: str
    theirs: str
    description: str
    schema: dict[str, Any]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is started with, and cannot be changed afterwards."""

    model: str
    system: str
    tools: tuple[Tool, ...] = ()
    thinking: dict[str, Any] | None = None
    effort: str | None = None

    @property
    def key(self) -> bytes:
        return hashlib.sha256(msgspec.json.encode(self)).digest()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `new` are the user's last messages; `before` those that some process may know already."""

    recipe: Recipe
    before: list[Message]
    new: list[Message]
    position: bytes
    """The digest of `before`."""

    @property
    def results(self) -> dict[str, Block]:
        """The results of tools among what is new, by the id of their call."""
        found = {}
        for message in self.new:
            for block in message["content"]:
                if block["type"] == "tool_result":
                    found[str(block.get("tool_use_id"))] = block
        return found

    @property
    def lost(self) -> tuple[Loss, ...]:
        """What of it `claude` takes in no form."""
        kinds = dict.fromkeys(block["type"] for message in self.new for block in message["content"])
        return tuple(
            Loss(f"content.{clipped(kind)}", "dropped", "claude takes no such block")
            for kind in kinds
            if kind not in TOLD
        )

    @property
    def said(self) -> list[Block]:
        """What is new beside results of tools."""
        return [block for message in self.new for block in message["content"] if block["type"] != "tool_result"]


def read(body: bytes, model: str) -> Asked:
    """Return what `body` asks. Raises `Failed` where that cannot be asked."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refused("the body is no JSON") from None
    if not isinstance(request, dict):
        raise refused("the body is no JSON object")
    if not MODEL.fullmatch(model):
        raise Failed(Failure(reason="not_found", message="claude knows no model of this name"))
    messages = [_message(one) for one in request.get("messages") or [] if isinstance(one, dict)]
    if not messages:
        raise refused("messages: there is none")
    if messages[-1]["role"] == "assistant":
        raise refused("messages: claude answers a user; the last message cannot be the assistant's own")
    cut = len(messages)
    while cut and messages[cut - 1]["role"] == "user":
        cut -= 1
    recipe = Recipe(
        model=model,
        system=_system(request.get("system")),
        tools=_tools(request),
        thinking=_thinking(request.get("thinking")),
        effort=_effort(request.get("output_config")),
    )
    before = messages[:cut]
    _check_results(before, messages[cut:])
    return Asked(recipe=recipe, before=before, new=messages[cut:], position=digest(START, before))


def _check_results(before: list[Message], new: list[Message]) -> None:
    """Refuse, as the API does, calls whose results are not there, and results of what was not called."""
    wanted: list[Any] = []
    for message in reversed(before):
        if message["role"] != "assistant":
            break
        wanted += [block.get("id") for block in message["content"] if block["type"] == "tool_use"]
    given = [
        block.get("tool_use_id") for message in new for block in message["content"] if block["type"] == "tool_result"
    ]
    for one in wanted:
        if one not in given:
            raise refused(f"messages: the call {clipped(str(one))} has no `tool_result` behind it")
    for number, one in enumerate(given):
        if one not in wanted:
            raise refused(f"messages: the `tool_result` of {clipped(str(one))} answers no call of the message before")
        if one in given[:number]:
            raise refused(f"messages: the call {clipped(str(one))} has two results")


def digest(position: bytes, messages: list[Message]) -> bytes:
    """Return where a conversation is after `messages`, from `position` on. Messages of one role in a row are one."""
    turns: list[tuple[str, list[Block]]] = []
    for message in messages:
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(message["content"])
        else:
            turns.append((message["role"], [*message["content"]]))
    for role, content in turns:
        position = hashlib.sha256(position + role.encode() + b"\0" + canonical(content)).digest()
    return position


def canonical(content: list[Block]) -> bytes:
    """Return what of a message tells conversations apart: its text without blanks, then everything else in order."""
    text = "".join("".join(str(one.get("text", "")).split()) for one in content if one["type"] == "text")
    told = msgspec.json.encode(text)
    for block in content:
        match block["type"]:
            case "text" | "thinking" | "redacted_thinking":
                pass
            case "tool_use":
                use = ["use", block.get("id"), block.get("name"), block.get("input")]
                told += msgspec.json.encode(use, order="sorted")
            case "tool_result":
                told += msgspec.json.encode(["result", block.get("tool_use_id"), bool(block.get("is_error"))])
                told += canonical(blocks(block.get("content")))
            case _:
                told += msgspec.json.encode(block, order="sorted")
    return told


def blocks(content: Any) -> list[Block]:
    """Return content as blocks, whichever form it has."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    found = [one for one in content or [] if isinstance(one, dict) and isinstance(one.get("type"), str)]
    return [{key: value for key, value in one.items() if key != "cache_control"} for one in found]


def _message(message: dict[str, Any]) -> Message:
    role, content = message.get("role"), blocks(message.get("content"))
    if role not in ("user", "assistant"):  # `system` in the middle of a conversation
        content = [
            {"type": "text", "text": f"<system>\n{one['text']}\n</system>"} if one["type"] == "text" else one
            for one in content
        ]
    return {"role": "assistant" if role == "assistant" else "user", "content": content}


def _system(system: Any) -> str:
    return "\n\n".join(str(block.get("text", "")) for block in blocks(system) if block["type"] == "text")


def _tools(request: dict[str, Any]) -> tuple[Tool, ...]:
    choice = request.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "none":
        return ()
    found: dict[str, Tool] = {}
    for place, one in enumerate(request.get("tools") or []):
        if not isinstance(one, dict) or one.get("type") not in (None, "custom"):
            continue  # one of the vendor's own: that it is left out is a loss
        called, schema = one.get("name"), one.get("input_schema")
        if not isinstance(called, str):
            raise refused(f"tools[{place}].name: it is missing")
        if not isinstance(schema, dict) or schema.get("type", "object") != "object":
            raise refused(f"tools[{place}].input_schema: it must be a JSON Schema of an object")
        if any(tool.theirs == called for tool in found.values()):
            raise refused(f"tools[{place}].name: there is another tool of this name")
        name = ours(called, len(found))
        told = str(one.get("description") or "")
        found[name] = Tool(name=name, theirs=called, description=told, schema={"type": "object", **schema})
    return tuple(found.values())


def _thinking(thinking: Any) -> dict[str, Any]:
    """Return it as the SDK takes it (types.py, ThinkingConfig). What is not known here is no word on a command line."""
    if not isinstance(thinking, dict) or thinking.get("type") not in ("enabled", "adaptive"):
        return {"type": "disabled"}
    budget, display = thinking.get("budget_tokens"), thinking.get("display")
    found: dict[str, Any] = {"type": "adaptive"}
    if thinking["type"] == "enabled" and type(budget) is int and budget > 0:
        found = {"type": "enabled", "budget_tokens": budget}
    return {**found, "display": display} if display in ("summarized", "omitted") else found


def _effort(output: Any) -> str | None:
    effort = output.get("effort") if isinstance(output, dict) else None
    return effort if effort in EFFORTS else None


def refused(message: str) -> Failed:
    return Failed(Failure(reason="bad_request", message=message))


def renamed(block: Block, names: dict[str, str]) -> Block:
    """Return a block of `claude` with the client's own name of a tool. `names`: ours -> theirs."""
    name = block.get("name")
    if block.get("type") != "tool_use" or not isinstance(name, str):
        return block
    short = name.removeprefix(PREFIX)
    return {**block, "name": names.get(short, short)}
