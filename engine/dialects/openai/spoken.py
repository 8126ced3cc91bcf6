"""Refusals that name no field, or not the one that is meant: how servers speak of what they do not take.

The patterns are narrow: what is wrong with one image must not cost a request all the others.
"""

from __future__ import annotations

import re

import msgspec

Place = list[str]
"""Where something stands in a body, step by step, without the numbers."""

HERE = r" (?:(?:for|with|on|in|by) (?:this|the) (?:model|endpoint|server|api)|or |at this|yet\b)"
KIND = r"(?:of|in|with|larger|bigger|above|over)\b"


class Said(msgspec.Struct, frozen=True):
    """One of them."""

    word: str
    """What is left out."""
    where: tuple[str, ...]
    """At the top of a body: in which fields it stands. A place that an error names must be there."""
    words: re.Pattern[str]
    """What a message speaks of (lower case) that means it."""
    place: tuple[str, ...] = ()
    """The place that must be named, where the words alone say little."""

    def is_meant(self, places: list[Place], message: str) -> bool:
        roots = {root for place in places for root in place[:1]}
        somewhere = list(self.place) in places if self.place else not places or bool(roots.intersection(self.where))
        return somewhere and self.words.search(message) is not None


def said(word: str, where: tuple[str, ...], words: str, place: tuple[str, ...] = ()) -> Said:
    return Said(word, where, re.compile(words.replace("{here}", HERE).replace("{kind}", KIND)), place)


def sees_none(where: str, part: str) -> Said:
    """Return how servers say that a model sees no images, which are parts of the type `part`."""
    return said(
        "vision",
        (where,),
        rf"{part} is only supported|unknown variant `{part}`|invalid value: '{part}'|at most 0 image"
        r"|not (?:an? )?(?:multimodal|vision)|(?:not|n't) support (?:images?|vision)(?: inputs?)?(?:[.,;!]|$|{here})"
        r"|support image input(?:s|\b)(?! {kind})"
        r"|(?:^|[.:;] )(?:images?|image inputs?) (?:is|are) not (?:supported|allowed)(?! {kind})",
    )


def reads_none(where: str, part: str) -> Said:
    """Return how servers say that a model reads no documents, which are parts of the type `part`."""
    return said(
        "file",
        (where,),
        rf"unknown variant `{part}`|invalid value: '{part}'"
        r"|(?:not|n't) support (?:pdf|file|document)s?(?: inputs?)?(?:[.,;!]|$|{here})"
        r"|support file inputs?(?! {kind})"
        r"|(?:^|[.:;] )(?:files?|file inputs?) (?:is|are) not (?:supported|allowed)(?! {kind})",
    )


def developer(where: str) -> Said:
    words = r"(?:invalid|unknown|unexpected|unsupported|support)[^.]{0,60}\bdeveloper\b|\bdeveloper\b[^.]{0,40} not "
    return said("developer", (where,), words)


def system_first(where: str) -> Said:
    words = r"system (?:message|role|prompt)[^.]{0,60}\b(?:first|beginning|start)|roles must alternate"
    return said("system_anywhere", (where,), words)


def loosely(form: str) -> Said:
    """Return how servers say that a schema cannot be strict; `form` holds that of the answer."""
    words = r"^invalid schema for[^\n]*(?:additionalproperties|'required'|not permitted|strict)|'strict' (?:is|was) not"
    return said("strict", ("tools", form), words)


def functions_only(where: str) -> tuple[Said, ...]:
    """Return how servers say that they know no tools but functions: as such (OpenAI's older models, vLLM), or by what
    they miss where they take any tool for one (Foundry Local and others)."""
    words = (
        r"unknown variant `custom|invalid value: 'custom|input should be 'function|unsupported tool type"
        r"|custom tools?\b[^.]{0,60}(?:\bnot?\b|\bonly\b|n't)|(?:not|n't) support[^.]{0,40}\bcustom\b"
        r"|(?:type|kind)\W{1,4}custom\b[^.]{0,40}(?:not|un)|missing field `function"
        r"|[`'\"]function[`'\"] (?:is (?:a )?required|(?:is )?(?:missing|not found))"
        r"|missing[^.]{0,20} [`'\"]?function\b"
    )
    missed = said("custom", ("tools",), "field required", ("tools", "function"))
    return said("custom", ("tools", where), words), missed
