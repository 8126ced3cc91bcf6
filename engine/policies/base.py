"""What a policy is: it reads what the file says, and turns a request into a claim on a counter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, Self

import msgspec

from engine.diagnostics import Flaw
from engine.units import DURATION, SECONDS, seconds

if TYPE_CHECKING:
    from engine.store.base import Claim

MOST = 2**53 - 1
"""The largest limit: Lua counts in doubles, which are exact up to here. That is 9,007,199,254 USD."""

RATE = r"^[0-9][0-9_]* per [0-9]+(\.[0-9]+)?(ms|s|m|h|d)\Z"
"""How a number per window is written: `1000 per 15m`."""
LONGEST = 366 * 86400.0
"""The longest window, in seconds."""
UNITS = {"millisecond": "ms", "sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "hr": "h", "day": "d"}
"""Words for units that people write -> ours."""
NEARLY = re.compile(
    r"(?P<most>[0-9][0-9_,. ]*?)(?P<times>[km])?(?:\s+[a-z]+)?\s*(?:per|/|in|every|a)\s*"
    r"(?P<span>[0-9.]*)\s*(?P<unit>[a-z]+)"
)
TIMES = {None: "", "k": "000", "m": "000000"}


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a request will take, before it is sent (estimates) or after (facts)."""

    tokens: int = 0
    """Input (cached too) and output."""
    dollars: int = 0
    """Micro-USD."""


class Malformed(ValueError):  # noqa: N818 - it is the file that is
    """What the file says is no such limit; `flaw` tells why, and what to write instead."""

    def __init__(self, message: str, help_: str) -> None:
        self.flaw = Flaw(message, help_)
        super().__init__(str(self.flaw))


class Policy(Protocol):
    """One limit of one sort, as the file wrote it."""

    word: ClassVar[str]
    """Its key in the file."""
    form: ClassVar[str]
    """A pattern that every text of it matches; empty where it is a number."""

    @classmethod
    def parse(cls, written: str | int) -> Self:
        """Raises `Malformed`."""

    def claim(self, key: str, demand: Demand) -> Claim:
        """Return what a request that is about to be sent asks of the counter `key`."""

    def settled(self, demand: Demand) -> int | None:
        """Return what it really took; None: what was claimed stays."""

    def amount(self, units: int) -> str:
        """Return so many units of a claim in words: `5.20 USD`, `9001 tokens`."""

    def __str__(self) -> str:
        """As `explain` prints it: `1000 requests/15m`."""


class Rate(NamedTuple):
    """At most `most` in any window of `span` seconds."""

    most: int
    span: float
    written: str
    """The length of the window as the file says it."""


def rate(written: str | int, example: str) -> Rate:
    """Return what `1000 per 15m` says. Raises `Malformed`."""
    text = str(written).strip()
    most, _, span = text.partition(" per ")
    if not re.fullmatch(RATE, text):
        raise Malformed("is no number per window", f"write `{_meant(text) or example}`")
    if seconds(span) < 0.001:
        raise Malformed("has a window without length", f"write `{most} per 1m`")
    if seconds(span) > LONGEST:
        raise Malformed("has a window longer than a year", f"write `{most} per 365d` at most")
    return Rate(number(most, example), seconds(span), span)


def number(text: str, example: str) -> int:
    """Return a limit that can be reached. Raises `Malformed`."""
    value = int(text)
    if value == 0:
        raise Malformed("admits nothing", f"write at least 1, such as `{example}`; `deny` on a route refuses for good")
    if value > MOST:
        raise Malformed("is more than can be counted", f"the largest limit is {MOST}")
    return value


def _meant(text: str) -> str | None:
    """Return what `50/min` or `50 per minute` was to say, None if that is unclear."""
    found = NEARLY.fullmatch(text.lower())
    if found is None:
        return None
    unit = found["unit"] if found["unit"] in SECONDS else UNITS.get(found["unit"].removesuffix("s"))
    span = f"{found['span'] or 1}{unit}"
    most = re.sub(r"[ ,_]", "", found["most"]) + TIMES[found["times"]]
    return f"{most} per {span}" if most.isdecimal() and unit and re.fullmatch(DURATION, span) else None
