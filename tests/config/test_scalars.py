"""Plain scalars by the core schema of YAML 1.2."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml

from engine.config import scalars

TABLE: list[tuple[str, Any]] = [
    ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
    ("yes", "yes"), ("on", "on"), ("NO", "NO"), ("y", "y"),
    ("~", None), ("null", None), ("", None), ("nil", "nil"),
    ("0", 0), ("-12", -12), ("+12", 12), ("0755", 755), ("0x1F", 31), ("0o17", 15), ("1_000", "1_000"),
    ("1.10", 1.1), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-.inf", -math.inf), ("1.2.3", "1.2.3"),
    ("12:30:45", "12:30:45"), ("2026-01-02", "2026-01-02"), ("=", "="), ("0b11", "0b11"), ("0x", "0x"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), TABLE)
def test_a_word_means(text: str, meant: Any) -> None:
    found = scalars.plain(text)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(("text", "meant"), TABLE)
def test_a_file_and_a_variable_read_alike(text: str, meant: Any) -> None:
    node = yaml.compose(f"key: {text}\n", scalars.Core).value[0][1]
    assert scalars.value(node.tag, node.value) == meant


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(scalars.plain(".nan"))


def test_more_digits_than_python_converts_stay_text() -> None:
    assert scalars.plain("9" * 5000) == "9" * 5000
