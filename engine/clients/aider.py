"""aider. LiteLLM speaks for it, and names it only to OpenRouter; elsewhere it can be told to say so itself."""

from engine.clients.profile import Profile, Sign

AIDER = Profile(
    name="aider",
    title="aider",
    source=("captured 2026-11-28 aider 0.86.2", "https://github.com/Aider-AI/aider (aider/llm.py)"),
    signs=(Sign(headers={"http-referer": "https://aider.chat*", "x-title": "Aider"}),),
    reasoning=("reasoning_content",),
)
