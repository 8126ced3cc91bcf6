"""Hides credentials in whatever is printed: those found in the file, and everything that looks like one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOOKS = re.compile(
    r"""
    (?<![A-Za-z0-9_-])(?:
        sk-(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{16,}      # OpenAI, Anthropic, OpenRouter, DeepSeek, ...
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,}   # GitHub
      | (?:AKIA|ASIA)[0-9A-Z]{12,}                        # AWS
      | AIza[A-Za-z0-9_-]{30,}                            # Google
      | (?:gsk|hf|r8)_[A-Za-z0-9]{20,}                    # Groq, Hugging Face, Replicate
      | (?:xai|pplx|nvapi)-[A-Za-z0-9_-]{20,}             # xAI, Perplexity, NVIDIA
      | xox[abeprs]-[A-Za-z0-9-]{10,}                     # Slack
      | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_.-]{10,}     # JSON Web Tokens
    )
    | (?i:(?<=bearer\ )|(?<=basic\ ))(?=[A-Za-z0-9._~+/-]*[0-9])[A-Za-z0-9._~+/-]{16,}=*
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | (?<=://)[^\s/@:"']*:[^\s/@"']+(?=@)                  # user:password in a URL
    """,
    re.VERBOSE,
)

SHORT = 8
"""A secret below this many characters is hidden only where it stands as a word of its own."""


def looks(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of everything in `text` that looks like a credential."""
    for match in LOOKS.finditer(text):
        yield match.span()


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace `secrets`, and what looks like one, by as many asterisks: columns stay where they are."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORT:
            text = text.replace(secret, "*" * len(secret))
        elif secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "*" * len(secret), text)
    return LOOKS.sub(lambda match: "*" * len(match.group()), text)
