"""Hypothesis strategies for the neutral vocabulary: requests, answers and streams in the normal form.

`Carries` says what they may hold: everything there is (`ALL`), or only what one API can carry without a loss.
"""

from __future__ import annotations

from tests.support.conversations.answers import responses, streams
from tests.support.conversations.carries import ALL, CHAT, CHAT_REASONING, MESSAGES, Carries
from tests.support.conversations.requests import requests

__all__ = ["ALL", "CHAT", "CHAT_REASONING", "MESSAGES", "Carries", "requests", "responses", "streams"]
