"""`requests`: how many requests in any window."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from engine.policies.base import RATE, Demand, Rate, rate
from engine.store.base import Claim


class Requests(msgspec.Struct, frozen=True):
    word: ClassVar[str] = "requests"
    form: ClassVar[str] = RATE

    rate: Rate

    @classmethod
    def parse(cls, written: str | int) -> Requests:
        return cls(rate(written, "1000 per 15m"))

    def claim(self, key: str, demand: Demand) -> Claim:  # noqa: ARG002 - every request is one
        return Claim(key=key, kind="window", most=self.rate.most, cost=1, span=self.rate.span)

    def settled(self, demand: Demand) -> int | None:  # noqa: ARG002
        return None

    def amount(self, units: int) -> str:
        return f"{units} requests"

    def __str__(self) -> str:
        return f"{self.rate.most} requests/{self.rate.written}"
