"""A request, written for the Messages API as one family of models takes it.

Protocol facts: anthropic 2.12 (types/message_create_params.py, types/beta/message_create_params.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.chat import Problem
from engine.dialects.body import TOO_DEEP, refused
from engine.dialects.codec import Losses, Written
from engine.dialects.messages.breakpoints import Breakpoints
from engine.dialects.messages.families import corrected
from engine.dialects.messages.write_blocks import Writer
from engine.dialects.messages.write_format import write_format
from engine.dialects.messages.write_reasoning import write_reasoning
from engine.dialects.messages.write_rest import write_rest
from engine.dialects.messages.write_tools import can_force, forces, usable, write_choice, write_tools
from engine.dialects.messages.write_turns import headless, leading, unthought, write_turns
from engine.dialects.names import Names

if TYPE_CHECKING:
    from engine.chat import Headers, Request
    from engine.dialects.messages.families import Claude
    from engine.dialects.messages.write_reasoning import Thinking

VERSION = (b"anthropic-version", b"2023-06-01")
"""The newer 2026-10-21 refuses every sampling parameter, also where the model takes it."""
BINDING = b"thinking-binding-controls-2026-08-01"

NAMES = (128, "[a-zA-Z0-9_-]")
"""The longest name of a tool, and its characters."""

REFUSED: dict[str, str] = {
    "n": "the Messages API gives one answer; ask once for each",
    "logprobs": "the Messages API tells no probabilities of tokens",
    "top_logprobs": "the Messages API tells no probabilities of tokens",
    "modalities": "the Messages API answers nothing but text",
    "web_search_options": "the model is served by an API without this search; offer it a tool of your own",
}
"""Parameters that no answer could do justice to, with the reason."""


def write(request: Request, family: Claude, model: str) -> Written:
    """Return the body for `model`. Raises `Problem` (400) with the client's own path for what cannot be asked."""
    try:
        return _write(request, corrected(family), model)
    except RecursionError:
        raise refused(TOO_DEEP) from None


def _write(request: Request, family: Claude, model: str) -> Written:
    losses = Losses()
    refuse(request)
    names = Names(*NAMES, declared=[tool.name for tool in request.tools])
    marks = Breakpoints(
        request.at("cache"),
        taken=0 if request.cache is None else 1,
        refused="cache_control" in family.refused,
        losses=losses,
    )
    offered = usable(request, losses)
    tools = write_tools(offered, family, names, marks, losses)
    form = write_format(request, family, {tool["name"] for tool in tools}, losses)
    start = leading(request.messages)
    turns = request.messages[start:]
    if "thinking.history" in family.refused:
        turns = unthought(turns, losses)
    thought = write_reasoning(
        request,
        family,
        losses,
        forced=forces(request.choice) or form.tool is not None,
        headless=headless(turns),
    )
    choosing = write_choice(request, offered, family, names, losses, thinking=thought.on)
    writer = Writer(family, names, marks, losses, request.at("detail"))
    system = [text for message in request.messages[:start] for text in writer.texts(message)]
    path = request.at("messages")
    messages = write_turns(turns, family, writer, losses, path, thinking=thought.on, headed=bool(system))
    told = [form.told, choosing.told]
    choice = choosing.field
    if form.tool is not None:
        tools.append(form.tool)
        choice, instruction = answered_by(form.tool["name"], choice, len(tools), can_force(family, thinking=thought.on))
        told.append(instruction)
    marks.settle()

    body: dict[str, Any] = {"model": model, "max_tokens": thought.max_tokens}
    if system or any(told):
        body["system"] = [*system, *({"type": "text", "text": text} for text in told if text)]
    body["messages"] = messages
    if tools:
        body["tools"] = tools
    if choice is not None:
        body["tool_choice"] = choice
    thinking, headers = write_binding(thought, family, history=bool(writer.thoughts))
    if thinking is not None:
        body["thinking"] = thinking
    config = {"effort": thought.effort, "format": form.format}
    if any(config.values()):
        body["output_config"] = {key: value for key, value in config.items() if value is not None}
    body |= write_sampling(request, family, losses, thinking=thought.on)
    stop = tuple(one for one in request.stop if one.strip())
    if stop:
        body["stop_sequences"] = list(stop)
    body |= write_rest(request, family, losses)
    if request.stream:
        body["stream"] = True
    return Written(
        body=body,
        headers=headers,
        losses=tuple(losses.found),
        names=names.changed,
        customs=frozenset(names.send(tool.name) for tool in offered if tool.kind == "custom"),
        shaped=None if form.tool is None else form.tool["name"],
        fenced=form.told is not None,
        stop=tuple(one for one in request.stop if not one.strip()),
    )


def write_binding(thought: Thinking, family: Claude, *, history: bool) -> tuple[dict[str, Any] | None, Headers]:
    """Return what to say about thinking, and the headers that the API needs for it.

    `history`: the messages hold earlier thoughts. What stands before them was written anew by us, and to a family that
    binds them to it a single changed byte would be a 400.
    """
    if not (thought.on and family.bound and history) or "thinking.block_binding" in family.refused:
        return thought.thinking, [VERSION]
    thinking = thought.thinking or {"type": "adaptive"}
    binding = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    return {**thinking, **binding}, [VERSION, (b"anthropic-beta", BINDING)]


def refuse(request: Request) -> None:
    for name, why in REFUSED.items():
        if name in request.extra:
            raise Problem(400, "unsupported_parameter", f"`{name}`: {why}; leave it out", param=name)


def answered_by(
    name: str, choice: dict[str, Any] | None, tools: int, force: bool
) -> tuple[dict[str, Any] | None, str | None]:
    """Return the choice of tools that makes the tool `name` the answer, and what the system prompt says of it."""
    alone = {key: value for key, value in (choice or {}).items() if key == "disable_parallel_tool_use"}
    if force and (tools == 1 or (choice or {}).get("type") == "none"):
        return {"type": "tool", "name": name}, None
    instruction = f"Give your final answer by calling the tool `{name}`, never as text."
    if choice is not None and choice["type"] == "tool":
        return choice, instruction
    return {"type": "any" if force else "auto", **alone}, instruction


def write_sampling(request: Request, family: Claude, losses: Losses, *, thinking: bool) -> dict[str, Any]:
    """Return temperature, top_p and top_k. The default of both APIs, 1, is left out where it cannot be sent."""
    found: dict[str, Any] = {}
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(request, name)
        if value is None:
            continue
        path = request.at(name)
        usual = value == 1 and name != "top_k"
        if not family.sampling or name in family.refused:
            if not usual:
                losses.dropped(path, "this model takes none")
        elif thinking:
            if not usual:
                losses.dropped(path, "this model takes none while it thinks")
        elif name == "temperature" and value > 1:
            losses.dropped(path, "the highest is 1")
            found[name] = 1
        elif name == "top_p" and "temperature" in found:
            if not usual:
                losses.dropped(path, "this model takes temperature or top_p, not both")
        else:
            found[name] = value
    return found
