"""How findings are printed, and that no secret is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diagnostics import Label, Report, Span
from engine.diagnostics.mask import looks, mask
from engine.diagnostics.render import WIDTH, render, summary

TEXT = """\
version: 1
upstreams:
  openai:
    kind: openai
    tmeouts: {idle: 30s}
"""


def report(text: str = TEXT) -> Report:
    made = Report()
    made.sources["proxy.yaml"] = text
    return made


def at(line: int, column: int, end: int) -> Span:
    return Span("proxy.yaml", line, column, end)


def test_full_shows_the_line_and_the_next_step() -> None:
    found = report()
    found.error(
        "unknown-key", "unknown key `tmeouts` in upstream `openai`", at(5, 5, 12), help="did you mean `timeouts`?"
    )
    assert (
        render(found, "full")
        == """\
error[unknown-key]: unknown key `tmeouts` in upstream `openai`
 --> proxy.yaml:5:5
  |
5 |     tmeouts: {idle: 30s}
  |     ^^^^^^^
  = help: did you mean `timeouts`?

1 error
"""
    )


def test_full_shows_second_places_with_one_gutter() -> None:
    found = report("a: 1\n" * 9 + "  b: 2\n")
    found.error("twice", "here again", at(10, 3, 4), labels=(Label(at(2, 1, 2), "first here"),))
    found.warning("lonely", "no place to show")
    assert (
        render(found, "full")
        == """\
error[twice]: here again
  --> proxy.yaml:10:3
   |
10 |   b: 2
   |   ^
  ::: proxy.yaml:2:1
   |
 2 | a: 1
   | - first here

warning[lonely]: no place to show

1 error, 1 warning
"""
    )


def test_concise_is_a_line_each() -> None:
    found = report()
    found.error("one", "first\nfinding", at(5, 5, 12), help="do this")
    found.warning("two", "second finding")
    assert (
        render(found, "concise") == "proxy.yaml:5:5: error[one] first finding; do this\nwarning[two] second finding\n"
    )


def test_json_has_every_field() -> None:
    found = report()
    found.warning("one", "first", at(5, 5, 12), help="do this", labels=(Label(at(1, 1, 8), "here"),))
    found.error("two", "second")
    assert json.loads(render(found, "json")) == {
        "ok": False,
        "diagnostics": [
            {
                "severity": "warning", "code": "one", "message": "first", "help": "do this",
                "file": "proxy.yaml", "line": 5, "column": 5, "end": 12,
                "labels": [{"file": "proxy.yaml", "line": 1, "column": 1, "end": 8, "text": "here"}],
            },
            {
                "severity": "error", "code": "two", "message": "second", "help": None,
                "file": None, "line": None, "column": None, "end": None, "labels": [],
            },
        ],
    }  # fmt: skip


def test_nothing_found_is_nothing_said() -> None:
    assert render(report(), "full") == ""
    assert render(report(), "concise") == ""
    assert json.loads(render(report(), "json")) == {"ok": True, "diagnostics": []}


@pytest.mark.parametrize(
    ("errors", "warnings", "words"),
    [(0, 0, "no errors"), (1, 0, "1 error"), (2, 1, "2 errors, 1 warning"), (0, 3, "3 warnings")],
)
def test_the_summary_counts(errors: int, warnings: int, words: str) -> None:
    found = report()
    for _ in range(errors):
        found.error("e", "e")
    for _ in range(warnings):
        found.warning("w", "w")
    assert summary(found) == words


def test_colour_is_only_colour() -> None:
    found = report()
    found.error("unknown-key", "unknown key", at(5, 5, 12), help="did you mean?", labels=(Label(at(1, 1, 8), "x"),))
    painted = render(found, "full", colour=True)
    assert "\x1b[1;31merror[unknown-key]\x1b[0m" in painted
    plain = painted
    for code in ("1;31", "1;33", "1;34", "1;36", "1", "0"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == render(found, "full")


@pytest.mark.parametrize(
    ("line", "column", "end", "shown", "under"),
    [
        ("abc", 2, 3, "abc", " ^"),
        ("\tkey: x", 2, 5, "    key: x", "    ^^^"),
        ("日本: x", 5, 6, "日本: x", "      ^"),
        ("a: 日本", 4, 6, "a: 日本", "   ^^^^"),
        ("a: e\u0301x", 6, 7, "a: e\u0301x", "    ^"),
        ("a: 🚫 b", 6, 7, "a: 🚫 b", "      ^"),
        ("a\x07\x1b[31m", 1, 2, "a\ufffd\ufffd[31m", "^"),
        ("", 1, 2, "", "^"),
        ("short", 30, 40, "short", "     ^"),
    ],
)
def test_the_caret_stands_under_what_it_means(line: str, column: int, end: int, shown: str, under: str) -> None:
    found = report(line + "\n")
    found.error("x", "x", at(1, column, end))
    lines = render(found, "full").splitlines()
    assert lines[3] == f"1 | {shown}".rstrip()
    assert lines[4] == f"  | {under}"


@pytest.mark.parametrize("column", [1, 50, 200, 399])
def test_a_long_line_is_cut_around_the_caret(column: int) -> None:
    line = "".join(chr(ord("a") + number % 26) for number in range(400))
    found = report(line)
    found.error("x", "x", at(1, column, column + 2))
    shown, under = (text[4:] for text in render(found, "full").splitlines()[3:5])
    assert len(shown) <= WIDTH + 2
    first = under.index("^")
    assert shown[first : first + under.count("^")] == line[column - 1 : column - 1 + under.count("^")]


@given(st.text(max_size=300), st.integers(1, 310), st.integers(0, 310))
def test_every_line_can_be_shown(line: str, column: int, width: int) -> None:
    found = report(f"{line}\n")
    found.error("x", line, at(1, column, column + width), help=line)
    assert "^" in render(found, "full")


def test_places_beyond_the_text_are_named_without_a_line() -> None:
    found = report("one line")
    found.error("x", "x", at(9, 1, 2))
    found.error("x", "x", Span("gone.yaml", 1, 1, 2))
    assert render(found, "full") == "error[x]: x\n --> proxy.yaml:9:1\n\nerror[x]: x\n --> gone.yaml:1:1\n\n2 errors\n"


def test_sorting_follows_the_files_as_read_then_the_lines() -> None:
    found = report()
    found.sources["b.yaml"] = found.sources["a.yaml"] = ""
    for span in (Span("a.yaml", 1, 1, 2), Span("b.yaml", 2, 1, 2), Span("b.yaml", 1, 9, 10), at(3, 1, 2), None):
        found.error(str(span), "x", span)
    found.sort()
    assert [item.code for item in found.diagnostics] == [
        "None",
        "proxy.yaml:3:1",
        "b.yaml:1:9",
        "b.yaml:2:1",
        "a.yaml:1:1",
    ]


# secrets -------------------------------------------------------------------------------------------------------------

SECRETS = [
    "sk-0123456789abcdef", "sk-proj-Ab1_" + "x" * 40, "sk-ant-api03-" + "a1" * 20, "sk-or-v1-" + "0a" * 16,
    "ghp_" + "A1" * 18, "github_pat_" + "1a" * 20, "AKIAIOSFODNN7EXAMPLE", "AIza" + "Sy0" * 12, "gsk_" + "a1" * 15,
    "hf_" + "a1" * 15, "xai-" + "a1" * 15, "xoxb-1234567890-abc", "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0",
    "csk-" + "a1" * 12, "fw_" + "a1" * 11, "dapi" + "0a" * 16, "tgp_v1_" + "Ab1-" * 8, "AQ." + "Ab8_" * 8,
    "ya29." + "a0Af" * 8, "glpat-" + "Ab1_" * 5, "sk-proj-abcdefghijklmnopqrst", "tk-" + "Ab1-" * 10,
]  # fmt: skip

INNOCENT = [
    "env:OPENAI_API_KEY", "file:/run/secrets/openai", "sk-...", "risk-assessment-2026-01-01-report",
    "task-0123456789abcdef01",
    "openai/gpt-5.5", "claude-sonnet-5-20260101", "sha256:" + "0" * 64, "Bearer TOKEN", "bearer of bad news", "https://x/sk-1",
    "sk-", "sk-your-key-goes-here", "asks-0123456789abcdef01", "tk-your-key-from-the-admin", "dapiary", "key-file",
    "http://127.0.0.1:11434/v1", "https://api.example.com/v1?api-version=2026-01-01", "ada@example.com", "fw_short",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_credential_is_masked_where_it_stands(secret: str) -> None:
    assert mask(f'key: "{secret}", x') == f'key: "{"*" * len(secret)}", x'
    assert [f"a {secret} b"[start:end] for start, end in looks(f"a {secret} b")] == [secret]


def test_what_follows_bearer_is_masked() -> None:
    assert mask("authorization: Bearer abcdefgh12345678==, x") == "authorization: Bearer ******************, x"


@pytest.mark.parametrize("text", INNOCENT)
def test_what_does_not_is_not(text: str) -> None:
    assert mask(text) == text
    assert list(looks(text)) == []


def test_known_secrets_are_masked_anywhere_short_ones_as_words() -> None:
    assert mask("a hunter2 hunter22 hunter2.", {"hunter2"}) == "a ******* hunter22 *******."
    assert mask("xlong-secrety", {"long-secret"}) == "x***********y"
    assert mask("abcdefgh-more abcdefgh", {"abcdefgh", "abcdefgh-more"}) == "************* ********"
    assert mask("same", {""}) == "same"


def test_no_form_prints_a_secret_in_any_part() -> None:
    found = report("api_key: my-private-key-value\nother: sk-0123456789abcdef\n")
    found.secrets.add("my-private-key-value")
    every = "my-private-key-value and sk-0123456789abcdef"
    found.error("x", every, at(1, 10, 30), help=every, labels=(Label(at(2, 8, 27), every),))
    for form in ("full", "concise", "json"):
        text = render(found, form)
        assert "my-private" not in text
        assert "sk-0123" not in text
    assert "1 | api_key: ********************" in render(found, "full")
