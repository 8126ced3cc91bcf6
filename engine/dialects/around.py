"""A tap around another one: what the inner one lets through, changed once more. Implements `Tap` (base.py)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.chat import Failure, Problem
    from engine.dialects.base import Failing, Tap


class Around(ABC):
    """`change` is given whole events, which may go to the client."""

    __slots__ = ("_tap", "told")

    def __init__(self, tap: Tap) -> None:
        self.told = tap.told
        self._tap = tap

    @abstractmethod
    def change(self, out: bytes) -> bytes:
        """Return what goes to the client instead of `out`."""

    @property
    def committed(self) -> bool:
        return self._tap.committed

    @property
    def failure(self) -> Failure | None:
        return self._tap.failure

    @property
    def over(self) -> bool:
        return self._tap.over

    @property
    def ended(self) -> bool:
        return self._tap.ended

    def feed(self, data: bytes) -> bytes:
        return self.change(self._tap.feed(data))

    def finish(self) -> bytes:
        return self.change(self._tap.finish())

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:
        return self._tap.broken(problem, asked)
