"""Offers a fix: did-you-mean, units, and where an option really belongs."""

from __future__ import annotations

import difflib
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import inspect as mi

from engine.config import scalars, shape
from engine.units import DURATION, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.config.tree import Path

SYNONYMS: dict[str, tuple[str, ...]] = {
    "url": ("base_url",),
    "endpoint": ("base_url",),
    "api_base": ("base_url",),
    "key": ("api_key",),
    "token": ("api_key",),
    "secret": ("api_key",),
    "type": ("kind",),
    "provider": ("kind",),
    "timeout": ("timeouts",),
    "bind": ("listen",),
    "port": ("listen",),
    "host": ("listen", "hosts"),
    "address": ("listen",),
    "providers": ("upstreams",),
    "backends": ("upstreams",),
    "services": ("upstreams",),
    "aliases": ("models",),
    "model_list": ("models",),
    "rules": ("routes",),
    "users": ("keys",),
    "api_keys": ("keys",),
    "logging": ("observe",),
    "imports": ("include",),
    "match": ("when",),
    "on": ("when",),
    "if": ("when",),
    "target": ("targets", "to"),
    "to": ("targets",),
    "model": ("targets", "to"),
    "upstream": ("targets", "to", "pass"),
    "fallbacks": ("fallback",),
    "disabled": ("enabled",),
    "hash": ("hashes",),
    "read": ("first_byte", "idle"),
    "params": ("set",),
    "parameters": ("set",),
    "extra_body": ("set",),
    "override": ("set",),
    "drop_params": ("unset",),
    "additional_drop_params": ("unset",),
    "remove": ("unset", "strip"),
    "strip_headers": ("strip",),
    "drop_headers": ("strip",),
    "family": ("like",),
}
"""Words of other tools for ours."""

KINDS = {"claude": "anthropic", "gpt": "openai", "chatgpt": "openai"} | dict.fromkeys(
    ("openai-compatible", "ollama", "vllm", "llamacpp", "lmstudio", "groq", "openrouter", "deepseek", "mistral"),
    "openai",
)
"""What people call a kind of upstream by."""

UNITS = {
    DURATION: {
        "ms": ("ms", "msec", "millis", "millisecond", "milliseconds"),
        "s": ("s", "sec", "secs", "second", "seconds"),
        "m": ("m", "min", "mins", "minute", "minutes"),
        "h": ("h", "hr", "hrs", "hour", "hours"),
        "d": ("d", "day", "days"),
    },
    SIZE: {
        "B": ("b", "byte", "bytes"),
        "KB": ("k", "kb", "ki", "kib"),
        "MB": ("m", "mb", "mi", "mib"),
        "GB": ("g", "gb", "gi", "gib"),
    },
}
"""How people write the units: pattern -> our unit -> other spellings."""

BOOLEANS = {"yes": "true", "on": "true", "y": "true", "true": "true", "1": "true"} | {
    "no": "false",
    "off": "false",
    "n": "false",
    "false": "false",
    "0": "false",
}


def _listen(text: str) -> str | None:
    port = text.rpartition(":")[2]
    return f"127.0.0.1:{port}" if port.isdecimal() else f"{text}:4000" if re.fullmatch(r"[\w.-]+", text) else None


def _url(text: str) -> str | None:
    if not re.fullmatch(r"[\w.-]+(:[0-9]+)?(/\S*)?", text):
        return None
    return f"http://{text}" if re.match(r"localhost|[0-9.]+(:|/|$)", text) or ":" in text else f"https://{text}"


def _prefix(text: str) -> str | None:
    parts = [part for part in text.split("/") if re.fullmatch(r"[A-Za-z0-9._~-]+", part)]
    return "/" + "/".join(parts) if parts else None


FORMS: dict[str, Callable[[str], str | None]] = {
    "server.listen": _listen,
    "upstreams.*.base_url": _url,
    "bases.*.prefix": _prefix,
}
"""Places whose mistakes have a likely fix of their own."""


def similar(name: str, known: list[str]) -> str | None:
    """Return the one of `known` that `name` is probably meant as."""
    plain = {option.lower().replace("_", ""): option for option in known}
    word = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    if word in plain:
        return plain[word]
    for synonym in SYNONYMS.get(name.lower().replace("-", "_"), ()):
        if synonym in known:
            return synonym
    close = difflib.get_close_matches(word, plain, n=1, cutoff=0.7)
    return plain[close[0]] if close else None


ELSEWHERE: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        (("keys", word) for word in ("key", "api_key", "value", "secret", "token", "hash")),
        "write its digest: `hashes: [...]`; `turnout key new` makes both, `turnout key hash` the digest alone",
    ),
    **dict.fromkeys(
        (("models", word) for word in ("to", "target", "model", "upstream", "pass")),
        "did you mean `targets: [upstream/model]`?",
    ),
    ("defaults", "fallback"): "it has no default: write `fallback` in the entries of `models`",
    ("defaults", "like"): "it has no default: write `like` in the entries of `models`",
    ("routes", "like"): "write `like` in the entry of `models` that `to` names",
    ("defaults", "targets"): "they have no default: write `targets` in the entries of `models`",
}
"""(section, key that is not there) -> what it should be, where a likeness of words would lead astray."""


def option(name: str, free: list[str], known: list[str], path: Path) -> str:
    """Return what to do about the unknown key `name`: its right spelling, its right place, or what there is."""
    meant = similar(name, free)
    if path and (str(path[0]), name) in ELSEWHERE:
        return ELSEWHERE[str(path[0]), name]
    if meant:
        return f"did you mean `{meant}`?"
    if name in places():
        return f"`{name}` belongs in {' or '.join(places()[name])}".replace(" or upstreams of kind", " or")
    if not path:
        return f"the sections are {', '.join(known)}"
    return f"it knows {', '.join(known)}"


def fix(value: Any, place: str, pattern: str, kind: str, choices: list[str]) -> str | None:
    """Return what `value` at the dotted `place` was probably meant to be."""
    if place in FORMS:
        return FORMS[place](str(value))
    if choices:
        if place == "upstreams.*.kind" and KINDS.get(str(value).lower()) in choices:
            return KINDS[str(value).lower()]
        close = difflib.get_close_matches(str(value).lower().replace("-", "_"), choices, n=1, cutoff=0.6)
        return close[0] if close else None
    if pattern in UNITS:
        return _bare(value, pattern) if isinstance(value, int | float) else _unit(str(value), pattern)
    if kind == "boolean":
        return BOOLEANS.get(str(value).lower())
    if kind == "integer":
        return value if isinstance(value, str) and value.isdecimal() else None
    if kind == "number":
        price = str(value).strip().removeprefix("$").removesuffix("USD").strip()
        return price if isinstance(scalars.plain(price), int | float) else None
    if kind == "string" and not pattern and isinstance(value, int | float | bool):
        return f'"{str(value).lower()}"'
    if kind == "array" and isinstance(value, str | int):
        return f"[{value}]" if not str(value).startswith(("*", "[", "{")) else f'["{value}"]'
    return None


def _bare(value: float, pattern: str) -> str | None:
    """Return a number with the unit that is likely: seconds, or what divides a count of bytes."""
    if isinstance(value, bool) or value < 0 or not math.isfinite(value):
        return None
    if pattern == DURATION:
        return f"{value}s" if value < 1000 else f"{value}ms"
    if value < 1024:
        return f"{value}MB"
    exact = ((1024**3, "GB"), (1024**2, "MB"), (1024, "KB"))
    return next((f"{int(value) // size}{unit}" for size, unit in exact if value % size == 0), f"{value}B")


def _unit(text: str, pattern: str) -> str | None:
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    if not match:
        return None
    number, word = match.groups()
    if not word:
        return _bare(float(number) if "." in number else int(number), pattern)
    return next((f"{number}{unit}" for unit, words in UNITS[pattern].items() if word.lower() in words), None)


@lru_cache(maxsize=1)
def places() -> dict[str, list[str]]:
    """Return option -> the places that know it, in words."""
    found: dict[str, list[str]] = {}
    for name, place in _options(shape.root(), "", ()):
        if place and place not in found.setdefault(name, []):
            found[name].append(place)
    return {name: where for name, where in found.items() if 0 < len(where) <= 3}


def _options(kind: mi.Type, place: str, above: tuple[type, ...]) -> Iterator[tuple[str, str]]:
    for member in shape.members(kind):
        if isinstance(member, mi.DictType):
            yield from _options(member.value_type, f"{place}.NAME", above)
        elif isinstance(member, mi.ListType):
            yield from _options(member.item_type, place, above)
        elif isinstance(member, mi.StructType) and member.cls not in above:
            here = f"`{place}`" if not member.tag_field else f"upstreams of kind {member.tag}"
            for field in member.fields:
                yield field.encode_name, here if place else ""
                below = f"{place}.{field.encode_name}".lstrip(".")
                yield from _options(field.type, below, (*above, member.cls))
