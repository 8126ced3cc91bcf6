"""Secrets planted where one belongs and where none does: never printed; and what is no secret: always."""

from __future__ import annotations

import pytest

from engine.diagnostics.render import render
from engine.plan.read import read

DRAWN = "aB3dE5fG7hI9jK1l"
"""As the keys of Azure, Mistral and Together: no prefix tells them."""
HEX = "4fe2c9d81b7a06354fe2c9d81b7a0635"
OURS = "tk-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZmdo"

UPSTREAMS = "version: 1\nupstreams: {{d: {{kind: openai, {} }}}}\n"
KEYS = "version: 1\nkeys:\n  {}\n"

PLANTED = [
    (UPSTREAMS, text)
    for text in (
        'api_key: "env:X:-%s"', "api_key: 'env:%s'", "api_key: 'env: %s'", "api_key: env: %s", "api_key: {env: %s}",
        "api_key: {value: %s}", "api_key: [%s]", "api_key: !secret %s", "api_key: [%s", "api_key %s", "api_key: {%s}",
        "api_key: env:%s", "api_key: file:%s", "api_key: '%s'", "apikey: %s", "headers: {x-a: 5, 'api key': %s}",
        "master_key: %s", "credential: %s", "credentials: '%s'",
        "bearer: %s", "auth: %s", "api key: %s", "pwd: %s", "pass: %s",
        "passphrase: %s", "key: %s", "headers: {authorization: 'env:%s-', x: [5]}", "base_url: http://%s@h/v1",
        "base_url: 'http://h/v1?api_key=%s', colour: blue", "base_url: 'http://h/v1?a=1&key=%s', colour: blue",
    )
] + [
    (KEYS, text)
    for text in (
        "ada: {key: %s}", "ada: '%s'", "ada: {hash: %s}", "ada: {value: %s}", "ada: {hashes: ['sha256:%s']}",
        "ada: {hashes: %s}", "ada: {hashes: ['%s']}", "ada: ['%s']", "ada: {hashes: [], secrets: ['%s']}",
    )
] + [
    ("{}\nversion: 1\n", "OPENAI_KEY=%s"),
    ("version: 1\n{}\n", "api_key:\n  - %s\n  -"),
]  # fmt: skip


@pytest.mark.parametrize("secret", [DRAWN, HEX, OURS])
@pytest.mark.parametrize(("file", "text"), PLANTED, ids=[text for _, text in PLANTED])
@pytest.mark.parametrize("environ", [None, {}], ids=["without the environment", "with it"])
def test_a_planted_secret_is_never_printed(file: str, text: str, secret: str, environ: dict[str, str] | None) -> None:
    report = read("proxy.yaml", environ, text=file.format(text % secret)).report
    if environ is not None:
        assert report.errors
    for form in ("full", "concise", "json"):
        shown = render(report, form)
        assert not [start for start in range(len(secret) - 7) if secret[start : start + 8] in shown], shown


def test_our_own_keys_are_known_anywhere_in_comments_too() -> None:
    report = read("proxy.yaml", {}, text=f"version: 1\n# ada has {OURS}\nkeys: {{anonymous: {{}}}}\n").report
    assert [(str(found.span), found.code) for found in report.errors] == [("proxy.yaml:2:11", "literal-secret")]
    assert OURS not in render(report, "full")


PLAIN = [
    "routes: [{name: r, when: {key: ada-lovelace, modle: gpt-4o-mini-2024-07-18}, to: fast}]",
    "routes: [{name: r, when: {key: team-2024-07}, pass: openai-eu-west-1, modle: x}]",
    "upstreams: {o: {kind: openai, auth: forward, base_url: https://eu-west-1.api.example.com/v1, modle: x}}",
    "upstreams: {o: {kind: openai, api_key: file:/run/secrets/openai-2024, key-file: /run/secrets/k8s-1, modle: x}}",
    "upstreams: {o: {kind: openai, api_key: env:AZURE_OPENAI_API_KEY_2, modle: x}}",
    "models: {token: openai/gpt-5.5, asks-a-lot-of-questions-4: openai/x, secret: openai/claude-3-7-sonnet, 5: x}",
    "models: {risk-0123456789abcdef: openai/task-0123456789abcdef, sk-: a/b, 5: x}",
    f"keys: {{ada: {{hashes: ['sha256:{'0f' * 32}'], mdels: [llama-3.1-70b-instruct]}}}}",
    "keys: {ada: {hashes: ['sha256:...'], models: gpt-4o-mini-2024-07-18, rotues: [image-uploads-2]}}",
    "server: {cors: {origins: ['https://app.example.com'], credentials: true, modle: x}}",
    "colour: x  # see https://organisation@dev.azure.com/x, https://h/v1?key=YOUR_KEY, or https://h/v1?key=env:K",
    "upstreams: {o: {kind: openai, api_key: env:OPENAI_GPT4O_1A, modle: x}}",
    "colour: x  # a tk-shaped word, the api_key belongs in a variable, sk-your-key-goes-here",
]


@pytest.mark.parametrize("line", PLAIN)
def test_what_is_no_secret_is_shown_as_it_stands(line: str) -> None:
    report = read("proxy.yaml", {}, text=f"version: 1\n{line}\n").report
    assert report.errors
    assert "literal-secret" not in {found.code for found in report.diagnostics}
    assert "*" not in render(report, "json").replace('"*"', "")


def test_a_row_of_brackets_takes_no_time() -> None:
    text = "version: 1\ntoken: " + "[" * 50 + "\n" + "key: " + "(-" * 5000 + "\n" + "a_" * 5000 + "\n"
    assert read("proxy.yaml", {}, text=text).report.errors
