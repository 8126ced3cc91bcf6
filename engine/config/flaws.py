"""What a schema cannot say of a value: addresses, header fields, nothing where something must be.

A type carries its check: `Annotated[str, Meta(extra={"flaw": f})]`, where f(value) is a `Flaw` or None. The drivers are
built by the same functions. `extra={"editors": pattern}` is as much of the check as the editors' schema can say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import inspect as mi

from engine.config import shape
from engine.config.places import what
from engine.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.config.tree import Given, Path, Tree
    from engine.diagnostics import Flaw


def flaws(tree: Tree, variables: Mapping[Path, Given], skip: set[Path]) -> Iterator[Diagnostic]:
    """Yield what is wrong with values of the right type. `skip` are the paths where a placeholder stands."""
    for path, flaw, named in _walk(tree.data, shape.root(), (), skip):
        variable = None if named else variables.get(path)
        yield Diagnostic(
            code="wrong-value",
            message=f"{what(path, tree)} {flaw.message}",
            span=tree.key(*path) if named else tree.value(*path),
            help=f"{variable.change}: {flaw.help}" if variable else flaw.help,
        )


def _walk(value: Any, kind: mi.Type | None, path: Path, skip: set[Path]) -> Iterator[tuple[Path, Flaw, bool]]:
    """Yield (path, flaw, whether it is the key that has it)."""
    if path in skip:
        return
    for test in _tests(kind, value):
        if flaw := test(value):
            yield path, flaw, False
    kind = shape.select(kind, value)
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if isinstance(kind, mi.DictType):
            for test in _tests(kind.key_type, step):
                if flaw := test(step):
                    yield (*path, step), flaw, True
        yield from _walk(inner, shape.below(kind, step), (*path, step), skip)


def _tests(kind: mi.Type | None, value: Any) -> Iterator[Callable[[Any], Flaw | None]]:
    if isinstance(kind, mi.UnionType):
        for part in kind.types:
            yield from _tests(part, value)
    elif isinstance(kind, mi.Metadata):
        flaw = (kind.extra or {}).get("flaw")
        if flaw and isinstance(value, list if isinstance(shape.members(kind)[0], mi.ListType) else str):
            yield flaw
        yield from _tests(kind.type, value)
