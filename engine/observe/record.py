"""Frozen records of what happened: the log is made from them, and nothing else."""

from __future__ import annotations

import msgspec

from engine.chat import Reason


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try: which target, and why it failed or broke off (None: it answered). `seconds` is how long it took."""

    target: str
    reason: Reason | None
    message: str = ""
    status: int | None = None
    seconds: float = 0.0


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange with a client. No text of the user's and no credential is ever in here."""

    request: str
    """Our id, as in x-turnout-request."""
    method: str
    path: str
    status: int
    """What the client was told; 499 when it left first."""
    seconds: float
    generation: str
    api: str | None = None
    key: str | None = None
    client: str | None = None
    """The program that asked, where it was recognised."""
    model: str | None = None
    route: str | None = None
    target: str | None = None
    attempts: tuple[Attempt, ...] = ()
    stream: bool = False
    queued: float = 0.0
    """Seconds it waited in line for a place (`server.max_concurrency`)."""
    first: float | None = None
    """Seconds until the first content left."""
    problem: str | None = None
    """Code and text of the error, if it ended in one."""
    losses: tuple[str, ...] = ()
    """What a translation could not carry over exactly: `path: grade (reason)`."""
    corrected: tuple[str, ...] = ()
    """What the upstream refused of a translated request, and was left out in a further try."""
    body: str | None = None
    """The start of the request body, only with `observe.log.bodies`."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the process itself: start, reload, drain, stop."""

    level: str
    message: str
    detail: str = ""
    """Further lines, such as a rendered report."""
