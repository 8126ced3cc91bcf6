"""What the tests of the vendors' SDKs share: the server's file, two backends, a tool, a schema."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from tests.support.apis import digest

ADA = "tk-ada-0123456789abcdef"
SDK_FILE = f"""
version: 1
upstreams:
  openai: {{{{kind: openai, circuit: off, base_url: "{{openai}}/v1", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, circuit: off, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
  echo: {{{{kind: echo}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  upstream-chat: openai/gpt-5.5
  upstream-claude: anthropic/claude-sonnet-5
  echo-chat: echo/gpt-5.5
  echo-claude: echo/claude-sonnet-5
  secret: echo/gpt-5.5
  patient-chat: {{{{targets: [openai/gpt-5.5], retries: 1}}}}
keys:
  ada: {{{{hashes: ["{digest(ADA)}"], models: [upstream-*, echo-*, patient-*]}}}}
"""
HI: Any = [{"role": "user", "content": "Hi"}]
PATH = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": "read_file", "description": "Read", "parameters": PATH}}]
CLAUDE_TOOLS: Any = [{"name": "read_file", "description": "Read", "input_schema": PATH}]
BACKENDS = pytest.mark.parametrize("backend", ["upstream", "echo"])
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


class Person(BaseModel):
    name: str
    age: int
