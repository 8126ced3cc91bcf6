"""What an upstream refused of a request; how that is heard is told in `engine.dialects.openai.refusals`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.dialects.openai import refusals, spoken
from engine.dialects.openai.refusals import SINGLE, Json, Refusals, at, dicts, is_interrupted
from engine.dialects.openai.spoken import said

if TYPE_CHECKING:
    from engine.chat import Failure

ONCE = SINGLE | {"text.format.json_schema", "encrypted_content"}
"""Words (up to their `=`) that are true of one request: the last one of one conversation."""

PARTS = {"vision": "input_image", "file": "input_file"}
ITEMS = {"custom": "custom_tool_call", "encrypted_content": "reasoning"}
"""Word -> the type of what it stands for."""


def once(word: str) -> bool:
    """Say whether `word` is true of this request only."""
    return word.partition("=")[0] in ONCE


def correction(failure: Failure, sent: Json) -> str | None:
    """Return the word for `Family.refused`; None if the failure names nothing of `sent` that could be left out.

    Where the context is exceeded: `room=N`, if an answer of N tokens would still fit.
    """
    return refusals.correction(failure, sent, KNOWN)


def held(word: str, sent: Json) -> bool:
    """Say whether what `word` stands for was sent."""
    if word in sent:
        return word != "tool_choice" or sent[word] != "none"
    if word.startswith("text.format."):
        return bool(at(sent, "text.format.type") == word.removeprefix("text.format."))
    if "." in word:
        return at(sent, word) is not None
    tools = dicts(sent.get("tools"))
    if word == "strict":
        return any(shape.get("strict") for shape in (*tools, *dicts([at(sent, "text.format")])))
    items = dicts(sent.get("input"))
    if word in ITEMS:
        return any(one.get("type") in (word, ITEMS[word]) for one in (*tools, *items))
    roles = [item.get("role") for item in items]
    if word == "developer":
        return "developer" in roles
    if word == "system_anywhere":
        return is_interrupted(roles)
    parts = [part for item in items for name in ("content", "output") for part in dicts(item.get(name))]
    if word in PARTS:
        return any(part.get("type") == PARTS[word] for part in parts)
    return any(word in part for part in parts)


KNOWN = Refusals(
    optional=(
        "max_output_tokens",
        "temperature",
        "top_p",
        "parallel_tool_calls",
        "reasoning.effort",
        "reasoning.summary",
        "reasoning",
        "include",
        "text.verbosity",
        "text.format",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "prompt_cache_breakpoint",
        "service_tier",
        "store",
        "metadata",
        "moderation",
        "truncation",
        "user",
        "strict",
        "tool_choice",
    ),
    inside={
        "prompt_cache_breakpoint": ("input", "tools"),
        "strict": ("tools", "text"),
    },
    quoted=frozenset({"reasoning", "include", "store", "metadata", "moderation", "truncation", "user", "strict"}),
    spoken=(
        said("reasoning.summary", ("reasoning",), r"must be verified to (?:generate|use|stream) reasoning summar"),
        said(
            "encrypted_content",
            ("input",),
            r"encrypted[_ ]content\b.*(?:could|can) ?not be (?:verified|decrypted|parsed)|invalid_encrypted_content"
            r"|of type 'reasoning' was provided without|reasoning\w* has encrypted_content"
            r"|input\S* of type reasoning\b[^.]{0,40}(?:not|un)",
        ),
        said("include", ("include",), r"encrypted content is not supported"),
        spoken.developer("input"),
        spoken.system_first("input"),
        *spoken.functions_only("input"),
        spoken.loosely("text"),
        spoken.sees_none("input", "input_image"),
        spoken.reads_none("input", "input_file"),
    ),
    form="text.format",
    named=r"text\.format|response_format",
    limits=("max_output_tokens",),
    about_limit=re.compile(r"[^.:]{0,40}\bmax_(?:output_)?tokens\b|[^.:]{0,80}(?:completion|output) tokens"),
    effort="reasoning.effort",
    held=held,
)
