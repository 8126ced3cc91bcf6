"""A request while it is being written: what its model takes, what was lost so far, what had to be renamed."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

from engine.dialects.codec import Losses
from engine.dialects.names import Names

if TYPE_CHECKING:
    from engine.chat import Request
    from engine.dialects.openai.families import Model

Json = dict[str, Any]

NAME_LIMIT = 64
NAME_CHARSET = "[a-zA-Z0-9_-]"
"""Tool names (openai 3.54: types/shared_params/function_definition.py)."""


class Draft:
    """What the parts of a writer share."""

    __slots__ = ("_ids", "api", "family", "losses", "names", "request", "wrapped")

    def __init__(self, request: Request, family: Model, api: str, ids: str) -> None:
        """`api` is what a loss calls the API, `ids` the regular expression of the ids of its calls."""
        declared = [tool.name for tool in request.tools if tool.hosted is None]
        self.api = api
        self.request = request
        self.family = family
        self.losses = Losses()
        self.names = Names(NAME_LIMIT, NAME_CHARSET, declared)
        self.wrapped: set[str] = set()
        """Tools, by the name sent, that take free text and go as functions."""
        self._ids = re.compile(ids)

    @property
    def wraps(self) -> bool:
        """Say whether tools that take free text have to go as functions."""
        return not self.family.customs or not self.takes("custom")

    def takes(self, *words: str) -> bool:
        """Say whether the upstream has refused none of `words` yet."""
        return not self.family.refused.intersection(words)

    def call_id(self, client_id: str) -> str:
        """Return the id of a call as the API takes it: the same one in a call and in its result, in every request."""
        if self._ids.fullmatch(client_id):
            return client_id
        digest = hashlib.sha256(client_id.encode("utf-8", "surrogatepass")).digest()
        word = base64.b32encode(digest).decode().lower().rstrip("=")
        return next(form for form in (f"call_{word[:24]}", word[:9]) if self._ids.fullmatch(form))
