"""What to configure so that a gateway leads to the scripted upstream: text to paste, by name of the gateway.

The names of the models are real ones, for gateways decide by the name what a model takes; the upstream answers to any.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conformance.words import Api

SERVED: dict[Api, str] = {"chat": "kimi-k2.5", "messages": "claude-sonnet-4-5", "responses": "gpt-5.2"}


def turnout(address: str, models: Mapping[Api, str]) -> str:
    """Return a proxy.yaml. Its targets fail on purpose again and again, and must be asked all the same."""
    upstreams: dict[Api, str] = {
        "chat": f'  chat: {{kind: openai, apis: [chat], base_url: "http://{address}/v1", circuit: off}}',
        "messages": f'  messages: {{kind: anthropic, base_url: "http://{address}", circuit: off}}',
        "responses": f'  responses: {{kind: openai, apis: [responses], base_url: "http://{address}/v1", circuit: off}}',
    }
    return "\n".join(
        [
            "# turnout serve --config proxy.yaml --listen 127.0.0.1:4000",
            "# python -m tests.conformance --url http://127.0.0.1:4000",
            "version: 1",
            "upstreams:",
            *(upstreams[api] for api in models),
            "defaults: {model: {retries: 0}}",
            "models:",
            *(f"  {name}: {api}/{SERVED[api]}" for api, name in models.items()),
            "keys: {anonymous: {}}",
        ]
    )


def litellm(address: str, models: Mapping[Api, str]) -> str:
    """Return a config.yaml of the LiteLLM proxy.

    litellm 1.108: hosted_vllm/ is its driver of servers whose chat completions show reasoning, and is told to answer
    Responses by them; openai/responses/ asks in Responses only. A model is not avoided after it has failed.
    """
    served: dict[Api, tuple[str, str]] = {
        "chat": (f"hosted_vllm/{SERVED['chat']}, use_chat_completions_api: true", f"http://{address}/v1"),
        "messages": (f"anthropic/{SERVED['messages']}", f"http://{address}"),
        "responses": (f"openai/responses/{SERVED['responses']}", f"http://{address}/v1"),
    }
    lines = [
        "# LITELLM_LOCAL_MODEL_COST_MAP=True litellm --config config.yaml --host 127.0.0.1 --port 4000",
        "# python -m tests.conformance --url http://127.0.0.1:4000 --key sk-conformance",
        "model_list:",
    ]
    for api, name in models.items():
        model, base = served[api]
        params = f'{{model: {model}, api_base: "{base}", api_key: upstream}}'
        lines += [f"  - model_name: {name}", f"    litellm_params: {params}"]
    return "\n".join(
        [
            *lines,
            "litellm_settings: {num_retries: 0, drop_params: true, telemetry: false}",
            "router_settings: {num_retries: 0, disable_cooldowns: true}",
            "general_settings: {master_key: sk-conformance}",
        ]
    )


def portkey(address: str, models: Mapping[Api, str]) -> str:
    """Return the command line that leads Portkey's gateway to the upstream: it is configured by headers.

    @portkey-ai/gateway 1.15: provider openai serves chat and responses, provider anthropic messages.
    """
    served: dict[Api, tuple[str, str]] = {
        "chat": ("openai", f"http://{address}/v1"),
        "messages": ("anthropic", f"http://{address}/v1"),
        "responses": ("openai", f"http://{address}/v1"),
    }
    lines = ["# npx @portkey-ai/gateway --headless", "python -m tests.conformance --url http://127.0.0.1:8787 \\"]
    for api in models:
        provider, host = served[api]
        config = {"provider": provider, "api_key": "upstream", "custom_host": host, "retry": {"attempts": 0}}
        lines.append(f"  --header '{api}:x-portkey-config: {json.dumps(config)}' \\")
    named = ",".join(f"{api}={SERVED[api]}" for api in models)
    return "\n".join([*lines, f"  --models {named}"])


CONFIGS: dict[str, Callable[[str, Mapping[Api, str]], str]] = {
    "turnout": turnout,
    "litellm": litellm,
    "portkey": portkey,
}
