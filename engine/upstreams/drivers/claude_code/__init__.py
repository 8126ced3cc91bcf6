"""Claude Code as an upstream: processes of the user's own `claude`, each in the middle of one conversation."""

from engine.upstreams.drivers.claude_code.driver import ClaudeCodeDriver

__all__ = ["ClaudeCodeDriver"]
