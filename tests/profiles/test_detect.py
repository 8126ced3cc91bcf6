"""Who is recognised, and by what."""

from __future__ import annotations

import msgspec
import pytest

from engine import clients
from engine.clients import BY_NAME, LONGEST, PROFILES, SAYS, detect
from engine.clients.profile import Profile
from tests.profiles.captured import CAPTURED, STRANGERS, Captured, of

PARAMS = [pytest.param(one, id=one.name) for one in CAPTURED]


def named(headers: dict[str, str], **body: object) -> str | None:
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}
    found = detect([(name.encode(), value.encode()) for name, value in headers.items()], None, fields)
    return found.name if found is not None else None


@pytest.mark.parametrize("request_", PARAMS)
def test_each_client_is_recognised_by_its_own_request(request_: Captured) -> None:
    found = detect(request_.headers, request_.form, request_.fields)
    assert found is BY_NAME[request_.client]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_no_other_profile_fits_it(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "PROFILES", (profile,))
    clients._likely.cache_clear()
    try:
        unsaid = [one for one in CAPTURED if SAYS not in one.sent]
        fits = {one.client for one in unsaid if detect(one.headers, one.form, one.fields) is not None}
    finally:
        clients._likely.cache_clear()
    assert fits == {profile.name}


@pytest.mark.parametrize("request_", [pytest.param(one, id=one.name) for one in STRANGERS])
def test_a_program_made_with_an_sdk_is_nobody_in_particular(request_: Captured) -> None:
    assert detect(request_.headers, request_.form, request_.fields) is None


def test_every_profile_has_a_request_and_says_where_it_is_known_from() -> None:
    assert {profile.name for profile in PROFILES} == {one.client for one in CAPTURED}
    assert len(BY_NAME) == len(PROFILES)
    assert [one.name for one in CAPTURED if not one.source] == []
    for profile in PROFILES:
        assert profile.source
        assert all(text.startswith(("https://", "captured 20")) for text in profile.source)


def test_who_says_so_is_believed_before_anything_else() -> None:
    assert named({"user-agent": "codex_exec/1", "x-turnout-client": "aider"}) == "aider"
    assert named({"user-agent": "OpenAI/JS 6.1.0", "x-turnout-client": "continue"}) == "continue"


def test_a_name_that_nobody_has_says_nothing() -> None:
    assert named({"x-turnout-client": "nobody"}) is None
    assert named({"user-agent": "codex_exec/1", "x-turnout-client": "Codex"}) == "codex"


HEADERS = [
    ({"user-agent": "codex_cli_rs/0.169.0 (Debian 12.0.0; x86_64) xterm"}, "codex"),
    ({"user-agent": "codex_vscode/0.169.0"}, "codex"),
    ({"user-agent": "codex-tui/0.170.0"}, "codex"),
    ({"user-agent": "Codex Desktop/1.0"}, "codex"),
    ({"user-agent": "codexproxy/1.0"}, None),
    ({"user-agent": "my opencode/1.0"}, None),
    ({"user-agent": "opencode"}, None),
    ({"user-agent": "claude-cli/2.1.330 (external, cli)", "anthropic-beta": "claude-code-20250219,x"}, "claude-code"),
    ({"user-agent": "claude-cli/2.1.330 (external, cli)", "anthropic-beta": "interleaved-thinking-2025-05-14"}, None),
    ({"user-agent": "claude-cli/0.15.10 (external, cli)", "x-app": "cli"}, None),
    ({"anthropic-beta": "claude-code-20250219"}, None),
    ({"user-agent": "Continue-CLI/1.5.47"}, "continue"),
    ({"http-referer": "https://aider.chat"}, None),
    ({"http-referer": "https://aider.chat", "x-title": "Aider"}, "aider"),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "name"), HEADERS)
def test_headers_are_looked_at_as_a_whole(headers: dict[str, str], name: str | None) -> None:
    assert named(headers) == name


def test_tools_and_agent_must_both_be_right() -> None:
    tools = of("cline/cli-chat").json["tools"]
    assert named({"user-agent": "ai-sdk/openai-compatible/3.0.37 runtime/bun/1.3.13"}, tools=tools) == "cline"
    assert named({"user-agent": "ai-sdk/openai-compatible/3.0.37 runtime/bun/1.3.13"}) is None
    assert named({"user-agent": "OpenAI/JS 6.1.0"}, tools=tools) is None


def test_a_word_in_a_description_is_no_tool() -> None:
    tools = [{"type": "function", "function": {"name": "x", "description": "as read_files, run_commands"}}]
    assert named({"user-agent": "ai-sdk/openai/4.0.0"}, tools=tools) is None


def test_tabby_is_its_fields_and_no_others() -> None:
    body = of("tabby/completion").json
    assert named({}, **body) == "tabby"
    assert named({"user-agent": "python-httpx/0.28"}, **body) is None
    assert named({}, **body, seed=1) is None
    assert named({}, **{name: value for name, value in body.items() if name != "suffix"}) is None


def test_the_first_of_two_headers_counts_and_no_more_than_its_beginning() -> None:
    twice = [(b"user-agent", b"opencode/1"), (b"user-agent", b"QwenCode/1")]
    assert detect(twice) is BY_NAME["opencode"]
    assert detect([(b"user-agent", b"opencode/" + b"x" * 100_000)]) is BY_NAME["opencode"]
    assert named({"user-agent": "claude-cli/2", "anthropic-beta": "x" * LONGEST + "claude-code-20250219"}) is None


def test_bytes_that_are_no_text_are_nobody() -> None:
    assert detect([(b"user-agent", b"\xff\xfe"), (b"x-turnout-client", b"\xff")]) is None
