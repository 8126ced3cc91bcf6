"""What `set`, `unset` and `translation` may say, wherever the file has them: models, routes, defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.diagnostics import Flaw

Translation = Literal["lenient", "strict", "exact"]

OWN: dict[str, str] = {
    "model": "take it out: the targets of the entry say which model is asked",
    "stream": "take it out: the client says whether it reads a stream",
    **dict.fromkeys(
        ("messages", "prompt", "input"), "take it out: what the client says goes to the upstream as the client said it"
    ),
}
"""What Turnout itself puts into a request, and what a request is about -> what to do instead."""


def parameter_flaw(path: str) -> Flaw | None:
    """Return why `path` cannot name a parameter."""
    if not path:
        return Flaw("names no parameter", "write its path in the upstream's API, as in `thinking.budget_tokens`")
    steps = path.split(".")
    if any(not step or step != step.strip() for step in steps):
        return Flaw("is no path", "write the names with one dot between them, as in `thinking.budget_tokens`")
    if steps[0] in OWN:
        return Flaw("is not the file's to change", OWN[steps[0]])
    return None


Parameter = Annotated[str, Meta(extra={"flaw": parameter_flaw})]
"""A dotted path into a request of the upstream's API."""
