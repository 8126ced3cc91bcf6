"""`set`: any JSON value, and nothing where nothing was meant; variables and secrets as everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config.load import load
from engine.config.parameters import OWN, parameter_flaw

FILE = """\
version: 1
upstreams: {{a: {{kind: openai, api_key: env:KEY}}}}
models:
  one: {{targets: [a/b], set: {{x: {value}}}}}
"""

VALUES: dict[str, Any] = {
    "0": 0,
    "-1.50": -1.5,
    "true": True,
    "null": None,
    "~": None,
    '""': "",
    "no": "no",
    "[1, [null, {y: []}], {}]": [1, [None, {"y": []}], {}],
    "{y: {z: null}}": {"y": {"z": None}},
    "env:NUMBER": 7,
    "[env:UNKNOWN:-false]": [False],
    "{y: env:WORD}": {"y": "word"},
    "file:/no/secret/here": "file:/no/secret/here",
}


def said(text: str) -> tuple[Any, list[str]]:
    """Return (document, findings) of a file."""
    loaded = load("proxy.yaml", {"NUMBER": "7", "WORD": "word"}, text=text)
    return loaded.document, [f"{found.span} {found.code}: {found.message}" for found in loaded.report.diagnostics]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_what_json_has(value: str) -> None:
    document, findings = said(FILE.format(value=value))
    assert findings == []
    assert document.models["one"].set == {"x": VALUES[value]}


@pytest.mark.parametrize(
    ("value", "finding"),
    [
        ("", "proxy.yaml:4:31 empty-value: `x` has no value"),
        ("{y: }", "proxy.yaml:4:35 empty-value: `y` has no value"),
        ("&x [*x]", "proxy.yaml:4:34 recursive-alias: this anchor contains itself"),
        ("{y: 1, y: 2}", "proxy.yaml:4:41 duplicate-key: the key `y` is here twice"),
    ],
)
def test_what_yaml_has_and_nobody_means(value: str, finding: str) -> None:
    assert said(FILE.format(value=value)) == (None, [finding])


def test_null_is_a_value_nowhere_else() -> None:
    for line in ("targets: null", "targets: [null]", "like: null", "set: null", "unset: [null]"):
        document, findings = said(f"version: 1\nmodels:\n  one:\n    {line}\n")
        assert document is None
        assert "empty-value" in findings[0]


@pytest.mark.parametrize("path", ["a", "a.b", "a.b.c-d_e", "é", "extra body.x", "models", "thinking.model"])
def test_a_path(path: str) -> None:
    assert parameter_flaw(path) is None


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", " a", "a .b", "a\n", "meta*", *OWN, "model.x", "messages.0"]
)
def test_no_path(path: str) -> None:
    flaw = parameter_flaw(path)
    assert flaw is not None
    assert flaw.help
