"""`tokens`: how many tokens in any window, input (cached too) and output (rule L4)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from engine.policies.base import RATE, Demand, Rate, rate
from engine.store.base import Claim


class Tokens(msgspec.Struct, frozen=True):
    word: ClassVar[str] = "tokens"
    form: ClassVar[str] = RATE

    rate: Rate

    @classmethod
    def parse(cls, written: str | int) -> Tokens:
        return cls(rate(written, "100000 per 1m"))

    def claim(self, key: str, demand: Demand) -> Claim:
        return Claim(key=key, kind="window", most=self.rate.most, cost=demand.tokens, span=self.rate.span)

    def settled(self, demand: Demand) -> int | None:
        return demand.tokens

    def amount(self, units: int) -> str:
        return f"{units} tokens"

    def __str__(self) -> str:
        return f"{self.rate.most} tokens/{self.rate.written}"
