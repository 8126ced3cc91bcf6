"""The tests that cannot pass, each with its reason: whole functions, or some of their parametrizations. No patterns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tests.sdk_suites.suites import MODES, OWN, Mode

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Exclusion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Functions of one file, in each of the classes named."""

    why: str
    file: str
    """Below OWN."""
    classes: list[str]
    functions: list[str]
    only: list[str] = []
    """These parametrizations; none means all of them."""
    modes: tuple[Mode, ...] = MODES

    @property
    def names(self) -> list[str]:
        """The functions, by their ids without the parametrization."""
        return [f"{OWN}/{self.file}::{one}::{function}" for one in self.classes for function in self.functions]

    def matches(self, name: str, test: str) -> bool:
        function, _, parameters = test.partition("[")
        return function == name and (not self.only or parameters.removesuffix("]") in self.only)


def exclusions(suite: str) -> list[Exclusion]:
    """Return those of a suite, as its file has them."""
    file = Path(__file__).with_name(f"exclusions-{suite}.yaml")
    return msgspec.yaml.decode(file.read_bytes(), type=list[Exclusion])


def excluded(entries: Sequence[Exclusion], mode: Mode, collected: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Return the excluded tests with their reasons, and the names that no test has or that are excluded twice."""
    found: dict[str, str] = {}
    idle: list[str] = []
    for entry in entries:
        if mode not in entry.modes:
            continue
        for name in entry.names:
            tests = [test for test in collected if entry.matches(name, test)]
            if not tests or any(test in found for test in tests):
                idle.append(name)
            found.update(dict.fromkeys(tests, entry.why))
    return found, idle
