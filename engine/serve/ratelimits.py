"""What is left of a rate limit, in the words of the other vendor: one table for both directions.

Anthropic says when a limit is full again as a date (RFC 3339), OpenAI how long that takes (`6m0s`).
Protocol facts: platform.claude.com, API "Rate limits", response headers; platform.openai.com, "Rate limits in headers".
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Api, Headers

FIGURES = ("limit", "remaining", "reset")
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (("requests", ()), ("tokens", ("input-tokens", "output-tokens")))
"""What is counted, and what Anthropic may count instead, in two."""
ANTHROPIC = "anthropic-ratelimit-{kind}-{figure}"
OPENAI = "x-ratelimit-{figure}-{kind}"

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+", re.ASCII)
PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])", re.ASCII)
NUMBER = re.compile(r"\d{1,15}", re.ASCII)
LONGEST = 400 * 86400.0
"""The longest wait that is believed, in seconds."""


def told_to(api: Api, headers: Headers, now: float) -> Headers:
    """Return what `headers` of an upstream of another API say of its limits, as clients of `api` read it.

    `now` is in seconds since 1970. What cannot be understood is left out.
    """
    told = {name.decode("latin-1"): value.decode("latin-1").strip() for name, value in headers}
    made = to_anthropic(told, now) if api == "messages" else to_openai(told, now)
    return [(name.encode(), value.encode()) for name, value in made]


def to_openai(told: dict[str, str], now: float) -> list[tuple[str, str]]:
    """Return Anthropic's fields as OpenAI has them, and OpenAI's own as they are: it has two APIs. Where input and
    output are counted apart, they are added up, and both are full again when the later one is."""
    made = []
    for kind, parts in KINDS:
        counted = _counted((kind,), told) or _counted(parts, told)
        for figure in FIGURES:
            name = OPENAI.format(kind=kind, figure=figure)
            own = told.get(name, "")
            said = [told.get(ANTHROPIC.format(kind=one, figure=figure), "") for one in counted]
            if figure == "reset":
                value = _latest(said, now) if seconds(own) is None else own
            else:
                value = own if NUMBER.fullmatch(own) else _sum(said)
            if value is not None:
                made.append((name, value))
    return made


def _counted(kinds: Iterable[str], told: dict[str, str]) -> list[str]:
    return [one for one in kinds if any(ANTHROPIC.format(kind=one, figure=figure) in told for figure in FIGURES)]


def _sum(said: list[str]) -> str | None:
    numbers = [int(one) for one in said if NUMBER.fullmatch(one)]
    return str(sum(numbers)) if numbers and len(numbers) == len(said) else None


def _latest(said: list[str], now: float) -> str | None:
    ends = [end for one in said if (end := moment(one)) is not None]
    return duration(max(ends) - now) if ends else None


def to_anthropic(told: dict[str, str], now: float) -> list[tuple[str, str]]:
    """Return OpenAI's fields as Anthropic has them."""
    made = []
    for kind, _ in KINDS:
        for figure in FIGURES:
            said = told.get(OPENAI.format(kind=kind, figure=figure), "")
            if figure == "reset":
                wait = seconds(said)
                value = None if wait is None else date(now + wait)
            else:
                value = said if NUMBER.fullmatch(said) else None
            if value is not None:
                made.append((ANTHROPIC.format(kind=kind, figure=figure), value))
    return made


def seconds(text: str) -> float | None:
    """Return how long `6m0s`, `1.5s` or `17ms` is; None if it is no duration."""
    if not DURATION.fullmatch(text):
        return None
    length = sum(float(number) * UNITS[unit] for number, unit in PIECE.findall(text))
    return length if length <= LONGEST else None


def duration(length: float) -> str:
    """Return whole seconds, never too few, as `1h0m0s`, `6m0s` or `7s`."""
    minutes, rest = divmod(max(0, math.ceil(length)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def moment(text: str) -> float | None:
    """Return a date (RFC 3339) in seconds since 1970; None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo is not None else None


def date(at: float) -> str:
    """Return a moment as a date in UTC, the next whole second."""
    return datetime.fromtimestamp(math.ceil(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
