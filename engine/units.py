"""Durations and sizes as the file writes them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.diagnostics import Flaw

DURATION = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)\Z"
SIZE = r"^[0-9]+(\.[0-9]+)?(B|KB|MB|GB)\Z"

Duration = Annotated[str, Meta(pattern=DURATION, description="A duration with its unit: 250ms, 5s, 20m, 1h")]
Size = Annotated[str, Meta(pattern=SIZE, description="A size with its unit: 64KB, 32MB, 1GB (powers of 1024)")]

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}

FOREVER = 100.0 * 365 * 86400
HUGE = 2.0**62
"""What longer and larger values are read as: clocks and buffers take no infinity."""


def seconds(text: str) -> float:
    """Return a duration (`250ms`, `5s`, `20m`, `1h`, `1d`) in seconds. Raises `ValueError` on anything else."""
    number, unit = split(text)
    if unit not in SECONDS:
        raise ValueError(f"{text!r} is no duration")
    return min(number * SECONDS[unit], FOREVER)


def size(text: str) -> int:
    """Return a size (`64KB`, `32MB`; powers of 1024) in bytes. Raises `ValueError` on anything else."""
    number, unit = split(text)
    if unit not in BYTES:
        raise ValueError(f"{text!r} is no size")
    return round(min(number * BYTES[unit], HUGE))


def split(text: str) -> tuple[float, str]:
    """Return (number, unit): `1.5h` is (1.5, "h")."""
    text = text.rstrip("\n")  # a block scalar ends in one, and patterns allow it
    digits = len(text) - len(text.lstrip("0123456789."))
    return float(text[:digits]), text[digits:]


def positive(text: str) -> Flaw | None:
    """Return why a duration or size cannot be nothing: `0s`, `0MB`."""
    try:
        number, unit = split(text)
    except ValueError:  # its form is wrong, which is said elsewhere
        return None
    return Flaw("cannot be zero", f"write at least 1{unit}, or leave it out for the default") if number == 0 else None
