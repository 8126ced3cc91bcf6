"""The short form of the loss contract in the README."""

from __future__ import annotations

import pytest

from engine.dialects import CLIENTS, CODECS
from tests.dialects.contract.reference import BEGIN, END, README, WIDTH, entry, markdown, written

TEXT = README.read_text(encoding="utf-8")


@pytest.mark.skipif(BEGIN not in TEXT, reason="the README has no place for it")
def test_the_readme_is_fresh() -> None:
    assert written(TEXT) == TEXT, "python -m tests.bless writes it"


def test_only_what_stands_between_the_marks_is_written() -> None:
    assert written(f"a\n{BEGIN}old\n{END}b\n") == f"a\n{BEGIN}{markdown()}{END}b\n"


def test_a_field_is_under_its_worst_fate_and_starred_where_others_are_better() -> None:
    told = " ".join(entry("chat", "messages").split())
    assert told.startswith("- **chat to messages** refused: `n`*, ")
    assert "; dropped: `tool_choice`*, " in told
    assert ", `seed`, " in told
    assert "; approximated: `max_tokens`*, `user`, " in told
    assert "`model`" not in told
    assert "`messages`" not in told


def test_there_is_an_entry_for_each_pair() -> None:
    text = markdown()
    pairs = [(source, target) for source in CLIENTS for target in CODECS if source != target]
    assert [text.count(f"- **{source} to {target}** ") for source, target in pairs] == [1] * len(pairs)
    assert text.count("- **") == len(pairs)
    assert max(map(len, text.splitlines())) <= WIDTH
