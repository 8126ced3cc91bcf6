"""What `claude` gets of Turnout's environment: names are looked at, values never.

The SDK merges what it is given over the whole environment and cannot take anything out (0.2.189,
transport/subprocess_cli.py), so what is not meant for `claude` is blanked: it takes an empty variable as unset. That
keeps keys of other vendors away from it, and makes it use its own sign-in: ANTHROPIC_API_KEY and the like come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

KEPT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR", "TEMP", "TMP"),
        *("USERPROFILE", "USERNAME", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "HOMEDRIVE", "HOMEPATH"),
        *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "DBUS_SESSION_BUS_ADDRESS", "__CF_USER_TEXT_ENCODING"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"),
        *("CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN"),
        *("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SDK_READS_SESSION_STATE"),
    }
)
"""In upper case. The last three are the SDK's own to set."""
PREFIXES = ("LC_", "XDG_", "CLAUDE_AGENT_SDK_")
FOREVER = str(24 * 3600 * 1000)
"""Milliseconds: how long calls are held is Turnout's to decide."""
SETTINGS = {
    "MCP_TOOL_TIMEOUT": FOREVER,
    "CLAUDE_CODE_MCP_TOOL_IDLE_TIMEOUT": FOREVER,
    "MAX_MCP_OUTPUT_TOKENS": "1000000",
    "ENABLE_TOOL_SEARCH": "false",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
}
"""The client's tools are all shown, their results whole; Turnout tries again elsewhere; nothing is remembered."""


def environment(names: Iterable[str], added: Collection[str], tmp: str) -> dict[str, str]:
    """Return what the SDK is to put over an environment that has `names`. `added` are names that are let through.

    `tmp` is the folder where `claude` keeps what is of the moment, such as the images of a message (2.1.330).
    """
    blanked = {name: "" for name in names if not (_kept(name.upper()) or name in added)}
    settings = {**SETTINGS, "CLAUDE_CODE_TMPDIR": tmp}
    return {**blanked, **{name: value for name, value in settings.items() if name not in added}}


def _kept(name: str) -> bool:
    return name in KEPT or name.startswith(PREFIXES)
