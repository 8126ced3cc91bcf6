"""Into a runnable: which chat models its answers come from, how they are changed, and what it wants to be given.

A model with things bound to it, retries or fallbacks, or a chain that ends in one, is asked as that model would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableSequence, RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

    Any_ = Runnable[Any, Any]
    Given = Callable[[list[BaseMessage]], Any]


def models(runnable: Any_) -> list[BaseChatModel]:
    """Return the chat models whose answers are those of `runnable`; none where other code makes them."""
    if isinstance(runnable, BaseChatModel):
        return [runnable]
    if isinstance(runnable, RunnableBindingBase):
        return models(runnable.bound)
    if isinstance(runnable, RunnableWithFallbacks):
        each = [models(one) for one in (runnable.runnable, *runnable.fallbacks)]
        return [model for found in each for model in found] if all(each) else []
    if isinstance(runnable, RunnableSequence):
        return models(runnable.last)
    return []


def changed(runnable: Any_, change: Callable[[BaseChatModel], Any_]) -> Any_:
    """Return `runnable` with `change` made to each of its `models`."""
    if isinstance(runnable, BaseChatModel):
        return change(runnable)
    if isinstance(runnable, RunnableBindingBase):
        return runnable.model_copy(update={"bound": changed(runnable.bound, change)})
    if isinstance(runnable, RunnableWithFallbacks):
        others = [changed(one, change) for one in runnable.fallbacks]
        return runnable.model_copy(update={"runnable": changed(runnable.runnable, change), "fallbacks": others})
    if isinstance(runnable, RunnableSequence):
        return runnable.model_copy(update={"last": changed(runnable.last, change)})
    return runnable


def given(runnable: Any_) -> Given | str:
    """Return how the messages of a request are given to `runnable`, or why they cannot be."""
    first = runnable
    while isinstance(first, RunnableBindingBase):
        first = first.bound
    if isinstance(first, BaseChatModel):
        return list
    try:
        schema = runnable.get_input_jsonschema()
    except Exception:  # of a function with types of its own
        return list
    if schema.get("type") == "string":
        return last_text
    wanted = schema.get("properties") if schema.get("type") == "object" else None
    if not wanted:
        return list
    if "messages" in wanted:
        return lambda messages: {"messages": messages}
    needed = schema.get("required") or list(wanted)
    if len(needed) == 1:
        return lambda messages: {needed[0]: last_text(messages)}
    return f"wants {', '.join(f'`{name}`' for name in needed)}; give it one input, or `messages`"


def last_text(messages: list[BaseMessage]) -> str:
    """Return what the user said last."""
    said = [message for message in messages if message.type == "human"] or messages
    return str(said[-1].text) if said else ""
