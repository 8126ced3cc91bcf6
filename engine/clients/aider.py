"""aider. LiteLLM speaks for it, and names it only to OpenRouter; elsewhere it can be told to say so itself.

It sends a temperature of 0 with every request, and OpenRouter's `usage`.
"""

from engine.clients.profile import Profile, Sign

AIDER = Profile(
    name="aider",
    title="aider",
    source=("captured 2026-11-28 aider 0.86.2", "https://github.com/Aider-AI/aider (aider/llm.py)"),
    signs=(Sign(headers={"http-referer": "https://aider.chat*", "x-title": "Aider"}),),
    quiet=("temperature", "usage"),
    reasoning=("reasoning_content",),
)
