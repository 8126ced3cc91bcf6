"""The seal on reasoning in the API of Responses: encrypted content, which holds only under the id of its item."""

from __future__ import annotations

import msgspec


class Item(msgspec.Struct, frozen=True):
    """What `Thinking.signature` and `Thinking.sealed` hold, as JSON, where their form is that of this API."""

    id: str
    encrypted_content: str

    @classmethod
    def of(cls, seal: str) -> Item | None:
        """Return what a seal says; None if it is not of this form."""
        try:
            return msgspec.json.decode(seal, type=cls)
        except (msgspec.DecodeError, RecursionError):
            return None

    def text(self) -> str:
        """Return it as the seal."""
        return msgspec.json.encode(self).decode()
