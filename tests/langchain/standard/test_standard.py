"""LangChain's standard tests for chat models, each way through Turnout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.langchain.packages import env

if TYPE_CHECKING:
    from tests.conftest import Start

INSIDE = Path(__file__).with_name("inside")
ECHO = 'version: 1\nupstreams: {e: {kind: echo}}\nmodels: {"*": e/*}\nkeys: {anonymous: {any_key: true}}\n'
FRONT = """
version: 1
server: {{allow_code: [langchain_openai, langchain_anthropic]}}
upstreams:
  gpt: {{{gpt}}}
  claude: {{{claude}}}
models: {{"gpt-*": {to_gpt}, "claude-*": {to_claude}}}
keys: {{anonymous: {{any_key: true}}}}
"""
WAYS = {
    "across": {
        "to_gpt": "gpt/claude-sonnet-4-5",
        "to_claude": "claude/gpt-5.5",
        "gpt": 'kind: anthropic, base_url: "{back}", api_key: env:TEST_ANTHROPIC_KEY',
        "claude": 'kind: openai, base_url: "{back}/v1", apis: [chat], api_key: env:TEST_OPENAI_KEY',
    },
    "inside": {
        "to_gpt": "gpt/gpt-*",
        "to_claude": "claude/claude-*",
        "gpt": 'kind: langchain, provider: openai, options: {{base_url: "{back}/v1", api_key: env:TEST_OPENAI_KEY}}',
        "claude": 'kind: langchain, provider: anthropic, options: {{base_url: "{back}", api_key: env:TEST_OPENAI_KEY}}',
    },
}
LEAST = 75
"""How many tests must pass, whatever is excused."""


@pytest.mark.langchain
@pytest.mark.parametrize("mode", ["echo", "across", "inside"])
def test_the_standard_suite_passes_but_for_what_is_excused(start: Start, mode: str) -> None:
    packages = env()
    server = start(ECHO)
    if mode != "echo":
        upstreams = {name: text.format(back=server.url) for name, text in WAYS[mode].items()}
        server = start(FRONT.format(**upstreams), env=packages)
    words = [
        "-m",
        "pytest",
        "-q",
        "-c",
        "pytest.ini",
        "--rootdir=.",
        "-p",
        "no:cacheprovider",
        "-p",
        "excused",
        "-rxfE",
    ]
    done = subprocess.run(
        [sys.executable, *words, "chat_models.py"],
        cwd=INSIDE,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(INSIDE), packages["PYTHONPATH"])),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TURNOUT_MODE": mode,
            "TURNOUT_URL": server.url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= LEAST
