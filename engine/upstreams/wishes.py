"""What a request may wish that `claude` cannot be told: it has no such switch (claude-agent-sdk 0.2.189, types.py).

Pure: fields of a client's own body, in any API, to what is lost of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.chat import Loss

SELF = "claude decides that itself"
FORMAT = "claude has no switch for structured output here"


def _set(path: str, value: Any, why: str = SELF) -> list[Loss]:
    return [] if value is None else [Loss(path, "dropped", why)]


def _choice(path: str, value: Any) -> list[Loss]:
    """`auto` and `none` can be had; to make it call a tool, or only one at a time, cannot."""
    if isinstance(value, str):
        return [] if value in ("auto", "none") else [Loss(path, "dropped", "claude cannot be made to call a tool")]
    if not isinstance(value, dict):
        return []
    found = []
    if value.get("type") not in ("auto", "none"):
        found.append(Loss(path, "dropped", "claude cannot be made to call a tool"))
    if value.get("disable_parallel_tool_use"):
        found.append(Loss(f"{path}.disable_parallel_tool_use", "dropped", SELF))
    return found


def _parallel(path: str, value: Any) -> list[Loss]:
    return [Loss(path, "dropped", SELF)] if value is False else []


def _format(path: str, value: Any) -> list[Loss]:
    plain = not isinstance(value, dict) or value.get("type") == "text"
    return [] if plain else [Loss(path, "dropped", FORMAT)]


def _inner(path: str, value: Any) -> list[Loss]:
    return _format(f"{path}.format", value.get("format")) if isinstance(value, dict) else []


def _tools(path: str, value: Any) -> list[Loss]:
    """Tools that Anthropic runs: their type is no `custom`. Those of other APIs are told of by their translation."""
    if not isinstance(value, list):
        return []
    return [
        Loss(f"{path}[{index}]", "dropped", "claude runs without tools of its own here")
        for index, tool in enumerate(value)
        if isinstance(tool, dict) and "input_schema" not in tool and "_20" in str(tool.get("type"))
    ]


WISHES: dict[str, Callable[[str, Any], list[Loss]]] = {
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "max_output_tokens"), _set),
    **dict.fromkeys(("temperature", "top_p", "top_k", "stop", "stop_sequences"), _set),
    **dict.fromkeys(("container", "mcp_servers", "context_management"), _set),
    "tool_choice": _choice,
    "parallel_tool_calls": _parallel,
    "response_format": _format,
    "output_format": _format,
    "output_config": _inner,
    "text": _inner,
    "tools": _tools,
}
"""Field of a body, in whichever API -> what of it is lost."""


def unmet(fields: Mapping[str, msgspec.Raw]) -> tuple[Loss, ...]:
    """Return what of a client's own body `claude` cannot be told."""
    found: list[Loss] = []
    for name, look in WISHES.items():
        if name in fields:
            found += look(name, msgspec.json.decode(fields[name]))
    return tuple(found)
