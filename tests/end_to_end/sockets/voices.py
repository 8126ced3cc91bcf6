"""A client of /v1/realtime, on the library of Python's own WebSocket clients."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.turnout import Turnout

ADA, BOB = "ada-key-1234567890", "bob-key-1234567890"


def dial(turnout: Turnout, query: str = "model=talk", key: str | None = ADA, **how: Any) -> ClientConnection:
    headers = how.pop("headers", {}) | ({"Authorization": f"Bearer {key}"} if key is not None else {})
    url = f"{turnout.url.replace('http', 'ws')}/v1/realtime?{query}"
    return connect(url, additional_headers=headers, compression=None, proxy=None, max_size=None, **how)


def event(connection: ClientConnection) -> dict[str, Any]:
    return json.loads(connection.recv(20))


def tell(connection: ClientConnection, kind: str, **fields: Any) -> None:
    connection.send(json.dumps({"type": kind, **fields}))


def end(connection: ClientConnection) -> tuple[int | None, str]:
    """Read on to the close, and return its code and reason."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            connection.recv(20)
    return connection.close_code, connection.close_reason or ""


def refusal(turnout: Turnout, query: str = "model=talk", **how: Any) -> tuple[int, dict[str, Any], InvalidStatus]:
    with pytest.raises(InvalidStatus) as told:
        dial(turnout, query, **how)
    response = told.value.response
    return response.status_code, json.loads(response.body), told.value
