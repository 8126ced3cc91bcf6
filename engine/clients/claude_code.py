"""Claude Code, in the terminal, in editors and in its Agent SDK."""

from engine.clients.profile import Profile, Sign

CLAUDE_CODE = Profile(
    name="claude-code",
    title="Claude Code",
    source=("captured 2026-11-22 Claude Code 2.1.330", "https://code.claude.com/docs/en/llm-gateway-protocol"),
    # other clients call themselves claude-cli too where they go through a proxy (qwen-code): the flag tells them apart
    signs=(Sign(headers={"user-agent": "claude-cli/*", "anthropic-beta": "*claude-code-*"}),),
    quiet=("context_management", "safeguards", "diagnostics"),
    session=("x-claude-code-session-id",),
)
