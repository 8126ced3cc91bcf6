"""Durations and sizes."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.units import DURATION, SIZE, seconds, size


@pytest.mark.parametrize(
    ("text", "value"),
    [("250ms", 0.25), ("5s", 5), ("1.5m", 90), ("20m", 1200), ("1h", 3600), ("2d", 172800), ("0ms", 0)],
)
def test_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1B", 1), ("64KB", 65536), ("32MB", 33554432), ("1.5MB", 1572864), ("1GB", 1073741824)]
)
def test_size(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize("text", ["", "5", "5x", "s", "5 s", "-5s", "1.2.3s", "5S"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        seconds(text)


@pytest.mark.parametrize("text", ["", "5", "5mb", "MB", "5 MB", "5s"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        size(text)


@given(st.from_regex(DURATION, fullmatch=True), st.from_regex(SIZE, fullmatch=True))
@example("9" * 400 + "d", "9" * 400 + "GB")
@example("5s\n", "5B\n")
def test_what_the_schema_accepts_is_read(duration: str, bytes_: str) -> None:
    assert math.isfinite(seconds(duration))
    assert math.isfinite(size(bytes_))
