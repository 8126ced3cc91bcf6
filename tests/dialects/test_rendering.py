"""What another model can read of a block that only its own vendor knows."""

from __future__ import annotations

from typing import Any

import pytest

from engine.chat import Opaque
from engine.dialects.rendering import rendered

PICTURE = "iVBORw0KGgo" * 200

BLOCKS: list[tuple[dict[str, Any], str]] = [
    ({"type": "shell_call", "id": "x_1", "call_id": "a", "action": {"commands": ["ls"], "timeout_ms": None}},
     '[shell_call] {"action":{"commands":["ls"]}}'),
    ({"type": "image_generation_call", "id": "x_1", "result": PICTURE + "==", "revised_prompt": "A cat."},
     '[image_generation_call] {"result":"[encoded]","revised_prompt":"A cat."}'),
    ({"type": "computer_call_output", "output": {"image_url": f"data:image/png;base64,{PICTURE}\n"}},
     '[computer_call_output] {"output":{"image_url":"[encoded]"}}'),
    ({"type": "code_interpreter_call", "outputs": [{"url": "data:image/png;base64,AAAA"}], "code": "x" * 100},
     f'[code_interpreter_call] {{"outputs":[{{"url":"[encoded]"}}],"code":"{"x" * 100}"}}'),
    ({"type": "local_shell_call_output", "output": "word " * 1000},
     f'[local_shell_call_output] {{"output":"{"word " * 1000}"}}'),
    ({"type": "mcp_call", "id": "x_1", "error": None}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "text"), BLOCKS)
def test_rendered(raw: dict[str, Any], text: str) -> None:
    assert rendered(Opaque(vendor="openai", kind=raw["type"], raw=raw)) == text
