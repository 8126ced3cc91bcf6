"""The echo upstream: answers by itself, the same for the same request, in every API."""

from __future__ import annotations

from engine.upstreams.drivers.echo.driver import EchoDriver

__all__ = ["EchoDriver"]
