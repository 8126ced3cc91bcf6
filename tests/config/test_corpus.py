"""Every file of the corpus says what its header promises, where it promises, and looks as it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.diagnostics.render import render
from tests.config.corpus import ENVIRON, cases, check, expected, name, said


@pytest.mark.parametrize("path", cases("bad"), ids=name)
def test_a_bad_file_says_exactly_what_is_wrong(path: Path) -> None:
    report = check(path)
    assert expected(path), "a bad file begins with `# expect: code @ line:col`"
    assert said(path, report) == expected(path)
    assert render(report, "full") == path.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", cases("good"), ids=name)
def test_a_good_file_has_no_errors_and_only_the_warnings_it_promises(path: Path) -> None:
    report = check(path)
    assert report.ok, render(report, "full")
    assert said(path, report) == expected(path)


@pytest.mark.parametrize("path", cases("bad"), ids=name)
def test_every_finding_says_where_and_what_to_do_and_shows_no_secret(path: Path) -> None:
    report = check(path)
    for found in report.diagnostics:
        assert found.span, found
        assert found.help, found
        assert not found.message.endswith("."), found
    for form in ("full", "concise", "json"):
        text = render(report, form)
        assert not [secret for secret in (*report.secrets, *ENVIRON.values()) if len(secret) > 8 and secret in text]
