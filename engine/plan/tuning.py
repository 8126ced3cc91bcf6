"""What each place of the file says of requests (`set`, `strip`, `translation`, `prompt` ...), and what counts (R5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from engine.config.sections.models import Model, ModelDefaults
from engine.config.sections.routes import Route
from engine.plan.layers import Layer, Tuning
from engine.plan.memories import compile_memory
from engine.plan.tools import compile_tools

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.diagnostics import Span
    from engine.plan.source import Source

    Path: TypeAlias = tuple[str | int, ...]
    Declared: TypeAlias = Model | Route | ModelDefaults


def layer(source: Source, path: Path, declared: Declared) -> Layer:
    """Return what `declared`, which stands at `path`, says of requests."""
    tree = source.tree
    like = declared.like if isinstance(declared, Model) else None
    places: dict[tuple[str, str], Span | None] = {
        ("set", name): tree.keys.get((*path, "set", name)) for name in declared.set or ()
    }
    for key, names in (("unset", declared.unset), ("strip", declared.strip)):
        places |= {(key, name): tree.values.get((*path, key, index)) for index, name in enumerate(names or ())}
    places["translation", declared.translation or ""] = tree.values.get((*path, "translation"))
    places["on_break", declared.on_break or ""] = tree.values.get((*path, "on_break"))
    prompt, output = source.prompts.get((*path, "prompt")), source.outputs.get((*path, "output"))
    places["prompt", prompt.name if prompt else ""] = prompt.span if prompt else None
    memory = compile_memory(source, path, declared)
    places["memory", "memory" if memory else ""] = memory.span if memory else None
    tools = compile_tools(source, path, declared)
    places["tools", "tools" if tools else ""] = tools.span if tools else None
    places["output", output.name if output else ""] = output.span if output else None
    places["like", like or ""] = tree.values.get((*path, "like"))
    return Layer(
        set=declared.set or {},
        unset=None if declared.unset is None else tuple(declared.unset),
        strip=None if declared.strip is None else tuple(declared.strip),
        like=like,
        translation=declared.translation,
        on_break=declared.on_break,
        prompt=prompt,
        output=output,
        memory=memory,
        tools=tools,
        places={said: span for said, span in places.items() if span is not None},
    )


def merged(layers: Iterable[Layer]) -> Tuning:
    """Return what counts of `layers`, the weakest first: maps merge by key, lists and words replace.

    `unset` of a stronger layer also takes out what a weaker one sets, and the other way round.
    """
    values: dict[str, Any] = {}
    unset: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    like, translation, on_break, prompt, output, memory, tools = None, None, None, None, None, None, None
    places: dict[tuple[str, str], Span] = {}
    for one in layers:
        for path in one.unset or ():
            values = _without(values, path)
        if one.unset is not None:
            unset = one.unset
        values = {path: value for path, value in values.items() if not any(within(path, above) for above in one.set)}
        values |= one.set
        strip = strip if one.strip is None else one.strip
        like, translation = one.like or like, one.translation or translation
        on_break, prompt, output = one.on_break or on_break, one.prompt or prompt, one.output or output
        memory, tools = one.memory or memory, one.tools or tools
        places |= one.places
    unset = tuple(path for path in unset if not any(within(path, whole) for whole in values))
    said = {("set", path) for path in values} | {("like", like or ""), ("translation", translation or "")}
    said |= {("on_break", on_break or ""), ("prompt", prompt.name if prompt else "")}
    said |= {("output", output.name if output else ""), ("memory", "memory" if memory else "")}
    said |= {("tools", "tools" if tools else "")}
    said |= {("unset", path) for path in unset} | {("strip", name) for name in strip}
    return Tuning(
        set=values,
        unset=unset,
        strip=strip,
        like=like,
        translation=translation or "lenient",
        on_break=on_break or "error",
        prompt=prompt,
        output=output,
        memory=memory,
        tools=tools,
        places={each: span for each, span in places.items() if each in said},
    )


def within(path: str, above: str) -> bool:
    """Say whether `path` is `above`, or leads into it."""
    return path == above or path.startswith(above + ".")


def _without(values: dict[str, Any], path: str) -> dict[str, Any]:
    """Return forced `values` with nothing left at `path` or in it."""
    found = {}
    for name, value in values.items():
        if within(name, path):
            continue
        found[name] = _pruned(value, path.removeprefix(name + ".").split(".")) if within(path, name) else value
    return found


def _pruned(value: Any, steps: list[str]) -> Any:
    """Return `value` without what `steps` lead to."""
    first, *rest = steps
    if not isinstance(value, dict) or first not in value:
        return value
    others = {name: inner for name, inner in value.items() if name != first}
    return {name: _pruned(inner, rest) if name == first else inner for name, inner in value.items()} if rest else others
