"""Who is told of requests and reloads: the log always, metrics and the journal where the live file asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.observe.log import Log
    from engine.observe.record import Reload, Request


class Subscriber(Protocol):
    """Somebody who is told. What it raises is said once in the log, and goes no further."""

    name: str

    def wants(self, status: int, problem: object, /) -> bool:
        """Say whether it would do anything with the record of a request that ended so."""

    def request(self, record: Request, /) -> None:
        """Take the record of a request. It must not wait."""

    def reload(self, record: Reload, /) -> None:
        """Take the record of a reload, refused ones too."""


class Records:
    """One for the process. A record is made once, and only if somebody `wants` it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.subscribers: tuple[Subscriber, ...] = (log,)
        self._failing: set[str] = set()
        """The subscribers whose failure has been said."""

    def follow(self, *others: Subscriber) -> None:
        """Tell `others` too from now on, and nobody else but the log."""
        self.subscribers = (*others, self.log)  # those want every record: to ask them first is to ask one
        self._failing &= {one.name for one in others}

    def wants(self, status: int, problem: object) -> bool:
        """Say whether anybody does; to make a record costs more than to ask."""
        for one in self.subscribers:  # noqa: SIM110 - a generator costs more than the asking
            if one.wants(status, problem):
                return True
        return False

    def request(self, record: Request) -> None:
        for one in self.subscribers:
            try:
                one.request(record)
            except Exception as error:
                self._failed(one, error)

    def reload(self, record: Reload) -> None:
        for one in self.subscribers:
            try:
                one.reload(record)
            except Exception as error:
                self._failed(one, error)

    def _failed(self, one: Subscriber, error: Exception) -> None:
        if one.name not in self._failing:
            self._failing.add(one.name)
            self.log.event("error", f"records: {one.name} failed: {type(error).__name__}: {error}; said only once")
