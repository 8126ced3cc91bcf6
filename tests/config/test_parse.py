"""One text: spans, and what would crash or exhaust the process."""

from __future__ import annotations

import time

import pytest

from engine.config.parse import MAX_BYTES, Sheet, parse
from engine.diagnostics import Report, Span

TEXT = """\
version: 1
models:
  fast: {targets: [a/b, "c/d"], retries: 2}   # comment
  größe: 'é😀/x'
routes:
  - name: a
    when:
      model: x
"""


def read(text: str) -> tuple[Sheet | None, list[str]]:
    report = Report()
    sheet = parse("f", text, report)
    return sheet, [found.code for found in report.diagnostics]


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("version",), (1, 1, 8), (1, 10, 11)),
        (("models",), (2, 1, 7), (3, 3, 7)),
        (("models", "fast"), (3, 3, 7), (3, 9, 44)),
        (("models", "fast", "targets"), (3, 10, 17), (3, 19, 31)),
        (("models", "fast", "targets", 1), None, (3, 25, 30)),
        (("models", "größe"), (4, 3, 8), (4, 10, 16)),
        (("routes", 0), None, (6, 5, 9)),
        (("routes", 0, "when"), (7, 5, 9), (8, 7, 12)),
        (("routes", 0, "when", "model"), (8, 7, 12), (8, 14, 15)),
    ],
)
def test_every_key_and_value_knows_its_place(
    path: tuple[str | int, ...], key: tuple[int, int, int] | None, value: tuple[int, int, int]
) -> None:
    sheet, _ = read(TEXT)
    assert sheet
    assert sheet.keys.get(path) == (Span("f", *key) if key else None)
    assert sheet.values[path] == Span("f", *value)


@pytest.mark.parametrize(
    "text", ["[" * 100_000 + "]" * 100_000, "{a: " * 100_000, "- " * 100_000, "a: " + "[" * 500_000]
)
def test_depth_that_overflows_the_c_stack_of_libyaml_is_refused(text: str) -> None:
    sheet, codes = read(text)
    assert sheet is None
    assert codes in (["too-deep"], ["yaml"])


def test_aliases_that_nest_deep_are_refused() -> None:
    lines = ["a0: &a0 " + "[" * 30 + "]" * 30]
    lines += [f"a{n}: &a{n} " + "[" * 30 + f"*a{n - 1}" + "]" * 30 for n in range(1, 40)]
    assert read("\n".join(lines))[1] == ["too-deep"]


def test_a_bomb_is_refused_before_it_costs() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
    )
    start = time.perf_counter()
    assert read(bomb)[1] == ["alias-bomb"]
    assert time.perf_counter() - start < 60


def test_a_bomb_of_merges_is_refused() -> None:
    bomb = "a: &a {k: v}\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{','.join(['*' + chr(97 + n)] * 9)}]}}\n" for n in range(20)
    )
    assert read(bomb)[0] is None


def test_a_file_too_large_is_not_read() -> None:
    assert read("#" * (MAX_BYTES + 1))[1] == ["too-large"]


def test_a_number_with_thousands_of_digits_is_told() -> None:
    assert read("version: " + "9" * 5000)[1] == ["bad-scalar"]


def test_a_lone_surrogate_from_a_pipe_is_told() -> None:
    assert read("version: \udcff")[1] == ["not-utf8"]
