"""What `set`, `unset` and `strip` do to a request that is ready for its upstream.

Of a body that passes byte for byte only the touched values are opened, level by level; everything beside them stays as
it was sent. What may be forced where, forced.py knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Raw

from engine.dialects.body import FIELDS, TOO_DEEP, refused
from engine.dialects.forced import LIMITS, forced, own_path, takes
from engine.dialects.pattern import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.chat import Headers, Language

BETAS = b"anthropic-beta"
"""The header whose value is a list of flags, separated by commas."""
NEEDED = frozenset({b"content-type", b"anthropic-version"})
"""Headers without which an upstream cannot read a request: patterns do not mean them."""


class Edits(Protocol):
    """The changes of one pool."""

    @property
    def set(self) -> Mapping[str, Any]:
        """Dotted path -> JSON value, in the order in which they are applied."""

    @property
    def unset(self) -> Sequence[str]:
        """Dotted paths, taken out first."""

    @property
    def strip(self) -> Sequence[str]:
        """Names of headers and of beta flags; `*` is any run of characters."""


def apply(api: Language, fields: Mapping[str, Any], headers: Headers, edits: Edits) -> tuple[dict[str, Any], Headers]:
    """Return (body, headers) of a request as `edits` has them; `fields` and `headers` are left as they are.

    `fields` holds raw values (a body that passes) or plain ones (a translated body), by their top-level names; so does
    what is returned, and `msgspec.json.encode` writes it. Raises `Problem` (400) where a touched value cannot be read.
    """
    values = forced(api, edits.set)
    unset = edits.unset
    if api == "chat":
        unset = [*unset, *(LIMITS[path] for path in values if path in LIMITS)]
    elif api == "neutral":
        unset = [own_path(api, path) for path in unset if takes(api, path)]
    return edited(fields, values, unset), stripped(headers, edits.strip)


def edited(fields: Mapping[str, Any], values: Mapping[str, Any], unset: Iterable[str]) -> dict[str, Any]:
    """Return `fields` without the paths of `unset`, then with `values` forced.

    A path reaches into objects, and `values` makes those that are missing: what stands in its way and is no object
    gives way. To take out what is not there is nothing. Raises `Problem` (400) where a touched value cannot be read.
    """
    body = dict(fields)
    try:
        for path in unset:
            body = _without(body, path.split("."))
        for path, value in values.items():
            body = _with(body, path.split("."), value)
    except RecursionError:
        raise refused(TOO_DEEP) from None
    return body


def _with(fields: dict[str, Any], steps: list[str], value: Any) -> dict[str, Any]:
    first, *rest = steps
    return {**fields, first: _with(_opened(fields.get(first)) or {}, rest, value) if rest else value}


def _without(fields: dict[str, Any], steps: list[str]) -> dict[str, Any]:
    first, *rest = steps
    if first not in fields:
        return fields
    if not rest:
        return {name: value for name, value in fields.items() if name != first}
    inside = _opened(fields[first])
    if inside is None:
        return fields
    left = _without(inside, rest)
    return fields if left is inside else {**fields, first: left}


def _opened(value: Any) -> dict[str, Any] | None:
    """Return the members of an object, None for anything else."""
    if isinstance(value, Raw):
        try:
            return FIELDS.decode(value)
        except msgspec.ValidationError:
            return None
        except msgspec.DecodeError as error:
            raise refused(f"the body is not valid JSON: {error}") from None
    return value if isinstance(value, dict) else None


def stripped(headers: Headers, names: Sequence[str]) -> Headers:
    """Return `headers` (names in lower case) without those that `names` match, whatever the case.

    What is NEEDED leaves only by its own name. A flag of `anthropic-beta` that one of `names` matches leaves its list;
    a list without flags is not sent.
    """
    if not names:
        return headers
    kept: Headers = []
    plain = [name for name in names if "*" not in name]
    for name, value in headers:
        if _named(name, plain if name in NEEDED else names):
            continue
        flags = value.split(b",") if name == BETAS else []
        left = [flag for flag in flags if not _named(flag.strip(), names)]
        if len(left) == len(flags):
            kept.append((name, value))
        elif any(flag.strip() for flag in left):
            kept.append((name, b",".join(left).strip()))
    return kept


def _named(word: bytes, names: Sequence[str]) -> bool:
    text = word.decode("latin-1")
    return any(matches(name, text) for name in names)
