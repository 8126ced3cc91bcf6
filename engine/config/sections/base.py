"""What the sections of proxy.yaml are made of."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.diagnostics import Flaw


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the file. Unknown keys are errors."""


def stray(text: str) -> Flaw | None:
    """Return why a name cannot begin or end with a space: no client and no upstream writes it so."""
    if text.endswith("\n"):
        return Flaw("ends in a line break", "write it on one line: a `|` block ends in a line break")
    return None if text == text.strip() else Flaw("has a space at an end", "take it out")


Word = Annotated[str, Meta(extra={"flaw": stray})]
"""A reference, or a pattern of names."""

AnyOf = Annotated[Word | list[Word], Meta(description="One pattern, or a list of which any may hold; `*` is any run")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*\Z", extra={"flaw": stray})]
