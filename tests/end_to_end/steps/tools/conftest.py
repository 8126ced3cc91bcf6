"""A Turnout whose file declares tools, beside the code that has them, with a server over HTTP on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apis import digest
from tests.support.turnout import Turnout
from tests.support.upstream import Upstream

CODE = Path(__file__).parent / "code"
ADA = "tk-ada-0123456789abcdef"
SECRET = "mcp-secret-0123456789"
FILE = """
version: 1
server: {{allow_code: [their_team.tools]}}
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
prices: {{"*": {{input: 1, output: 1}}}}
observe: {{metrics: true}}
limits:
  many: {{requests: 1000 per 1m, tokens: 10000000 per 1m, concurrency: 40, by: [key]}}
  few: {{requests: 2 per 1m, by: [key]}}
models:
  gpt: &entry
    targets: [openai/gpt-5.5]
    tools: &tools
      use: &use
        - object: their_team.tools:add
        - object: their_team.tools:sleep
        - object: their_team.tools:meet
        - object: their_team.tools:explode
        - object: their_team.tools:shout
        - mcp: {{command: ["{python}", "{folder}/server.py"], env: {{SECRET: env:TEST_MCP_SECRET}}}}
        - mcp: {{url: "{http}"}}
          prefix: far_
          only: [echo, fail]
      max_rounds: 3
      timeout: 30s
      result: 1KB
  claude: {{targets: [anthropic/claude-sonnet-5], tools: *tools}}
  loud-gpt: {{targets: [openai/gpt-5.5], tools: {{use: *use, announce: true}}}}
  loud-claude: {{targets: [anthropic/claude-sonnet-5], tools: {{use: *use, announce: true}}}}
  hasty: {{targets: [openai/gpt-5.5], tools: {{use: *use, timeout: 100ms}}}}
  patient: {{targets: [openai/gpt-5.5], hold: 1ms, tools: {{use: *use, max_rounds: 1}}}}
  rough: {{targets: [openai/gpt-5.5], tools: [{{object: "their_team.tools:rough"}}]}}
  knowing: {{targets: [openai/gpt-5.5], memory: {{messages: 20}}, tools: [{{object: "their_team.tools:add"}}]}}
  counted: {{targets: [openai/gpt-5.5], limits: [few], tools: [{{object: "their_team.tools:add"}}]}}
  shaped:
    targets: [openai/gpt-5.5]
    tools: [{{object: "their_team.tools:add"}}]
    output: {{schema: {{type: object, required: [sum]}}}}
  lame: {{targets: [openai/gpt-5.5], tools: [{{mcp: {{command: [/nowhere/at-all]}}}}]}}
  limping:
    targets: [openai/gpt-5.5]
    tools:
      - {{mcp: {{command: [/nowhere/at-all]}}, required: false}}
      - {{object: "their_team.tools:add"}}
keys:
  ada: {{hashes: ["{ada}"], limits: [many]}}
"""


@pytest.fixture(scope="package")
def http_server() -> Iterator[str]:
    """A server over HTTP; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(CODE / "server.py"), str(port)])
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < until, "the server never began"
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def turnout(
    tmp_path_factory: pytest.TempPathFactory,
    marks: Path,
    http_server: str,
    _openai: Upstream,
    _anthropic: Upstream,
) -> Iterator[Turnout]:
    folder = tmp_path_factory.mktemp("tools")
    shutil.copytree(CODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    text = FILE.format(
        openai=_openai.url,
        anthropic=_anthropic.url,
        python=sys.executable,
        folder=folder,
        http=http_server,
        ada=digest(ADA),
    )
    server = Turnout(folder, text, env={"TEST_MARKS": str(marks), "TEST_MCP_SECRET": SECRET})
    yield server
    server.stop()
