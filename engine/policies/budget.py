"""`budget`: what may be spent in a calendar day or month, UTC, at the `prices` of the file (rule L6)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from engine.policies.base import Malformed, number
from engine.store.base import Claim

if TYPE_CHECKING:
    from engine.policies.base import Demand

EXAMPLE = "20 USD per day"
MONEY = r"^[0-9]+(\.[0-9]+)? USD per (day|month)\Z"
"""How an amount per calendar period is written."""
NEARLY = re.compile(
    r"(?:usd|us\$|\$)?\s*(?P<amount>[0-9][0-9_,]*(?:\.[0-9]+)?)\s*(?:usd|us\$|\$|dollars?)?\s*(?:per|/|a|each)?\s*"
    r"(?P<period>d|day|daily|month|monthly|mo)"
)
MICRO_USD = 1_000_000


class Budget(msgspec.Struct, frozen=True):
    word: ClassVar[str] = "budget"
    form: ClassVar[str] = MONEY

    most: int
    """Micro-USD."""
    period: Literal["day", "month"]
    written: str

    @classmethod
    def parse(cls, written: str | int) -> Budget:
        text = str(written).strip()
        if not re.fullmatch(MONEY, text):
            raise Malformed("is no amount per day or month", f"write `{_meant(text) or EXAMPLE}`")
        amount = text.split(" ", 1)[0]
        micro = Decimal(amount) * MICRO_USD
        if micro % 1:
            raise Malformed("is finer than a millionth of a USD", f"write at most six decimals, such as `{EXAMPLE}`")
        return cls(number(str(int(micro)), EXAMPLE), "month" if text.endswith("month") else "day", amount)

    def claim(self, key: str, demand: Demand) -> Claim:
        return Claim(key=key, kind="ledger", most=self.most, cost=demand.dollars, period=self.period)

    def settled(self, demand: Demand) -> int | None:
        return demand.dollars

    def amount(self, units: int) -> str:
        return f"{units / MICRO_USD:.2f} USD" if units >= MICRO_USD // 100 else f"{units / MICRO_USD:.6f} USD"

    def __str__(self) -> str:
        return f"{self.written} USD/{self.period}"


def _meant(text: str) -> str | None:
    """Return what `$20/day` was to say, None if that is unclear."""
    found = NEARLY.fullmatch(text.lower())
    if found is None:
        return None
    return f"{re.sub('[_,]', '', found['amount'])} USD per {'month' if found['period'].startswith('m') else 'day'}"
