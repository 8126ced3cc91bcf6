"""A tap for clients that cannot read [DONE] unless a finish_reason came before: it says one where the upstream did not.

Tabby parses every event as a chunk until one has a finish_reason, and breaks on what is none (TabbyML/tabby:
crates/http-api-bindings/src/completion/openai.rs). A stream that ends without [DONE] was cut off, and stays so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.around import Around
from engine.dialects.body import FIELDS
from engine.dialects.sse import cut, frame, parse

if TYPE_CHECKING:
    from engine.chat import Api
    from engine.dialects.base import Tap

FINISHED = re.compile(rb'"finish_reason"\s*:\s*(?!null)\S')
"""A finish_reason that is one. Inside of a text its quotes would be escaped."""
LAST: dict[str, dict[str, Any]] = {
    "chat": {"index": 0, "delta": {}, "finish_reason": "stop"},
    "completions": {"index": 0, "text": "", "finish_reason": "stop", "logprobs": None},
}
"""The choice of a last chunk, in the APIs that end with [DONE]."""


class FinishingTap(Around):
    """Implements `Tap` (base.py) around another one."""

    __slots__ = ("_before", "_choice", "_finished")

    def __init__(self, tap: Tap, api: Api) -> None:
        super().__init__(tap)
        self._choice = LAST[api]
        self._finished = False
        self._before = b""
        """The last chunks that went out: one of ours looks like them."""

    def change(self, out: bytes) -> bytes:
        """Return what goes to the client: `out`, with a last chunk before [DONE] where none has come."""
        if self._finished or not out:
            return out
        if FINISHED.search(out) is not None:
            self._finished = True
        elif b"[DONE]" in out:
            return self._closed(out)
        elif b'"choices"' in out:
            self._before = out
        return out

    def _closed(self, out: bytes) -> bytes:
        passed: list[bytes] = []
        for event in cut(out):
            _, data = parse(event)
            if not self._finished and data is not None and data.startswith(b"[DONE]"):
                self._finished = True
                passed += self._last(cut(self._before) + passed)
            passed.append(event)
        return b"".join(passed)

    def _last(self, events: list[bytes]) -> list[bytes]:
        """Return the last chunk of a stream of `events`; nothing where there was no chunk at all."""
        for event in reversed(events):
            _, data = parse(event)
            try:
                fields = FIELDS.decode(data or b"")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if "choices" in fields:
                fields.pop("usage", None)
                return [frame(msgspec.json.encode({**fields, "choices": [self._choice]}))]
        return []
