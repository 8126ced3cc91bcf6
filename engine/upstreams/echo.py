"""Kind `echo`: a deterministic upstream inside Turnout: product, demo and test double in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from engine.chat import Language
from engine.units import Duration
from engine.upstreams.base import Options

if TYPE_CHECKING:
    from engine.secret import Secret
    from engine.upstreams.base import Driver


SPOKEN: tuple[Language, ...] = ("chat", "completions", "embeddings", "messages", "count_tokens")


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an echo upstream does wrong on purpose."""

    fail: Annotated[Annotated[int, Meta(ge=400, le=599)] | None, Meta(description="Answer with this HTTP status")] = (
        None
    )
    retry_after: Annotated[Duration | None, Meta(description="Send retry-after with a failure")] = None
    stall: Annotated[
        Literal["head", "body"] | None, Meta(description="Never answer (head), or fall silent after the first content")
    ] = None
    cut: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="Break the connection off after this many pieces")
    ] = None
    refuse: Annotated[bool, Meta(description="Refuse to connect")] = False
    slow: Annotated[Duration | None, Meta(description="Wait this long before the first byte")] = None


class Echo(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="echo"):
    """Answers by itself, offline, the same for the same request, in every API but Responses: that is translated."""

    demo: Annotated[bool, Meta(description="Answer every name, as long as no other upstream is on (rule N8)")] = False
    pace: Annotated[Duration, Meta(description="Pause between the pieces of a stream")] = "0ms"
    fault: Annotated[Fault | None, Meta(description="What goes wrong, on every request")] = None
    faults: Annotated[bool, Meta(description="Obey the x-turnout-fault header of requests that come from loopback")] = (
        False
    )

    @property
    def speaks(self) -> tuple[Language, ...]:
        return SPOKEN

    @property
    def free(self) -> bool:
        return True

    def build(self, name: str, api_key: Secret | None) -> Driver:  # noqa: ARG002 - echo has no credential
        """Make the live driver."""
        from engine.upstreams.drivers.echo import EchoDriver

        return EchoDriver(name, self)
