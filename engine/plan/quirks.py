"""What is known of the client that asks, and which of it bears on a request: for `turnout explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.clients.profile import BOTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.clients.profile import Profile
    from engine.facts import Facts

KEYED = ("chat", "responses")
"""The APIs in which an upstream can be told what ties the requests of a conversation together."""


class Quirk(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is done because of the client: the word of its profile, what it is about, and what is done."""

    word: str
    about: tuple[str, ...]
    does: str

    def __str__(self) -> str:
        return f"{', '.join(self.about)}: {self.does}" if self.about else self.does


def quirks(profile: Profile, facts: Facts, into: str | None) -> tuple[Quirk, ...]:
    """Return the quirks of `profile` that count for a request; `into`: the API it is translated into, if it is."""
    return tuple(_quirks(profile, facts, into))


def _quirks(profile: Profile, facts: Facts, into: str | None) -> Iterator[Quirk]:
    if profile.drop and facts.form is not None:
        yield Quirk(word="drop", about=profile.drop, does=f"taken out: the {facts.form} API has none")
    if into is None:
        if profile.finish and facts.stream and facts.api in ("chat", "completions"):
            does = "a finish_reason is said before [DONE] where the upstream says none"
            yield Quirk(word="finish", about=(), does=does)
        return
    if profile.quiet:
        yield Quirk(word="quiet", about=profile.quiet, does="counts as approximated where it is left out")
    if profile.session and into in KEYED:
        yield Quirk(word="session", about=profile.session, does="the cache key, where the body has none")
    if profile.reasoning != BOTH and facts.api == "chat":
        yield Quirk(word="reasoning", about=profile.reasoning, does="where it reads reasoning")
