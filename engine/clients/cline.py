"""Cline, in VS Code and on the command line.

The command line says only which SDK it is made with; its tools give it away. In editors it sends its default
temperature, 0, also to models that take none; over the Responses API, `truncation: auto`.
"""

from engine.clients.profile import Profile, Sign

CLINE = Profile(
    name="cline",
    title="Cline",
    source=(
        "captured 2026-11-22 cline 3.0.65",
        "https://github.com/cline/cline (src/services/EnvUtils.ts, src/core/api/providers/openai.ts)",
    ),
    signs=(
        Sign(headers={"user-agent": "Cline/*"}),
        Sign(
            headers={"user-agent": "ai-sdk/*"},
            holds={"tools": ("read_files", "run_commands", "fetch_web_content")},
        ),
    ),
    quiet=("temperature", "truncation"),
    reasoning=("reasoning_content",),
)
