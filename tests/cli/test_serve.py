"""`turnout serve --listen`: an address that cannot be one is a wrong question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.cli.serve import is_address
from tests.cli.turnout import turnout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "can_be"),
    [
        ("127.0.0.1:0", True),
        ("[::1]:65535", True),
        ("proxy.corp:80", True),
        ("unix:/run/turnout.sock", True),
        ("unix:turnout.sock", False),
        ("unix:/run/", False),
        ("unix:/" + "x" * 103, False),
        ("127.0.0.1:65536", False),
        ("127.0.0.1:99999", False),
        ("foo", False),
        (":4000", False),
        ("a b:4000", False),
        ("::1:4000", False),
        ("127.0.0.1:http", False),
        ("", False),
    ],
)
def test_what_can_be_an_address(text: str, can_be: bool) -> None:
    assert is_address(text) == can_be


def test_another_is_refused_with_the_form(tmp_path: Path) -> None:
    ended = turnout("serve", "--listen", "foo", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "--listen cannot be `foo`" in ended.err
    assert "write host:port" in ended.err


def test_a_name_without_an_address_is_told_from_a_port_in_use(tmp_path: Path) -> None:
    ended = turnout("serve", "--listen", "no-such-host.invalid:4000", cwd=tmp_path)
    assert ended.code == 1
    assert "name an address of this machine" in ended.err


def test_its_file_may_stand_by_itself_as_after_check(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("version: 1\nmodels: {a: b}\n")
    ended = turnout("serve", "mine.yaml", "--port", "0", cwd=tmp_path)
    assert ended.code == 1
    assert "--> mine.yaml:2:13" in ended.err
