"""What the families of Claude take, as data: newest first, for an unknown name counts as the newest (rule C6).

Facts: https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5 and the model-migration page of the
claude-api skill in https://github.com/anthropics/skills, 2026.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from engine.chat import Effort
from engine.dialects.codec import Family
from engine.dialects.pattern import matches

Mode = Literal["enabled", "adaptive", "disabled"]
"""`thinking.type`: with a budget in tokens, as the model sees fit, or not at all."""

ALL_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


class Claude(Family, frozen=True, kw_only=True):
    """A family of Claude. The defaults are those of the newest one."""

    thinking: frozenset[Mode] = frozenset({"adaptive"})
    thinks: Literal["off", "on", "always"] = "always"
    """What the model does when it is not told."""
    disabled_up_to: Effort = "max"
    """The highest effort at which thinking can be disabled."""
    efforts: tuple[Effort, ...] = ALL_EFFORTS
    sampling: bool = False
    """Takes top_k, and temperature or top_p."""
    forced: Literal["yes", "unless-thinking", "no"] = "no"
    """Takes tool_choice any and tool."""
    system_turns: bool = True
    """Takes role system among the messages."""
    structured: bool = True
    """Takes output_config.format and strict tools."""
    output: int = 128_000
    """The most tokens of an answer."""
    max_tokens: int = 32_000
    """Sent where the client sets no limit."""
    bound: bool = False
    """Thinking counts only behind the very same messages."""
    display: Literal["summarized", "omitted"] = "omitted"
    """How thoughts are shown unless asked otherwise."""


FAMILIES: tuple[Claude, ...] = (
    Claude(name="claude-5-5", models=("claude-*-5-5", "claude-fable-5-*", "claude-mythos-5-*"), bound=True),
    Claude(name="claude-fable-5", models=("claude-fable-5", "claude-mythos-5"), forced="unless-thinking"),
    Claude(
        name="claude-opus-5",
        models=("claude-opus-5",),
        thinking=frozenset({"adaptive", "disabled"}),
        thinks="on",
        disabled_up_to="high",
        forced="unless-thinking",
    ),
    Claude(
        name="claude-sonnet-5",
        models=("claude-sonnet-5", "claude-haiku-5"),
        thinking=frozenset({"adaptive", "disabled"}),
        thinks="on",
        forced="unless-thinking",
    ),
    Claude(
        name="claude-4-8",
        models=("claude-*-4-8",),
        thinking=frozenset({"adaptive", "disabled"}),
        thinks="off",
        forced="unless-thinking",
    ),
    Claude(
        name="claude-4-7",
        models=("claude-*-4-7",),
        thinking=frozenset({"adaptive", "disabled"}),
        thinks="off",
        forced="unless-thinking",
        system_turns=False,
    ),
    Claude(
        name="claude-4-6",
        models=("claude-*-4-6",),
        thinking=frozenset({"adaptive", "enabled", "disabled"}),
        thinks="off",
        efforts=("low", "medium", "high", "max"),
        sampling=True,
        forced="unless-thinking",
        system_turns=False,
        display="summarized",
    ),
    Claude(
        name="claude-4-5",
        models=("claude-*-4-5",),
        thinking=frozenset({"enabled", "disabled"}),
        thinks="off",
        efforts=(),
        sampling=True,
        prefill=True,
        forced="unless-thinking",
        system_turns=False,
        output=64_000,
        max_tokens=8192,
        display="summarized",
    ),
    Claude(
        name="claude-4",
        models=(
            "claude-opus-4",
            "claude-opus-4-1",
            "claude-opus-4-0",
            "claude-sonnet-4",
            "claude-sonnet-4-0",
            "claude-3-7-*",
        ),
        thinking=frozenset({"enabled", "disabled"}),
        thinks="off",
        efforts=(),
        sampling=True,
        prefill=True,
        forced="unless-thinking",
        system_turns=False,
        structured=False,
        output=32_000,
        max_tokens=8192,
        display="summarized",
    ),
    Claude(
        name="claude-3-5",
        models=("claude-3-5-*",),
        thinking=frozenset(),
        thinks="off",
        efforts=(),
        sampling=True,
        prefill=True,
        forced="yes",
        system_turns=False,
        structured=False,
        output=8192,
        max_tokens=8192,
        display="summarized",
    ),
    Claude(
        name="claude-3",
        models=("claude-3-*", "claude-2*", "claude-instant*"),
        thinking=frozenset(),
        thinks="off",
        efforts=(),
        sampling=True,
        prefill=True,
        forced="yes",
        system_turns=False,
        structured=False,
        output=4096,
        max_tokens=4096,
        display="summarized",
    ),
)

LONGEST = 200
"""Characters of a name that are looked at: through a pattern clients can send any name."""

DECORATION = re.compile(r"(\[[^\]]*\]|[:@].*|-v\d+|-latest|[-@]20\d{6})$")
"""What clouds and resellers put behind a name: dates, versions, variants."""

TIER = "opus|sonnet|haiku|fable|mythos"
VERSION = r"\d{1,2}(?:-\d{1,2})?(?!\d)"
NAMES = tuple(
    re.compile(form)
    for form in (rf"claude-(?P<version>{VERSION})-(?P<tier>{TIER})\b", rf"(?P<tier>{TIER})-(?P<version>{VERSION})")
)
"""The two orders in which a name is written, whatever else stands in it."""


def family(model: str, host: str) -> Claude:  # noqa: ARG001 - every host of the Messages API has the same families
    """Return the family of `model`, whatever surrounds the name: anthropic/claude-opus-4.8,
    us.anthropic.claude-sonnet-4-5-20250929-v1:0, claude-opus-4@20250514."""
    return _family(model[:LONGEST])


@lru_cache(1024)
def _family(model: str) -> Claude:
    name = bare(model)
    return next((one for one in FAMILIES if any(matches(pattern, name) for pattern in one.models)), FAMILIES[0])


def bare(model: str) -> str:
    """Return a model's name as its vendor writes it: without what surrounds it, tier and version in order."""
    name = model.lower().strip()
    if "claude" in name:
        name = name[name.index("claude") :]
    while shorter := DECORATION.sub("", name):
        if shorter == name:
            break
        name = shorter
    name = re.sub(r"[._ ]", "-", name)
    found = next((match for form in NAMES if name.startswith("claude") and (match := form.search(name))), None)
    if found is None:
        return name
    tier, version = found["tier"], found["version"]
    return f"claude-{version}-{tier}" if int(version.partition("-")[0]) < 4 else f"claude-{tier}-{version}"


def corrected(family: Claude) -> Claude:
    """Return the family as an upstream has shown it to be: `refused` against the table."""
    refused = family.refused
    thinking = set(family.thinking)
    if "thinking.adaptive" in refused:
        # an upstream that does not know the newer form knows the older one
        thinking = {"enabled", "disabled"}
    if "thinking.enabled" in refused and "enabled" in thinking:
        thinking = thinking - {"enabled"} | {"adaptive"}
    if "thinking.disabled" in refused:
        thinking.discard("disabled")
    if (
        refused & {"thinking", "thinking.adaptive"} >= {"thinking"}
        or {"thinking.adaptive", "thinking.enabled"} <= refused
    ):
        thinking = set()
    thinks = family.thinks
    if not thinking or "thinking.adaptive" in refused:
        thinks = "off"
    elif "thinking.disabled" in refused and thinks == "on":
        thinks = "always"
    efforts = tuple(effort for effort in family.efforts if f"output_config.effort.{effort}" not in refused)
    if refused & {"output_config.effort", "output_config"}:
        efforts = ()
    return msgspec.structs.replace(family, thinking=frozenset(thinking), thinks=thinks, efforts=efforts)
