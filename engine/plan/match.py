"""Which names and paths a pattern matches (rules N2, N3), and which requests a `when` (rules R1, R2).

`*` is the only wildcard; everything else is literal, so that `gpt-5.5` and `claude-x[1m]` mean what they say.
A condition that does not hold says why, in words, because `explain` is this code with another ending.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.config.sections.routes import Range, When
    from engine.facts import Facts

DEEP = ("tools", "images", "thinking", "input_tokens", "max_tokens")
"""The conditions that need the whole body decoded."""


class Pattern(msgspec.Struct, frozen=True):
    """A name with or without `*`, split at its stars."""

    text: str
    parts: tuple[str, ...]
    """The literal stretches around the stars: one more than there are stars."""

    @property
    def stars(self) -> int:
        return len(self.parts) - 1

    @property
    def literals(self) -> int:
        """How specific it is: among patterns, more literal characters win (rule N3)."""
        return len(self.text) - self.stars

    def match(self, name: str) -> tuple[str, ...] | None:
        """Return what each `*` matched, or None. Of several stars, the earlier ones match as little as they can."""
        first, *middle = self.parts
        if not middle:
            return () if name == first else None
        last = middle.pop()
        end = len(name) - len(last)
        if end < len(first) or not name.startswith(first) or not name.endswith(last):
            return None
        captured = []
        at = len(first)
        for part in middle:
            found = name.find(part, at, end)
            if found < 0:
                return None
            captured.append(name[at:found])
            at = found + len(part)
        return (*captured, name[at:end])

    def fill(self, captured: tuple[str, ...]) -> str:
        """Return the text with its stars filled in: the n-th by the n-th capture, all of them by a single one."""
        if not self.stars:
            return self.text
        texts = captured * self.stars if len(captured) == 1 else captured
        return self.parts[0] + "".join(text + part for text, part in zip(texts, self.parts[1:], strict=False))

    def covers(self, other: Pattern) -> bool:
        """Say whether every name that `other` matches is matched here: its stars can only be inside ours."""
        return self.match(other.text) is not None

    def overlaps(self, other: Pattern) -> bool:
        """Say whether some name is matched by both."""
        first, theirs = self.parts[0], other.parts[0]
        last, their_last = self.parts[-1], other.parts[-1]
        if not (first.startswith(theirs) or theirs.startswith(first)) and self.stars and other.stars:
            return False
        if not (last.endswith(their_last) or their_last.endswith(last)) and self.stars and other.stars:
            return False
        return _overlap(self.text, other.text)


def pattern(text: str) -> Pattern:
    return Pattern(text, tuple(text.split("*")))


def _overlap(one: str, two: str) -> bool:
    """Walk both patterns at once; `reached` holds the places in `two` where they can stand together."""
    reached = _closed({0}, two)
    for sign in one:
        if sign == "*":
            reached = set(range(min(reached), len(two) + 1)) if reached else reached
        else:
            stay = {at for at in reached if two[at : at + 1] == "*"}
            step = {at + 1 for at in reached if two[at : at + 1] == sign}
            reached = _closed(stay | step, two)
    return len(two) in reached


def _closed(places: set[int], text: str) -> set[int]:
    """Add the places reached by letting a star match nothing."""
    grown = set(places)
    for place in sorted(places):
        at = place
        while text[at : at + 1] == "*":
            at += 1
            grown.add(at)
    return grown


def path_matches(text: str, path: str) -> bool:
    """Say whether `path` matches: `*` stands for (a part of) one segment, `**` for any number of segments."""
    return _segments_match(text.split("/"), path.split("/"))


def _segments_match(patterns: list[str], segments: list[str]) -> bool:
    reached = {0}
    for each in patterns:
        if each == "**":
            reached = set(range(min(reached), len(segments) + 1)) if reached else reached
        else:
            one = pattern(each)
            reached = {at + 1 for at in reached if at < len(segments) and one.match(segments[at]) is not None}
    return len(segments) in reached


# --- when -----------------------------------------------------------------------------------------------------------


class Condition(msgspec.Struct, frozen=True):
    """One condition of a `when`: whether it holds, and in words why not."""

    holds: Callable[[Facts], bool]
    why_not: Callable[[Facts], str]


def conditions(when: When) -> tuple[Condition, ...]:
    """Compile `when`: all of the returned conditions must hold. None: always."""
    found: list[Condition] = []
    for name, read in TEXTS.items():
        wanted = getattr(when, name)
        if wanted is not None:
            texts = listed(wanted)
            found.append(_text(name, tuple(text.upper() for text in texts) if name == "method" else texts, read))
    if when.path is not None:
        found.append(_path(listed(when.path)))
    for name, wanted in (when.header or {}).items():
        found.append(_text(f"header {name.lower()}", listed(wanted), _header(name.lower())))
    for name, flag in FLAGS.items():
        wanted = getattr(when, name)
        if wanted is not None:
            found.append(_flag(name, wanted, flag))
    for name, count in COUNTS.items():
        wanted = getattr(when, name)
        if wanted is not None:
            found.append(_range(name, wanted, count))
    if when.not_ is not None:
        found.append(_not(conditions(when.not_)))
    return tuple(found)


TEXTS: dict[str, Callable[[Facts], str | None]] = {
    "model": attrgetter("model"),
    "key": attrgetter("key"),
    "client": attrgetter("client"),
    "api": attrgetter("api"),
    "base": attrgetter("base"),
    "method": attrgetter("method"),
}
ABSENT = {"client": "the client is not recognised"}
"""What is said where there is no such text; by default that there is none."""
FLAGS: dict[str, Callable[[Facts], bool]] = {
    "stream": attrgetter("stream"),
    "tools": attrgetter("depth.tools"),
    "images": attrgetter("depth.images"),
    "thinking": attrgetter("depth.thinking"),
}
COUNTS: dict[str, Callable[[Facts], int | None]] = {
    "input_tokens": attrgetter("depth.input_tokens"),
    "max_tokens": attrgetter("depth.max_tokens"),
}


def deep_fields(when: When) -> list[str]:
    """Return the conditions of `when` that need the whole body decoded (level 2)."""
    here = [name for name in DEEP if getattr(when, name) is not None]
    return list(dict.fromkeys(here + (deep_fields(when.not_) if when.not_ is not None else [])))


def shallow(when: When) -> When:
    """Return `when` without what needs the whole body: a request that this does not match, `when` does not either."""
    rest = when.not_ if when.not_ is not None and not deep_fields(when.not_) else None
    return msgspec.structs.replace(when, **dict.fromkeys(DEEP), not_=rest)


def listed(wanted: str | Sequence[str]) -> tuple[str, ...]:
    """Return the patterns of an any-of condition: it is one, or a list."""
    return (wanted,) if isinstance(wanted, str) else tuple(wanted)


def _header(name: str) -> Callable[[Facts], str | None]:
    return lambda facts: facts.headers.get(name)


def _text(name: str, wanted: tuple[str, ...], read: Callable[[Facts], str | None]) -> Condition:
    exact = frozenset(text for text in wanted if "*" not in text)
    stars = tuple(pattern(text) for text in wanted if "*" in text)

    def holds(facts: Facts) -> bool:
        value = read(facts)
        return value is not None and (value in exact or any(each.match(value) is not None for each in stars))

    def why_not(facts: Facts) -> str:
        value = read(facts)
        if value is None:
            return ABSENT.get(name, f"there is no {name}")
        if not stars:
            return f"{name} is {value}, not {_or(wanted)}"
        return f"{value} does not match {wanted[0]}" if len(wanted) == 1 else f"{value} matches none of {_and(wanted)}"

    return Condition((lambda facts: read(facts) in exact) if not stars else holds, why_not)


def _path(wanted: tuple[str, ...]) -> Condition:
    split = tuple(text.split("/") for text in wanted)

    def holds(facts: Facts) -> bool:
        segments = facts.path.split("/")
        return any(_segments_match(patterns, segments) for patterns in split)

    return Condition(holds, lambda facts: f"{facts.path} is not {_or(wanted)}")


def _flag(name: str, wanted: bool, read: Callable[[Facts], bool]) -> Condition:
    def why_not(_facts: Facts) -> str:
        return FLAG_WORDS[name, not wanted]

    return Condition(lambda facts: read(facts) is wanted, why_not)


FLAG_WORDS = {
    ("stream", True): "a stream is asked for",
    ("stream", False): "no stream is asked for",
    ("tools", True): "the request declares tools",
    ("tools", False): "the request declares no tools",
    ("images", True): "the request holds images",
    ("images", False): "the request holds no images",
    ("thinking", True): "thinking is asked for",
    ("thinking", False): "no thinking is asked for",
}


def _range(name: str, wanted: Range, read: Callable[[Facts], int | None]) -> Condition:
    least, most = wanted.min, wanted.max

    def holds(facts: Facts) -> bool:
        value = read(facts)
        return value is not None and (least is None or value >= least) and (most is None or value <= most)

    def why_not(facts: Facts) -> str:
        value = read(facts)
        if value is None:
            return f"the request sets no {name}"
        if least is not None and value < least:
            return f"{name} is {value}, less than {least}"
        return f"{name} is {value}, more than {most}"

    return Condition(holds, why_not)


def _not(inner: tuple[Condition, ...]) -> Condition:
    return Condition(
        lambda facts: not all(condition.holds(facts) for condition in inner),
        lambda _facts: "everything under `not` holds",
    )


def _or(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _and(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
