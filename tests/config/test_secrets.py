"""References to secrets, and the upstreams that are off without them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.config.load import load
from engine.config.secrets import resolve
from engine.config.tree import Loaded
from engine.secret import Secret

ENVIRON = {"KEY": "  from-the-environment \n", "EMPTY": ""}


def settle(main: Path, upstreams: str) -> tuple[Loaded, dict[str, Secret], dict[str, str]]:
    main.write_text(f"version: 1\nupstreams:\n{upstreams}")
    loaded = load(str(main), ENVIRON)
    secrets, off = resolve(loaded, ENVIRON)
    return loaded, secrets, off


@pytest.fixture
def main(tmp_path: Path) -> Path:
    return tmp_path / "proxy.yaml"


def test_references_are_values(main: Path) -> None:
    key = main.parent / "openai.key"
    key.write_text("from-a-file\n\n")
    loaded, secrets, off = settle(
        main,
        "  a: {kind: openai, api_key: env:KEY}\n"
        "  b: {kind: anthropic, api_key: env:KEY}\n"
        "  c: {kind: openai, api_key: file:openai.key}\n"
        f"  d: {{kind: openai, api_key: 'file:{key}'}}\n",
    )
    assert {name: secret.reveal() for name, secret in secrets.items()} == {
        "env:KEY": "from-the-environment",
        "file:openai.key": "from-a-file",
        f"file:{key}": "from-a-file",
    }
    assert off == {}
    assert loaded.report.ok
    assert loaded.files.digests[str(key)] == hashlib.sha256(b"from-a-file\n\n").digest()


def test_a_file_is_read_anew_each_time(main: Path) -> None:
    key = main.parent / "k"
    key.write_text("one-secret")
    loaded, before, _ = settle(main, "  a: {kind: openai, api_key: file:k}\n")
    key.write_text("two-secret")
    after, _ = resolve(loaded, ENVIRON)
    assert (before["file:k"].reveal(), after["file:k"].reveal()) == ("one-secret", "two-secret")


@pytest.mark.parametrize(
    ("reference", "code", "why"),
    [
        ("env:NONE", "unset-variable", "NONE is not set"),
        ("env:EMPTY", "unset-variable", "EMPTY is empty"),
        ("file:none.key", "unreadable-file", "none.key cannot be read: no such file or directory"),
        ("file:.", "unreadable-file", ". cannot be read: is a directory"),
        ("file:a\\0b", "unreadable-file", "a\0b cannot be read: no file can have this name"),
        ("file:~no-such-user/key", "unreadable-file", "~no-such-user/key cannot be read: no such file or directory"),
        ("file:empty.key", "empty-secret", "empty.key is empty"),
        ("file:lines.key", "bad-secret", "lines.key holds more than one line"),
        ("file:binary.key", "unreadable-file", "binary.key is not text"),
    ],
)
def test_a_reference_without_a_value(main: Path, reference: str, code: str, why: str) -> None:
    (main.parent / "empty.key").write_text(" \n")
    (main.parent / "lines.key").write_text("a\nb\n")
    (main.parent / "binary.key").write_bytes(b"\xff\x00")
    loaded, secrets, off = settle(main, f'  a: {{kind: openai, api_key: "{reference}"}}\n')
    (found,) = loaded.report.diagnostics
    assert (found.severity, found.code, found.message) == ("error", code, why)
    assert str(found.span) == f"{main}:3:30"
    assert found.help
    assert (secrets, off) == ({}, {})

    loaded, secrets, off = settle(main, f'  a: {{kind: openai, api_key: "{reference}", optional: true}}\n')
    (found,) = loaded.report.diagnostics
    assert (found.severity, found.code, found.message) == ("warning", "upstream-off", f"upstream `a` is off: {why}")
    assert (secrets, off) == ({}, {"a": why})

    loaded, secrets, off = settle(main, f'  a: {{kind: openai, api_key: "{reference}", enabled: false}}\n')
    assert loaded.report.diagnostics == []
    assert (secrets, off) == ({}, {"a": "enabled: false"})


def test_a_missing_file_is_watched_for(main: Path) -> None:
    loaded, _, _ = settle(main, "  a: {kind: openai, api_key: file:secrets/k, optional: true}\n")
    assert loaded.files.digests[str(main.parent / "secrets" / "k")] is None
    assert str(main.parent) in loaded.files.folders


def test_a_plain_variable_of_an_optional_upstream_switches_it_off_too(main: Path) -> None:
    loaded, _, off = settle(
        main,
        "  a: {kind: openai, base_url: env:NONE, api_key: env:NONE, optional: true}\n"
        "  b: {kind: openai, base_url: env:NONE, enabled: false}\n",
    )
    assert off == {"a": "NONE is not set", "b": "enabled: false"}
    assert [found.code for found in loaded.report.diagnostics] == ["upstream-off"]


def test_what_was_resolved_is_masked(main: Path) -> None:
    loaded, _, _ = settle(main, "  a: {kind: openai, api_key: env:KEY}\n")
    assert "from-the-environment" in loaded.report.secrets
