"""The gateway under test, as its clients reach it: an address, a key, a model for each upstream."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2

from tests.conformance.clients import CLIENTS
from tests.conformance.clients.frames import Frame, frames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.conformance.words import Api

Headers = tuple[tuple[str, str], ...]


class Silence(Exception):  # noqa: N818 - it is what the gateway does, not a failure of this code
    """The gateway said nothing for too long."""


@dataclass
class Got:
    """What came back. Status 0: the connection ended before an answer began."""

    status: int = 0
    headers: httpx2.Headers = field(default_factory=httpx2.Headers)
    body: bytes = b""
    whole: bool = True
    """False when the connection ended before the body did."""

    @property
    def kind(self) -> str:
        return str(self.headers.get("content-type", "")).partition(";")[0].strip()

    @property
    def frames(self) -> list[Frame]:
        return frames(self.body)

    @property
    def value(self) -> Any:
        """Return the body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self) -> str:
        said = self.body.decode(errors="replace")
        return f"{self.status} {self.kind}: {said[:300]}"


class Gateway:
    """Sends requests as the clients of the three APIs do. Safe to be used by many threads."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        models: Mapping[Api, str],
        headers: Sequence[tuple[Api | None, str, str]] = (),
        timeout: float = 15.0,
    ) -> None:
        """`headers` are (upstream API or None for all, name, value); `timeout` is in seconds, between two bytes."""
        self.url = url.rstrip("/").removesuffix("/v1")
        self.key = key
        self.models = dict(models)
        self.timeout = timeout
        self._headers = tuple(headers)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx2.Client(timeout=timeout, trust_env=False, limits=limits)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def absent(self) -> str | None:
        """Return why nobody listens there; None: somebody does."""
        try:
            url = httpx2.URL(self.url)
            port = url.port or (443 if url.scheme == "https" else 80)
            socket.create_connection((url.host, port), timeout=self.timeout).close()
        except (OSError, httpx2.InvalidURL) as error:
            return str(error)
        return None

    def post(
        self,
        client: Api,
        upstream: Api,
        path: str,
        body: dict[str, Any],
        more: Headers = (),
        *,
        patience: float | None = None,
        heard: Callable[[bytes], bool] = lambda _: False,
    ) -> Got:
        """Ask as a client of one API for what one upstream serves.

        `heard` sees the body grow, and says when the client has had enough: it leaves. `patience` is another timeout.
        Raises `Silence` when that is over; the client has left then.
        """
        headers = {**CLIENTS[client].headers(self.key), "content-type": "application/json"}
        headers |= {"accept-encoding": "identity"}
        headers |= {name: value for owner, name, value in self._headers if owner in (None, upstream)}
        headers |= dict(more)
        timeout = httpx2.Timeout(patience or self.timeout)
        got = Got()
        try:
            with self._client.stream(
                "POST", self.url + path, content=json.dumps(body).encode(), headers=headers, timeout=timeout
            ) as response:
                got.status, got.headers = response.status_code, response.headers
                for chunk in response.iter_raw():
                    got.body += chunk
                    if heard(got.body):
                        break
        except httpx2.TimeoutException:
            raise Silence(f"silent for {patience or self.timeout:g} s, after {got.body[-200:]!r}") from None
        except httpx2.TransportError:
            got.whole = False
        return got
