"""The `limits` section."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.config.sections.base import Section, Word
from engine.config.sections.routes import When
from engine.diagnostics import Flaw
from engine.policies import Budget, Malformed, Policy, Requests, Tokens

By = Literal["key", "ip", "model", "route", "base", "target", "all"]
"""What a limit counts apart."""


def form(policy: type[Policy]) -> Meta:
    """Return what a text must be that `policy` can read."""

    def flaw(text: str) -> Flaw | None:
        try:
            policy.parse(text)
        except Malformed as error:
            return error.flaw
        return None

    return Meta(extra={"flaw": flaw, "editors": policy.form})


def no_by(by: list[object]) -> Flaw | None:
    """Return why a limit must say what it counts apart, and `all` stands alone."""
    if not by:
        return Flaw("is empty, so nothing tells whose requests count together", "write [all], [key], [ip] ...")
    names = [one for one in by if isinstance(one, str)]
    if len(set(names)) < len(names):
        return Flaw("names something twice", "name each once")
    if "all" in names and len(names) > 1:
        return Flaw("has `all` beside others", "write [all] for one counter, or leave `all` out")
    return None


class Limit(Section, frozen=True, kw_only=True):
    """How much may be asked. It counts where it is named: server, bases, keys, routes, models, upstreams."""

    requests: Annotated[
        Annotated[str, form(Requests)] | None,
        Meta(description="At most so many requests in any window of that length: 1000 per 15m"),
    ] = None
    tokens: Annotated[
        Annotated[str, form(Tokens)] | None,
        Meta(
            description="At most so many tokens, input (cached too) and output, in any window: 100000 per 1m. "
            "Estimated when a request comes in, settled by its usage"
        ),
    ] = None
    concurrency: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="At most so many requests at the same time")
    ] = None
    budget: Annotated[
        Annotated[str, form(Budget)] | None,
        Meta(description="At most so much money in a calendar day or month (UTC), by `prices`: 20 USD per day"),
    ] = None
    by: Annotated[
        Annotated[list[By], Meta(extra={"flaw": no_by})],
        Meta(
            description="Whose requests count together: one counter for each combination of these; [all]: one counter"
        ),
    ]
    when: Annotated[When, Meta(description="Which requests it counts; none: all")] = When()


Attached = Annotated[list[Word], Meta(description="Names of `limits` that count here")]
