"""Who may come in: Host and Origin (rule P0), keys (rules K1-K3)."""

from __future__ import annotations

import hashlib

import pytest

from engine.chat import Problem
from engine.plan.admission import check_base, check_host, check_origin, identify, is_known, parse_origin
from engine.plan.nodes import Key, Origin
from tests.plan.plans import UPSTREAMS, plan

TODAY = "2026-11-22"


def sha(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


GUARDED = plan(
    UPSTREAMS
    + """
server:
  hosts: [localhost, 127.0.0.1, "[::1]", Proxy.Example]
  cors: {origins: ["https://app.example", "http://dev.example:5173", "vscode-webview://*", "null"]}
keys: {anonymous: {}}
"""
)
CLOSED = plan(
    UPSTREAMS
    + f"""
keys:
  ada: {{hashes: ["{sha("ada-1")}", "{sha("ada-2")}"]}}
  old: {{hashes: ["{sha("old")}"], expires: {TODAY}}}
  last: {{hashes: ["{sha("last")}"], expires: 2026-11-23}}
  off: {{hashes: ["{sha("off")}"], enabled: false}}
"""
)


def headers(*lines: str) -> list[tuple[bytes, bytes]]:
    pairs = (line.partition(": ") for line in lines)
    return [(name.encode(), value.encode("latin-1")) for name, _, value in pairs]


def refusal(call: object, *args: object) -> str:
    with pytest.raises(Problem) as refused:
        call(*args)  # type: ignore[operator]  # any of the checks
    return f"{refused.value.status} {refused.value.code}: {refused.value.message}"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4000", "LOCALHOST:1", "127.0.0.1:4000", "[::1]:4000", "[::1]", "proxy.example"]
)
def test_hosts_that_are_listed_are_answered_whatever_the_port(host: str) -> None:
    check_host(GUARDED, headers(f"host: {host}"))


def test_other_hosts_are_told_what_to_add() -> None:
    told = "421 unknown_host: this server does not answer to the host `evil.example`; "
    told += "add it to server.hosts in proxy.yaml if it should"
    assert refusal(check_host, GUARDED, headers("host: evil.example:4000")) == told
    assert refusal(check_host, GUARDED, headers("host: localhost.evil.example")).startswith("421")
    assert refusal(check_host, GUARDED, headers("host: 127.0.0.1.nip.io")).startswith("421")


@pytest.mark.parametrize("host", ["", "a b", "user@localhost", "localhost:", "localhost:port", "::1", "localhost/"])
def test_a_host_that_is_none_is_a_bad_request(host: str) -> None:
    assert refusal(check_host, GUARDED, headers(f"host: {host}")) == "400 invalid_host: the Host header is not valid"


def test_no_host_or_two_are_a_bad_request() -> None:
    assert refusal(check_host, GUARDED, []) == "400 missing_host: the request has no Host header"
    assert refusal(check_host, GUARDED, headers("host: localhost", "host: evil.example")).startswith("400 invalid_host")


ORIGINS = [
    ("https://app.example", Origin(scheme="https", host="app.example", port=443)),
    ("HTTPS://App.Example:443", Origin(scheme="https", host="app.example", port=443)),
    ("http://[::1]:8080", Origin(scheme="http", host="[::1]", port=8080)),
    ("vscode-webview://*", Origin(scheme="vscode-webview", host=None, port=None)),
    ("vscode-webview://0a1b", Origin(scheme="vscode-webview", host="0a1b", port=None)),
    ("null", Origin(scheme="null", host="", port=None)),
    ("*", Origin(scheme="*", host=None, port=None)),
    ("app.example", None),
    ("https://app.example/", None),
    ("https://app.example/path", None),
    ("https://user@app.example", None),
    ("https://*.example", None),
    ("https://*:8080", None),
    ("https://app.example:99999", None),
    ("https://", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "origin"), ORIGINS)
def test_origins_are_compared_as_parsed(text: str, origin: Origin | None) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "origin",
    ["https://app.example", "https://app.example:443", "http://dev.example:5173", "vscode-webview://0a1b-2c", "null"],
)
def test_listed_origins_are_returned_for_the_cors_answer(origin: str) -> None:
    sent = headers("host: localhost:4000", f"origin: {origin}", "sec-fetch-site: cross-site")
    assert check_origin(GUARDED, sent) == origin.encode()


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:4000", "http://localhost:4000"),
        ("[::1]:4000", "http://[::1]:4000"),
        ("proxy.example", "https://proxy.example"),
        ("proxy.example:80", "http://proxy.example"),
    ],
)
def test_our_own_pages_need_no_cors_answer(host: str, origin: str) -> None:
    assert check_origin(GUARDED, headers(f"host: {host}", f"origin: {origin}", "sec-fetch-site: same-origin")) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:4000", "https://evil.example"),
        ("localhost:4000", "http://localhost:5173"),
        ("localhost:4000", "http://localhost"),
        ("localhost:4000", "http://127.0.0.1:4000"),
        ("localhost:4000", "https://app.example.evil.example"),
        ("localhost:4000", "http://app.example"),
        ("localhost:4000", "https://app.example:8443"),
        ("localhost:4000", "chrome-extension://0a1b"),
        ("localhost:4000", "not an origin"),
    ],
)
def test_other_pages_are_refused(host: str, origin: str) -> None:
    sent = headers(f"host: {host}", f"origin: {origin}")
    assert refusal(check_origin, GUARDED, sent).startswith("403 origin_not_allowed: a web page of the origin ")


def test_a_page_served_in_the_clear_is_not_the_one_served_over_tls() -> None:
    sent = headers("host: proxy.example:4000", "origin: http://proxy.example:4000")
    assert check_origin(GUARDED, sent, "http") is None
    assert refusal(check_origin, GUARDED, sent, "https").startswith("403")


def test_null_is_only_allowed_where_it_is_listed() -> None:
    open_to_all = plan(UPSTREAMS + 'server: {cors: {origins: ["*"]}}\nkeys: {anonymous: {}}\n')
    assert (
        check_origin(open_to_all, headers("host: localhost", "origin: https://any.example")) == b"https://any.example"
    )
    assert refusal(check_origin, open_to_all, headers("host: localhost", "origin: null")).startswith("403")


def test_a_request_without_origin_is_a_program_unless_the_browser_says_a_foreign_page_sent_it() -> None:
    assert check_origin(GUARDED, headers("host: localhost")) is None
    assert check_origin(GUARDED, headers("host: localhost", "sec-fetch-site: none")) is None
    assert check_origin(GUARDED, headers("host: localhost", "sec-fetch-site: same-origin")) is None
    told = "403 origin_not_allowed: a web page of another origin may not call this server"
    for site in ("Cross-Site", "same-site"):
        assert refusal(check_origin, GUARDED, headers("host: localhost", f"sec-fetch-site: {site}")) == told


PRESENTED = [
    ("x-turnout-key: ada-1", "ada"),
    ("x-api-key: ada-2", "ada"),
    ("api-key: ada-1", "ada"),
    ("authorization: Bearer ada-1", "ada"),
    ("authorization: bearer   ada-1 ", "ada"),
    ("x-api-key: last", "last"),
    ("sec-websocket-protocol: realtime, openai-insecure-api-key.ada-1", "ada"),
    ("sec-websocket-protocol: openai-insecure-api-key.guess,openai-insecure-api-key.ada-2 , realtime", "ada"),
]


@pytest.mark.parametrize(("line", "name"), PRESENTED)
def test_a_key_is_read_from_each_of_its_headers(line: str, name: str) -> None:
    assert identify(CLOSED, headers(line), TODAY).name == name


def test_the_first_credential_that_names_a_key_wins() -> None:
    both = headers("authorization: Bearer last", "x-api-key: sk-ant-something-else", "api-key: ada-1")
    assert identify(CLOSED, both, TODAY).name == "ada"
    offered = headers("sec-websocket-protocol: openai-insecure-api-key.ada-1", "authorization: Bearer last")
    assert identify(CLOSED, offered, TODAY).name == "last"


REFUSED = [
    ((), "401 missing_api_key"),
    (("x-api-key: ",), "401 missing_api_key"),
    (("authorization: Basic YTpi",), "401 missing_api_key"),
    (("authorization: Bearer",), "401 missing_api_key"),
    (("sec-websocket-protocol: realtime",), "401 missing_api_key"),
    (("sec-websocket-protocol: openai-insecure-api-key.",), "401 missing_api_key"),
    (("sec-websocket-protocol: openai-insecure-api-key.guess",), "401 invalid_api_key"),
    (("x-api-key: guess",), "401 invalid_api_key: the API key is not known here"),
    (("authorization: Bearer guess", "x-api-key: other"), "401 invalid_api_key"),
    (("x-api-key: old",), f"401 expired_api_key: this API key expired on {TODAY}"),
    (("x-api-key: off",), "401 disabled_api_key"),
    (("x-api-key: old", "authorization: Bearer ada-1"), "401 expired_api_key"),
]


@pytest.mark.parametrize(("lines", "told"), REFUSED)
def test_without_a_valid_key_nobody_comes_in(lines: tuple[str, ...], told: str) -> None:
    said = refusal(identify, CLOSED, headers(*lines), TODAY)
    assert said.startswith(told)
    assert "guess" not in said


@pytest.mark.parametrize(
    ("keys", "lines", "came_in_as"),
    [
        ("anonymous: {}", (), "anonymous"),
        ("anonymous: {}", ("x-api-key: any",), "anonymous"),
        ("anonymous: {}\n  ada: {hashes: [%s]}", (), "anonymous"),
        ("anonymous: {}\n  ada: {hashes: [%s]}", ("x-api-key: ada",), "ada"),
        ("anonymous: {}\n  ada: {hashes: [%s]}", ("x-api-key: any",), "401 invalid_api_key"),
        ("anonymous: {any_key: true}\n  ada: {hashes: [%s]}", ("x-api-key: any",), "anonymous"),
        ("anonymous: {any_key: true}\n  ada: {hashes: [%s], enabled: false}", ("x-api-key: ada",), "401 disabled"),
        ("anonymous: {enabled: false}", (), "401 disabled"),
        ("ada: {hashes: [%s]}", (), "401 missing_api_key"),
    ],
)
def test_who_counts_as_anonymous(keys: str, lines: tuple[str, ...], came_in_as: str) -> None:
    declared = plan(UPSTREAMS + f"keys:\n  {keys}\n".replace("%s", f'"{sha("ada")}"'))
    if came_in_as.startswith("401"):
        assert refusal(identify, declared, headers(*lines), TODAY).startswith(came_in_as)
    else:
        assert identify(declared, headers(*lines), TODAY).name == came_in_as


def test_our_own_keys_are_known_by_their_header_value_even_when_they_have_expired() -> None:
    values = [b"ada-1", b"Bearer ada-2", b"old", b"off", b"sk-ant-own", b"Bearer sk-ant-own", b""]
    assert [is_known(CLOSED, value) for value in values] == [True, True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("bases", "base", "told"),
    [
        (None, None, None),
        (None, "team", None),
        (("team",), "team", None),
        (("team",), "other", "403 base_not_allowed: this key may not come in by the base `other`, only by team"),
        (("team",), None, "403 base_not_allowed: this key may not come in by the root, only by team"),
        ((), "team", "403 base_not_allowed: this key may not come in by the base `team`, by none"),
    ],
)
def test_bases(bases: tuple[str, ...] | None, base: str | None, told: str | None) -> None:
    key = Key(name="ada", bases=bases)
    if told is None:
        check_base(key, base)
    else:
        assert refusal(check_base, key, base) == told
