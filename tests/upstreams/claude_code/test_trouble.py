"""What goes wrong is told with its next step, what cannot be done is told as lost, and secrets are told to nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.http import Answer, post
from tests.support.turnout import CREDENTIALS
from tests.upstreams.claude_code.conftest import FILE, body, said

if TYPE_CHECKING:
    from tests.upstreams.claude_code.conftest import Begin, Bridge

TOKEN = "sk-ant-oat01-the-owners-own-0123456789"
SECRETS = {
    "CLAUDE_CODE_OAUTH_TOKEN": TOKEN,
    "ANTHROPIC_API_KEY": "sk-ant-api03-not-for-claude-0123456789",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "OPENAI_API_KEY": "sk-not-for-claude-either-0123456789",
}


@pytest.fixture(scope="module")
def bridge(begin: Begin) -> Bridge:
    return begin("warm: 0", env=SECRETS)


FAILURES = {
    "auth": (500, "`claude` is not signed in"),
    "billing": (402, "Credit balance is too low"),
    "long": (400, "rompt is too long"),
    "server": (500, "Internal server error"),
}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("stream", [False, True])
def test_failures_have_a_status_of_their_own(bridge: Bridge, kind: str, stream: bool) -> None:
    status, words = FAILURES[kind]
    answer = bridge.ask(f"fail {kind}", stream=stream)
    assert answer.status == status, answer.body
    assert words in answer.json["error"]["message"]


def test_who_is_not_signed_in_is_told_what_to_do(bridge: Bridge) -> None:
    told = bridge.ask("fail auth").json["error"]["message"]
    assert "run `claude` in a terminal" in told
    assert "/login" in told
    assert "claude auth status" in bridge.turnout.log()


def test_a_limit_of_the_plan_says_when_it_is_over(bridge: Bridge) -> None:
    answer = bridge.ask("fail rate")
    assert answer.status == 429
    assert 60 <= int(answer.header("retry-after") or 0) <= 80
    assert said(bridge.ask("say on")) == "on"
    assert bridge.ask("say on").header("anthropic-ratelimit-unified-status") == "rejected"


LOSSES = {
    "temperature": {"temperature": 0.3},
    "stop_sequences": {"stop_sequences": ["x"]},
    "top_p": {"top_p": 0.5},
    "tool_choice": {"tool_choice": {"type": "any"}, "tools": [{"name": "t", "input_schema": {"type": "object"}}]},
    "output_config.format": {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
    "tools[0]": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
}


def lost(answer: Answer) -> list[str]:
    return [one.partition("=")[0].strip() for one in (answer.header("x-turnout-loss") or "").split(",") if "=" in one]


@pytest.mark.parametrize("path", LOSSES)
def test_what_cannot_be_honoured_is_lost(bridge: Bridge, path: str) -> None:
    answer = bridge.ask("say well", **LOSSES[path])
    assert said(answer) == "well"
    assert path in lost(answer)
    assert "max_tokens" in lost(answer)


def test_losses_are_named_as_the_client_wrote_them(bridge: Bridge) -> None:
    request = {"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "say well"}]}
    plain = post(bridge.url, "/v1/chat/completions", request)
    assert lost(plain) == [], "a limit that the client did not ask for"
    answer = post(bridge.url, "/v1/chat/completions", {**request, "max_completion_tokens": 9, "stop": ["x"]})
    assert {"max_completion_tokens", "stop"} <= set(lost(answer))


def test_a_strict_file_refuses_instead(begin: Begin) -> None:
    text = FILE.replace("retries: 0", "retries: 0, translation: strict")
    bridge = begin("warm: 0", text=text)
    answer = bridge.ask("say well", temperature=0.1)
    assert answer.status == 400
    assert bridge.events("user") == []


def test_the_last_message_is_the_users(bridge: Bridge) -> None:
    answer = bridge.ask("say well", "I")
    assert (answer.status, "last message" in answer.json["error"]["message"]) == (400, True)


def test_a_prompt_is_not_read_as_a_command(bridge: Bridge) -> None:
    assert said(bridge.ask("say /login @/etc/passwd")) == "/login @/etc/passwd"
    assert all(one["verbatim"] for one in bridge.events("asked"))


INJECTED = "--dangerously-skip-permissions"


def test_nothing_of_a_request_becomes_an_option(begin: Begin) -> None:
    bridge = begin("warm: 0", text=FILE.replace("claude-*: max/claude-*", '"*": "max/*"'))
    assert bridge.ask("say no", model=INJECTED).status == 404
    fields = {"output_config": {"effort": INJECTED}, "thinking": {"type": "enabled", "budget_tokens": INJECTED}}
    assert said(bridge.ask("say well", **fields)) == "well"
    assert said(bridge.ask("say well", thinking={"type": "adaptive", "display": INJECTED})) == "well"
    assert said(bridge.ask("say well", output_config={"effort": "high"}, model="claude-opus-4-8[1m]")) == "well"
    started = bridge.events("start")
    assert len(started) == 3
    assert not any(INJECTED in word for one in started for word in one["argv"])
    assert started[-1]["argv"][started[-1]["argv"].index("--effort") + 1] == "high"


def test_it_has_no_tools_no_settings_and_an_empty_folder(bridge: Bridge) -> None:
    said(bridge.ask("say safe"))
    for one in bridge.events("start"):
        argv = one["argv"]
        assert argv[argv.index("--tools") + 1] == ""
        assert {"--strict-mcp-config", "--setting-sources=", "--include-partial-messages"} <= set(argv)
        assert argv[argv.index("--permission-mode") + 1] == "dontAsk"
        assert one["files"] == []


def test_claude_gets_its_own_sign_in_and_no_other_secret(bridge: Bridge) -> None:
    said(bridge.ask("say hello"))
    env = bridge.events("start")[-1]["env"]
    assert env["CLAUDE_CODE_OAUTH_TOKEN"] == TOKEN
    assert not {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY", *CREDENTIALS} & set(env)


def test_usage_is_counted_and_priced(begin: Begin) -> None:
    text = FILE.replace("defaults:", "prices:\n  max/claude-*: {{input: 1, output: 2}}\ndefaults:")
    bridge = begin("warm: 0", text=text)
    said(bridge.ask("say hello"))
    bridge.turnout.wait_for(re.compile(r'"cost":|cost_usd'))
    assert bridge.pool["list_price_usd"] == 0.25


def test_no_secret_is_in_any_log(bridge: Bridge) -> None:
    for order in ("say hello", "die", "fail auth"):
        bridge.ask(order)
    post(bridge.url, "/v1/messages", body("say hello", stream=True))
    log = bridge.turnout.log()
    for secret in (*SECRETS.values(), "on-standard-error"):
        if secret.startswith("sk-") or secret == "on-standard-error":
            assert secret not in log
