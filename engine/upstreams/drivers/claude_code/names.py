"""The client's tools as `claude` knows them: `mcp__turnout__NAME` (claude-agent-sdk 0.2.189: one in-process server)."""

from __future__ import annotations

import re

SERVER = "turnout"
PREFIX = f"mcp__{SERVER}__"
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""What comes through as it is: an API's names have at most 128 characters, the prefix included."""


def ours(name: str, index: int) -> str:
    """Return what `claude` knows the client's tool `name` by."""
    return name if NAME.fullmatch(name) else f"tool_{index}"
