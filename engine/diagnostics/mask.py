"""Hides credentials in whatever is printed: those found in the file, and everything that looks like one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOOKS = re.compile(
    r"""
    (?<![A-Za-z0-9_-])(?:
        (?:sk|csk)-(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{16,}  # OpenAI, Anthropic, OpenRouter, DeepSeek, Cerebras, ...
      | sk-(?:[a-z0-9]+-)*[A-Za-z0-9]{16,}
      | tk-(?=[A-Za-z0-9_-]*[0-9A-Z])[A-Za-z0-9_-]{20,}   # our own: `turnout key new`
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,}   # GitHub
      | (?:AKIA|ASIA)[0-9A-Z]{12,}                        # AWS
      | AIza[A-Za-z0-9_-]{30,} | (?:AQ|ya29)\.[A-Za-z0-9_-]{20,}  # Google
      | (?:gsk|hf|r8|fw|tgp_v1)_[A-Za-z0-9_-]{16,}        # Groq, Hugging Face, Replicate, Fireworks, Together
      | (?:xai|pplx|nvapi|glpat)-[A-Za-z0-9_-]{16,}       # xAI, Perplexity, NVIDIA, GitLab
      | dapi[0-9a-f]{16,}                                 # Databricks
      | xox[abeprs]-[A-Za-z0-9-]{10,}                     # Slack
      | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_.-]{10,}     # JSON Web Tokens
    )
    | (?i:(?<=bearer\ )|(?<=basic\ ))(?=[A-Za-z0-9._~+/-]*[0-9])[A-Za-z0-9._~+/-]{16,}=*
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | (?<=://)(?:[^\s/@:"']*:[^\s/@"']+|(?=[^\s/@:"']*[0-9])[^\s/@:"']{12,})(?=@)  # user:password, or a token, in a URL
    | (?i:(?<=[?&]key=)|(?<=[?&_-]key=)|(?<=apikey=)|(?<=token=)|(?<=secret=)|(?<=password=)|(?<=[?&]sig=))
      (?!env:|(?-i:[A-Z_<{$]+\b))[^\s&"'\#,}\]]{6,}                            # in the query of one
    """,
    re.VERBOSE,
)

RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
UPPER = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""A variable's name."""

SHORT = 8
"""A secret below this many characters is hidden only where it stands as a word of its own."""


def drawn(text: str) -> bool:
    """Whether `text` looks drawn by lot, as keys are, and not like a name: no words in it, few separators."""
    if UPPER.fullmatch(text):
        return False
    runs = RUN.findall(text)
    length = sum(map(len, runs))
    apart = len(re.findall(r"[^A-Za-z0-9]+", text))
    return length >= 12 and apart <= 2 and length < 2.5 * len(runs) and any(char.isdigit() for char in text)


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
