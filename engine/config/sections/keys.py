"""The `keys` section."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.config.sections.base import Section, Word


class Key(Section, frozen=True, kw_only=True):
    """A client key: its digests, and what it may use."""

    hashes: Annotated[
        list[Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]],
        Meta(description="SHA-256 digests of the key, from `turnout key new`; several while one is replaced"),
    ] = []
    models: Annotated[list[Word] | None, Meta(description="Names this key may ask for; absent: all, []: none")] = None
    routes: Annotated[list[Word] | None, Meta(description="Routes this key may take; `pass` routes must be named")] = (
        None
    )
    bases: Annotated[list[Word] | None, Meta(description="Bases this key may come in by; absent: all")] = None
    expires: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")] | None,
        Meta(description="The first UTC day on which it fails"),
    ] = None
    enabled: Annotated[bool, Meta(description="false refuses the key")] = True
    any_key: Annotated[bool, Meta(description="Only for `anonymous`: unknown credentials count as anonymous too")] = (
        False
    )
    limits: Annotated[list[Word], Meta(description="Names of `limits` that count the requests of this key")] = []
