"""The routing graph: names resolved to objects, patterns compiled, durations in seconds; each node keeps its span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from engine.chat import Failure, Problem, Reason
from engine.facts import Facts
from engine.plan.layers import Layer, Node, Tuning
from engine.plan.match import Pattern
from engine.plan.peers import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.config.document import Document
    from engine.config.sections.models import Balance
    from engine.diagnostics import Span
    from engine.plan.prices import Prices
    from engine.policies.base import Policy
    from engine.upstreams.base import Options


class Upstream(Node, frozen=True, kw_only=True):
    options: Options
    demo: bool = False
    forward: bool = False
    """`auth: forward` (rule K4)."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """upstream/model, with any `*` already filled in once it is part of a `Pool`."""

    upstream: str
    model: str
    span: Span | None = None
    weight: int = 1

    def __str__(self) -> str:
        return f"{self.upstream}/{self.model}"


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as resolved for one asked name: the targets in order, and its own retries."""

    entry: str
    """The entry's key in `models`, or `upstream/model` for a bare target."""
    targets: tuple[Target, ...]
    retries: int
    fallback_on: frozenset[Reason]
    tuning: Tuning = Tuning()
    limits: tuple[str, ...] = ()
    """Names of `limits` that count what this entry, and any that led to it, answers."""
    balance: Balance = "failover"
    sticky: bool = False
    """The requests of one session go to one target."""

    @property
    def shared(self) -> bool:
        """Whether who is first asked depends on more than the file."""
        return self.balance != "failover" and len(self.targets) > 1


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A reference of the file, resolved (rule N1): to a target, or to an entry of `models`."""

    text: Pattern
    """As written; a `*` is filled in with what the entry's own `*` matched (rule N4)."""
    upstream: str | None = None
    """The upstream of a target; None for an entry."""
    entry: str | None = None
    """The key of the entry it leads to."""
    span: Span | None = None
    weight: int | None = None
    """None: the file says nothing of it."""


class Entry(Node, frozen=True, kw_only=True):
    """An entry of `models`. Either targets, or exactly one link to another entry (an alias)."""

    pattern: Pattern
    targets: tuple[Link, ...]
    fallback: tuple[Link, ...] = ()
    retries: int
    fallback_on: frozenset[Reason]
    hold: float
    """Seconds."""
    balance: Balance = "failover"
    sticky: bool = False
    listed: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    """Which of fallback, retries, fallback_on, hold, balance, sticky the entry sets itself: an alias wins with them."""
    layer: Layer = Layer()
    limits: tuple[str, ...] = ()

    @property
    def alias(self) -> Link | None:
        return self.targets[0] if self.targets and self.targets[0].entry is not None else None


class Key(Node, frozen=True, kw_only=True):
    digests: tuple[bytes, ...] = ()
    models: tuple[str, ...] | None = None
    routes: tuple[str, ...] | None = None
    bases: tuple[str, ...] | None = None
    expires: str | None = None
    enabled: bool = True
    any_key: bool = False
    patterns: tuple[Pattern, ...] | None = None
    """`models`, compiled."""

    def may_ask(self, name: str) -> bool:
        """Say whether this key may ask for `name` (rule K3)."""
        return self.patterns is None or any(pattern.match(name) is not None for pattern in self.patterns)


class Rule(Node, frozen=True, kw_only=True):
    """A route, compiled. `mismatch` returns None when `when` holds, else the reason why not, for explain."""

    holds: Callable[[Facts], bool]
    mismatch: Callable[[Facts], str | None]
    may_hold: Callable[[Facts], bool] | None = None
    """Of a rule that looks at deep facts: whether the others leave it a chance."""
    to: str | None = None
    deny: tuple[int, str] | None = None
    passes: str | None = None
    link: Link | None = None
    """Where `to` leads."""
    layer: Layer = Layer()


class Limit(Node, frozen=True, kw_only=True):
    """An entry of `limits`, compiled."""

    policies: tuple[Policy, ...]
    marks: tuple[str, ...]
    """What begins the keys of the counters of each policy: a hash of its settings (rule L6)."""
    by: tuple[str, ...]
    holds: Callable[[Facts], bool]
    mismatch: Callable[[Facts], str | None]
    may_hold: Callable[[Facts], bool]
    """Whether its cheap conditions leave it a chance."""
    deep: tuple[str, ...] = ()
    """What of the whole body it asks for."""

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.policies))} by {', '.join(self.by)}"


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """Where the file names its limits (rule L2), each list in file order."""

    early: tuple[str, ...] = ()
    """Those of the server that are asked before the credential is looked at (rule P2)."""
    server: tuple[str, ...] = ()
    """The other ones of the server."""
    bases: dict[str, tuple[str, ...]] = {}
    keys: dict[str, tuple[str, ...]] = {}
    routes: dict[str, tuple[str, ...]] = {}
    models: dict[str, tuple[str, ...]] = {}
    upstreams: dict[str, tuple[str, ...]] = {}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the trace of a decision, as explain prints it."""

    section: Literal["host", "base", "key", "route", "model", "limits", "target", "prices", "observe"]
    name: str
    verdict: str
    why: str = ""
    span: Span | None = None


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Where a name leads, and the steps that led there: the same for every request that asks so."""

    pools: tuple[Pool, ...]
    hold: float
    steps: tuple[Step, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes. Exactly one of `pools`, `passes`, `refusal` is set."""

    facts: Facts
    trace: tuple[Step, ...]
    route: str | None = None
    """Name of the rule that decided, None when the models did."""
    pools: tuple[Pool, ...] = ()
    """The entry asked for, then its fallbacks, none twice."""
    hold: float = 10.0
    """Seconds without content after which a stream is opened with keep-alives."""
    passes: str | None = None
    """The upstream of a `pass` route."""
    refusal: Problem | None = None

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every target that may be tried."""
        return tuple(target for pool in self.pools for target in pool.targets)


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """A command of `attempts`: wait `delay` seconds, then try `target`."""

    pool: Pool
    target: Target
    delay: float = 0.0


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a `Try`. No failure: it answers."""

    failure: Failure | None = None


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept for all clients together, and how long each of it."""

    entries: int = 2**62
    bytes: int
    seconds: float


class Overload(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests run at once, how many may wait for a place, and how long (seconds)."""

    concurrency: int
    queue: int
    queue_timeout: float


class Sockets(msgspec.Struct, frozen=True, kw_only=True):
    """How many WebSockets of clients may be open, how much each may ask at once, and how long (seconds)."""

    connections: int
    requests: int
    idle: float
    total: float


class Journal(Node, frozen=True, kw_only=True):
    """Where a row is written for each request. `retention` in seconds."""

    path: str
    retention: float


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """An allowed origin, parsed. `host` None: any host of that scheme."""

    scheme: str
    host: str | None
    port: int | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The resolved, pure, immutable graph. `compile` adds what only `route` needs."""

    document: Document
    upstreams: dict[str, Upstream]
    off: dict[str, str]
    """Upstream -> why it cannot answer (`OPENAI_API_KEY is not set`, `enabled: false`)."""
    rules: tuple[Rule, ...]
    bases: dict[str, str]
    """Name -> prefix."""
    keys: dict[str, Key]
    digests: dict[bytes, Key]
    """SHA-256 digest (32 bytes) -> the key it belongs to."""
    origins: tuple[Origin, ...]
    hosts: frozenset[str]
    """Lower case, IPv6 in brackets, no port."""
    body_limit: int
    drain: float
    send_timeout: float
    body_timeout: float
    trusted: Trusted | None = None
    """The proxies whose word counts on who calls."""
    overload: Overload | None
    """None: no cap."""
    sockets: Sockets | None
    """None: nobody comes by WebSocket."""
    journal: Journal | None
    readers: Trusted | None
    """Who may read /metrics and /status; None: nobody."""
    responses: Room
    """For the responses that clients may come back to."""
    prices: Prices
    usage: tuple[Step, ...]
    """Why the tokens of every answer are read (level 1); nothing: nobody asks for them."""
    deep: bool
    """Whether any rule looks at facts that need the whole body decoded (level 2)."""
    entries: dict[str, Entry] = {}
    """Every entry of `models`, in file order (rule N6)."""
    patterns: tuple[Entry, ...] = ()
    """The entries with `*`, the most specific first (rule N3)."""
    retries: int = 1
    """`defaults.model.retries`, for targets named without an entry; likewise `fallback_on` and `hold`."""
    fallback_on: frozenset[Reason] = frozenset()
    hold: float = 10.0
    layer: Layer = Layer()
    """What `defaults.model` says of requests."""
    limits: dict[str, Limit] = {}
    """Every entry of `limits`, in file order."""
    attached: Attached = Attached()
    resolved: dict[tuple[str | None, str, str], Resolved] = {}
    """What `route` has found out already, by route, API and asked name."""

    @property
    def needs_usage(self) -> bool:
        """Whether anything of the file asks for the tokens of answers."""
        return bool(self.usage)

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "resolved", {})  # what was true of the plan this was made from may not be
