"""What is run: the suites by the vendor, and the two ways in which Turnout stands in front of the echo upstream.

Not run is what asks for APIs that Turnout has not: stored chat completions (chat/completions/test_messages.py), batches
of messages, files, and whatever else is no conversation.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, get_args

from tests.support.turnout import Turnout

if TYPE_CHECKING:
    from collections.abc import Iterator

Mode = Literal["echo", "across"]
MODES: tuple[Mode, ...] = get_args(Mode)

OWN = "tests/api_resources"
"""Where either SDK keeps the tests of its endpoints."""


@dataclass(frozen=True)
class Suite:
    """The tests of one SDK."""

    name: str
    """Also of the package, on PyPI and when it is imported."""
    files: tuple[str, ...]
    """Below OWN."""
    base: str
    """What the SDK's base URL has after the address."""
    models: tuple[str, ...]
    """Names that its tests expect in the list of models."""
    other: str
    """The kind of an upstream that speaks the other vendor's API."""
    untranslated: tuple[str, ...] = ()
    """Models that are asked in an API which exists at one vendor only."""


SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            name="openai",
            files=(
                "chat/test_completions.py",
                "test_completions.py",
                "test_embeddings.py",
                "test_models.py",
                "test_responses.py",
                "responses",
                "beta/test_responses.py",
                "beta/responses",
            ),
            base="/v1",
            models=("gpt-4o-mini",),
            other="anthropic",
            untranslated=("gpt-3.5-turbo-instruct", "text-embedding-3-small"),
        ),
        Suite(
            name="anthropic",
            files=("test_messages.py", "test_models.py", "beta/test_messages.py", "beta/test_models.py"),
            base="",
            models=("after_id", "model_id", "before_id"),
            other="openai",
        ),
    )
}

ECHO = """
version: 1
upstreams: {{echo: {{kind: echo}}}}
models:
  "*": echo/*
{models}
keys: {{anonymous: {{}}}}
"""
ACROSS = """
version: 1
upstreams:
  other: {{kind: {suite.other}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY}}
  same: {{kind: {suite.name}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY}}
models:
  "*": other/*
{models}
keys: {{anonymous: {{}}}}
"""


@contextmanager
def served(suite: Suite, mode: Mode) -> Iterator[str]:
    """Start the servers, and yield the SDK's base URL. Afterwards their logs are judged."""
    with ExitStack() as stack:
        url = stack.enter_context(turnout(ECHO.format(models=entries(suite, "echo", "echo"))))
        if mode == "across":
            text = ACROSS.format(suite=suite, url=url, models=entries(suite, "other", "same"))
            url = stack.enter_context(turnout(text))
        yield url + suite.base


def entries(suite: Suite, other: str, same: str) -> str:
    """Return the lines of `models` for the names that do not go by the pattern alone."""
    named = [(name, other) for name in suite.models] + [(name, same) for name in suite.untranslated]
    return "\n".join(f"  {name}: {upstream}/{name}" for name, upstream in named)


@contextmanager
def turnout(text: str) -> Iterator[str]:
    """Run one server with this file, and yield its address."""
    with TemporaryDirectory(prefix="turnout-") as folder:
        server = Turnout(Path(folder), text)
        try:
            yield server.url
        finally:
            server.stop()
