"""Qwen Code."""

from engine.clients.profile import Profile, Sign

QWEN_CODE = Profile(
    name="qwen-code",
    title="Qwen Code",
    source=(
        "captured 2026-11-28 qwen-code 0.15.10",
        "https://github.com/QwenLM/qwen-code (packages/core/src/core/openaiContentGenerator)",
    ),
    signs=(Sign(headers={"user-agent": "QwenCode/*"}),),
    reasoning=("reasoning_content",),
)
