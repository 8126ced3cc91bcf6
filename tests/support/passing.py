"""One file for the tests of what passes: every model endpoint on an upstream of its own API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tests.support.upstream import Upstream

PASSING = """
version: 1
upstreams:
  openai:
    kind: openai
    base_url: "{openai}/v1"
    apis: [chat, responses, completions, embeddings]
    api_key: env:TEST_OPENAI_KEY
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
  by-route: openai/gpt-5.5-mini
  gpt-*: openai/gpt-*
  claude-*: anthropic/claude-*
  text-*: openai/text-*
routes:
  - {{name: rerouted, when: {{model: by-route}}, to: smart-chat}}
bases:
  team: {{prefix: /team-a}}
keys: {{anonymous: {{}}}}
"""


def of(name: str, openai: Upstream, anthropic: Upstream) -> Upstream:
    """Return the upstream that serves an API."""
    return anthropic if name in ("messages", "count_tokens") else openai


def fields(body: bytes) -> list[tuple[str, bytes]]:
    """Return the top-level fields of a JSON object, values byte for byte."""
    return [(name, bytes(raw)) for name, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()]
