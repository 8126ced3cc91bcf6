"""`turnout explain --translation`, as people run it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.dialects.contract import FATES, rows
from tests.cli.turnout import turnout

if TYPE_CHECKING:
    from pathlib import Path


def said(out: str) -> dict[tuple[str, str], list[str]]:
    """Return (side, field) -> what its line says, in columns."""
    found, side = {}, ""
    for line in out.splitlines():
        first, *rest = line.split("  ", 1)
        side = first or side
        field, *told = [cell for cell in rest[0].strip().split("  ") if cell]
        found[side, field] = [cell.strip() for cell in told]
    return found


def test_a_line_for_every_row(tmp_path: Path) -> None:
    ended = turnout("explain", "--translation", "chat", "messages", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    lines = said(ended.out)
    assert lines["request", "seed"] == ["dropped", "no counterpart in the Messages API"]
    assert lines["request", "max_completion_tokens = 777"] == ["mapped", "-> max_tokens"]
    assert lines["request", "parallel_tool_calls = false"] == [
        "mapped",
        "-> tool_choice[auto].disable_parallel_tool_use = true",
    ]
    assert lines["request", "temperature = 0.5 (claude-opus-5-5)"] == ["dropped", "this model takes none"]
    assert lines["request", "prediction[content].**"] == ["dropped", "no counterpart in the Messages API"]
    assert lines["answer", "stop_reason = max_tokens"] == ["mapped", "-> choices[].finish_reason = length"]
    assert lines["answer", "content[tool_use].input"][1].endswith(".function.arguments, as JSON text")
    assert lines["stream", "event[message_delta].usage.output_tokens"] == [
        "mapped",
        "-> event[].usage.completion_tokens",
    ]
    found = [*rows("chat", "messages", "request"), *rows("messages", "chat", "answer")]
    found += rows("messages", "chat", "stream")
    assert len(lines) == len(found) == len(ended.out.splitlines())
    assert {told[0] for told in lines.values()} == set(FATES)


def test_as_json(tmp_path: Path) -> None:
    ended = turnout("explain", "--translation", "messages", "chat", "--format", "json", cwd=tmp_path)
    told = json.loads(ended.out)
    assert (ended.code, told["client"], told["upstream"]) == (0, "messages", "chat")
    assert len(told["request"]) == len(rows("messages", "chat", "request"))
    assert {"path": "inference_geo", "fate": "dropped", "why": "no counterpart in chat completions"} in told["request"]
    whole = {"path": "thread", "whole": True, "fate": "refused", "why": "it is kept at Anthropic"}
    assert whole in told["request"]
    assert {"path": "choices[].message.content", "fate": "mapped", "to": "content[text].text"} in told["answer"]


@pytest.mark.parametrize("upstream", ["chat", "messages", "responses"])
def test_completions_are_what_clients_ask_in(tmp_path: Path, upstream: str) -> None:
    ended = turnout("explain", "--translation", "completions", upstream, cwd=tmp_path)
    lines = said(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert lines["request", "n = 2"] == ["refused", "a translation has one answer"]
    assert lines["request", "suffix = return c"][0] == "approximated"
    texts = [told for (side, _), told in lines.items() if side == "answer" and "-> choices[].text" in told[1]]
    assert ["mapped", "-> choices[].text"] in texts
    found = [*rows("completions", upstream, "request"), *rows(upstream, "completions", "answer")]
    assert len(ended.out.splitlines()) == len(found) + len(rows(upstream, "completions", "stream"))


WRONG = [
    (("chat", "mesages"), "no API `mesages` that is translated", "did you mean `messages`?"),
    (("embeddings", "chat"), "no API `embeddings` that is translated", "APIs: chat, "),
    (("chat", "embeddings"), "no API `embeddings` that is translated", "APIs: chat, messages, responses"),
    (
        ("chat", "completions"),
        "nothing is translated into completions",
        "APIs: chat, messages, responses",
    ),
    (("chat", "chat"), "from chat to chat nothing is translated", "the bytes pass as they are"),
    (("chat", "messages", "gpt-4"), "--translation stands alone", "leave MODEL, --request and --path out"),
    (("chat", "messages", "--path", "/v1/images"), "--translation stands alone", "leave MODEL"),
]


@pytest.mark.parametrize(("asked", "problem", "help_"), WRONG)
def test_what_is_not_translated(tmp_path: Path, asked: tuple[str, ...], problem: str, help_: str) -> None:
    ended = turnout("explain", "--translation", *asked, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: {problem}\n" in ended.err
    assert f"  = help: {help_}" in ended.err


def test_two_names_are_needed(tmp_path: Path) -> None:
    ended = turnout("explain", "--translation", "chat", cwd=tmp_path)
    assert (ended.code, "expected 2 arguments" in ended.err) == (2, True)
