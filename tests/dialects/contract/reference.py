"""The loss contract in short, for the README: what each translation does not carry over as it is.

`python -m tests.bless` writes it between the two marks.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from engine.dialects import CLIENTS, CODECS
from engine.dialects.contract import Fate, rows
from tests.dialects.contract.places import steps

README = Path(__file__).resolve().parents[3] / "README.md"
BEGIN = "<!-- contract: python -m tests.bless writes this -->\n"
END = "<!-- /contract -->\n"
TOLD: tuple[Fate, ...] = ("refused", "dropped", "approximated")
WIDTH = 120

HOLDERS = frozenset({"messages", "system", "input", "tools"})
"""Fields of which only what is in them says anything."""


def bless() -> None:
    """Write the README anew, where it has the marks."""
    text = README.read_text(encoding="utf-8")
    if BEGIN in text:
        README.write_text(written(text), encoding="utf-8")


def written(text: str) -> str:
    """Return a text with what stands between its marks as it must be."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{markdown()}{END}{rest.partition(END)[2]}"


def markdown() -> str:
    """Return a list with an entry for each pair of APIs: the fields of a request that not all arrive as they are."""
    return "".join(entry(source, target) for source in CLIENTS for target in CODECS if source != target)


def entry(source: str, target: str) -> str:
    """Return what becomes of the parameters of one API on the way to another: each under its worst fate, with a star
    where another value or another model fares better."""
    fates: dict[str, set[Fate]] = {}
    for row in rows(source, target, "request"):
        name = steps(row.path)[0].name
        if name not in HOLDERS:
            fates.setdefault(name, set()).add(row.fate)
    parts = []
    for fate in TOLD:
        names = [f"`{name}`{'*' if len(had) > 1 else ''}" for name, had in fates.items() if worst(had) == fate]
        parts += [f"{fate}: {', '.join(names)}"] if names else []
    told = f"- **{source} to {target}** {'; '.join(parts)}."
    return "\n".join(textwrap.wrap(told, WIDTH, subsequent_indent="  ", break_on_hyphens=False)) + "\n"


def worst(fates: set[Fate]) -> Fate:
    return next((fate for fate in TOLD if fate in fates), "mapped")
