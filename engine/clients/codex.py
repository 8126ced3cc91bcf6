"""Codex, as command line, as app and in editors.

The grammars of its free-text tools are told in their descriptions where they cannot bind.
"""

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
    quiet=("client_metadata", "text.verbosity", "tools[*].format", "input[*].tools[*].format"),
    session=("session-id", "session_id"),
)
