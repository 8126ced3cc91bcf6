"""`concurrency`: how many requests at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import msgspec

from engine.policies.base import Malformed, number
from engine.store.base import Claim

if TYPE_CHECKING:
    from engine.policies.base import Demand

LEASE = 15.0
"""Seconds after which the leases of a process that died count no more; the living renew theirs."""
EXAMPLE = "32"


class Concurrency(msgspec.Struct, frozen=True):
    word: ClassVar[str] = "concurrency"
    form: ClassVar[str] = ""

    most: int

    @classmethod
    def parse(cls, written: str | int) -> Concurrency:
        if not re.fullmatch("[0-9]+", str(written)):
            raise Malformed("is no number of requests at once", f"write a whole number, such as `{EXAMPLE}`")
        return cls(number(str(written), EXAMPLE))

    def claim(self, key: str, demand: Demand) -> Claim:  # noqa: ARG002 - every request is one
        return Claim(key=key, kind="lease", most=self.most, cost=1, span=LEASE)

    def settled(self, demand: Demand) -> int | None:  # noqa: ARG002
        return None

    def amount(self, units: int) -> str:
        return f"{units} at once"

    def __str__(self) -> str:
        return f"{self.most} at once"
