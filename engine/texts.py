"""Text of others made fit to be sent: what Python holds as text is not always UTF-8."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return `text` with halves of surrogate pairs joined where they meet, and else as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def told(error: BaseException) -> str:
    """Return what an exception of others says, "" where that fails itself."""
    try:
        return printable(str(error))
    except Exception:
        return ""
