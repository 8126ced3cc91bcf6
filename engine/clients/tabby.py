"""The Tabby server, for completions in an editor.

It names itself nowhere; its completions have exactly these fields, `suffix` even where there is none. It reads chunks
until a finish_reason, and takes [DONE] for a chunk that is broken. Its conversations look like those of any program
written in Rust.
"""

from engine.clients.profile import Profile, Sign

TABBY = Profile(
    name="tabby",
    title="Tabby",
    source=("https://github.com/TabbyML/tabby (crates/http-api-bindings/src/completion/openai.rs)",),
    signs=(
        Sign(
            headers={"user-agent": None},
            fields=frozenset(
                {"model", "prompt", "suffix", "max_tokens", "temperature", "stream", "presence_penalty"},
            ),
        ),
    ),
    finish=True,
    quiet=("temperature",),
)
