"""Codex, as command line, as app and in editors."""

from engine.clients.profile import Profile, Sign

CODEX = Profile(
    name="codex",
    title="Codex",
    source=("captured 2026-11-22 codex-cli 0.169.0", "https://github.com/openai/codex"),
    signs=(
        Sign(headers={"user-agent": "codex_*/*"}),
        Sign(headers={"user-agent": "codex-tui/*"}),
        Sign(headers={"user-agent": "Codex */*"}),
    ),
    session=("session-id", "session_id"),
)
