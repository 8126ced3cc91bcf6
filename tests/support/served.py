"""A file in which each API has its model and upstream, for tests of the server rather than of routing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.upstream import Upstream

FILE = """\
version: 1
server: {{{server}}}
observe: {{log: {{format: text}}}}
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
  across: anthropic/claude-sonnet-5
routes:
  - {{name: files, when: {{path: "/v1/files/*"}}, pass: openai}}
keys: {{anonymous: {{routes: [files]}}}}
"""


def served(openai: Upstream, anthropic: Upstream, server: str) -> str:
    """Return the file; `server` is what stands in that section, as in `drain: 5s`."""
    return FILE.format(server=server, openai=openai.url, anthropic=anthropic.url)
