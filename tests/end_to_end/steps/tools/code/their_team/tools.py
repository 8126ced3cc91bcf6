"""LangChain tools as a team writes them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from langchain_core.tools import tool


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
async def sleep(seconds: float) -> str:
    """Sleep, and say so."""
    mark = Path(os.environ["TEST_MARKS"])
    (mark / f"begun-{seconds}").touch()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        (mark / f"left-{seconds}").touch()
        raise
    return f"slept {seconds}"


@tool
def meet(who: str) -> str:
    """Wait until the other has come too: two calls that do not run at once never end well."""
    mark = Path(os.environ["TEST_MARKS"])
    (mark / f"met-{who}").touch()
    other = mark / f"met-{'b' if who == 'a' else 'a'}"
    until = time.monotonic() + 20
    while not other.exists():
        if time.monotonic() > until:
            raise TimeoutError("nobody came")
        time.sleep(0.01)
    return f"{who} met the other"


@tool
def explode() -> str:
    """Fail."""
    raise ValueError("it went off")


@tool
def leave() -> str:
    """End the process."""
    sys.exit(3)


@tool
async def leave_at_once() -> str:
    """End the process from the event loop."""
    sys.exit(4)


@tool
def half() -> str:
    """Return what is no text."""
    return "a\ud800b"


@tool
def mumble() -> str:
    """Fail with what is no text."""
    raise ValueError("\ud800")


@tool
def give_up() -> str:
    """Give up at once."""
    raise TimeoutError("the database sleeps")


def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


many = [add, explode]
rough = [give_up, leave, leave_at_once, half, mumble]
no_tool = 7
