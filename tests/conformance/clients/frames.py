"""Server-sent events as clients read them: leniently, whatever the rules of an API say."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Frame(NamedTuple):
    """One event: its name, and what its data says; a value that is no JSON object stays text."""

    name: str
    data: str

    @property
    def value(self) -> dict[str, Any]:
        """Return the data as an object; an empty one where it is none."""
        try:
            value = json.loads(self.data)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def frames(stream: bytes) -> list[Frame]:
    """Return the events of a stream that have data; one that is not closed does not count."""
    found = []
    name, data = "", []
    *lines, _ = stream.replace(b"\r\n", b"\n").split(b"\n")
    for line in lines:
        field, _, value = line.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                found.append(Frame(name, "\n".join(data)))
            name, data = "", []
        elif field == "data":
            data.append(value)
        elif field == "event":
            name = value
    return found
