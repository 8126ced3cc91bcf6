"""The arguments of a call, which both APIs tell as JSON text."""

from __future__ import annotations

from typing import Any

import msgspec


def is_object(arguments: str) -> bool:
    """Say whether arguments are a JSON object."""
    try:
        msgspec.json.decode(arguments, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def complete(arguments: str) -> bool:
    """Say whether arguments are a whole JSON object with something in it, so that nothing can follow."""
    return arguments.rstrip().endswith("}") and is_object(arguments) and arguments.strip("{} \t\r\n") != ""


def broken(arguments: str) -> bool:
    """Say whether the arguments of a function began as a JSON object and did not become one."""
    return arguments.lstrip().startswith("{") and not is_object(arguments)


def arguments_of(value: Any) -> str:
    """Return arguments as JSON text, whatever form the server chose for them."""
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()
