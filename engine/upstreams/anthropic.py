"""Kind `anthropic`: Anthropic itself and every server that speaks its Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.upstreams.base import BaseUrl, Remote

if TYPE_CHECKING:
    from engine.chat import Language
    from engine.secret import Secret
    from engine.upstreams.base import Driver


class Anthropic(Remote, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="anthropic"):
    """Anthropic, or any server that speaks its Messages API."""

    base_url: BaseUrl = "https://api.anthropic.com"

    @property
    def speaks(self) -> tuple[Language, ...]:
        return ("messages", "count_tokens")

    def build(self, name: str, api_key: Secret | None) -> Driver:
        """Make the live driver. Raises `ValueError` when the options cannot work."""
        from engine.upstreams.drivers.anthropic import AnthropicDriver

        return AnthropicDriver(name, self, api_key)
