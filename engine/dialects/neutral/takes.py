"""What an upstream inside Turnout can be asked, beside to answer a conversation."""

from __future__ import annotations

from engine.chat import Form
from engine.dialects.codec import Family

PARAMETERS = frozenset({"max_tokens", "temperature", "top_p", "top_k", "stop", "effort", "thinking"})
"""The parameters of a request that a model may know: fields of `engine.chat.Request`, and two forms of reasoning."""


class Takes(Family, frozen=True, kw_only=True):
    """The family of such a model. Until it is known what is there, it counts as able to do everything."""

    what: str = "the upstream"
    """What is there, as a refusal calls it."""
    tools: bool = True
    parallel: bool = True
    """It can be held to one call in a turn."""
    strict: bool = True
    """It can be held to the schemas of tools."""
    format: bool = True
    """Its answer can be bound to a schema."""
    format_with_tools: bool = True
    parameters: frozenset[str] = PARAMETERS
    seals: frozenset[Form] = frozenset({"messages", "responses"})
    """The APIs whose seals on reasoning the model can read."""
    caches: bool = False
    """It is told where to cache."""
    errors: bool = True
    """It is told that a tool has failed; else the text says so."""

    @property
    def lacks(self) -> str:
        """What it cannot be asked, as a phrase; "" for nothing."""
        lacks = [what for what, able in (("tools", self.tools), ("schema for its answer", self.format)) if not able]
        return f"{self.what} takes no {' and no '.join(lacks)}" if lacks else ""


ANY = Takes(name="any")


def family(_model: str, _host: str) -> Takes:
    """Return what is known of a model by its name alone: nothing."""
    return ANY
