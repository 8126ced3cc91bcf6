"""The parameters of the client's API that have no field of their own in a request: carried, dropped or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.chat import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.dialects.openai.draft import Draft
    from engine.dialects.openai.families import Model

DEFAULTS = {"speed": "standard"}
"""Parameters with the value that means the same as leaving them out."""

REFUSED = {
    "mcp_servers": "MCP servers are called by Anthropic itself; connect them to the client instead",
    "n": "the model is served by an API that gives one answer; ask once for each",
    "modalities": "the model is served by an API that answers nothing but text; leave it out",
    "web_search_options": "the model is served by an API without this search; offer it a tool of your own",
}
"""Parameters without which the answer would mislead, with what to do."""

PROBABILITIES = "no answer of another API tells probabilities of tokens"
VAIN = {
    "logprobs": PROBABILITIES,
    "top_logprobs": PROBABILITIES,
    "store": "no answer of another API is kept at the upstream",
}
"""What would be asked for in vain, with the reason."""


def write_extra(draft: Draft, carried: Mapping[str, tuple[str, Callable[[Model], bool]]]) -> dict[str, Any]:
    """Return what is sent of them, by its path.

    `carried`: the client's path -> the path here, and whether a family takes it. Raises `Problem` (400) where leaving
    one out would mislead.
    """
    sent: dict[str, Any] = {}
    for path, value in draft.request.extra.items():
        if value in ([], {}) or value is False or value == DEFAULTS.get(path):
            continue
        if path in REFUSED:
            raise unsupported(path, REFUSED[path])
        if path == "container" and isinstance(value, dict) and value.get("skills"):
            raise unsupported(f"{path}.skills", "skills run at Anthropic only; leave them out")
        if path in carried:
            to, takes = carried[path]
            if takes(draft.family) and draft.takes(to):
                sent[to] = value
            else:
                draft.losses.dropped(path, "the model does not take it")
        else:
            draft.losses.dropped(path, VAIN.get(path, f"no counterpart in {draft.api}"))
    return sent


def unsupported(path: str, message: str) -> Problem:
    return Problem(400, "unsupported_parameter", f"`{path}`: {message}", param=path)
