"""What to configure so that a gateway leads to the scripted upstream: text to paste, by name of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conformance.words import Api

CHAT, CLAUDE, GPT = "kimi-k2.5", "claude-sonnet-4-5", "gpt-5.2"
"""What the upstream's models are called: gateways decide by the name what a model takes. The upstream takes any."""


def turnout(address: str, models: Mapping[Api, str]) -> str:
    """Return a proxy.yaml."""
    upstreams = {
        "chat": f'  chat: {{kind: openai, apis: [chat], base_url: "http://{address}/v1"}}',
        "messages": f'  messages: {{kind: anthropic, base_url: "http://{address}"}}',
        "responses": f'  responses: {{kind: openai, apis: [responses], base_url: "http://{address}/v1"}}',
    }
    served = {"chat": CHAT, "messages": CLAUDE, "responses": GPT}
    return "\n".join(
        [
            "# turnout serve --config proxy.yaml --listen 127.0.0.1:4000",
            "version: 1",
            "upstreams:",
            *(upstreams[api] for api in models),
            "defaults: {model: {retries: 0}}",
            "models:",
            *(f"  {name}: {api}/{served[api]}" for api, name in models.items()),
            "keys: {anonymous: {}}",
        ]
    )


CONFIGS: dict[str, Callable[[str, Mapping[Api, str]], str]] = {"turnout": turnout}
