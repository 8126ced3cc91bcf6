"""The clients of the three APIs: how each asks, what it makes of an answer, and how it goes on.

Each module has the same functions: `headers(key)`, `body(ask, model, stream=...)`, `whole(value)`, `streamed(frames)`,
`follow(body, reading, results)`, `error_flaws(value)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.clients import chat, messages, responses

if TYPE_CHECKING:
    from tests.conformance.words import Api

CLIENTS: dict[Api, Any] = {"chat": chat, "messages": messages, "responses": responses}
