"""Which type of the Document stands at a place of the tree: found by walking `msgspec.inspect` beside the values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import inspect as mi

from engine.config.document import Document
from engine.store.url import REDIS_URL
from engine.upstreams.base import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.config.tree import Path


@lru_cache(maxsize=1)
def root() -> mi.Type:
    """Return the type of the whole file."""
    return mi.type_info(Document)


def members(kind: mi.Type) -> tuple[mi.Type, ...]:
    """Return the alternatives of `kind` without its annotations; None is no alternative, for the file has no null."""
    if isinstance(kind, mi.Metadata):
        return members(kind.type)
    if isinstance(kind, mi.UnionType):
        return tuple(member for part in kind.types for member in members(part))
    return () if isinstance(kind, mi.NoneType) else (kind,)


def select(kind: mi.Type | None, found: Any) -> mi.Type | None:
    """Return the alternative of `kind` that the value `found` is meant as, or None where that cannot be told."""
    if kind is None or is_open(kind):
        return kind
    options = members(kind)
    if isinstance(found, dict):
        structs = [option for option in options if isinstance(option, mi.StructType)]
        tagged = [option for option in structs if option.tag_field and found.get(option.tag_field) == option.tag]
        if tagged:
            return tagged[0]
        untagged = [option for option in structs if not option.tag_field]
        return next(
            (option for option in (*untagged, *options) if isinstance(option, mi.DictType | mi.StructType)), None
        )
    if isinstance(found, list):
        return next((option for option in options if isinstance(option, mi.ListType)), None)
    containers = (mi.StructType, mi.DictType, mi.ListType)
    return next((option for option in options if not isinstance(option, containers)), None)


def field(kind: mi.Type | None, name: str) -> mi.Field | None:
    """Return the field `name` (as the file writes it) of a Struct type."""
    if not isinstance(kind, mi.StructType):
        return None
    return next((field for field in kind.fields if field.encode_name == name), None)


def below(kind: mi.Type | None, step: str | int) -> mi.Type | None:
    """Return the type of an item, a value or a field of `kind`."""
    if is_open(kind):
        return kind
    if isinstance(kind, mi.DictType):
        return kind.value_type
    if isinstance(kind, mi.ListType):
        return kind.item_type
    found = field(kind, str(step))
    return found.type if found else None


def walk(data: Any, kind: mi.Type | None, path: Path = ()) -> Iterator[tuple[Path, Any, mi.Type | None]]:
    """Yield (path, value, type) of `data` and everything in it."""
    kind = select(kind, data)
    yield path, data, kind
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in steps:
        yield from walk(value, below(kind, step), (*path, step))


def is_secret(kind: mi.Type | None, value: Any = None) -> bool:
    """Whether `kind` is a `SecretRef`, or an address that may hold a password: they alone have these patterns.

    Among options that only somebody else knows every text that looks like a reference is one.
    """
    if is_open(kind):
        return isinstance(value, str) and re.search(SECRET, value) is not None
    return isinstance(kind, mi.StrType) and kind.pattern in (SECRET, REDIS_URL)


def is_open(kind: mi.Type | None) -> bool:
    """Whether `kind` is a `Setting`: anything, with references to secrets anywhere in it."""
    return isinstance(kind, mi.Metadata) and bool((kind.extra or {}).get("references"))
