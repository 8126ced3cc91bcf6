"""Every open WebSocket of the process: how many there are, and who tells them that an edit or the end has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.chat import Problem

if TYPE_CHECKING:
    import asyncio

    from engine.serve.generation import Generation
    from engine.serve.switch import Switch

AGAIN = 5
"""Seconds after which a client that found no place may come again."""


class Open(Protocol):
    """One open WebSocket."""

    def swapped(self, generation: Generation, drain: float) -> None:
        """`generation` is the live one from now on; what it has no place for ends in `drain` seconds."""


class Sockets:
    """One for the process."""

    def __init__(self) -> None:
        self.switch: Switch | None = None
        """Who answers the messages."""
        self.tasks: set[asyncio.Task[None]] = set()
        """The messages that run: what the server waits for when it stops."""
        self.open: set[Open] = set()
        self.messages = 0
        """How many have been taken so far."""
        self._holding: set[asyncio.Task[None]] = set()

    def admit(self, most: int) -> None:
        """Refuse (503) one more than `most`."""
        if len(self.open) >= most:
            raise Problem(
                529,
                "overloaded",
                f"{most} WebSockets are open (server.websocket.connections); try again in {AGAIN} s",
                headers=((b"retry-after", b"%d" % AGAIN),),
            )

    def leave(self, one: Open) -> None:
        """A connection is over: from now on nobody may be asking."""
        self.open.discard(one)
        if self.switch is not None:
            self.switch.rest()

    def hold(self, task: asyncio.Task[None]) -> None:
        """Keep a task that nobody else does."""
        self._holding.add(task)
        task.add_done_callback(self._holding.discard)

    def swapped(self, generation: Generation, drain: float) -> None:
        """Tell everyone."""
        for one in list(self.open):
            one.swapped(generation, drain)
