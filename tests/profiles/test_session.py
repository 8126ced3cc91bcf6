"""What the clients that we know, and those that we do not, call their session; and what is none."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.clients import BY_NAME
from engine.clients.session import LARGEST, LONGEST, session

UUID = "0f9c1b1e-6c3c-4d0e-9a55-2f1c3d4e5f60"
CLAUDE = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": UUID})
OLD_CLAUDE = f"user_{'a1' * 32}_account__session_{UUID}"


def named(fields: dict[str, Any] | None = None, client: str | None = None, **headers: str) -> str | None:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in (fields or {}).items()}
    return session(sent, BY_NAME[client] if client else None, raw)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (named(x_turnout_session=UUID), UUID),
        (named(client="claude-code", x_claude_code_session_id=UUID), UUID),
        (named(client="codex", session_id=UUID), UUID),
        (named(client="opencode", x_session_affinity=UUID), UUID),
        (named({"metadata": {"cursorConversationId": UUID}}, "cursor"), UUID),
        (named({"prompt_cache_key": UUID}), UUID),
        (named({"session_id": UUID}), UUID),
        (named({"conversation": "conv_1"}), "conv_1"),
        (named({"conversation": {"id": "conv_1"}}), "conv_1"),
        (named({"metadata": {"user_id": CLAUDE}}), UUID),
        (named({"metadata": {"user_id": OLD_CLAUDE}}), UUID),
    ],
)
def test_where_it_is_said(told: str | None, says: str) -> None:
    assert told == says


def test_our_header_wins_then_the_clients_own_then_the_apis() -> None:
    fields = {"prompt_cache_key": "key", "metadata": {"user_id": CLAUDE}}
    assert named(fields, "codex", x_turnout_session="ours", session_id="codex") == "ours"
    assert named(fields, "codex", session_id="codex") == "codex"
    assert named(fields, "codex") == "key"


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "ada", "safety_identifier": "ada"},
        {"metadata": {"user_id": "ada"}},
        {"metadata": {"user_id": json.dumps({"device_id": "d"})}},
        {"metadata": {"user_id": "{" * 500}},
        {"metadata": ["user_id"]},
        {"prompt_cache_key": 7, "conversation": None, "session_id": ""},
        {"prompt_cache_key": "x" * LARGEST},
        {},
    ],
)
def test_what_is_none(fields: dict[str, Any]) -> None:
    assert named(fields) is None


def test_what_is_no_json_is_none() -> None:
    assert session([], None, {"metadata": msgspec.Raw(b"[" * 9000), "prompt_cache_key": msgspec.Raw(b'"\xff"')}) is None


def test_it_counts_up_to_a_length() -> None:
    assert named(x_turnout_session="x" * 9000) == "x" * LONGEST
