"""Warnings, where they are given and where not."""

from __future__ import annotations

import pytest

from tests.plan.plans import UPSTREAMS, report

QUIET = UPSTREAMS + "models: {a: openai/a, b: anthropic/b}\nkeys: {anonymous: {}}\n"
PASS = "routes: [{name: r, when: {path: '/x/**'}, pass: openai}]\n"
TO_B = "routes: [{name: r, when: {model: x*}, to: b}]\n"
KEY = "hashes: ['sha256:" + "0" * 64 + "']"


def warnings(text: str) -> list[str]:
    found = report(text)
    assert found.ok, [one.message for one in found.errors]
    return [one.code for one in found.diagnostics]


def changed(old: str, new: str) -> str:
    assert old in QUIET
    return QUIET.replace(old, new)


CASES = [
    (QUIET, []),
    (QUIET + "server: {listen: 'localhost:4000'}\n", []),
    (QUIET + "server: {listen: '[::1]:4000'}\n", []),
    (QUIET + "server: {listen: '127.9.9.9:4000'}\n", []),
    (QUIET + "server: {listen: '0.0.0.0:4000'}\n", ["open-to-strangers"]),
    (QUIET + "server: {listen: '[::]:4000'}\n", ["open-to-strangers"]),
    (QUIET + "server: {listen: 'localhost.example:4000'}\n", ["open-to-strangers"]),
    (changed("anonymous: {}", f"ada: {{{KEY}}}") + "server: {listen: '0.0.0.0:4000'}\n", []),
    (changed("anonymous: {}", "anonymous: {models: []}"), ["model-no-key-may-use"] * 2),
    (changed("anonymous: {}", "anonymous: {enabled: false}"), ["no-key"]),
    (QUIET + "server: {cors: {origins: ['*', 'http://*', 'null', 'vscode-webview://*']}}\n", ["open-to-pages"] * 2),
    (changed("anonymous: {}", f"ada: {{{KEY}}}") + "server: {cors: {origins: ['*']}}\n", []),
    (changed("{a: openai/a, ", "{"), ["unused-upstream"]),
    (changed("{a: openai/a, ", "{") + "routes: [{name: r, to: openai/x}]\n", []),
    (changed("{a: openai/a, ", "{") + PASS, ["pass-without-key"]),
    (QUIET.replace("{}", "{routes: [r]}") + PASS, []),
    (QUIET.replace("anonymous: {}", "anonymous: {}, ada: {enabled: false, routes: [r]}") + PASS, ["pass-without-key"]),
    (changed("anonymous: {}", ""), ["no-key"]),
    (changed("anonymous: {}", "ada: {}"), ["key-without-hash"]),
    (changed("anonymous: {}", "ada: {enabled: false}"), ["no-key"]),
    (changed("anonymous: {}", f"ada: {{{KEY}, models: [a]}}"), ["model-no-key-may-use"]),
    (changed("anonymous: {}", f"ada: {{{KEY}, models: [a]}}") + "routes: [{name: r, to: b}]\n", ["route-widens-key"]),
    (
        changed("anonymous: {}", f"ada: {{{KEY}, models: [a]}}, bob: {{hashes: []}}")
        + "routes: [{name: r, when: {key: bob}, to: b}]\n",
        ["key-without-hash"],
    ),
    (
        changed("anonymous: {}", f"ada: {{{KEY}, models: [a]}}") + "routes: [{name: r, when: {model: x*}, to: b}]\n",
        [],
    ),
    (changed("anonymous: {}", "anonymous: {models: [zz*, '*']}"), ["matches-nothing"]),
    (
        changed("anonymous: {}", "anonymous: {models: ['x1*', b, a]}")
        + "routes: [{name: r, when: {model: x*}, to: b}]\n",
        [],
    ),
    (changed("a: openai/a", "'a*': {targets: [openai/a], list: [a1, a2, a1]}"), ["listed-twice"]),
    (changed("a: openai/a", "'a[1m]': openai/a"), ["name-with-suffix"]),
]


CLAIMS = [
    ("{client: codex}", "deny: {}", True),
    ("{client: [codex, aider]}", "deny: {}", True),
    ("{client: codex, header: {x-team: '*'}}", "deny: {}", True),
    ("{client: codex, key: anonymous}", "deny: {}", True),
    ("{client: codex, key: [ada, '*']}", "deny: {}", True),
    ("{client: codex, key: ada}", "deny: {}", False),
    ("{client: codex, not: {key: ada}}", "deny: {}", False),
    ("{client: codex, base: b}", "deny: {}", True),
    ("{client: tabby, api: chat}", "deny: {}", False),
    ("{client: tabby, not: {api: completions}}", "deny: {}", False),
    ("{client: codex}", "to: b", False),
    ("{not: {client: claude-code}}", "deny: {}", True),
    ("{model: 'claude-*', not: {client: claude-code}}", "deny: {}", True),
    ("{client: codex, not: {client: claude-code}}", "deny: {}", True),
    ("{not: {client: claude-code, key: ada}}", "deny: {}", False),
    ("{key: ada, not: {client: claude-code}}", "deny: {}", False),
    ("{not: {not: {client: codex}}}", "deny: {}", True),
    ("{api: chat, not: {not: {client: codex}}}", "deny: {}", False),
    ("{model: 'x*'}", "deny: {}", False),
    ("{key: ada}", "deny: {}", False),
]


@pytest.mark.parametrize(("when", "action", "warned"), CLAIMS)
def test_who_is_refused_by_what_callers_say_of_themselves(when: str, action: str, warned: bool) -> None:
    guarded = changed("anonymous: {}", f"anonymous: {{}}, ada: {{{KEY}}}") + "bases: {b: {prefix: /b}}\n"
    codes = warnings(guarded + f"routes: [{{name: r, when: {when}, {action}}}]\n")
    assert codes == (["client-is-a-claim"] if warned else [])


@pytest.mark.parametrize(("text", "codes"), CASES)
def test_warnings(text: str, codes: list[str]) -> None:
    assert sorted(warnings(text)) == codes
