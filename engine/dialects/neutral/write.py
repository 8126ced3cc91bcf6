"""A request for an upstream inside Turnout: the neutral one, without what the model there does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from engine.chat import Problem, Response, Stop, Text, Usage
from engine.dialects.clip import clipped
from engine.dialects.codec import Losses, Written
from engine.dialects.freetext import FREE_TEXT, described
from engine.dialects.neutral.write_messages import write_messages
from engine.dialects.offer import is_hosted, offered

if TYPE_CHECKING:
    from engine.chat import Reasoning, Request, Tool
    from engine.dialects.neutral.takes import Takes

OBJECT = "Answer with a single JSON object and nothing else: no other words, no code fence."
ROUGHLY = frozenset({"prompt_cache_options", "prompt_cache_retention"})
"""Parameters that change what an answer costs at most."""
MISLEADING = {
    "mcp_servers": "MCP servers are called by Anthropic itself; connect them to the client instead",
    "n": "the model gives one answer; ask once for each",
    "modalities": "the model answers nothing but text; leave it out",
    "web_search_options": "the model has no such search; offer it a tool of your own",
}
"""Parameters without which the answer would mislead, with what to do."""


def write(request: Request, family: Takes, model: str) -> Written:
    """Return `request` for `model`. Raises `Problem` (400) for what it cannot be asked."""
    losses = Losses()
    tools, customs = write_tools(request, family, losses)
    told = write_format(request, family, losses, tools=bool(tools))
    stop = request.stop if "stop" in family.parameters else ()
    if request.stop and not stop:
        losses.approximated(request.at("stop"), f"{family.what} takes none; the answer is cut here instead")
    write_rest(request, losses)
    sent = replace(
        request,
        model=model,
        messages=write_messages(request, told, family, losses),
        tools=tools,
        choice=request.choice if tools else None,
        format=None if told else request.format,
        reasoning=write_reasoning(request.reasoning, family, losses),
        stop=stop,
        extra={},
        echo={},
        losses=(),
        **sampling(request, family, losses),
    )
    return Written(
        body=msgspec.to_builtins(sent),
        losses=tuple(losses.found),
        customs=customs,
        fenced=told is not None,
        stop=request.stop,  # code may be told of them, and take no notice
        answered=nothing(model) if request.max_tokens == 0 else None,
    )


def nothing(model: str) -> Response:
    """Return the answer to a request that asks for none."""
    return Response(id="", model=model, blocks=(), stop=Stop(reason="length"), usage=Usage())


def write_tools(request: Request, family: Takes, losses: Losses) -> tuple[tuple[Tool, ...], frozenset[str]]:
    """Return the tools, all of them functions, and the names of those that take free text."""
    choice = request.choice
    for tool in request.tools:
        if tool.hosted is not None:
            losses.dropped(tool.at, f"{clipped(tool.hosted)} runs at its own vendor only")
        elif tool.deferred:
            losses.approximated(f"{tool.at}.defer_loading", "sent with the others")
    if choice is not None and choice.mode == "tool" and is_hosted(choice, request.tools):
        losses.dropped(choice.at, "the tool it names runs at its own vendor only")
        choice = None
    tools = offered(request.tools, choice, losses)
    if not tools or (choice is not None and choice.mode == "none"):
        return (), frozenset()
    if not family.tools:
        raise unable(family, "tools", "takes no tools", "ask without them, or for another model")
    if request.parallel is False and not family.parallel:
        losses.dropped(request.at("parallel"), f"{family.what} cannot be held to one call in a turn")
    for tool in tools:
        if tool.strict and not family.strict:
            losses.dropped(f"{tool.at}.strict", f"{family.what} cannot be held to the schema of a tool")
    customs = frozenset(tool.name for tool in tools if tool.kind == "custom")
    sent = tuple(
        replace(tool, kind="function", grammar=None, schema=FREE_TEXT, description=described(tool, losses))
        if tool.name in customs
        else tool
        for tool in tools
    )
    return sent, customs


def write_format(request: Request, family: Takes, losses: Losses, *, tools: bool) -> Text | None:
    """Return what the model is told where its answer can only be asked to be JSON."""
    wish = request.format
    if wish is None:
        return None
    if wish.kind == "json_object" or wish.schema is None:
        losses.approximated(wish.at, "the model is only told to answer with a JSON object")
        return Text(text=OBJECT)
    if not family.format:
        raise unable(family, wish.at, "has no structured output", "ask without a schema, or for another model")
    if tools and not family.format_with_tools:
        raise unable(family, wish.at, "takes no schema for its answer beside tools", "ask for one of both")
    return None


def sampling(request: Request, family: Takes, losses: Losses) -> dict[str, Any]:
    """Return the parameters that the model does not take, as not said."""
    unsaid: dict[str, Any] = {}
    for name in ("max_tokens", "temperature", "top_p", "top_k"):
        if getattr(request, name) is not None and name not in family.parameters:
            losses.dropped(request.at(name), f"{family.what} has no such setting")
            unsaid[name] = None
    return unsaid


def write_reasoning(reasoning: Reasoning | None, family: Takes, losses: Losses) -> Reasoning | None:
    """Return how much the model should think, None where it cannot be told."""
    if reasoning is None or family.parameters & {"effort", "thinking"}:
        return reasoning
    losses.dropped(reasoning.at, f"{family.what} thinks as it was made to")
    return None


def write_rest(request: Request, losses: Losses) -> None:
    """Tell what becomes of the parameters that no model inside Turnout knows."""
    for path, value in request.extra.items():
        if value in ([], {}) or value is False or (path == "n" and value == 1):
            continue
        if path in MISLEADING:
            raise Problem(400, "unsupported_parameter", f"`{path}`: {MISLEADING[path]}", param=path)
        if path in ROUGHLY:
            losses.approximated(path, "no counterpart here")
        else:
            losses.dropped(path, "no counterpart here")
    for name in ("user", "session"):
        if getattr(request, name) is not None:
            losses.approximated(request.at(name), "told to the code beside the conversation")
    if request.tier not in (None, "auto"):
        losses.approximated(request.at("tier"), "there are no tiers here")


def unable(family: Takes, param: str, what: str, help_: str) -> Problem:
    return Problem(400, "unsupported_parameter", f"`{param}`: {family.what} {what}; {help_}", param=param)
