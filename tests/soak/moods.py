"""The upstream of a soak: it answers as a real one does, tool loops included, and now and then something goes wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.answers import usual
from tests.support.apis import APIS, Api
from tests.support.faults import SCRIPTED
from tests.support.loop import Manner
from tests.support.script import as_stream, paced

if TYPE_CHECKING:
    from random import Random

    from tests.support.script import Reply
    from tests.support.upstream import Seen

SERVED: dict[str, Api] = {api.path: api for api in APIS}
LEFT_OUT = ("huge-event", "malformed-sse-mid-stream")
FAULTS = tuple(fault for fault in SCRIPTED if fault not in LEFT_OUT)
SELDOM = ("stall-before-headers", "stall-mid-stream", "slow-drip", "401", "429-retry-after")
"""Faults that take seconds, or after which a target is left alone: they come more seldom, or nothing else would."""


class Moods:
    """Answers requests; `faulty` is how many of a hundred go wrong."""

    def __init__(self, random: Random, faulty: int = 22) -> None:
        self._random = random
        self._faulty = faulty

    def __call__(self, seen: Seen) -> Reply:
        random, api = self._random, SERVED.get(seen.path)
        if api is None or random.randrange(100) >= self._faulty:
            return self._well(seen)
        fault = random.choice(FAULTS)
        if fault in SELDOM and random.random() < 0.9:
            fault = "reset-mid-stream"
        return SCRIPTED[fault](api, bool(seen.json.get("stream")))

    def _well(self, seen: Seen) -> Reply:
        reply = usual(seen, Manner(parallel=2, before="Let me see. ", thinks=self._random.random() < 0.3))
        if self._random.random() < 0.3 and len(reply.parts) > 1:
            return as_stream(paced([part for part in reply.parts if isinstance(part, bytes)], 0.03))
        return replace(reply)
