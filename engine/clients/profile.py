"""What is known of one client: how it is recognised, and what it needs. Data only; what is made of it is elsewhere.

A profile is a claim of the caller, like every header: it may make things fit, it never opens a door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Field = Literal["reasoning_content", "reasoning"]
"""Where servers of chat completions put reasoning: DeepSeek's word, and OpenRouter's."""
BOTH: tuple[Field, ...] = ("reasoning_content", "reasoning")


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """What gives a client away. All that is given must hold; nothing but headers costs nothing to look at."""

    headers: Mapping[str, str | None] = {}
    """Header (lower case) -> a pattern of its value, `*` is any run; None: it is not sent."""
    form: str | None = None
    """The API whose body came to the endpoint of another one."""
    fields: frozenset[str] = frozenset()
    """The body has exactly these fields at its top."""
    holds: Mapping[str, tuple[str, ...]] = {}
    """A field at the top of the body -> words that stand in it as strings of their own, such as names of tools."""

    @property
    def shape(self) -> bool:
        """Whether the body has to be looked at."""
        return bool(self.form or self.fields or self.holds)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A client. Each quirk is empty unless the client is known for it."""

    name: str
    """As in proxy.yaml: `when: {client: NAME}`."""
    title: str
    """As people call it."""
    source: tuple[str, ...]
    """Where this is known from: URLs, or `captured DATE VERSION`."""
    signs: tuple[Sign, ...] = ()
    """Any of them is enough."""
    drop: tuple[str, ...] = ()
    """Fields that it leaves at the top of a body of another API's form, where that API has none of them."""
    quiet: tuple[str, ...] = ()
    """Paths in its body (`*` is any run) that come with every request and say nothing a model needs. Where a
    translation leaves them out, they count as approximated."""
    reasoning: tuple[Field, ...] = BOTH
    """In which fields of a chat answer it reads reasoning."""
    session: tuple[str, ...] = ()
    """Where it names the conversation: a header, or `FIELD.NAME` in its body. The first that is there counts."""
    finish: bool = False
    """It cannot read [DONE] unless a finish_reason came before."""
