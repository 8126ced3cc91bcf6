"""opencode."""

from engine.clients.profile import Profile, Sign

OPENCODE = Profile(
    name="opencode",
    title="opencode",
    source=("captured 2026-11-28 opencode 1.18.33", "https://github.com/anomalyco/opencode"),
    signs=(Sign(headers={"user-agent": "opencode/*"}),),
    reasoning=("reasoning_content",),
    session=("x-session-affinity", "x-session-id", "x-opencode-session"),
)
