"""One request put to what the upstream has: a runnable made ready for it, and what it says as events."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import msgspec
from langchain_core.messages import AIMessage, BaseMessage

from engine.upstreams.drivers.langchain import graph
from engine.upstreams.drivers.langchain.closing import closing
from engine.upstreams.drivers.langchain.messages import messages_of
from engine.upstreams.drivers.langchain.runnables import changed
from engine.upstreams.drivers.langchain.settings import tuned
from engine.upstreams.drivers.langchain.telling import Telling

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable, RunnableConfig

    from engine.chat import Event, Request, Tool
    from engine.upstreams.drivers.langchain.load import Thing

RAW = "raw"
"""Where a model bound to a schema (include_raw) has what it really said."""
NAME = "answer"
NATIVE = "json_schema"
CHOICES = {"auto": None, "required": "any"}


async def answer(thing: Thing, request: Request) -> AsyncGenerator[list[Event], None]:
    """Yield what is answered to `request`, in pieces where it is to be a stream."""
    messages = messages_of(request)
    asker = {"model": request.model, "user": request.user, "session": request.session}
    config: RunnableConfig = {"metadata": {f"turnout_{name}": said for name, said in asker.items() if said is not None}}
    telling = Telling(request.model, shaped=request.format is not None and not request.tools)
    if thing.graph:
        told_of = graph.told(thing.runnable, messages, config, telling)
    elif request.stream:
        told_of = streamed(thing, request, messages, config, telling)
    else:
        told_of = whole(thing, request, messages, config, telling)
    async with closing(told_of) as events:
        async for some in events:
            yield some
    yield telling.end()


async def streamed(
    thing: Thing, request: Request, messages: list[BaseMessage], config: RunnableConfig, telling: Telling
) -> AsyncGenerator[list[Event], None]:
    """Yield what a runnable says chunk by chunk. What is neither a message nor text is told when it is whole."""
    other: Any = None
    stream = ready(thing.runnable, request).astream(thing.given(messages), config, **stops(request))
    async with closing(stream) as chunks:
        async for chunk in chunks:
            said = heard(chunk, telling)
            if said is None:
                other = chunk if other is None else other + chunk
            elif said:
                yield said
    if other is not None:
        yield telling.write(as_json(other))


async def whole(
    thing: Thing, request: Request, messages: list[BaseMessage], config: RunnableConfig, telling: Telling
) -> AsyncGenerator[list[Event], None]:
    """Yield what a runnable answers at once."""
    answered = await ready(thing.runnable, request).ainvoke(thing.given(messages), config, **stops(request))
    said = heard(answered, telling)
    yield telling.write("" if answered is None else as_json(answered)) if said is None else said


def stops(request: Request) -> dict[str, Any]:
    """Return the argument that every model takes, where the client asks for it."""
    return {"stop": list(request.stop)} if request.stop else {}


def heard(chunk: Any, telling: Telling) -> list[Event] | None:
    """Return the events of what a runnable gave out; None where it is neither a message nor text."""
    if isinstance(chunk, dict):
        if isinstance(chunk.get(RAW), BaseMessage):
            chunk = chunk[RAW]
        elif isinstance(chunk.get("messages"), list) and chunk["messages"]:
            chunk = chunk["messages"][-1]
        elif chunk.keys() <= {"parsed", "parsing_error"}:
            return []
    if isinstance(chunk, str):
        return telling.write(str(chunk))  # may be a str of LangChain's own
    if isinstance(chunk, AIMessage):
        return telling.hear(chunk)
    return telling.write(str(chunk.text)) if isinstance(chunk, BaseMessage) else None


def as_json(value: Any) -> str:
    """Return what is neither a message nor text as JSON."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    return msgspec.json.encode(plain, enc_hook=str).decode()


def ready(runnable: Runnable[Any, Any], request: Request) -> Runnable[Any, Any]:
    """Return `runnable` with the request's parameters, tools and schema."""

    def change(model: BaseChatModel) -> Runnable[Any, Any]:
        model = tuned(model, request)
        form = schema_of(request)
        if request.tools:
            choosing: dict[str, Any] = {}
            if request.choice is not None and (choice := CHOICES.get(request.choice.mode, request.choice.name)):
                choosing["tool_choice"] = choice
            if request.parallel is False:
                choosing["parallel_tool_calls"] = False
            if form is not None:
                strict = request.format is None or request.format.strict is not False
                choosing["response_format"] = {
                    "type": "json_schema",
                    "json_schema": {"name": form["title"], "schema": form, "strict": strict},
                }
            if all(tool.strict for tool in request.tools) and "strict" in parameters(model.bind_tools):
                choosing["strict"] = True  # ChatAnthropic does not read it off the tools
            return model.bind_tools([function(tool) for tool in request.tools], **choosing)
        if form is not None:
            return model.with_structured_output(form, include_raw=True, **how(model, request))
        return model

    return changed(runnable, change)


def how(model: BaseChatModel, request: Request) -> dict[str, Any]:
    """Return how the model is held to the schema: natively where it has that, and strictly where the client says so."""
    wish, taken, found = request.format, parameters(model.with_structured_output), dict[str, Any]()
    if (
        "method" in taken
        and NATIVE in str(taken["method"].annotation)
        and (model.profile or {}).get("structured_output")
    ):
        found["method"] = NATIVE
    if "strict" in taken and wish is not None and wish.strict is not None:
        found["strict"] = wish.strict
    return found


def parameters(method: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(method).parameters


def schema_of(request: Request) -> dict[str, Any] | None:
    """Return the schema of the answer as LangChain wants it: with a title and a description."""
    wish = request.format
    if wish is None or wish.schema is None:
        return None
    described = {"description": wish.description or "The answer."}
    return {"title": wish.name or NAME, **described, **wish.schema}


def function(tool: Tool) -> dict[str, Any]:
    """Return a tool in OpenAI's form, which `bind_tools` of every model reads."""
    schema = tool.schema or {"type": "object", "properties": {}}
    about: dict[str, Any] = {"name": tool.name, "parameters": schema}
    if tool.description:
        about["description"] = tool.description
    if tool.strict is not None:
        about["strict"] = tool.strict
    return {"type": "function", "function": about}
