"""What would become of a request: the decision of `route`, and `attempts` driven with pretended outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failure, Loss, Problem
from engine.clients import BY_NAME
from engine.dialects import METERED, crossing, is_estimated
from engine.dialects.body import FIELDS
from engine.dialects.forced import takes
from engine.dialects.unasked import asking
from engine.facts import ANONYMOUS
from engine.plan import limited
from engine.plan.admission import check_key
from engine.plan.attempts import attempts
from engine.plan.balance import as_written, by_session
from engine.plan.breaks import Break, breaks
from engine.plan.layers import Tuning
from engine.plan.losses import losses
from engine.plan.match import deep_fields, pattern
from engine.plan.needs import asks
from engine.plan.nodes import Decision, Done, Step
from engine.plan.pinned import SOMEBODY, goes_on, pinned
from engine.plan.quirks import quirks
from engine.plan.reach import MODEL_PATHS
from engine.plan.route import route
from engine.upstreams.url import join

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from engine.clients.profile import Profile
    from engine.facts import Facts
    from engine.plan.match import Pattern
    from engine.plan.nodes import Plan, Pool, Target, Try
    from engine.plan.quirks import Quirk

REALTIME = "realtime"
PATHS: dict[str, str] = {api: path for path, api in MODEL_PATHS.items()}
"""The path of each API."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One pretended try. `delay` is the longest wait before it, in seconds; `url` is where an answer comes from."""

    target: Target
    entry: str
    delay: float
    failure: Failure | None
    url: str | None
    """None: it is answered without asking anybody."""
    runs: str | None = None
    """The code that answers, of an upstream that runs some."""
    into: str | None = None
    """The API into which the request is translated for this target; None: the bytes pass."""
    losses: tuple[Loss, ...] = ()
    """What the target is not told exactly, where the request itself is known."""
    unfit: Problem | None = None
    """Why the request cannot be put in the form of this target, which is then left out."""
    tuning: Tuning = Tuning()
    """What is done to the request on its way, the upstream's own `strip` included."""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a `pass` route sends a request: one try, no fallback (rule R6)."""

    upstream: str
    url: str
    failure: Failure | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `turnout explain` tells. Without `refusal`, the last of `tries` answers or none does."""

    decision: Decision
    tries: tuple[Attempt, ...] = ()
    left: tuple[tuple[Pool, tuple[Target, ...]], ...] = ()
    """What would come after: pools with the targets that were not tried."""
    passage: Passage | None = None
    """Set where a `pass` route decides; then there are no `tries`."""
    limits: tuple[Step, ...] = ()
    """What the request must pass, in file order."""
    deep: tuple[Step, ...] = ()
    """The rules and limits for which the whole body is decoded."""
    metered: tuple[Step, ...] = ()
    """What the tokens of the answer are read for; nothing where they are not read."""
    on_break: Break | None = None
    """What becomes of a stream of the target that answers if it breaks off; None: it ends in an error."""
    asks: bool = False
    """The stream is asked for its usage, which the client does not see: it did not ask (level 1)."""

    @property
    def client(self) -> Profile | None:
        """Return what is known of who asks."""
        name = self.decision.facts.client
        return BY_NAME[name] if name is not None else None

    @property
    def quirks(self) -> tuple[Quirk, ...]:
        """What is done on the way to the target that answers because of who asks."""
        if self.client is None or not self.tries or not self.answered:
            return ()
        return quirks(self.client, self.decision.facts, self.tries[-1].into)

    @property
    def tuning(self) -> Tuning | None:
        """What is done to the request on its way to the target that answers."""
        return self.tries[-1].tuning if self.tries and self.answered else None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the target that answers is not told exactly."""
        return self.tries[-1].losses if self.tries and self.answered else ()

    @property
    def unfit(self) -> Problem | None:
        """What the client is told where no target could be asked this."""
        if any(one.failure is None or one.failure.reason != "off" for one in self.tries):
            return None
        return next((one.unfit for one in self.tries if one.unfit is not None), None)

    @property
    def answered(self) -> bool:
        last = self.passage or (self.tries[-1] if self.tries else None)
        return last is not None and last.failure is None


def explain(
    plan: Plan,
    facts: Facts,
    down: Collection[str],
    today: str,
    body: bytes | None = None,
    session: str | None = None,
) -> Explanation:
    """Explain a request. `down` names upstreams and targets that do not answer; `today` is the UTC date.

    `body` is what the client sends, if that is known: it must have passed its dialect's `peek`. Without a `session`
    the order is that of rule T3.
    """
    refusal = _stranger(plan, facts, today)
    decision = route(plan, facts, traced=True) if refusal is None else Decision(facts=facts, trace=(), refusal=refusal)
    if decision.refusal is not None:
        return Explanation(decision=decision, deep=_deep(plan, decision))
    if decision.passes is not None:
        passage = _passage(plan, decision.passes, facts.path, down)
        return Explanation(decision=decision, passage=passage, limits=tuple(limited.explained(plan, decision)))
    if body is not None and "responses" in (facts.api, facts.form) and goes_on(FIELDS.decode(body)):
        decision = pinned(decision, plan, SOMEBODY) or decision

    def ordered(pool: Pool) -> Sequence[Target]:
        return by_session(pool, session) if session is not None and pool.shared and pool.sticky else as_written(pool)

    tries = _tries(plan, decision, down, body, ordered)
    tried = {str(attempt.target) for attempt in tries}
    left = ((pool, tuple(target for target in ordered(pool) if str(target) not in tried)) for pool in decision.pools)
    return Explanation(
        decision=decision,
        tries=tuple(tries),
        left=tuple((pool, targets) for pool, targets in left if targets),
        limits=tuple(limited.explained(plan, decision)),
        deep=_deep(plan, decision),
        metered=_metered(plan, decision),
        asks=_asks(plan, facts, tries, body),
        on_break=_breaks(plan, decision, tries, body),
    )


def _metered(plan: Plan, decision: Decision) -> tuple[Step, ...]:
    """Return what the tokens of the answer are read for; counts and the like take none."""
    if decision.facts.api not in METERED | {REALTIME}:
        return ()
    counting = {limit.name for limit in limited.deep(plan, decision)}
    return tuple(step for step in plan.usage if step.section != "limits" or step.name in counting)


def _breaks(plan: Plan, decision: Decision, tries: list[Attempt], body: bytes | None) -> Break | None:
    last = tries[-1] if tries else None
    if last is None or last.failure is not None:
        return None
    tried = {str(attempt.target) for attempt in tries}
    pool = next(pool for pool in decision.pools if pool.entry == last.entry)
    left = [target for one in decision.pools for target in one.targets if str(target) not in tried]
    on = [target for target in left if target.upstream not in plan.off]
    return breaks(decision.facts, pool, last.target, on, body)


def _asks(plan: Plan, facts: Facts, tries: list[Attempt], body: bytes | None) -> bool:
    last = tries[-1] if tries else None
    if last is None or last.failure is not None or last.into is not None or facts.api is None or not facts.stream:
        return False
    fields = FIELDS.decode(body) if body is not None else {}
    return asks(plan, facts.api, last.target, last.tuning) and asking(fields) is not fields


def _stranger(plan: Plan, facts: Facts, today: str) -> Problem | None:
    key = plan.keys.get(facts.key)
    if key is None:
        assert facts.key == ANONYMOUS
        return Problem(401, "missing_api_key", "`keys` declares no `anonymous`: a request needs a key")
    try:
        check_key(key, today)
    except Problem as problem:
        return problem
    return None


def _passage(plan: Plan, upstream: str, path: str, down: Collection[str]) -> Passage:
    failure = Failure(reason="connect", message="down (as told)") if upstream in down else None
    url = join(getattr(plan.upstreams[upstream].options, "base_url", ""), path)
    return Passage(upstream=upstream, url=url, failure=failure)


def targets(plan: Plan, asked: str | None) -> list[Pattern]:
    """Return the targets that the file names, and what demos answer for the `asked` name."""
    links = [link for entry in plan.entries.values() for link in (*entry.targets, *entry.fallback)]
    links += [rule.link for rule in plan.rules if rule.link is not None]
    named = [link.text for link in links if link.upstream is not None]
    demos = [f"{name}/{asked}" for name, upstream in plan.upstreams.items() if upstream.demo and asked is not None]
    return [*named, *map(pattern, demos)]


def _tries(
    plan: Plan,
    decision: Decision,
    down: Collection[str],
    body: bytes | None,
    ordered: Callable[[Pool], Sequence[Target]],
) -> list[Attempt]:
    tries: list[Attempt] = []
    course = attempts(decision, lambda longest: longest, ordered)
    try:
        command = next(course)
        while True:
            one = _attempt(plan, decision.facts, command, down, body)
            tries.append(one)
            command = course.send(Done(failure=one.failure))
    except StopIteration:
        return tries


def _attempt(plan: Plan, facts: Facts, command: Try, down: Collection[str], body: bytes | None) -> Attempt:
    """Return how a try goes: as told in `down`, as the environment has it, and as the request fits its target."""
    target, api = command.target, facts.api
    into = crossing(api, plan.upstreams[target.upstream].options.speaks, facts.form)
    failure = _outcome(plan, target, () if is_estimated(api, into) else down)
    lost: tuple[Loss, ...] = ()
    unfit = None
    if body is not None and (failure is None or failure.reason != "off"):
        try:
            lost = losses(plan, facts, body, target, command.pool.tuning)
        except Problem as problem:
            unfit, failure = problem, Failure(reason="off", message=f"cannot be asked this: {problem.message}")
    return Attempt(
        target=target,
        entry=command.pool.entry,
        delay=command.delay,
        failure=failure,
        url=_url(plan, target, api, into) if failure is None else None,
        runs=plan.upstreams[target.upstream].options.runs,
        into=into,
        losses=lost,
        unfit=unfit,
        tuning=_tuning(plan, command.pool, target, into or api),
    )


def _tuning(plan: Plan, pool: Pool, target: Target, api: str | None) -> Tuning:
    """Return what the tuning of `pool` is for a request of `api`, with what the upstream of `target` strips on top."""
    tuning = pool.tuning
    upstream = plan.upstreams[target.upstream]
    own = [name for name in getattr(upstream.options, "strip", ()) if name not in tuning.strip]
    values = {path: value for path, value in tuning.set.items() if api is None or takes(api, path)}
    if not own and len(values) == len(tuning.set):
        return tuning
    places = {("strip", name): upstream.span for name in own if upstream.span is not None} | tuning.places
    left = {each: span for each, span in places.items() if each[0] != "set" or each[1] in values}
    return msgspec.structs.replace(tuning, set=values, strip=(*tuning.strip, *own), places=left)


def _outcome(plan: Plan, target: Target, down: Collection[str]) -> Failure | None:
    if target.upstream in plan.off:
        return Failure(reason="off", message=plan.off[target.upstream])
    if target.upstream in down or str(target) in down:
        return Failure(reason="connect", message="down (as told)")
    return None


def _url(plan: Plan, target: Target, api: str | None, into: str | None) -> str | None:
    base_url = getattr(plan.upstreams[target.upstream].options, "base_url", None)
    if base_url is None or api is None or is_estimated(api, into):
        return None
    url = join(base_url, PATHS[into or api])
    return url.replace("http", "ws", 1) if api == REALTIME else url


def _deep(plan: Plan, decision: Decision) -> tuple[Step, ...]:
    """Return the rules and limits that look at facts of level 2, and at which. A connection has no body."""
    if decision.facts.api == REALTIME:
        return ()
    found = []
    for rule, declared in zip(plan.rules, plan.document.routes, strict=True):
        fields = deep_fields(declared.when)
        if fields:
            found.append(Step(section="route", name=rule.name, verdict="deep", why=", ".join(fields), span=rule.span))
    found += (
        Step(section="limits", name=limit.name, verdict="deep", why=", ".join(limit.deep), span=limit.span)
        for limit in limited.deep(plan, decision)
    )
    return tuple(found)
