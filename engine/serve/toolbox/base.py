"""What a source of tools is, once it lives: LangChain's in this process, or a server of the Model Context Protocol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.config.sections.steps import ToolSource
    from engine.dialects.rounds import Offered

UNFIT = re.compile(r"[^A-Za-z0-9_-]")
LONGEST = 64
"""Characters of a tool's name that every API takes."""
LEAST = 4
"""Characters from which a secret is told from ordinary words."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of a call, as the model is told."""

    text: str
    error: bool = False


class Unready(Exception):  # noqa: N818 - it is a state
    """Why a source has no tools at present."""


class Tool(msgspec.Struct, frozen=True):
    """A tool as its source calls it, and as a model is told of it."""

    own: str
    offered: Offered


class Source(Protocol):
    """Tools of one origin. Used by every generation of the file that declares them alike."""

    @property
    def state(self) -> str:
        """`ready`, or why it is not."""

    def begin(self) -> None:
        """It is live from now on. May be called again."""

    async def tools(self) -> list[Tool]:
        """Return what it has. Raises `Unready`."""

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Run a tool by its own name. Raises whatever it raises."""

    async def close(self) -> None:
        """End it."""


def shown(name: str, prefix: str) -> str:
    """Return the name that models are told: every API takes it."""
    return UNFIT.sub("_", prefix + name)[:LONGEST]


def chosen(tools: Iterable[Tool], declared: ToolSource) -> list[Tool]:
    """Return those of `tools` that the file wants."""
    return [tool for tool in tools if declared.only is None or tool.own in declared.only]


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets that its source was given."""
    for secret in secrets:
        if len(secret) >= LEAST:
            text = text.replace(secret, "***")
    return text
