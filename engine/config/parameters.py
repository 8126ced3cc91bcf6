"""What `set`, `unset`, `translation` and `like` may say, wherever the file has them: models, routes, defaults."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.diagnostics import Flaw

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
    if "*" in path:
        return Flaw("is a pattern, and no parameter is called so", "write every parameter by its whole path")
    if steps[0] in OWN:
        return Flaw(f"names `{steps[0]}`, which is not the file's to change", OWN[steps[0]])
    return None


def like_flaw(model: str) -> Flaw | None:
    """Return why `model` cannot name the model that targets count as."""
    if not model:
        return Flaw("names no model", "write a model of the family that is meant, as in `gpt-5.5`")
    if "*" in model:
        return Flaw("is a pattern", "write one model of the family that is meant, as in `gpt-5.5`")
    if model != model.strip():
        return Flaw("has a space at an end", "take it out")
    return None


STEP = r"[^\s.*]([^.*]*[^\s.*])?"
PARAMETER = rf"^(?!({'|'.join(OWN)})(\.|$)){STEP}(\.{STEP})*$"
LIKE = r"^[^\s*]([^*]*[^\s*])?$"

Parameter = Annotated[str, Meta(extra={"flaw": parameter_flaw, "editors": PARAMETER})]
"""A dotted path into a request of the upstream's API."""
Like = Annotated[str, Meta(extra={"flaw": like_flaw, "editors": LIKE})]
"""The name of a model that a family of Turnout's matches."""
