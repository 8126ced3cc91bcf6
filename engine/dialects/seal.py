"""The seal that Turnout puts on reasoning which no vendor has signed, so that clients of the Messages API can carry it.

The Messages API wants a signature on every thinking block. The reasoning of another vendor has none, so it gets ours,
which says who thought it. When it comes back it is opened again; it never goes to a vendor that signs (it would be
refused there, and would be a forgery).
"""

from __future__ import annotations

import base64
import binascii

PREFIX = "turnout1."


def seal(source: str) -> str:
    """Return the seal on reasoning of `source` (upstream/model)."""
    return PREFIX + base64.urlsafe_b64encode(source.encode()).decode().rstrip("=")


def opened(signature: str) -> str | None:
    """Return who thought what carries this signature, None if the seal is not ours; "" if it is damaged."""
    if not signature.startswith(PREFIX):
        return None
    text = signature.removeprefix(PREFIX)
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
