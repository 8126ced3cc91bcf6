"""How chat completions and legacy completions say where an answer is to stop, and among how many words to choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.dialects.fields import Fields


def read_top_k(body: Fields) -> int | None:
    """Return top_k, which vLLM and others take; -1 and 0 mean all."""
    value = body.value.get("top_k")
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        return None
    return body.count("top_k")


def read_stop(body: Fields) -> tuple[str, ...]:
    stop = body.value.get("stop")
    if isinstance(stop, str):
        return (stop,) if stop else ()
    if stop is not None and not isinstance(stop, list):
        raise body.wrong("stop", "a string or a list of strings")
    return tuple(one for one in body.texts("stop") if one)
