"""The seal that Turnout puts on reasoning, so that clients can carry what their own API has no form for.

An API has a place for the seal of its own vendor only. Reasoning that another vendor has sealed, or nobody, goes out
under ours, which says who thought it and holds the vendor's seal. When it comes back it is opened again; it never goes
to a vendor (it would be refused there, and would be a forgery).
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from engine.chat import Form

PREFIX = "turnout1."
NEEDLE = b'"' + PREFIX.encode()
"""How a JSON text begins that is our seal."""


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands under our seal: the `signature` on the text beside it, or a whole block that is `sealed`."""

    source: str = ""
    """Who thought it, as upstream/model; "" where the seal is damaged."""
    form: Form = "messages"
    signature: str | None = None
    sealed: str | None = None


def seal(source: str, form: Form = "messages", *, signature: str | None = None, sealed: str | None = None) -> str:
    """Return the seal on reasoning of `source` (upstream/model), with the seal of its vendor in the API `form`."""
    text = PREFIX + _packed(source.encode())
    if signature is None and sealed is None:
        return text
    held = Sealed(form=form, signature=signature, sealed=sealed)
    return f"{text}.{_packed(msgspec.json.encode(held))}"


def opened(text: str) -> Sealed | None:
    """Return what carries this seal; None if it is not ours."""
    if not text.startswith(PREFIX):
        return None
    source, _, held = text.removeprefix(PREFIX).partition(".")
    try:
        inside = msgspec.json.decode(_unpacked(held), type=Sealed) if held else Sealed()
        return msgspec.structs.replace(inside, source=_unpacked(source).decode())
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return Sealed()


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
