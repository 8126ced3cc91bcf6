"""Every thing that went wrong elsewhere has its test here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ITEMS = {*range(1, 37), 49, 50}


def test_every_item_has_a_test() -> None:
    numbers: set[int] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and (number := re.match(r"test_(\d\d)_", node.name)):
                assert ast.get_docstring(node), f"{node.name} does not say what went wrong"
                numbers.add(int(number[1]))
    assert numbers == ITEMS
