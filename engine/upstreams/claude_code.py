"""Kind `claude-code`: the user's own signed-in, unmodified `claude`, driven through the official claude-agent-sdk.

Only for who owns the plan: the terms are accepted in the file, and `engine.plan.terms` checks that nobody else comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from engine.chat import Language
from engine.upstreams import wishes
from engine.upstreams.base import Options, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from engine.chat import Loss
    from engine.secret import Secret
    from engine.upstreams.base import Driver

Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z")]


class ClaudeCode(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="claude-code"):
    """Claude Code as an upstream, for the owner of the plan alone: no tools, files or shell of its own."""

    accept_terms: Annotated[
        Literal["personal-use"] | None,
        Meta(description="personal-use: nobody but me, who am signed in to `claude`, uses this. It has to be said"),
    ] = None
    command: Annotated[
        Annotated[str, Meta(pattern=r"\S")] | None,
        Meta(description="The `claude` that is run: a name or path; absent: the one the SDK finds"),
    ] = None
    env: Annotated[
        list[Name],
        Meta(
            description="Names of environment variables that `claude` gets beside its own sign-in, the locale, folders "
            "and network proxies; it gets no other of Turnout's"
        ),
    ] = []  # noqa: RUF012 - msgspec gives every Struct its own copy
    concurrency: Annotated[int, Meta(ge=1, le=16, description="Requests that run at once; others wait in line")] = 2
    queue: Annotated[int, Meta(ge=0, le=1000, description="Requests that may wait in line; more are sent away")] = 16
    queue_timeout: Annotated[Wait, Meta(description="How long a request may wait in line")] = "60s"
    processes: Annotated[
        int, Meta(ge=1, le=64, description="Most `claude` processes, each about 220 MB: one for each conversation")
    ] = 4
    warm: Annotated[
        int, Meta(ge=0, le=8, description="Processes that are started ahead, for the next conversation like the last")
    ] = 1
    idle: Annotated[Wait, Meta(description="How long a process that nobody asks is kept")] = "10m"
    tools_timeout: Annotated[
        Wait, Meta(description="How long calls of the client's tools are held until the client sends their results")
    ] = "10m"
    silence: Annotated[Wait, Meta(description="Longest silence of `claude` while it answers")] = "5m"
    sessions: Annotated[
        int,
        Meta(
            ge=0, le=10_000, description="Conversations that can be resumed when their process is gone; 0: none is kept"
        ),
    ] = 256

    @property
    def speaks(self) -> tuple[Language, ...]:
        return ("messages",)

    @property
    def package(self) -> str:
        return "claude_agent_sdk"

    @property
    def runs(self) -> str:
        return f"{self.command or 'claude'}, {self.concurrency} at once in at most {self.processes} processes"

    @property
    def personal(self) -> bool:
        return True

    def unmet(self, fields: Mapping[str, msgspec.Raw]) -> tuple[Loss, ...]:
        return wishes.unmet(fields)

    def build(self, name: str, api_key: Secret | None) -> Driver:  # noqa: ARG002 - `claude` has its own sign-in
        """Make the live driver. Raises `ImportError` without the SDK, `ValueError` when there is no such command."""
        from engine.upstreams.drivers.claude_code import ClaudeCodeDriver

        return ClaudeCodeDriver(name, self)
