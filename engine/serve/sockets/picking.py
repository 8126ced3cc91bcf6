"""/v1/ws: the first frame says which API the connection speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.serve.sockets.plain import Plain
from engine.serve.sockets.responses import KINDS, Responses
from engine.serve.sockets.talk import opened, text_of

if TYPE_CHECKING:
    from engine.chat import Problem
    from engine.serve.sockets.talk import Heard, Talk


class Picking:
    """A connection that becomes one of Responses with the first frame that is of it, as long as nothing else was said.

    Which of the others it is, `Plain` finds out.
    """

    def __init__(self, plain: Plain, room: int) -> None:
        self._talk: Talk = plain
        self._room = room
        self._picked = False

    def hear(self, data: bytes) -> Heard:
        if not self._picked:
            fields = opened(data)
            kind = text_of(fields, "type") if "type" in fields else None
            if kind in KINDS:
                self._talk = Responses(self._room)
            heard = self._talk.hear(data)
            self._picked = True
            return heard
        return self._talk.hear(data)

    def problem(self, problem: Problem, data: bytes = b"") -> bytes:
        return self._talk.problem(problem, data)

    def crowded(self, most: int) -> Problem:
        return self._talk.crowded(most)

    def aged(self, seconds: float) -> bytes | None:
        return self._talk.aged(seconds)

    def close(self) -> None:
        self._talk.close()
