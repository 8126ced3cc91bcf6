"""Finds the files that ship beside the code: schema/, templates/ and proxy.yaml.

A wheel carries them in `engine/_data`; a checkout and an editable install have them beside `engine/`.
"""

from __future__ import annotations

from pathlib import Path

DISTRIBUTION = "turnout"


def path(name: str) -> Path:
    """Return where the shipped file or folder `name` is, such as `proxy.yaml` or `templates/clients`."""
    package = Path(__file__).resolve().parent
    packed = package / "_data" / name
    return packed if packed.exists() else package.parent / name


def extra(name: str) -> str:
    """Return the command that installs the optional dependencies `name`."""
    return f"pip install '{DISTRIBUTION}[{name}]'"
