"""Frozen records of what happened: log, metrics and journal are made from them, and from nothing else."""

from __future__ import annotations

import msgspec

from engine.chat import Reason, Usage


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try: which target, and why it failed or broke off (None: it answered). `seconds` is how long it took."""

    target: str
    reason: Reason | None
    message: str = ""
    status: int | None = None
    seconds: float = 0.0
    limit: str | None = None
    """The limit that kept it from being made, by its name in the file."""
    continued: bool = False
    """It was asked to carry on from the text of a try before it, which broke off."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a tool that Turnout ran itself (`tools`). What it was given and said is in no record."""

    tool: str
    """Its name as the model was told."""
    seconds: float
    failed: bool = False


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
    at: float = 0.0
    """When it ended, in seconds since 1970."""
    api: str | None = None
    key: str | None = None
    client: str | None = None
    """The program that asked, where it was recognised."""
    model: str | None = None
    route: str | None = None
    target: str | None = None
    attempts: tuple[Attempt, ...] = ()
    skipped: tuple[Attempt, ...] = ()
    """The targets that were passed over without being asked: off, cooling, limited."""
    stream: bool = False
    tools: tuple[Run, ...] = ()
    """The calls of tools that Turnout ran itself, in order of their ends."""
    queued: float = 0.0
    """Seconds it waited in line for a place (`server.max_concurrency`)."""
    first: float | None = None
    """Seconds until the first content left."""
    reason: str | None = None
    """The code of the error, if it ended in one: a word of ours, never an upstream's."""
    problem: str | None = None
    """Code and text of the error."""
    limit: str | None = None
    """The limit that refused it, by its name in the file."""
    usage: Usage | None = None
    """The tokens of all tries together, where anything of the file asks for them."""
    cost: int | None = None
    """Micro-USD; None: nothing was used, or its target has no price."""
    charges: tuple[tuple[str, str, int], ...] = ()
    """What it took of budgets: (key of the counter, period, micro-USD)."""
    losses: tuple[str, ...] = ()
    """What a translation could not carry over exactly: `path: grade (reason)`."""
    corrected: tuple[str, ...] = ()
    """What the upstream refused of a translated request, and was left out in a further try."""
    body: str | None = None
    """The start of the request body, only with `observe.log.bodies`."""


class Reload(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of the file, whether it was taken or not."""

    file: str
    generation: str
    """The live one afterwards."""
    taken: bool
    at: float
    changes: str = ""
    """What the edit changed, in the words of the file; only of one that was taken."""
    errors: int = 0
    bug: str = ""
    """What went wrong inside Turnout, where the file is not at fault."""
    detail: str = ""
    """The rendered report, as people read it."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the process itself: start, reload, drain, stop."""

    level: str
    message: str
    detail: str = ""
    """Further lines, such as a rendered report."""
