"""Anthropic itself and every server that speaks its Messages API: an API key, a version, the bytes as they are."""

from __future__ import annotations

from engine.upstreams.drivers.remote import RemoteDriver


class AnthropicDriver(RemoteDriver):
    """A live upstream of kind `anthropic`."""

    unless_sent = ((b"anthropic-version", b"2023-06-01"),)
    """The API refuses a request without a version. anthropic 2.12 sends a newer one, which must win."""

    @classmethod
    def credential(cls, key: str) -> dict[str, str]:
        return {"x-api-key": key}
