"""What routing may look at: the only input of `route`, hence of `turnout explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

ANONYMOUS = "anonymous"


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that need the whole body decoded (level 2). `input_tokens` is our estimate, in tokens."""

    tools: bool = False
    images: bool = False
    thinking: bool = False
    input_tokens: int = 0
    max_tokens: int | None = None


NO_DEPTH = Depth()
"""Of a request whose body was not decoded."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the rules see it. Header names are lower case; `model` is the asked name (rule P3)."""

    api: str | None
    """An `engine.chat.Api`, or None on a path that is no model endpoint."""
    form: str | None = None
    """The API whose request came to the endpoint, where it is not its own."""
    method: str = "POST"
    path: str = "/"
    """The canonical path (rule P1)."""
    base: str | None = None
    key: str = ANONYMOUS
    client: str | None = None
    """The program that asks (engine.clients); None: it is not recognised."""
    model: str | None = None
    suffix: str | None = None
    """What was cut from the asked name, such as `[1m]`."""
    stream: bool = False
    headers: Mapping[str, str] = {}
    depth: Depth = NO_DEPTH
