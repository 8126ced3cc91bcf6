"""What a plain scalar means: the core schema of YAML 1.2, where `on` and `no` are words and 0755 is 755.

PyYAML reads YAML 1.1 (booleans `yes`/`on`, octal, sexagesimal numbers, dates); this replaces its rules.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

PREFIX = "tag:yaml.org,2002:"
NULL, BOOL, INT, FLOAT, STR, MERGE = (f"{PREFIX}{name}" for name in ("null", "bool", "int", "float", "str", "merge"))

RULES = (
    (NULL, re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    (BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    (INT, re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")),
    (
        FLOAT,
        re.compile(
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+.0123456789"),
    ),
)


class Core(yaml.CSafeLoader):
    """Composes nodes with the tags of the core schema, and `<<`."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own protocol


for tag, pattern, first in (*RULES, (MERGE, re.compile(r"^<<$"), ["<"])):
    Core.add_implicit_resolver(tag, pattern, first)


def value(tag: str, text: str) -> Any:
    """Return the value of a scalar with a core tag. Raises `ValueError` where the text does not fit the tag."""
    if tag == NULL:
        return None
    if tag == BOOL:
        if text.lower() not in {"true", "false"}:
            raise ValueError(text)
        return text.lower() == "true"
    if tag == INT:
        return int(text, 0) if text[:2] in {"0x", "0o"} else int(text, 10)
    if tag == FLOAT:
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def plain(text: str) -> Any:
    """Return what `text` would mean as a plain scalar of the file."""
    tag = next((tag for tag, pattern, _ in RULES if pattern.match(text)), STR)
    try:
        return value(tag, text)
    except ValueError:  # more digits than Python converts
        return text
